// SPDX-License-Identifier: Apache-2.0
#include "service/capability_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/own_path.h"
#include "base/strings.h"

namespace mig::service {
namespace {

constexpr std::size_t kSmallFile = 64U << 10U;
constexpr std::size_t kMinorsFile = 1U << 20U;
constexpr std::string_view kMinor = "DeviceFileMinor: ";
constexpr std::string_view kModify = "DeviceFileModify: ";
constexpr std::string_view kParameter = "ModifyDeviceFiles: ";

// What stands after `key` in the line that begins with it; nullopt: no number, or no such line.
std::optional<std::uint32_t> number_in(const std::string& text, std::string_view key) {
  for (const std::string& line : base::split(text, '\n')) {
    if (line.starts_with(key)) {
      const auto number =
          base::parse_decimal(std::string_view(line).substr(key.size()), UINT32_MAX);
      return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
    }
  }
  return std::nullopt;
}

// The driver looks at the first line that is written and at nothing else; the file of a simulated
// machine is what is written. Both are right when the line comes first and the others follow.
bool set_modify(const std::string& access, std::uint32_t modify) {
  const auto text = base::read_file(access, kSmallFile);
  const auto now = text ? number_in(*text, kModify) : std::nullopt;
  if (!now || *now == modify) {
    return now.has_value();
  }
  std::string changed = fmt::format("{}{}\n", kModify, modify);
  for (const std::string& line : base::split(*text, '\n')) {
    if (!line.empty() && !line.starts_with(kModify)) {
      changed += line + "\n";
    }
  }
  const auto file = base::open_own_file(access, O_WRONLY, 0444);
  return file && changed.size() == text->size() &&
         ::write(file->get(), changed.data(), changed.size()) ==
             static_cast<ssize_t>(changed.size());
}

// "241 nvidia-caps" of /proc/devices.
std::optional<std::uint32_t> major_of_capabilities(const launch::DeviceRoots& roots) {
  const auto text = base::read_file(roots.driver_proc + "/devices", kSmallFile);
  for (const std::string& line : text ? base::split(*text, '\n') : std::vector<std::string>()) {
    const std::size_t digits = line.find_first_not_of(' ');
    const std::size_t blank = digits == std::string::npos ? digits : line.find(' ', digits);
    if (blank != std::string::npos && line.substr(blank + 1) == "nvidia-caps") {
      const auto number =
          base::parse_decimal(std::string_view(line).substr(digits, blank - digits), UINT32_MAX);
      return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
    }
  }
  return std::nullopt;
}

// The node is there: it was, or it was made.
bool have_node(const launch::DeviceRoots& roots,
               const base::Fd& folder,
               const std::string& access) {
  const auto text = base::read_file(access, kSmallFile);
  const auto minor = text ? number_in(*text, kMinor) : std::nullopt;
  if (!minor) {
    return false;
  }
  const std::string name = fmt::format("nvidia-cap{}", *minor);

  struct stat info {};

  if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    return true;
  }
  const auto major = errno == ENOENT ? major_of_capabilities(roots) : std::nullopt;
  return major &&
         (::mknodat(folder.get(), name.c_str(), S_IFCHR | 0400, ::makedev(*major, *minor)) == 0 ||
          errno == EEXIST);
}

void keep_helper_off_one(const launch::DeviceRoots& roots,
                         const base::Fd& folder,
                         const std::string& access) {
  // A node that nobody makes any more would leave the instance without users.
  if (set_modify(access, 0) && !have_node(roots, folder, access)) {
    static_cast<void>(set_modify(access, 1));
  }
}

}  // namespace

void keep_helper_off(const launch::DeviceRoots& roots,
                     const base::Fd& folder,
                     const Inventory& now) {
  if (::geteuid() != 0) {
    return;  // nodes of a driver are root's, and the guard too
  }
  for (const Gpu& gpu : now.gpus) {
    for (const GpuInstance& instance : gpu.instances) {
      if (!gpu.minor) {
        continue;
      }
      const std::string of_gi = fmt::format("{}/driver/nvidia/capabilities/gpu{}/mig/gi{}",
                                            roots.driver_proc,
                                            *gpu.minor,
                                            instance.id.value);
      keep_helper_off_one(roots, folder, of_gi + "/access");
      for (const ComputeInstance& compute : instance.compute_instances) {
        keep_helper_off_one(roots, folder, fmt::format("{}/ci{}/access", of_gi, compute.id.value));
      }
    }
  }
}

void let_helper_again(const launch::DeviceRoots& roots) {
  const auto parameters = base::read_file(roots.driver_proc + "/driver/nvidia/params", kSmallFile);
  const auto minors =
      base::read_file(roots.driver_proc + "/driver/nvidia-caps/mig-minors", kMinorsFile);
  if (::geteuid() != 0 || !parameters || !minors || number_in(*parameters, kParameter) != 1U) {
    return;
  }
  // "gpu0/gi3/ci0/access 31": the file is capabilities/gpu0/mig/gi3/ci0/access.
  for (const std::string& line : base::split(*minors, '\n')) {
    const std::size_t slash = line.find('/');
    if (line.starts_with("gpu") && slash != std::string::npos) {
      const std::string rest = line.substr(slash, line.rfind(' ') - slash);
      static_cast<void>(set_modify(fmt::format("{}/driver/nvidia/capabilities/{}/mig{}",
                                               roots.driver_proc,
                                               line.substr(0, slash),
                                               rest),
                                   1));
    }
  }
}

}  // namespace mig::service
