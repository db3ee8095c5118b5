// SPDX-License-Identifier: Apache-2.0
// Inside of cli/: root works on another user's jobs with that user's rights and no others: their
// record and logs lie in a folder of the user's, where a link could lead anywhere.
#ifndef MIGCTL_CLI_AS_USER_H_
#define MIGCTL_CLI_AS_USER_H_

#include <string>

#include "mig/result.h"

namespace mig::cli {

// Gives up this process's rights for good, and takes the user's, with the home folder of the
// system's database; before anything of the machine is opened. "": nothing to do. kPermission for
// another user than oneself unless root; kNotFound: no such user.
Result<void> become_user(const std::string& user);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_AS_USER_H_
