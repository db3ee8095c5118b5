// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"

namespace mig::wire {
namespace {

Json cell_json(const LayoutCell& cell) {
  Json computes = Json::array();
  for (const CellCompute& compute : cell.computes) {
    computes.push_back(Json{{"profile", compute.profile.str()}, {"sm", or_null(compute.sm)}});
  }
  return Json{{"profile", cell.profile.str()},
              {"placement", placement_json(cell.placement)},
              {"busy", cell.busy},
              {"computeInstances", std::move(computes)}};
}

Json cells_json(const std::vector<LayoutCell>& cells) {
  Json json = Json::array();
  for (const auto& cell : cells) {
    json.push_back(cell_json(cell));
  }
  return json;
}

Json layout_json(const GpuLayout& layout) {
  return Json{{"mode", mode_text(layout.mode)},
              {"memorySlices", layout.memory_slices},
              {"instances", cells_json(layout.cells)}};
}

Json blocker_json(const Blocker& blocker) {
  Json json;
  json["gpu"] = blocker.gpu.value;
  json["gpuInstance"] = or_null(blocker.gpu_instance);
  json["process"] = blocker.process ? process_json(*blocker.process) : Json(nullptr);
  json["what"] = blocker.what;
  json["stops"] = stops_text(blocker.stops);
  json["startTicks"] = blocker.start_ticks != 0 ? Json(blocker.start_ticks) : Json(nullptr);
  if (blocker.lease) {
    json["lease"] = {{"id", blocker.lease->id},
                     {"tenant", blocker.lease->tenant},
                     {"job", text_or_null(blocker.lease->job)},
                     {"gpuInstance", blocker.lease->gpu_instance.value},
                     {"computeInstance", blocker.lease->compute_instance.value},
                     {"pid", blocker.lease->pid != 0 ? Json(blocker.lease->pid) : Json(nullptr)},
                     {"external", text_or_null(blocker.lease->key)}};
  }
  return json;
}

Json gpu_plan_json(const GpuPlan& gpu) {
  Json json;
  json["index"] = gpu.gpu.value;
  json["uuid"] = gpu.uuid;
  json["name"] = gpu.name;
  json["before"] = layout_json(gpu.before);
  json["after"] = layout_json(gpu.after);
  json["kept"] = cells_json(gpu.kept);
  json["destroyed"] = cells_json(gpu.destroyed);
  json["created"] = cells_json(gpu.created);
  json["blockers"] = Json::array();
  for (const auto& blocker : gpu.blockers) {
    json["blockers"].push_back(blocker_json(blocker));
  }
  return json;
}

Json kept_room_json(const std::vector<KeptRoom>& kept) {
  Json json = Json::array();
  for (const auto& room : kept) {
    json.push_back(Json{{"gpu", room.gpu.value},
                        {"profile", room.profile.str()},
                        {"placement", placement_json(room.placement)}});
  }
  return json;
}

bool concerns_instance(StepKind kind) {
  return kind != StepKind::kEnableMig && kind != StepKind::kDisableMig &&
         kind != StepKind::kResetGpu;
}

}  // namespace

bool concerns_compute(StepKind kind) {
  return kind == StepKind::kCreateComputeInstance || kind == StepKind::kDestroyComputeInstance;
}

Json step_json(const Step& step) {
  Json json;
  json["kind"] = step_kind_text(step.kind);
  json["gpu"] = step.gpu.value;
  json["gpuUuid"] = step.gpu_uuid;
  if (concerns_instance(step.kind)) {
    json["gpuInstance"] = or_null(step.gpu_instance);
    json["computeInstance"] = or_null(step.compute_instance);
    json["profile"] = step.profile.str();
    json["profileId"] = step.profile_id.value;
    json["profileEnum"] = step.nvml_profile;
    json["placement"] = placement_json(step.gpu_placement);
    json["computePlacement"] =
        step.ci_placement ? placement_json(*step.ci_placement) : Json(nullptr);
    if (concerns_compute(step.kind)) {
      json["sm"] = or_null(step.sm);
    }
  }
  json["estimatedMs"] = step.estimated_ms;
  json["text"] = step.str();
  json["undo"] = step.undo().str();
  return json;
}

Json plan_json(const Plan& plan) {
  Json json;
  json["label"] = plan.label;
  json["generation"] = generation_text(plan.generation);
  json["estimatedMs"] = plan.estimated_ms;
  json["blocked"] = plan.blocked();
  json["gpus"] = Json::array();
  for (const auto& gpu : plan.gpus) {
    json["gpus"].push_back(gpu_plan_json(gpu));
  }
  json["steps"] = Json::array();
  for (const auto& step : plan.steps) {
    json["steps"].push_back(step_json(step));
  }
  json["warnings"] = plan.warnings;
  if (!plan.kept_room.empty()) {
    json["keptRoom"] = kept_room_json(plan.kept_room);
  }
  return json;
}

std::string plan_document(const Plan& plan, const Source& source) {
  Json document = begin_document("Plan", source);
  document.update(plan_json(plan));
  return finish(document);
}

}  // namespace mig::wire
