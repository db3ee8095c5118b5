// SPDX-License-Identifier: Apache-2.0
// Table of the sizes, offsets, values and functions of one NVML header, to be compared with that of
// another: two NVML headers cannot be included in one translation unit, so table.cc is compiled
// once against each.
#ifndef MIGCTL_ABI_CHECK_TABLE_H_
#define MIGCTL_ABI_CHECK_TABLE_H_

#include <map>
#include <string>

namespace abi_check {

// Row by name: "nvmlMemory_t" -> "size 24 align 8", "nvmlMemory_t.free" -> "offset 8 size 8",
// "NVML_ERROR_IN_USE" -> "value 19", "nvmlDeviceGetCount_v2()" -> "i4(*i4)".
using Table = std::map<std::string, std::string>;

Table our_table();
Table vendor_table();

}  // namespace abi_check

#endif  // MIGCTL_ABI_CHECK_TABLE_H_
