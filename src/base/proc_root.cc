// SPDX-License-Identifier: Apache-2.0
#include "base/proc_root.h"

#include <unistd.h>

#include <climits>
#include <string_view>

namespace mig::base {
namespace {

std::string find_proc_root() {
  std::string standard = "/proc";
  if (::access((standard + "/" + std::to_string(::getpid())).c_str(), F_OK) == 0) {
    return standard;
  }
  // The real /proc/self is a relative link; in `sim shell` it is an absolute link to the real
  // /proc.
  char target[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self", target, sizeof target);
  const std::string_view link(target, size > 0 ? static_cast<std::size_t>(size) : 0);
  constexpr std::string_view kSelf = "/self";
  if (link.size() > kSelf.size() && link.front() == '/' && link.ends_with(kSelf)) {
    return std::string(link.substr(0, link.size() - kSelf.size()));
  }
  return standard;
}

}  // namespace

const std::string& proc_root() {
  static const std::string kRoot = find_proc_root();
  return kRoot;
}

}  // namespace mig::base
