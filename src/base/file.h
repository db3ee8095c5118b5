// SPDX-License-Identifier: Apache-2.0
// Whole files: bounded reads, atomic writes.
#ifndef MIGCTL_BASE_FILE_H_
#define MIGCTL_BASE_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "mig/result.h"

namespace mig::base {

// The whole file, or kTooLarge when it holds more than `limit` bytes (a regular file is refused by
// its size, before anything is read). "-" reads standard input.
Result<std::string> read_file(const std::string& path, std::size_t limit);

// Everything from an open descriptor; `name` is only for messages.
Result<std::string> read_all(int fd, const std::string& name, std::size_t limit);

Result<void> write_all(int fd, const std::string& name, std::string_view text);

// Either the old content or all of the new one is there after a crash at any point: a temporary
// file in the same folder, fsync, rename, fsync of the folder. Links are followed; what is no
// regular file (/dev/stdout, a pipe) is written to as it is.
Result<void> write_file_atomic(const std::string& path,
                               std::string_view text,
                               unsigned mode = 0644);

}  // namespace mig::base

#endif  // MIGCTL_BASE_FILE_H_
