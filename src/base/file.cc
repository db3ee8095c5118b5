// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <dirent.h>
#include <fmt/format.h>

#include "base/fd.h"
#include "base/own_path.h"
#include "base/strings.h"

namespace mig::base {
namespace {

Error too_large(const std::string& name, std::size_t limit) {
  return Error{
      ErrorCode::kTooLarge,
      fmt::format("{} holds more than the {} bytes that are read of such a file", name, limit)};
}

// Descriptor that the path names, where it is one that this process was given: /dev/stdout,
// /dev/fd/63 (a shell's `>(command)`), /proc/self/fd/1. nullopt for every other path.
std::optional<int> given_descriptor(std::string_view path) {
  if (path == "/dev/stdout" || path == "/dev/stderr") {
    return path == "/dev/stdout" ? STDOUT_FILENO : STDERR_FILENO;
  }
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (path.starts_with(folder)) {
      const auto number = parse_decimal(path.substr(folder.size()), INT_MAX);
      return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
    }
  }
  return std::nullopt;
}

// Length of the random part of a temporary file's name, in hexadecimal digits.
constexpr std::size_t kRandomDigits = 12;
constexpr std::uint64_t kRandomMask = (std::uint64_t{1} << (4 * kRandomDigits)) - 1;

bool is_temporary_of(std::string_view name, std::string_view of) {
  if (name.size() != of.size() + 1 + kRandomDigits || !name.starts_with(of) ||
      name[of.size()] != '.') {
    return false;
  }
  return name.find_first_not_of("0123456789abcdef", of.size() + 1) == std::string_view::npos;
}

// The temporary file beside a place: a name that nobody can foresee, which did not exist.
struct Temporary {
  Fd file;
  std::string name;
};

Result<Temporary> make_beside(const OwnPlace& place) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    std::uint64_t random = 0;
    if (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
      return errno_error("get random bytes for", place.path, errno);
    }
    Temporary made;
    made.name = fmt::format("{}.{:0{}x}", place.name, random & kRandomMask, kRandomDigits);
    constexpr int kHow = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    made.file = Fd(::openat(place.folder.get(), made.name.c_str(), kHow, 0600));
    if (made.file.valid()) {
      return made;
    }
    if (errno != EEXIST) {
      break;
    }
  }
  return errno_error("create a file beside", place.path, errno);
}

Result<void> fill_and_rename(const Temporary& temporary,
                             const OwnPlace& place,
                             std::string_view text,
                             unsigned mode) {
  const int fd = temporary.file.get();
  MIG_TRY(write_all(fd, place.path, text));
  if (::fchmod(fd, mode) != 0) {
    return errno_error("set the mode of", place.path, errno);
  }
  if (::fsync(fd) != 0) {
    return errno_error("flush", place.path, errno);
  }
  const int folder = place.folder.get();
  if (::renameat(folder, temporary.name.c_str(), folder, place.name.c_str()) != 0) {
    return errno_error("replace", place.path, errno);
  }
  return {};
}

// Writes into a pipe or a device: a rename would replace the special file for every process.
Result<bool> wrote_in_place(const OwnPlace& place, std::string_view text) {
  struct stat before = {};
  const int folder = place.folder.get();
  if (::fstatat(folder, place.name.c_str(), &before, AT_SYMLINK_NOFOLLOW) != 0 ||
      S_ISREG(before.st_mode)) {
    return false;
  }
  const Fd fd(::openat(folder, place.name.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY));
  struct stat now = {};
  if (!fd.valid() || ::fstat(fd.get(), &now) != 0) {
    return errno_error("open", place.path, errno);
  }
  if (now.st_dev != before.st_dev || now.st_ino != before.st_ino) {
    return fail(ErrorCode::kPermission,
                fmt::format("cannot write {}: it was exchanged meanwhile", place.path));
  }
  MIG_TRY(write_all(fd.get(), place.path, text));
  return true;
}

}  // namespace

Result<std::string> read_all(int fd, const std::string& name, std::size_t limit) {
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return errno_error("read", name, errno);
    }
    if (got == 0) {
      return text;
    }
    if (text.size() + static_cast<std::size_t>(got) > limit) {
      return too_large(name, limit);
    }
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  if (path == "-") {
    return read_all(STDIN_FILENO, "standard input", limit);
  }
  MIG_ASSIGN_OR_RETURN(const Fd fd, open_file(path, O_RDONLY));
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) {
    return errno_error("read", path, errno);
  }
  if (S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) > limit) {
    return too_large(path, limit);
  }
  return read_all(fd.get(), path, limit);
}

Result<void> write_all(int fd, const std::string& name, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done < 0) {
      return errno_error("write", name, errno);
    }
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

Result<Fd> open_output(const std::string& path, unsigned mode) {
  if (const auto given = given_descriptor(path)) {
    Fd copy(::fcntl(*given, F_DUPFD_CLOEXEC, 0));
    return copy.valid() ? Result<Fd>(std::move(copy)) : errno_error("open", path, errno);
  }
  MIG_ASSIGN_OR_RETURN(const OwnPlace place, own_place(path));
  if (place.name.empty()) {
    return errno_error("open", path, EISDIR);
  }
  constexpr int kHow = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
  Fd fd(::openat(place.folder.get(), place.name.c_str(), kHow, mode));
  struct stat info = {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
    return errno_error("open", path, errno);
  }
  if (S_ISREG(info.st_mode)) {
    MIG_TRY(check_own_file(path, info.st_uid, info.st_nlink));
    if (::ftruncate(fd.get(), 0) != 0) {
      return errno_error("empty", path, errno);
    }
  }
  return fd;
}

Result<void> write_file_atomic(const std::string& path, std::string_view text, unsigned mode) {
  if (const auto given = given_descriptor(path)) {
    return write_all(*given, path, text);
  }
  MIG_ASSIGN_OR_RETURN(const OwnPlace place, own_place(path));
  if (place.name.empty()) {
    return errno_error("open", path, EISDIR);
  }
  if (place.exists) {
    MIG_ASSIGN_OR_RETURN(const bool done, wrote_in_place(place, text));
    if (done) {
      return {};
    }
  }
  MIG_ASSIGN_OR_RETURN(const Temporary temporary, make_beside(place));
  if (auto done = fill_and_rename(temporary, place, text, mode); !done) {
    ::unlinkat(place.folder.get(), temporary.name.c_str(), 0);
    return done;
  }
  const Fd folder(::openat(place.folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) {
    return errno_error("flush the folder of", path, errno);
  }
  return {};
}

Result<void> remove_temporaries(const std::string& path) {
  const auto place = own_place(path);
  if (!place) {
    return place.error().code == ErrorCode::kNotFound ? Result<void>() : place.error();
  }
  Fd folder(::openat(place->folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto close_folder = [](DIR* one) { ::closedir(one); };
  const std::unique_ptr<DIR, decltype(close_folder)> entries(
      folder.valid() ? ::fdopendir(folder.get()) : nullptr);
  if (!entries) {
    return errno_error("list the folder of", path, errno);
  }
  folder.release();  // closed with `entries`
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = ::readdir(entries.get())) {
    if (is_temporary_of(entry->d_name, place->name) &&
        ::unlinkat(::dirfd(entries.get()), entry->d_name, 0) != 0 && errno != ENOENT) {
      return errno_error("remove what a killed writer left beside", path, errno);
    }
  }
  return {};
}

}  // namespace mig::base
