// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "base/fd.h"

namespace mig::base {
namespace {

Error too_large(const std::string& name, std::size_t limit) {
  return Error{
      ErrorCode::kTooLarge,
      fmt::format("{} holds more than the {} bytes that are read of such a file", name, limit)};
}

Result<void> fill_and_rename(int fd,
                             const std::string& temporary,
                             const std::string& path,
                             std::string_view text,
                             unsigned mode) {
  MIG_TRY(write_all(fd, temporary, text));
  if (::fchmod(fd, mode) != 0) {
    return errno_error("set the mode of", temporary, errno);
  }
  if (::fsync(fd) != 0) {
    return errno_error("flush", temporary, errno);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return errno_error("replace", path, errno);
  }
  return {};
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

namespace {

// Resolves symbolic links, so that the target file is replaced and the link stays. A dangling link
// counts as a path of its own.
std::string behind_links(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  std::string out = real != nullptr ? real : path;
  std::free(real);  // NOLINT(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory): realpath
  return out;
}

}  // namespace

Result<void> write_file_atomic(const std::string& named, std::string_view text, unsigned mode) {
  // /dev/stdout, /dev/null, a pipe: a rename would replace the special file for every process.
  struct stat status = {};
  if (::stat(named.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    MIG_ASSIGN_OR_RETURN(const Fd device, open_file(named, O_WRONLY));
    return write_all(device.get(), named, text);
  }
  const std::string path = behind_links(named);
  std::string temporary = path + ".XXXXXX";
  const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) {
    return errno_error("create a file beside", path, errno);
  }
  if (auto done = fill_and_rename(fd.get(), temporary, path, text, mode); !done) {
    ::unlink(temporary.c_str());
    return done;
  }
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  MIG_ASSIGN_OR_RETURN(const Fd parent, open_file(folder, O_RDONLY | O_DIRECTORY));
  if (::fsync(parent.get()) != 0) {
    return errno_error("flush", folder, errno);
  }
  return {};
}

}  // namespace mig::base
