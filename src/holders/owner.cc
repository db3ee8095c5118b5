// SPDX-License-Identifier: Apache-2.0
#include "holders/owner.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "holders/container.h"

namespace mig::holders {

namespace {

constexpr std::size_t kFullContainerId = 64;

bool is_container_id(std::string_view text) {
  return text.size() == kFullContainerId && std::all_of(text.begin(), text.end(), [](char c) {
           return std::isxdigit(static_cast<unsigned char>(c)) != 0;
         });
}

std::string_view without_suffix(std::string_view text, std::string_view suffix) {
  return text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text;
}

// Recognises a container's cgroup: "docker-<id>.scope", "cri-containerd-<id>.scope",
// "crio-<id>.scope", "libpod-<id>.scope", or a bare <id> below a folder that names the runtime
// ("/docker/<id>").
void read_container(const std::vector<std::string>& parts, std::size_t i, Owner& owner) {
  const std::string_view part = without_suffix(parts[i], ".scope");
  const std::size_t dash = part.rfind('-');
  const std::string_view id = dash == std::string_view::npos ? part : part.substr(dash + 1);
  if (!is_container_id(id)) {
    return;
  }
  std::string runtime = "container";
  if (dash != std::string_view::npos) {
    runtime = std::string(part.substr(0, dash));
  } else if (i > 0 && (parts[i - 1] == "docker" || parts[i - 1] == "lxc")) {
    runtime = parts[i - 1];
  } else if (i > 0 && is_containers_cgroup(parts[i - 1])) {
    runtime = "docker";  // Podman writes "libpod-<id>" there
  }
  if (runtime == "cri-containerd") {
    runtime = "containerd";
  }
  if (runtime == "libpod") {
    runtime = "podman";
  }
  owner.container = id;
  owner.container_runtime = std::move(runtime);
}

// The systemd driver of cgroup v2 writes "_" for "-" in the pod uid:
// "kubepods-burstable-pod1b2c_3d.slice".
void read_pod(std::string_view part, Owner& owner) {
  part = without_suffix(part, ".slice");
  const std::size_t at = part.rfind("pod");
  if (at == std::string_view::npos || part.substr(at).size() < 3 + 32) {
    return;
  }
  std::string uid(part.substr(at + 3));
  std::replace(uid.begin(), uid.end(), '_', '-');
  owner.pod = uid;
}

}  // namespace

Owner parse_cgroup(std::string_view cgroup_text) {
  Owner owner;
  for (const std::string& line : base::split(cgroup_text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::vector<std::string> parts = base::split(line.substr(second + 1), '/');
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string& part = parts[i];
      read_container(parts, i, owner);
      if (line.find("kubepods") != std::string::npos) {
        read_pod(part, owner);
      }
      if (part.starts_with("job_") && part.size() > 4) {
        owner.slurm_job = part.substr(4);
      }
      if (part.ends_with(".service") && !part.starts_with("user@")) {
        owner.unit = part;
      }
    }
  }
  return owner;
}

std::string system_unit(std::string_view cgroup_text) {
  constexpr std::string_view kSlice = "/system.slice/";
  for (const std::string& line : base::split(cgroup_text, '\n')) {
    const std::size_t path = line.find(":/");
    if (path == std::string::npos || line.compare(path + 1, kSlice.size(), kSlice) != 0) {
      continue;
    }
    const std::string rest = line.substr(path + 1 + kSlice.size());
    std::string unit = rest.substr(0, rest.find('/'));
    if (unit.ends_with(".service")) {
      return unit;
    }
  }
  return {};
}

}  // namespace mig::holders
