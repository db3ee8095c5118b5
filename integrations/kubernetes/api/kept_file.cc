// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/kept_file.h"

#include <sys/stat.h>

#include "base/file.h"

namespace mig::kube {
namespace {

constexpr std::size_t kMostBytesOfFile = 1 << 20;

}  // namespace

std::optional<KeptFile::Stamp> KeptFile::stamp() const {
  struct stat info {};

  if (::stat(path_.c_str(), &info) != 0) {
    return std::nullopt;
  }
  return Stamp{info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

Result<std::string> KeptFile::content(bool anew) {
  if (path_.empty()) {
    return std::string();
  }
  const std::lock_guard lock(mutex_);
  const auto now = stamp();
  if (content_ && !anew && now == stamp_) {
    return *content_;
  }
  Result<std::string> text = base::read_file(path_, kMostBytesOfFile);
  if (text) {
    content_ = *text;
    stamp_ = now;  // of before the reading: a later exchange is seen
  }
  return content_ ? Result<std::string>(*content_) : text;
}

}  // namespace mig::kube
