// SPDX-License-Identifier: Apache-2.0
// Small results that are printed both as text and as JSON. Plain values.
#ifndef MIGCTL_MODEL_REPORTS_H_
#define MIGCTL_MODEL_REPORTS_H_

#include <string>
#include <vector>

namespace mig {

// Result of `assert`: whether a layout is applied.
struct LayoutCheck {
  std::string label;
  bool mode_only = false;
  std::vector<std::string> differences;  // empty = applied
};

// Versions of migctl and the driver.
struct Versions {
  std::string version;                       // of migctl
  std::string driver_version, nvml_version;  // "" = no driver
  std::string driver_note;                   // why there is none
};

}  // namespace mig

#endif  // MIGCTL_MODEL_REPORTS_H_
