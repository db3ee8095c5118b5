// SPDX-License-Identifier: Apache-2.0
// The parts of `nvidia-smi -q` with a layout other than label and value.
#ifndef MIGCTL_SMI_DETAIL_BLOCKS_H_
#define MIGCTL_SMI_DETAIL_BLOCKS_H_

#include <string>

#include "smi/detail.h"

namespace mig::smi {

// Lines of a row whose source begins with '#'.
std::string detail_block(const Run& run, const Gpu& gpu, const DetailRow& row);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_DETAIL_BLOCKS_H_
