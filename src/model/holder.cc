// SPDX-License-Identifier: Apache-2.0
#include "model/holder.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace mig {
namespace {

std::string process_words(const Holder& holder) {
  std::vector<std::string> about = {holder.name.empty() ? "name not visible" : holder.name};
  if (holder.uid) {
    about.push_back(fmt::format("uid {}", *holder.uid));
  }
  if (const std::string owner = holder.owner.str(); !owner.empty()) {
    about.push_back(owner);
  }
  return fmt::format("pid {} ({})", holder.pid, base::join(about, ", "));
}

}  // namespace

std::string Owner::str() const {
  constexpr std::size_t kShortContainerId = 12;
  std::vector<std::string> words;
  if (!slurm_job.empty()) {
    words.push_back("Slurm job " + slurm_job);
  }
  if (!pod.empty()) {
    words.push_back("pod " + pod);
  }
  if (!container.empty()) {
    words.push_back(
        container_runtime + " " +
        (container_name.empty() ? container.substr(0, kShortContainerId) : container_name));
  }
  if (!unit.empty()) {
    words.push_back(unit);
  }
  return base::join(words, ", ");
}

std::string Holder::who() const {
  switch (kind) {
    case HolderKind::kKernelModule:
      return "kernel module " + name;
    case HolderKind::kLease:
      return pid == 0 ? name : fmt::format("{} (pid {})", name, pid);
    case HolderKind::kDisplay:
      if (pid == 0) {
        return "a display (whose, the driver does not say)";
      }
      break;
    case HolderKind::kProcess:
    case HolderKind::kService:
      break;
  }
  return process_words(*this);
}

std::string Holder::str() const {
  std::string text = fmt::format("{} on GPU {}", who(), gpu.value);
  if (gpu_instance) {
    text += fmt::format(" gi={}", gpu_instance->value);
  }
  if (compute_instance) {
    text += fmt::format(" ci={}", compute_instance->value);
  }
  return text;
}

const char* name_of(HolderKind kind) {
  switch (kind) {
    case HolderKind::kProcess:
      return "process";
    case HolderKind::kService:
      return "service";
    case HolderKind::kDisplay:
      return "display";
    case HolderKind::kLease:
      return "lease";
    case HolderKind::kKernelModule:
      break;
  }
  return "kernel_module";
}

const char* name_of(HolderStops stops) {
  return stops == HolderStops::kDestroy ? "destroy" : "reset";
}

}  // namespace mig
