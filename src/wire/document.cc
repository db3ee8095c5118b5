// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"

#include <fmt/core.h>

namespace mig::wire {

Source Source::of(const Inventory& inventory) {
  return {inventory.simulated, inventory.simulated_machine};
}

Json begin_document(std::string_view kind, const Source& source) {
  Json document;
  document["apiVersion"] = kApiVersion;
  document["kind"] = kind;
  document["simulated"] = source.simulated;
  if (source.simulated && !source.machine.empty()) {
    document["simulatedMachine"] = source.machine;
  }
  return document;
}

std::string finish(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json placement_json(const Placement& placement) {
  return Json{{"start", placement.start}, {"size", placement.size}};
}

Json process_json(const Process& process) {
  Json json;
  json["pid"] = process.pid;
  json["name"] = process.name.empty() ? Json(nullptr) : Json(process.name);
  json["memoryMib"] = or_null(process.memory_mib);
  json["gpuInstance"] = or_null(process.gpu_instance);
  json["computeInstance"] = or_null(process.compute_instance);
  return json;
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

std::string generation_text(std::uint64_t generation) {
  return fmt::format("{:016x}", generation);
}

std::string_view mode_text(MigMode mode) {
  switch (mode) {
    case MigMode::kUnsupported:
      return "unsupported";
    case MigMode::kDisabled:
      return "disabled";
    case MigMode::kEnabled:
      return "enabled";
  }
  return "unsupported";
}

std::string_view step_kind_text(StepKind kind) {
  switch (kind) {
    case StepKind::kDestroyComputeInstance:
      return "destroyComputeInstance";
    case StepKind::kDestroyGpuInstance:
      return "destroyGpuInstance";
    case StepKind::kDisableMig:
      return "disableMig";
    case StepKind::kEnableMig:
      return "enableMig";
    case StepKind::kResetGpu:
      return "resetGpu";
    case StepKind::kCreateGpuInstance:
      return "createGpuInstance";
    case StepKind::kCreateComputeInstance:
      return "createComputeInstance";
  }
  return "";
}

std::string_view stops_text(Blocker::Stops stops) {
  switch (stops) {
    case Blocker::Stops::kDestroy:
      return "destroy";
    case Blocker::Stops::kReset:
      return "reset";
    case Blocker::Stops::kModeChange:
      return "modeChange";
  }
  return "";
}

}  // namespace mig::wire
