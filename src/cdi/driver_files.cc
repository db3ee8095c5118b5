// SPDX-License-Identifier: Apache-2.0
#include "cdi/driver_files.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace mig::cdi {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSmallFile = 64U << 10U;
constexpr std::size_t kMinorsFile = 1U << 20U;
constexpr std::uint32_t kEveryone = 0666;
constexpr std::uint32_t kEveryoneReads = 0444;

std::map<std::string, std::uint32_t> read_majors(const std::string& path) {
  std::map<std::string, std::uint32_t> majors;
  const auto text = base::read_file(path, kSmallFile);
  for (const std::string& line : base::split(text ? *text : std::string(), '\n')) {
    if (line.starts_with("Block")) {
      break;
    }
    const std::size_t digits = line.find_first_not_of(' ');
    const std::size_t blank = digits == std::string::npos ? digits : line.find(' ', digits);
    if (blank == std::string::npos) {
      continue;
    }
    const auto number =
        base::parse_decimal(std::string_view(line).substr(digits, blank - digits), UINT32_MAX);
    if (number) {
      majors.emplace(line.substr(blank + 1), static_cast<std::uint32_t>(*number));
    }
  }
  return majors;
}

// Number after "DeviceFileMinor: " and the like.
std::optional<std::uint32_t> number_in(const std::string& text, std::string_view key) {
  for (const std::string& line : base::split(text, '\n')) {
    if (!line.starts_with(key)) {
      continue;
    }
    const std::size_t digits = line.find_first_of("0123456789", key.size());
    const auto number =
        digits == std::string::npos
            ? std::nullopt
            : base::parse_decimal(std::string_view(line).substr(digits), UINT32_MAX);
    return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
  }
  return std::nullopt;
}

// The host's node decides on numbers and mode where it is a device; that of a simulated machine is
// a file, whose mode it has.
bool look(const std::string& host, DeviceNode& node) {
  struct stat info {};

  if (::stat(host.c_str(), &info) != 0) {
    return false;
  }
  node.mode = info.st_mode & 0777U;
  node.gid = info.st_gid;
  if (S_ISCHR(info.st_mode)) {
    node.major_number = major(info.st_rdev);
    node.minor_number = minor(info.st_rdev);
  }
  return true;
}

Error no_major(const Roots& roots, const char* what) {
  return Error{
      ErrorCode::kDriver,
      fmt::format("{}/devices has no character devices of {}, so their numbers are unknown",
                  roots.proc,
                  what),
      "the driver's modules must be loaded: modprobe nvidia, nvidia-uvm",
      {},
      {}};
}

}  // namespace

std::string host_path(const Roots& roots, const std::string& node) {
  constexpr std::string_view kDev = "/dev";
  return roots.dev + node.substr(kDev.size());
}

DriverFiles::DriverFiles(Roots roots)
    : roots_(std::move(roots)), majors_(read_majors(roots_.proc + "/devices")) {}

Result<DeviceNode> DriverFiles::gpu(std::uint32_t minor) const {
  auto found = majors_.find("nvidia");
  found = found == majors_.end() ? majors_.find("nvidia-frontend") : found;
  if (found == majors_.end()) {
    return no_major(roots_, "nvidia");
  }
  DeviceNode node{fmt::format("/dev/nvidia{}", minor), found->second, minor, kEveryone, 0};
  look(host_path(roots_, node.path), node);
  return node;
}

std::optional<std::uint32_t> DriverFiles::in_table(const std::string& entry) const {
  if (!table_) {
    table_.emplace();
    const auto text = base::read_file(roots_.proc + "/driver/nvidia-caps/mig-minors", kMinorsFile);
    for (const std::string& line : base::split(text ? *text : std::string(), '\n')) {
      const std::size_t blank = line.find(' ');
      const auto number =
          blank == std::string::npos
              ? std::nullopt
              : base::parse_decimal(std::string_view(line).substr(blank + 1), UINT32_MAX);
      if (number) {
        table_->emplace(line.substr(0, blank), static_cast<std::uint32_t>(*number));
      }
    }
  }
  const auto found = table_->find(entry);
  return found == table_->end() ? std::nullopt : std::optional(found->second);
}

// `folder` below capabilities/ is there while the instance exists; the table has every instance
// that could exist. The mode is the driver's and not the node's: a daemon that guards nodes closes
// them to other users of the host, and who is given the instance is not one of those.
Result<DeviceNode> DriverFiles::capability(const std::string& folder,
                                           const std::string& entry) const {
  const auto major_number = majors_.find("nvidia-caps");
  if (major_number == majors_.end()) {
    return no_major(roots_, "nvidia-caps");
  }
  const std::string access = fmt::format("{}/driver/nvidia/capabilities/{}", roots_.proc, folder);
  const auto text = base::read_file(access, kSmallFile);
  constexpr std::uint32_t kUnknown = UINT32_MAX;
  std::uint32_t minor_number =
      text ? number_in(*text, "DeviceFileMinor:").value_or(kUnknown) : kUnknown;
  const std::uint32_t mode =
      text ? number_in(*text, "DeviceFileMode:").value_or(kEveryoneReads) : kEveryoneReads;
  if (minor_number == kUnknown) {
    minor_number = in_table(entry).value_or(kUnknown);
  }
  if (minor_number == kUnknown) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format(
            "the driver has no capability {}: neither {} nor mig-minors has it", entry, access),
        "look with migctl list: the instance may just have gone");
  }
  return DeviceNode{fmt::format("/dev/nvidia-caps/nvidia-cap{}", minor_number),
                    major_number->second,
                    minor_number,
                    mode,
                    0};
}

Result<std::vector<DeviceNode>> DriverFiles::instance(std::uint32_t gpu_minor,
                                                      GpuInstanceId gi,
                                                      ComputeInstanceId ci) const {
  const std::string of_gi = fmt::format("gpu{}/mig/gi{}", gpu_minor, gi.value);
  const std::string entry = fmt::format("gpu{}/gi{}", gpu_minor, gi.value);
  MIG_ASSIGN_OR_RETURN(DeviceNode first, capability(of_gi + "/access", entry + "/access"));
  MIG_ASSIGN_OR_RETURN(DeviceNode second,
                       capability(fmt::format("{}/ci{}/access", of_gi, ci.value),
                                  fmt::format("{}/ci{}/access", entry, ci.value)));
  return std::vector<DeviceNode>{std::move(first), std::move(second)};
}

std::vector<DeviceNode> DriverFiles::shared() const {
  struct Known {
    const char* name;
    const char* driver;
    std::uint32_t minor_number;
  };

  constexpr std::uint32_t kControl = 255, kModeset = 254;
  constexpr std::array<Known, 4> kKnown = {{{"nvidia-modeset", "nvidia-modeset", kModeset},
                                            {"nvidia-uvm", "nvidia-uvm", 0},
                                            {"nvidia-uvm-tools", "nvidia-uvm", 1},
                                            {"nvidiactl", "nvidiactl", kControl}}};
  std::vector<DeviceNode> nodes;
  for (const Known& known : kKnown) {
    auto of = majors_.find(known.driver);
    of = of == majors_.end() ? majors_.find("nvidia") : of;
    of = of == majors_.end() ? majors_.find("nvidia-frontend") : of;
    DeviceNode node{std::string("/dev/") + known.name,
                    of == majors_.end() ? 0 : of->second,
                    known.minor_number,
                    kEveryone,
                    0};
    if (look(host_path(roots_, node.path), node) && node.major_number != 0) {
      nodes.push_back(std::move(node));
    }
  }
  return nodes;
}

std::vector<DeviceNode> DriverFiles::rendering(const std::string& pci_bus_id) const {
  // NVML writes 00000000:07:00.0, the kernel 0000:07:00.0.
  constexpr std::size_t kDomain = 4;
  const std::string bus = base::lower(pci_bus_id.size() > kDomain &&
                                              pci_bus_id.starts_with("0000") && pci_bus_id[8] == ':'
                                          ? pci_bus_id.substr(kDomain)
                                          : pci_bus_id);
  std::vector<DeviceNode> nodes;
  std::error_code error;
  for (fs::directory_iterator entry(roots_.sys + "/bus/pci/devices/" + bus + "/drm", error), end;
       !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    DeviceNode node{"/dev/dri/" + name, 0, 0, kEveryone, 0};
    const bool known = name.starts_with("card") || name.starts_with("renderD");
    if (known && look(host_path(roots_, node.path), node) && node.major_number != 0) {
      nodes.push_back(std::move(node));
    }
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

Result<std::vector<DeviceNode>> DriverFiles::management() const {
  MIG_ASSIGN_OR_RETURN(DeviceNode config, capability("mig/config", "config"));
  MIG_ASSIGN_OR_RETURN(DeviceNode monitor, capability("mig/monitor", "monitor"));
  return std::vector<DeviceNode>{std::move(config), std::move(monitor)};
}

bool DriverFiles::have(const DeviceNode& node) const {
  const std::string path = host_path(roots_, node.path);

  struct stat info {};

  if (::lstat(path.c_str(), &info) == 0) {
    return true;
  }
  if (errno != ENOENT || !roots_.simulated_dir.empty() || ::geteuid() != 0 ||
      node.path.find("/nvidia-caps/") == std::string::npos) {
    return false;
  }
  const std::string folder = path.substr(0, path.rfind('/'));
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return false;
  }
  const mode_t mode = node.mode;
  // chmod: the umask must not decide who may open it.
  return ::mknod(path.c_str(), S_IFCHR | mode, makedev(node.major_number, node.minor_number)) == 0
             ? ::chmod(path.c_str(), mode) == 0
             : errno == EEXIST;
}

}  // namespace mig::cdi
