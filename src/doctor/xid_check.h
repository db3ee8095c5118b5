// SPDX-License-Identifier: Apache-2.0
// Inside of doctor/: Xid errors in a kernel log. Pure functions.
#ifndef MIGCTL_DOCTOR_XID_CHECK_H_
#define MIGCTL_DOCTOR_XID_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

namespace mig::doctor {

// Lines with the same number, of the same GPU or GPU instance.
struct XidGroup {
  std::string bus;           // "0000:06:00"
  std::string gpu_instance;  // "05", "" = the whole GPU
  std::uint32_t number = 0;
  std::uint32_t count = 0;
  std::string last;  // the newest line
};

// In the order of their first lines.
std::vector<XidGroup> xids_in(const std::string& log);

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_XID_CHECK_H_
