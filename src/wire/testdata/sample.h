// SPDX-License-Identifier: Apache-2.0
// An invented machine for tests of this room and of the command line: two A100-40GB, one with a
// busy 3g.20gb and a GPU instance without compute instance, one with MIG off.
#ifndef MIGCTL_WIRE_TESTDATA_SAMPLE_H_
#define MIGCTL_WIRE_TESTDATA_SAMPLE_H_

#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::sample {

inline ProfileName name(const char* text) {
  return ProfileName::parse(text).value();
}

inline GpuInstanceProfile profile(const char* text,
                                  std::uint32_t id,
                                  std::uint32_t nvml,
                                  std::uint32_t slices,
                                  std::uint32_t max,
                                  std::uint32_t sm,
                                  std::uint64_t mib,
                                  std::vector<Placement> placements,
                                  std::optional<std::uint32_t> remaining) {
  GpuInstanceProfile p;
  p.nvml_profile = nvml;
  p.id = ProfileId{id};
  p.name = name(text);
  p.slices = slices;
  p.max_count = max;
  p.sm = sm;
  p.memory_mib = mib;
  p.engines = {slices, slices / 2, 0, 0, 0};
  p.placements = std::move(placements);
  p.remaining = remaining;
  return p;
}

inline Gpu gpu(std::uint32_t index, const char* uuid) {
  Gpu g;
  g.index = GpuIndex{index};
  g.uuid = uuid;
  g.name = "NVIDIA A100-SXM4-40GB";
  g.pci_bus_id = index == 0 ? "00000000:10:00.0" : "00000000:18:00.0";
  g.architecture = Architecture::kAmpere;
  g.memory_total_mib = 40960;
  if (index == 0) {
    g.display = {0x0302, std::nullopt, false};
  }
  g.max_mig_devices = 7;
  g.memory_slices = 8;
  g.compute_slices = 7;
  g.profiles = {
      profile("1g.5gb",
              19,
              0,
              1,
              7,
              14,
              4864,
              {{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}},
              index == 0 ? std::optional<std::uint32_t>(2) : 7),
      profile("2g.10gb", 14, 1, 2, 3, 28, 9856, {{0, 2}, {2, 2}, {4, 2}}, index == 0 ? 1U : 3U),
      profile("3g.20gb", 9, 2, 3, 2, 42, 19968, {{0, 4}, {4, 4}}, index == 0 ? 0U : 2U),
      profile("7g.40gb", 0, 4, 7, 1, 98, 40192, {{0, 8}}, std::nullopt),
  };
  return g;
}

inline Inventory inventory() {
  Inventory i;
  i.simulated = true;
  i.simulated_machine = "lab";
  i.driver_version = "580.159.04";
  i.nvml_version = "13.580.159.04";
  i.generation = 0xfedcba9876543210ULL;
  Gpu first = gpu(0, "GPU-11111111-2222-3333-4444-555555555555");
  first.mig_current = first.mig_pending = MigMode::kEnabled;
  GpuInstance busy{GpuInstanceId{2}, ProfileId{9}, 2, name("3g.20gb"), {4, 4}, 19968, 42, {}};
  ComputeInstance compute;
  compute.nvml_profile = 2;
  compute.name = name("3g.20gb");
  compute.placement = Placement{0, 3};
  compute.sm = 42;
  compute.uuid = "MIG-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
  compute.device_index = 0;
  compute.memory_used_mib = 37;
  busy.compute_instances = {compute};
  GpuInstance bare{GpuInstanceId{5}, ProfileId{14}, 1, name("2g.10gb"), {2, 2}, 9856, 28, {}};
  first.instances = {busy, bare};
  first.processes = {
      {4121, "python", 512, GpuInstanceId{2}, ComputeInstanceId{0}},
      {4122, "", std::nullopt, std::nullopt, std::nullopt},
  };
  Gpu second = gpu(1, "GPU-66666666-7777-8888-9999-000000000000");
  second.mig_current = MigMode::kDisabled;
  second.mig_pending = MigMode::kEnabled;
  i.gpus = {first, second};
  return i;
}

inline Step step(StepKind kind, const char* profile_name, Placement at) {
  Step s;
  s.kind = kind;
  s.gpu = GpuIndex{0};
  s.gpu_uuid = "GPU-11111111-2222-3333-4444-555555555555";
  s.profile = name(profile_name);
  s.gpu_placement = at;
  s.estimated_ms = 120;
  return s;
}

inline Plan plan() {
  Plan p;
  p.label = "mixed";
  p.generation = 0xfedcba9876543210ULL;
  p.estimated_ms = 260;
  p.warnings = {"GPU 1 is left as it is"};
  GpuPlan g;
  g.gpu = GpuIndex{0};
  g.uuid = "GPU-11111111-2222-3333-4444-555555555555";
  g.name = "NVIDIA A100-SXM4-40GB";
  const LayoutCell kept{name("3g.20gb"),
                        {4, 4},
                        true,
                        {{name("1c.3g.20gb"), 14}, {name("2c.3g.20gb"), std::nullopt}}};
  const LayoutCell gone{name("2g.10gb"), {2, 2}, false, {}};
  const LayoutCell a{name("1g.5gb"), {0, 1}, false, {{name("1g.5gb"), 14}}};
  const LayoutCell b{name("1g.5gb"), {1, 1}, false, {{name("1g.5gb"), 14}}};
  g.before = {MigMode::kEnabled, 8, {gone, kept}};
  g.after = {MigMode::kEnabled, 8, {a, b, kept}};
  g.kept = {kept};
  g.destroyed = {gone};
  g.created = {a, b};
  g.blockers = {{GpuIndex{0},
                 GpuInstanceId{5},
                 Process{77, "sleep", 3, GpuInstanceId{5}, std::nullopt},
                 "pid 77 (sleep) runs on 2g.10gb gi=5",
                 Blocker::Stops::kDestroy}};
  p.gpus = {g};
  Step destroy = step(StepKind::kDestroyGpuInstance, "2g.10gb", {2, 2});
  destroy.gpu_instance = GpuInstanceId{5};
  destroy.profile_id = ProfileId{14};
  destroy.nvml_profile = 1;
  Step create = step(StepKind::kCreateGpuInstance, "1g.5gb", {0, 1});
  create.profile_id = ProfileId{19};
  Step compute = step(StepKind::kCreateComputeInstance, "1g.5gb", {0, 1});
  compute.ci_placement = Placement{0, 1};
  compute.sm = 14;
  Step reset;
  reset.kind = StepKind::kResetGpu;
  reset.gpu = GpuIndex{0};
  reset.gpu_uuid = create.gpu_uuid;
  reset.estimated_ms = 8000;
  p.steps = {destroy, reset, create, compute};
  return p;
}

}  // namespace mig::sample

#endif  // MIGCTL_WIRE_TESTDATA_SAMPLE_H_
