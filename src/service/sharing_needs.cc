// SPDX-License-Identifier: Apache-2.0
#include "service/sharing_needs.h"

#include <sys/utsname.h>

#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace mig::service {
namespace {

// NVIDIA's MPS documentation of R615 and later: "MPS v3 Interface", and its use of cgroup dmem.
constexpr int kDriver = 615;
constexpr int kCuda = 13040;
constexpr std::pair<int, int> kKernel = {6, 14};  // has the dmem controller
constexpr std::size_t kMostControllers = 4096;

// The first two numbers of a version; 0 where there is none.
std::pair<int, int> version_of(const std::string& text) {
  std::pair<int, int> found{0, 0};
  const char* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, found.first);
  if (code == std::errc() && at != end && *at == '.') {
    std::from_chars(at + 1, end, found.second);
  }
  return found;
}

std::string cuda_text(int version) {
  constexpr int kMajor = 1000;
  constexpr int kMinor = 10;
  return fmt::format("{}.{}", version / kMajor, version % kMajor / kMinor);
}

bool has_word(const std::string& text, const std::string& word) {
  for (const std::string& line : base::split(text, '\n')) {
    for (const std::string& one : base::split(line, ' ')) {
      if (one == word) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

SharingHost look_at_host(std::string driver_version,
                         std::optional<int> cuda_version,
                         const std::string& root) {
  SharingHost host;
  host.driver_version = std::move(driver_version);
  host.cuda_version = cuda_version;
  if (utsname name{}; ::uname(&name) == 0) {
    host.kernel = name.release;
  }
  if (auto read = base::read_file(root + "/sys/fs/cgroup/cgroup.controllers", kMostControllers)) {
    host.controllers = std::move(*read);
  }
  return host;
}

std::string dmem_missing(const SharingHost& host) {
  std::vector<std::string> missing;
  if (version_of(host.driver_version).first < kDriver) {
    missing.push_back(fmt::format("driver r{} (here {})",
                                  kDriver,
                                  host.driver_version.empty() ? "unknown" : host.driver_version));
  }
  if (!host.cuda_version || *host.cuda_version < kCuda) {
    missing.push_back(fmt::format("CUDA {} (here {})",
                                  cuda_text(kCuda),
                                  host.cuda_version ? cuda_text(*host.cuda_version) : "unknown"));
  }
  if (!host.controllers) {
    missing.emplace_back("cgroup v2 (not mounted at /sys/fs/cgroup)");
  } else if (!has_word(*host.controllers, "dmem")) {
    missing.emplace_back("cgroup controller dmem (not among those of /sys/fs/cgroup)");
  }
  if (version_of(host.kernel) < kKernel) {
    missing.push_back(fmt::format("kernel >= {}.{} (here {})",
                                  kKernel.first,
                                  kKernel.second,
                                  host.kernel.empty() ? "unknown" : host.kernel));
  }
  return missing.empty() ? "" : "not here: needs " + base::join(missing, ", ");
}

}  // namespace mig::service
