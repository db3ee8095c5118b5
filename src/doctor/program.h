// SPDX-License-Identifier: Apache-2.0
// Inside of doctor/: runs a program for its version. Only programs that no untrusted user can
// change, since doctor is run as root.
#ifndef MIGCTL_DOCTOR_PROGRAM_H_
#define MIGCTL_DOCTOR_PROGRAM_H_

#include <string>
#include <vector>

#include "mig/result.h"

namespace mig::doctor {

// Standard output and error of the program, at most 64 KiB. kPermission: somebody else could have
// changed it; kIo: it does not start. It is ended with the check.
Result<std::string> output_of(const std::vector<std::string>& arguments);

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_PROGRAM_H_
