// SPDX-License-Identifier: Apache-2.0
// Where processes are found by number. /proc, but for `migctl sim shell` on a kernel without
// loadable modules: there /proc is a folder of links into the real one, which has no numbers.
#ifndef MIGCTL_BASE_PROC_ROOT_H_
#define MIGCTL_BASE_PROC_ROOT_H_

#include <string>

namespace mig::base {

// Folder of the per-pid folders; looked up once per process. Thread-safe.
const std::string& proc_root();

}  // namespace mig::base

#endif  // MIGCTL_BASE_PROC_ROOT_H_
