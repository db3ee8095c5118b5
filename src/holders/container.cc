// SPDX-License-Identifier: Apache-2.0
#include "holders/container.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "holders/descendants.h"
#include "holders/unit.h"

namespace mig::holders {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdLength = 64;
constexpr std::size_t kLongestName = 128;
constexpr std::size_t kCommandLine = 64U << 10U;
constexpr std::size_t kDockerState = 4U << 20U;
constexpr const char* kDockerContainers = "/var/lib/docker/containers";
constexpr int kMostParents = 64;
constexpr int kDeepestContainer = 4;

bool is_id(std::string_view text) {
  return text.size() == kIdLength && std::all_of(text.begin(), text.end(), [](char c) {
           return std::isxdigit(static_cast<unsigned char>(c)) != 0;
         });
}

std::string_view last_part(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// cgroup v1 lists the processes of one cgroup only, v2 tells of all below it.
bool lives(const std::string& path, int depth) {
  if (cgroup_populated(path)) {
    return true;
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    std::error_code ignored;
    if (depth < kDeepestContainer && entry.is_directory(ignored) && !entry.is_symlink(ignored) &&
        lives(entry.path().string(), depth + 1)) {
      return true;
    }
  }
  return false;
}

// Value of "-n" in a command line "conmon ... -c ID ... -n NAME ..."; "" for another program.
std::string name_by_monitor(const std::string& command_line, const std::string& id) {
  const std::vector<std::string> words = base::split(command_line, '\0');
  std::string name;
  bool of_it = false;
  if (words.empty() || last_part(words.front()) != "conmon") {
    return name;
  }
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    of_it = of_it || (words[i] == "-c" && words[i + 1] == id);
    if (words[i] == "-n" && name.empty()) {
      name = words[i + 1];
    }
  }
  return of_it ? name : "";
}

std::string name_by_docker(const std::string& id) {
  const auto text =
      base::read_file(fmt::format("{}/{}/config.v2.json", kDockerContainers, id), kDockerState);
  if (!text) {
    return "";
  }
  const auto json = base::parse_json(*text, {kDockerState, "Docker's state of a container"});
  if (!json || !json->is_object() || !json->contains("Name") || !(*json)["Name"].is_string()) {
    return "";
  }
  std::string name = (*json)["Name"].get<std::string>();
  return name.starts_with('/') ? name.substr(1) : name;
}

}  // namespace

bool is_containers_cgroup(std::string_view path) {
  const std::string_view name = last_part(path);
  return name.starts_with("containers-") ||
         (name.starts_with("migctl-") && name.ends_with(".slice"));
}

std::string engine_parent(const std::string& path) {
  const std::size_t ours = path.find("/migctl/");
  return path.ends_with(".slice") || ours == std::string::npos ? std::string(last_part(path))
                                                               : path.substr(ours);
}

std::string container_id(std::string_view cgroup_name) {
  constexpr std::string_view kScope = ".scope";
  if (cgroup_name.ends_with(kScope)) {
    cgroup_name.remove_suffix(kScope.size());
  }
  const std::size_t dash = cgroup_name.rfind('-');
  const std::string_view id =
      dash == std::string_view::npos ? cgroup_name : cgroup_name.substr(dash + 1);
  const bool monitor = cgroup_name.find("conmon") != std::string_view::npos;
  return is_id(id) && !monitor ? std::string(id) : "";
}

std::vector<std::string> container_cgroups(const std::string& path) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    std::error_code ignored;
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored) &&
        !container_id(entry.path().filename().string()).empty()) {
      out.push_back(entry.path().string());
    }
  }
  return out;
}

bool containers_live(const std::string& path) {
  const std::vector<std::string> all = container_cgroups(path);
  return std::any_of(all.begin(), all.end(), [](const auto& one) { return lives(one, 0); });
}

std::string container_name(const std::string& proc, std::uint32_t pid, const std::string& id) {
  std::string name;
  for (int i = 0; i < kMostParents && pid > 1 && name.empty(); ++i) {
    const auto kin = kin_of(proc, pid);
    if (!kin) {
      break;
    }
    pid = kin->parent;
    if (const auto line = base::read_file(fmt::format("{}/{}/cmdline", proc, pid), kCommandLine)) {
      name = name_by_monitor(*line, id);
    }
  }
  if (name.empty()) {
    name = name_by_docker(id);
  }
  return base::printable(name.substr(0, kLongestName));
}

}  // namespace mig::holders
