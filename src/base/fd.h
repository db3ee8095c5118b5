// SPDX-License-Identifier: Apache-2.0
// Fd: owns one file descriptor and closes it. Move-only. Not thread-safe.
#ifndef MIGCTL_BASE_FD_H_
#define MIGCTL_BASE_FD_H_

#include <string>

#include "mig/result.h"

namespace mig::base {

class Fd {
 public:
  Fd() = default;

  explicit Fd(int fd) : fd_(fd) {}

  ~Fd() { reset(); }

  Fd(Fd&& other) noexcept : fd_(other.release()) {}

  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }

  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return fd_; }

  bool valid() const { return fd_ >= 0; }

  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

  void reset();

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC and EINTR handled. Errors: kNotFound, kPermission, kIo, naming the path.
Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0644);

// Error "cannot <what> <path>: <reason>", with the code that errno `number` maps to.
Error errno_error(std::string_view what, const std::string& path, int number);

}  // namespace mig::base

#endif  // MIGCTL_BASE_FD_H_
