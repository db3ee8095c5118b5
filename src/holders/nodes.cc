// SPDX-License-Identifier: Apache-2.0
#include "holders/nodes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include <dirent.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"

namespace mig::holders {

namespace {

constexpr std::size_t kMinorsFile = 1U << 20U;

std::optional<std::uint32_t> number_after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return std::nullopt;
  }
  const auto value = base::parse_decimal(text.substr(prefix.size()), UINT32_MAX);
  return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

// Calls `use` with each part of `text` between `separator`s.
template <class Use>
void for_each_part(std::string_view text, char separator, const Use& use) {
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    use(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

// Parses "gpu0/gi1/ci2/access".
std::optional<Target> parse_capability(std::string_view path) {
  Target target;
  bool gpu_seen = false;
  for_each_part(path, '/', [&](std::string_view part) {
    if (auto gpu = number_after(part, "gpu")) {
      target.minor = *gpu;
      gpu_seen = true;
    } else if (auto gi = number_after(part, "gi")) {
      target.gi = GpuInstanceId{*gi};
    } else if (auto ci = number_after(part, "ci")) {
      target.ci = ComputeInstanceId{*ci};
    }
  });
  return gpu_seen && target.gi ? std::optional(target) : std::nullopt;
}

// Numbers of the capability nodes in `folder`, sorted.
std::vector<std::uint32_t> minors_of_nodes(const std::string& folder) {
  std::vector<std::uint32_t> minors;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder.c_str()), closedir);
  if (!entries) {
    return minors;
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = readdir(entries.get())) {
    if (const auto minor = number_after(entry->d_name, "nvidia-cap")) {
      minors.push_back(*minor);
    }
  }
  std::sort(minors.begin(), minors.end());
  return minors;
}

// Capabilities of device nodes, found by their minor numbers. mig-minors has them all, but the
// kernel formats its 4,000 lines at the first read (5.5 ms on an H200 machine); below
// /proc/driver/nvidia/capabilities is one file for each capability that exists now. So the table is
// read only where a node is of none of these: a node left behind, or a driver without that folder.
class CapabilitySearch {
 public:
  // `wanted`: minors, sorted.
  CapabilitySearch(std::string driver_proc, std::vector<std::uint32_t> wanted)
      : driver_proc_(std::move(driver_proc)), wanted_(std::move(wanted)) {}

  // By minor. Capabilities that belong to no instance (config, monitor) are left out.
  std::vector<std::pair<std::uint32_t, Target>> find() {
    search_existing();
    search_table();
    std::sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
      return a.first < b.first;
    });
    return std::move(found_);
  }

 private:
  void take(std::uint64_t minor, std::string_view capability) {
    const auto at = std::lower_bound(wanted_.begin(), wanted_.end(), minor);
    if (at == wanted_.end() || *at != minor) {
      return;
    }
    wanted_.erase(at);  // of two with one minor the first counts
    if (const auto target = parse_capability(capability)) {
      found_.emplace_back(static_cast<std::uint32_t>(minor), *target);
    }
  }

  void search_existing() {
    const std::filesystem::path root = driver_proc_ + "/driver/nvidia/capabilities";
    std::error_code error;
    std::filesystem::recursive_directory_iterator entry(root, error);
    for (; !error && entry != std::filesystem::end(entry) && !wanted_.empty();
         entry.increment(error)) {
      if (!entry->is_regular_file(error)) {
        continue;
      }
      std::ifstream file(entry->path());
      std::string key;
      std::uint64_t minor = 0;
      if (file >> key >> minor && key == "DeviceFileMinor:") {
        take(minor, entry->path().lexically_relative(root).native());
      }
    }
  }

  void search_table() {
    if (wanted_.empty()) {
      return;
    }
    std::ifstream table(driver_proc_ + "/driver/nvidia-caps/mig-minors");
    std::size_t length = 0;
    std::string line;
    while (!wanted_.empty() && length < kMinorsFile && std::getline(table, line)) {
      length += line.size() + 1;
      const std::size_t blank = line.find(' ');
      const auto minor =
          blank == std::string::npos
              ? std::nullopt
              : base::parse_decimal(std::string_view(line).substr(blank + 1), UINT32_MAX);
      if (minor) {
        take(*minor, std::string_view(line).substr(0, blank));
      }
    }
  }

  std::string driver_proc_;
  std::vector<std::uint32_t> wanted_;
  std::vector<std::pair<std::uint32_t, Target>> found_;
};

}  // namespace

Nodes::Nodes(const Roots& roots)
    : dev_(roots.dev),
      driver_proc_(roots.driver_proc),
      capabilities_(
          CapabilitySearch(roots.driver_proc, minors_of_nodes(roots.dev + "/nvidia-caps")).find()) {
  learn(dev_, "");
  learn(dev_ + "/nvidia-caps", "nvidia-caps/");
}

void Nodes::learn(const std::string& folder, const std::string& prefix) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder.c_str()), closedir);
  if (!entries) {
    return;
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = readdir(entries.get())) {
    const std::string name = prefix + entry->d_name;
    const auto target = target_of(name);
    const std::string path = dev_ + "/" + name;
    if (const auto key = target ? key_of(path) : std::nullopt) {
      nodes_.emplace(*key, Node{path, *target});
    }
  }
}

std::optional<Nodes::Key> Nodes::key_of(const std::string& path) {
  struct stat info {};

  if (::stat(path.c_str(), &info) != 0) {
    return std::nullopt;
  }
  if (S_ISCHR(info.st_mode)) {
    return Key(true, info.st_rdev, 0);
  }
  return Key(false, info.st_dev, info.st_ino);
}

std::optional<Nodes::Key> Nodes::key_of_open(int folder, const char* name) {
  struct statx info {};

  // AT_STATX_DONT_SYNC: a file of a network server that is away is not waited for.
  if (::statx(folder, name, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &info) != 0) {
    return std::nullopt;
  }
  return S_ISCHR(info.stx_mode)
             ? Key(true, ::makedev(info.stx_rdev_major, info.stx_rdev_minor), 0)
             : Key(false, ::makedev(info.stx_dev_major, info.stx_dev_minor), info.stx_ino);
}

std::optional<Node> Nodes::known(const Key& key) const {
  const auto found = nodes_.find(key);
  return found == nodes_.end() ? std::nullopt : std::optional(found->second);
}

// O_PATH opens no device: such a descriptor names a file, as one that looks after its access list
// has it (service/node_guard.cc), and is in nobody's way. nullopt: not known.
std::optional<bool> Nodes::names_only(int folder, const char* name) {
  constexpr std::size_t kMost = 4096;
  const std::string info = std::string("../fdinfo/") + name;
  const base::Fd file(::openat(folder, info.c_str(), O_RDONLY | O_CLOEXEC));
  const auto text = file.valid() ? base::read_all(file.get(), info, kMost) : Result<std::string>();
  constexpr std::string_view kFlags = "flags:";
  const std::size_t at = text ? text->find(kFlags) : std::string::npos;
  if (at == std::string::npos) {
    return std::nullopt;
  }
  constexpr int kOctal = 8;
  return (std::strtoul(text->c_str() + at + kFlags.size(), nullptr, kOctal) & O_PATH) != 0;
}

// The descriptor may be closed, and its number given to another file, between two looks at it: what
// is known of it counts when it is the same before and after. What stays unknown counts as open;
// not so a number that named only a file at each look: one who goes through the nodes' access lists
// gives it to one node after the other, faster than this may look.
std::optional<Node> Nodes::known_open(Key key, int folder, const char* name) const {
  constexpr int kLooks = 8;
  auto node = known(key);
  bool names = true;
  for (int look = 0; look < kLooks && node; ++look) {
    const auto only = names_only(folder, name);
    const auto now = key_of_open(folder, name);
    if (!now) {
      return std::nullopt;  // closed
    }
    if (*now == key && only) {
      return *only ? std::nullopt : std::move(node);
    }
    names = names && only.value_or(false);
    key = *now;
    node = known(key);
  }
  return names ? std::nullopt : std::move(node);
}

std::optional<Node> Nodes::find_open(int folder, const char* name) const {
  const auto key = key_of_open(folder, name);
  return key ? known_open(*key, folder, name) : std::nullopt;
}

std::optional<Target> Nodes::target_of(std::string_view name) const {
  if (auto minor = number_after(name, "nvidia")) {
    return Target{*minor, {}, {}};
  }
  if (auto cap = number_after(name, "nvidia-caps/nvidia-cap")) {
    const auto at = std::lower_bound(
        capabilities_.begin(),
        capabilities_.end(),
        *cap,
        [](const auto& entry, std::uint32_t minor) { return entry.first < minor; });
    if (at != capabilities_.end() && at->first == *cap) {
      return at->second;
    }
  }
  return std::nullopt;
}

std::optional<Node> Nodes::find(int folder, const char* name, std::string_view link) const {
  if (const auto key = key_of_open(folder, name)) {
    return known_open(*key, folder, name);
  }
  std::array<char, 512> again{};
  const ssize_t length = ::readlinkat(folder, name, again.data(), again.size() - 1);
  if (!link.starts_with(dev_ + "/") || length < 0 ||
      std::string_view(again.data(), static_cast<std::size_t>(length)) != link) {
    return std::nullopt;  // no node, or the descriptor was closed meanwhile
  }
  const std::string_view node = link.substr(dev_.size() + 1);
  auto target = target_of(node);
  if (const auto cap = number_after(node, "nvidia-caps/nvidia-cap"); cap && !target) {
    // Without a node in /dev: not among those that the constructor asked for.
    const auto found = CapabilitySearch(driver_proc_, {*cap}).find();
    target = found.empty() ? std::nullopt : std::optional(found.front().second);
  }
  return target && !names_only(folder, name).value_or(false)
             ? std::optional(Node{std::string(link), *target})
             : std::nullopt;
}

}  // namespace mig::holders
