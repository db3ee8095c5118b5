// SPDX-License-Identifier: Apache-2.0
// Where a program is: in $PATH, or beside this one. Threading: reads the environment, which must
// not change meanwhile.
#ifndef MIGCTL_BASE_FIND_PROGRAM_H_
#define MIGCTL_BASE_FIND_PROGRAM_H_

#include <string>
#include <string_view>

#include "mig/result.h"

namespace mig::base {

// Path of the first regular file of that name that may be executed, in the folders of $PATH and
// then of `more` ("/a:/b"); "" = none. Relative folders are left out: they mean another program
// wherever one stands, and for root a program of others. A name with a slash is its own path.
std::string find_program(const std::string& name, std::string_view more = {});
// The same as an error: kNotFound, with the hint to name the program with its path.
Result<std::string> program_path(const std::string& name);

// Path of this process's own program; "" = unknown.
std::string own_program();
// A program in the folder of this process's own, as built and installed; "" = none.
std::string program_beside_us(const std::string& name);

}  // namespace mig::base

#endif  // MIGCTL_BASE_FIND_PROGRAM_H_
