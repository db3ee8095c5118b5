// SPDX-License-Identifier: Apache-2.0
#include "base/own_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pwd.h>

#include "base/strings.h"

namespace mig::base {
namespace {

constexpr int kMostLinks = 40;  // as the kernel
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

// Who called sudo: that user can run this program as root, so its folders are no stranger's. Root
// alone can set the variable for a process of root's.
std::optional<std::uint32_t> caller_of_sudo() {
  const char* text = std::getenv("SUDO_UID");  // NOLINT(concurrency-mt-unsafe): read only
  const auto uid = text == nullptr ? std::nullopt : parse_decimal(text, UINT32_MAX - 1);
  return uid ? std::optional(static_cast<std::uint32_t>(*uid)) : std::nullopt;
}

// In a user namespace the host's root has the overflow uid: whoever owns "/" decides everything
// anyway.
std::uint32_t owner_of_root_folder() {
  struct stat info {};

  return ::stat("/", &info) == 0 ? info.st_uid : 0;
}

Error foreign(const std::string& path,
              const std::string& what,
              const std::string& component,
              std::uint32_t owner) {
  return Error{
      ErrorCode::kPermission,
      fmt::format("cannot write {}: {} {} belongs to {}, who could lead the output elsewhere",
                  path,
                  what,
                  component,
                  owner_text(owner)),
      "name a place of your own, or run it as that user; with /dev/stdout the shell opens "
      "the file"};
}

// The parts of a path that are still to be walked.
class Walk {
 public:
  explicit Walk(std::string path, std::optional<unsigned> make_with)
      : path_(std::move(path)), make_with_(make_with) {}

  Result<OwnPlace> go() {
    MIG_TRY(start_at(path_));
    while (true) {
      if (parts_.empty()) {
        return OwnPlace{std::move(folder_), "", true, path_};
      }
      std::string part = std::move(parts_.front());
      parts_.pop_front();
      const bool last = parts_.empty();
      if (last && !make_with_) {
        MIG_ASSIGN_OR_RETURN(auto place, end_at(part));
        if (place) {
          return std::move(*place);
        }
        continue;
      }
      MIG_TRY(enter(part));
    }
  }

 private:
  // The folder that the text begins at; its components come before what is left to walk.
  Result<void> start_at(const std::string& text) {
    std::deque<std::string> parts;
    for (std::string& part : split(text, '/')) {
      if (!part.empty() && part != ".") {
        parts.push_back(std::move(part));
      }
    }
    if (text.ends_with('/') || text.ends_with("/.")) {
      parts.emplace_back(".");  // a folder is meant
    }
    parts_.insert(parts_.begin(), parts.begin(), parts.end());
    if (!text.starts_with('/') && folder_.valid()) {
      return {};  // a relative link
    }
    shown_ = text.starts_with('/') ? "/" : "";
    MIG_ASSIGN_OR_RETURN(Fd start,
                         open_file(text.starts_with('/') ? "/" : ".", O_PATH | O_DIRECTORY));
    return stand_in(std::move(start));
  }

  // The folder becomes the one from which the walk goes on, if it may be entered.
  Result<void> stand_in(Fd fd) {
    struct stat info {};

    if (::fstat(fd.get(), &info) != 0) {
      return errno_error("look at", path_, errno);
    }
    const bool all_write = (info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0;
    if (::geteuid() == 0 && !is_trusted(info.st_uid)) {
      return foreign(path_, "the folder", shown(), info.st_uid);
    }
    if (::geteuid() == 0 && make_with_ && all_write) {
      return fail(
          ErrorCode::kPermission,
          fmt::format("cannot write {}: everybody can exchange what is in {}", path_, shown()),
          "chmod o-w, or choose another folder");
    }
    folder_ = std::move(fd);
    folder_info_ = info;
    return {};
  }

  Result<Fd> open_part(const std::string& part) {
    const int how = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    Fd fd(::openat(folder_.get(), part.c_str(), how));
    if (!fd.valid() && errno == ENOENT && make_with_) {
      if (::mkdirat(folder_.get(), part.c_str(), *make_with_) != 0 && errno != EEXIST) {
        return errno_error("make the folder", path_, errno);
      }
      fd = Fd(::openat(folder_.get(), part.c_str(), how));
    }
    return fd.valid() ? Result<Fd>(std::move(fd)) : errno_error("open", path_, errno);
  }

  // One step into a folder, or along a link.
  Result<void> enter(const std::string& part) {
    MIG_ASSIGN_OR_RETURN(Fd fd, open_part(part));

    struct stat info {};

    if (::fstat(fd.get(), &info) != 0) {
      return errno_error("look at", path_, errno);
    }
    if (S_ISLNK(info.st_mode)) {
      return follow(fd, part, info.st_uid);
    }
    if (!S_ISDIR(info.st_mode)) {
      return errno_error("open", path_, ENOTDIR);
    }
    note(part);
    return stand_in(std::move(fd));
  }

  Result<void> follow(const Fd& link, const std::string& part, std::uint32_t owner) {
    note(part);
    if (!is_trusted(owner)) {
      return foreign(path_, "the link", shown(), owner);
    }
    if (++links_ > kMostLinks) {
      return errno_error("open", path_, ELOOP);
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(link.get(), "", target.data(), target.size());
    if (size <= 0 || static_cast<std::size_t>(size) == target.size()) {
      return errno_error("read the link", shown(), size < 0 ? errno : ENAMETOOLONG);
    }
    shown_.erase(shown_.rfind(part));
    return start_at(std::string(target.data(), static_cast<std::size_t>(size)));
  }

  // The last component; nullopt: it was a link, and the walk goes on.
  Result<std::optional<OwnPlace>> end_at(const std::string& part) {
    if (part == "." || part == "..") {
      MIG_TRY(enter(part));
      return std::optional(OwnPlace{std::move(folder_), "", true, path_});
    }
    const Fd fd(::openat(folder_.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid() && errno != ENOENT) {
      return errno_error("open", path_, errno);
    }
    if (!fd.valid()) {
      return std::optional(OwnPlace{std::move(folder_), part, false, path_});
    }

    struct stat info {};

    if (::fstat(fd.get(), &info) != 0) {
      return errno_error("look at", path_, errno);
    }
    if (S_ISLNK(info.st_mode)) {
      MIG_TRY(follow(fd, part, info.st_uid));
      return std::optional<OwnPlace>();
    }
    // A file is replaced, not written into, and who may do that in a folder without the sticky bit
    // may anyway. Pipes and devices are written into.
    const bool others_write = (folder_info_.st_mode & kOthersWrite) != 0;
    const bool replaced = S_ISREG(info.st_mode) && (folder_info_.st_mode & S_ISVTX) == 0;
    if (!is_trusted(info.st_uid) && others_write && !replaced) {
      note(part);
      return foreign(path_, "the file", shown(), info.st_uid);
    }
    return std::optional(OwnPlace{std::move(folder_), part, true, path_});
  }

  void note(const std::string& part) {
    shown_ += (shown_.empty() || shown_.ends_with('/') ? "" : "/") + part;
  }

  std::string shown() const { return shown_.empty() ? "." : shown_; }

  std::string path_;
  std::optional<unsigned> make_with_;  // missing folders are made
  std::deque<std::string> parts_;
  std::string shown_;  // where the walk stands, for messages
  Fd folder_;

  struct stat folder_info_ {};

  int links_ = 0;
};

}  // namespace

bool is_trusted(std::uint32_t uid) {
  const std::uint32_t ours = ::geteuid();
  return uid == 0 || uid == ours || uid == owner_of_root_folder() ||
         (ours == 0 && uid == caller_of_sudo());
}

std::string owner_text(std::uint32_t uid) {
  std::vector<char> buffer(16U << 10U);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return fmt::format("uid {}", uid);
  }
  return found->pw_name;
}

Result<OwnPlace> own_place(const std::string& path) {
  return Walk(path, std::nullopt).go();
}

Result<void> make_own_folders(const std::string& path, unsigned mode) {
  return Walk(path, mode).go().map([](const OwnPlace&) {});
}

Result<void> only_trusted_write(const std::string& path) {
  const auto place = own_place(path);
  if (!place) {
    Error error = place.error();
    if (error.code == ErrorCode::kNotFound) {
      return {};
    }
    if (error.code == ErrorCode::kPermission && !error.hint.empty()) {
      error.hint = "keep it where only root can write: /etc/migctl/tenants.yaml";
      return std::move(error).in(
          fmt::format("{} gives rights, which no other user may decide", path));
    }
    return error;
  }

  struct stat info {};

  if (!place->exists || ::fstatat(place->folder.get(),
                                  place->name.c_str(),
                                  &info,
                                  AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0) {
    return {};
  }
  if (!is_trusted(info.st_uid) || (info.st_mode & S_IWOTH) != 0) {
    return fail(ErrorCode::kPermission,
                fmt::format("{} gives rights, and {} can write to it",
                            path,
                            (info.st_mode & S_IWOTH) != 0 ? "everybody" : owner_text(info.st_uid)),
                "chown it to root and chmod go-w it");
  }
  return {};
}

Result<void> check_own_file(const std::string& path, std::uint32_t owner, std::uint64_t names) {
  if (!is_trusted(owner)) {
    return foreign(path, "the file", path, owner);
  }
  if (names > 1) {
    return fail(ErrorCode::kPermission,
                fmt::format("cannot write {}: the file has {} names (hard links), of which another "
                            "may be meant",
                            path,
                            names),
                "remove it, and it is made anew");
  }
  return {};
}

Result<Fd> open_own_file(const std::string& path, int flags, unsigned mode) {
  MIG_ASSIGN_OR_RETURN(const OwnPlace place, own_place(path));
  if (place.name.empty()) {
    return errno_error("open", path, EISDIR);
  }
  constexpr int kAlways = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  Fd fd(::openat(place.folder.get(), place.name.c_str(), (flags & ~O_TRUNC) | kAlways, mode));

  struct stat info {};

  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
    return errno_error("open", path, errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kPermission, fmt::format("{} is no regular file", path));
  }
  MIG_TRY(check_own_file(path, info.st_uid, info.st_nlink));
  return fd;
}

}  // namespace mig::base
