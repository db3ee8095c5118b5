// SPDX-License-Identifier: Apache-2.0
// Whole files: bounded reads, atomic writes.
#ifndef MIGCTL_BASE_FILE_H_
#define MIGCTL_BASE_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::base {

// Reads a whole file; kTooLarge when it holds more than `limit` bytes (a regular file is refused by
// its size, before reading). "-" reads standard input.
Result<std::string> read_file(const std::string& path, std::size_t limit);

// Reads an open descriptor to its end; `name` is used in messages only.
Result<std::string> read_all(int fd, const std::string& name, std::size_t limit);

Result<void> write_all(int fd, const std::string& name, std::string_view text);

// Atomic and durable: after a crash at any point either the old or the complete new content is
// there (temporary file in the same folder, fsync, rename, fsync of the folder). Symbolic links of
// trusted users are followed, others' are refused (base/own_path.h). Written in place: a special
// file (a pipe, /dev/null), and what the caller was given open (/dev/stdout, /dev/fd/N).
Result<void> write_file_atomic(const std::string& path,
                               std::string_view text,
                               unsigned mode = 0644);

// Removes what killed writers of write_file_atomic have left beside the path. The caller knows that
// nobody writes it now (a lock of the caller's, or one process that owns the folder).
Result<void> remove_temporaries(const std::string& path);

// Opens a file to stream text into, made with `mode` when missing and emptied otherwise. Links,
// folders and descriptors as above; kPermission also for a file of another user, and for one with
// further names (hard links).
Result<Fd> open_output(const std::string& path, unsigned mode = 0644);

}  // namespace mig::base

#endif  // MIGCTL_BASE_FILE_H_
