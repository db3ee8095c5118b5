// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>

#include <fmt/core.h>

#include "wire/document.h"
#include "wire/reader.h"
#include "wire/wire.h"

namespace mig::wire {
namespace {

constexpr std::size_t kMaxPlanBytes = 4UL << 20;

template <class Enum, std::size_t N>
Enum read_enum(const Reader& reader,
               const std::array<Enum, N>& values,
               std::string_view (*text)(Enum)) {
  const std::string found = reader.text();
  for (const Enum value : values) {
    if (text(value) == found) {
      return value;
    }
  }
  reader.complain(fmt::format("'{}' is not a word that migctl writes here", found));
  return values.front();
}

Placement read_placement(const Reader& reader) {
  reader.only({"start", "size"});
  return {reader.at("start").u32(), reader.at("size").u32()};
}

ProfileName read_profile(const Reader& reader) {
  const auto name = ProfileName::parse(reader.text());
  if (!name) {
    reader.complain(name.error().message);
    return {};
  }
  return *name;
}

template <class IdType>
IdType read_id(const Reader& reader) {
  return IdType{reader.u32()};
}

std::optional<std::uint32_t> read_sm(const Reader& reader) {
  return reader.at("sm").optional([](const Reader& r) { return r.u32(); });
}

LayoutCell read_cell(const Reader& reader) {
  reader.only({"profile", "placement", "busy", "computeInstances"});
  LayoutCell cell;
  cell.profile = read_profile(reader.at("profile"));
  cell.placement = read_placement(reader.at("placement"));
  cell.busy = reader.at("busy").boolean();
  for (const auto& element : reader.at("computeInstances").elements()) {
    element.only({"profile", "sm"});
    cell.computes.push_back({read_profile(element.at("profile")), read_sm(element)});
  }
  return cell;
}

std::vector<LayoutCell> read_cells(const Reader& reader) {
  std::vector<LayoutCell> cells;
  for (const auto& element : reader.elements()) {
    cells.push_back(read_cell(element));
  }
  return cells;
}

GpuLayout read_layout(const Reader& reader) {
  static constexpr std::array kModes{MigMode::kUnsupported, MigMode::kDisabled, MigMode::kEnabled};
  reader.only({"mode", "memorySlices", "instances"});
  GpuLayout layout;
  layout.mode = read_enum(reader.at("mode"), kModes, mode_text);
  layout.memory_slices = reader.at("memorySlices").u32();
  layout.cells = read_cells(reader.at("instances"));
  return layout;
}

Process read_process(const Reader& reader) {
  reader.only({"pid", "name", "memoryMib", "gpuInstance", "computeInstance"});
  Process process;
  process.pid = reader.at("pid").u32();
  const Reader name = reader.at("name");
  process.name = name.is_null() ? std::string() : name.text();
  process.memory_mib = reader.at("memoryMib").optional([](const Reader& r) { return r.number(); });
  process.gpu_instance = reader.at("gpuInstance").optional(read_id<GpuInstanceId>);
  process.compute_instance = reader.at("computeInstance").optional(read_id<ComputeInstanceId>);
  return process;
}

InstanceLease read_lease_of_blocker(const Reader& reader, std::uint64_t start_ticks) {
  reader.only({"id", "tenant", "job", "gpuInstance", "computeInstance", "pid", "external"});
  InstanceLease lease;
  lease.id = static_cast<std::int64_t>(reader.at("id").number(INT64_MAX));
  lease.tenant = reader.at("tenant").text();
  lease.job = reader.at("job").optional([](const Reader& r) { return r.text(); }).value_or("");
  lease.gpu_instance = read_id<GpuInstanceId>(reader.at("gpuInstance"));
  lease.compute_instance = read_id<ComputeInstanceId>(reader.at("computeInstance"));
  lease.pid = reader.at("pid").optional([](const Reader& r) { return r.u32(); }).value_or(0);
  lease.start_ticks = start_ticks;
  if (reader.given("external")) {  // plans of earlier versions have no such member
    lease.key =
        reader.at("external").optional([](const Reader& r) { return r.text(); }).value_or("");
  }
  return lease;
}

Blocker read_blocker(const Reader& reader) {
  static constexpr std::array kStops{
      Blocker::Stops::kDestroy, Blocker::Stops::kReset, Blocker::Stops::kModeChange};
  reader.only({"gpu", "gpuInstance", "process", "what", "stops", "startTicks", "lease"});
  Blocker blocker;
  blocker.gpu = read_id<GpuIndex>(reader.at("gpu"));
  blocker.gpu_instance = reader.at("gpuInstance").optional(read_id<GpuInstanceId>);
  blocker.process = reader.at("process").optional(read_process);
  blocker.what = reader.at("what").text();
  blocker.stops = read_enum(reader.at("stops"), kStops, stops_text);
  blocker.start_ticks =
      reader.at("startTicks").optional([](const Reader& r) { return r.number(); }).value_or(0);
  if (reader.given("lease")) {
    blocker.lease = read_lease_of_blocker(reader.at("lease"), blocker.start_ticks);
  }
  return blocker;
}

GpuPlan read_gpu_plan(const Reader& reader) {
  reader.only(
      {"index", "uuid", "name", "before", "after", "kept", "destroyed", "created", "blockers"});
  GpuPlan gpu;
  gpu.gpu = read_id<GpuIndex>(reader.at("index"));
  gpu.uuid = reader.at("uuid").text();
  gpu.name = reader.at("name").text();
  gpu.before = read_layout(reader.at("before"));
  gpu.after = read_layout(reader.at("after"));
  gpu.kept = read_cells(reader.at("kept"));
  gpu.destroyed = read_cells(reader.at("destroyed"));
  gpu.created = read_cells(reader.at("created"));
  for (const auto& element : reader.at("blockers").elements()) {
    gpu.blockers.push_back(read_blocker(element));
  }
  return gpu;
}

KeptRoom read_kept_room(const Reader& reader) {
  reader.only({"gpu", "profile", "placement"});
  return {read_id<GpuIndex>(reader.at("gpu")),
          read_profile(reader.at("profile")),
          read_placement(reader.at("placement"))};
}

void read_instance_members(const Reader& reader, Step& step) {
  step.gpu_instance = reader.at("gpuInstance").optional(read_id<GpuInstanceId>);
  step.compute_instance = reader.at("computeInstance").optional(read_id<ComputeInstanceId>);
  step.profile = read_profile(reader.at("profile"));
  step.profile_id = read_id<ProfileId>(reader.at("profileId"));
  step.nvml_profile = reader.at("profileEnum").u32();
  step.gpu_placement = read_placement(reader.at("placement"));
  step.ci_placement = reader.at("computePlacement").optional(read_placement);
  if (concerns_compute(step.kind)) {
    step.sm = read_sm(reader);
  }
}

// `text` and `undo` are for display; they follow from the rest and are not parsed.
Step read_step(const Reader& reader) {
  static constexpr std::array kKinds{StepKind::kDestroyComputeInstance,
                                     StepKind::kDestroyGpuInstance,
                                     StepKind::kDisableMig,
                                     StepKind::kEnableMig,
                                     StepKind::kResetGpu,
                                     StepKind::kCreateGpuInstance,
                                     StepKind::kCreateComputeInstance};
  reader.only({"kind",
               "gpu",
               "gpuUuid",
               "gpuInstance",
               "computeInstance",
               "profile",
               "profileId",
               "profileEnum",
               "placement",
               "computePlacement",
               "sm",
               "estimatedMs",
               "text",
               "undo"});
  Step step;
  step.kind = read_enum(reader.at("kind"), kKinds, step_kind_text);
  step.gpu = read_id<GpuIndex>(reader.at("gpu"));
  step.gpu_uuid = reader.at("gpuUuid").text();
  const bool instance = step.kind != StepKind::kEnableMig && step.kind != StepKind::kDisableMig &&
                        step.kind != StepKind::kResetGpu;
  if (instance) {
    read_instance_members(reader, step);
  }
  step.estimated_ms = reader.at("estimatedMs").u32();
  return step;
}

std::uint64_t read_generation(const Reader& reader) {
  const std::string text = reader.text();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) {
    reader.complain("a hexadecimal number is expected");
  }
  return value;
}

SavedPlan read_document(const Reader& reader) {
  SavedPlan saved;
  if (reader.at("apiVersion").text() != kApiVersion) {
    reader.at("apiVersion").complain(fmt::format("only {} is understood", kApiVersion));
  }
  if (reader.at("kind").text() != "Plan") {
    reader.at("kind").complain("this is not a Plan (`migctl plan -o FILE` writes one)");
  }
  reader.only({"apiVersion",
               "kind",
               "simulated",
               "simulatedMachine",
               "label",
               "generation",
               "estimatedMs",
               "blocked",
               "gpus",
               "steps",
               "warnings",
               "keptRoom"});
  saved.source.simulated = reader.at("simulated").boolean();
  if (reader.has("simulatedMachine")) {
    saved.source.machine = reader.at("simulatedMachine").text();
  }
  Plan& plan = saved.plan;
  plan.label = reader.at("label").text();
  plan.generation = read_generation(reader.at("generation"));
  plan.estimated_ms = reader.at("estimatedMs").u32();
  for (const auto& element : reader.at("gpus").elements()) {
    plan.gpus.push_back(read_gpu_plan(element));
  }
  for (const auto& element : reader.at("steps").elements()) {
    plan.steps.push_back(read_step(element));
  }
  for (const auto& element : reader.at("warnings").elements()) {
    plan.warnings.push_back(element.text());
  }
  if (reader.has("keptRoom")) {
    for (const auto& element : reader.at("keptRoom").elements()) {
      plan.kept_room.push_back(read_kept_room(element));
    }
  }
  return saved;
}

}  // namespace

Result<SavedPlan> parse_plan(std::string_view text, std::string_view file) {
  if (text.size() > kMaxPlanBytes) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format(
            "{}: a saved plan of {} bytes; the limit is {}", file, text.size(), kMaxPlanBytes));
  }
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{}: not JSON: {}", file, error.what()),
                "`migctl plan -f LAYOUT -o FILE` writes a plan that apply --plan reads");
  }
  Problem problem;
  SavedPlan saved = read_document(Reader(json, "", problem));
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{}: {}", file, problem.text()),
                "make the plan again: migctl plan -f LAYOUT -o FILE");
  }
  return saved;
}

}  // namespace mig::wire
