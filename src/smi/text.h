// SPDX-License-Identifier: Apache-2.0
// printf into a std::string: nvidia-smi's columns are defined by printf formats.
#ifndef MIGCTL_SMI_TEXT_H_
#define MIGCTL_SMI_TEXT_H_

#include <string>

namespace mig::smi {

[[gnu::format(printf, 2, 3)]] void append(std::string& out, const char* format, ...);
[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);

// Bytes as MiB. nvidia-smi rounds up: a real H200 with 615.06 MiB reserved shows 616.
unsigned long long mib(unsigned long long bytes);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_TEXT_H_
