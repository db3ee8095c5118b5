// SPDX-License-Identifier: Apache-2.0
#include "holders/nodes.h"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <utility>

#include <dirent.h>

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

// Calls `use` with each part of `text` between `separator`s. Allocates nothing: mig-minors has
// thousands of lines.
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

// Capability minors from mig-minors, by minor; empty without that file, on a driver without MIG.
std::vector<std::pair<std::uint32_t, Target>> read_capabilities(const Roots& roots) {
  std::vector<std::pair<std::uint32_t, Target>> capabilities;
  const auto text =
      base::read_file(roots.driver_proc + "/driver/nvidia-caps/mig-minors", kMinorsFile);
  if (!text) {
    return capabilities;
  }
  for_each_part(*text, '\n', [&](std::string_view line) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) {
      return;
    }
    const auto minor = base::parse_decimal(line.substr(blank + 1), UINT32_MAX);
    const auto target = parse_capability(line.substr(0, blank));
    if (minor && target) {
      capabilities.emplace_back(static_cast<std::uint32_t>(*minor), *target);
    }
  });
  // Stable: of two lines with one minor the first counts.
  std::stable_sort(capabilities.begin(), capabilities.end(), [](const auto& a, const auto& b) {
    return a.first < b.first;
  });
  return capabilities;
}

}  // namespace

Nodes::Nodes(const Roots& roots) : dev_(roots.dev), capabilities_(read_capabilities(roots)) {
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

std::optional<Node> Nodes::find(const std::string& link, const std::string& descriptor) const {
  if (link.find("/nvidia") == std::string::npos) {
    return std::nullopt;
  }
  if (const auto key = key_of(descriptor)) {
    const auto known = nodes_.find(*key);
    return known != nodes_.end() ? std::optional(known->second) : std::nullopt;
  }
  // A file whose stat fails is identified by its path.
  if (!link.starts_with(dev_ + "/")) {
    return std::nullopt;
  }
  const auto target = target_of(std::string_view(link).substr(dev_.size() + 1));
  return target ? std::optional(Node{link, *target}) : std::nullopt;
}

}  // namespace mig::holders
