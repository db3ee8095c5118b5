// SPDX-License-Identifier: Apache-2.0
// JSON of `migctl cdi list` (wire/wire.h has the rules).
#ifndef MIGCTL_WIRE_CDI_H_
#define MIGCTL_WIRE_CDI_H_

#include <string>

#include "model/cdi_devices.h"
#include "wire/wire.h"

namespace mig::wire {

std::string cdi_list_document(const CdiDeviceList& list, const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_CDI_H_
