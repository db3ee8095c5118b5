// SPDX-License-Identifier: Apache-2.0
// Path of /proc. In `migctl sim shell` on a kernel without loadable modules /proc is a folder of
// links without per-pid entries, so the real one is used.
#ifndef MIGCTL_BASE_PROC_ROOT_H_
#define MIGCTL_BASE_PROC_ROOT_H_

#include <string>

namespace mig::base {

// Folder of the per-pid folders; looked up once per process. Thread-safe.
const std::string& proc_root();

}  // namespace mig::base

#endif  // MIGCTL_BASE_PROC_ROOT_H_
