// SPDX-License-Identifier: Apache-2.0
// Paths to write to, walked component by component with descriptors (openat, O_NOFOLLOW), so that
// no other user decides where the output goes. Trusted users are this process's, root, and for root
// the one who called sudo.
//
//  - A symbolic link, in any component, is followed if a trusted user owns it. The kernel does the
//    same in sticky folders only, and not at all with fs.protected_symlinks=0.
//  - root enters no folder of an untrusted user, who could exchange anything in it at any time.
//    Other users may (a folder of a colleague), since no foreign link is followed from there.
//  - A foreign file in a sticky folder is not replaced, and a foreign pipe that others could have
//    placed is not written into.
//
//   MIG_ASSIGN_OR_RETURN(const OwnPlace place, own_place("/tmp/ck.json"));
//   ::openat(place.folder.get(), place.name.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW, ...)
//
// Threading: functions of the file system and of this process's user. Errors: kPermission, naming
// the component and its owner; kNotFound, kIo.
#ifndef MIGCTL_BASE_OWN_PATH_H_
#define MIGCTL_BASE_OWN_PATH_H_

#include <cstdint>
#include <string>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::base {

// A file's folder, open, and its name in there. The name is no link, or nothing has it.
struct OwnPlace {
  Fd folder;         // O_PATH
  std::string name;  // "" = the path is that of a folder
  bool exists = false;
  std::string path;  // as asked for, for messages
};

Result<OwnPlace> own_place(const std::string& path);

// Makes missing folders of `path`, each with `mode`, and checks all of them. For root no folder may
// be one in which everybody can exchange entries (world-writable without the sticky bit): the path
// stays what it was after the check, for a library that takes paths.
Result<void> make_own_folders(const std::string& path, unsigned mode);

// Opens the regular file for writing, made with `mode` when missing, never truncated. kPermission
// when it is another user's, or has further names (hard links): one of them may be a file of ours
// that is not meant.
Result<Fd> open_own_file(const std::string& path, int flags, unsigned mode);

// For a file that gives rights (who may what): kPermission when a user who is not trusted can
// change it, by its owner, its mode, a link or a folder on the way. A missing file passes.
Result<void> only_trusted_write(const std::string& path);

// The rule of open_own_file for a file that is open already.
Result<void> check_own_file(const std::string& path, std::uint32_t owner, std::uint64_t names);

// True for a user who may decide where this process writes.
bool is_trusted(std::uint32_t uid);

// User name, or "uid 1001" without one in the system's database.
std::string owner_text(std::uint32_t uid);

}  // namespace mig::base

#endif  // MIGCTL_BASE_OWN_PATH_H_
