// SPDX-License-Identifier: Apache-2.0
// The samples of model/testing/ as the terminal view's tests and its benchmark need them: more
// instances of more tenants, and a minute of them.
#ifndef MIGCTL_TOP_TEST_SAMPLE_H_
#define MIGCTL_TOP_TEST_SAMPLE_H_

#include <cmath>
#include <string>
#include <utility>

#include "model/testing/test_sample.h"
#include "top/content.h"

namespace mig::top::testing {

constexpr std::int64_t kNoon = 1'795'867'200'000;  // Unix time in ms, at 12:00:00 UTC

inline GpuInstanceSample instance(std::uint32_t id,
                                  const std::string& profile,
                                  Placement placement,
                                  std::uint32_t sm,
                                  double load) {
  GpuInstanceSample out;
  out.id = {id};
  out.profile = profile;
  out.placement = placement;
  out.generation = 0xA1;
  out.sm = sm;
  out.memory_total_bytes = std::uint64_t{16} << 30U;
  out.memory_used_bytes = static_cast<std::uint64_t>(load * 16 * 1024) << 20U;
  out.source = ActivitySource::kGpm;
  out.activity.sm = load;
  out.activity.dram = load / 2;
  out.activity.tensor = load / 4;
  out.activity.occupancy = load / 3;
  out.activity.pcie_tx_bytes_per_second = load * 1e9;
  out.activity.pcie_rx_bytes_per_second = load * 1e6;
  out.power_watts = 40 * load;
  out.energy_mj = 3'600'000;
  ComputeInstanceSample& compute = out.compute_instances.emplace_back();
  compute.id = {0};
  compute.profile = profile;
  compute.uuid = "MIG-11111111-2222-3333-4444-55555555555" + std::to_string(id % 10);
  compute.sm = sm;
  return out;
}

inline void lease(GpuInstanceSample& to,
                  std::int64_t number,
                  const std::string& tenant,
                  const std::string& job) {
  to.compute_instances.front().uses.push_back({number, tenant, job, 1000, kNoon - 300'000});
}

inline ProcessSample process(std::uint32_t pid,
                             const std::string& name,
                             std::uint32_t gi,
                             std::uint64_t mib,
                             const std::string& tenant) {
  ProcessSample out;
  out.pid = pid;
  out.name = name;
  out.uid = 1000 + pid % 2;
  out.memory_bytes = mib << 20U;
  out.gpu_instance = GpuInstanceId{gi};
  out.compute_instance = ComputeInstanceId{0};
  out.tenant = tenant;
  if (!tenant.empty()) {
    out.lease = 1;
  }
  return out;
}

inline GpuSample h200(std::uint32_t index) {
  GpuSample gpu = test_sample().gpus.at(0);
  gpu.index = {index};
  gpu.uuid = "GPU-0000000" + std::to_string(index) + "-aaaa-bbbb-cccc-dddddddddddd";
  gpu.sm_stranded = 20;
  gpu.throttle_reasons.reset();
  gpu.drift.reset();
  gpu.activity.sm = 0.35;
  gpu.activity.dram = 0.2;
  gpu.activity.tensor = 0.1;
  gpu.instances.clear();
  gpu.processes.clear();
  gpu.xids.clear();
  gpu.room.clear();
  return gpu;
}

// Two GPUs: one with four instances of two tenants, one whose driver tells no activity.
inline MachineSample machine(std::int64_t time_ms = kNoon) {
  MachineSample sample = test_sample();
  sample.time_ms = time_ms;
  sample.tick = 1;
  sample.interval_seconds = 1;
  sample.generation = 0xA1;
  sample.simulated_machine = "lab";
  sample.hostname = "node7";
  GpuSample first = h200(0);
  first.instances = {instance(3, "2g.35gb", {0, 2}, 32, 0.82),
                     instance(7, "1g.18gb", {2, 1}, 16, 0.05),
                     instance(8, "1g.18gb+me", {3, 1}, 16, 1.29),
                     instance(1, "3g.71gb", {4, 4}, 60, 0.4)};
  lease(first.instances[0], 1, "team-a", "train");
  lease(first.instances[1], 2, "team-b", "");
  lease(first.instances[3], 3, "team-a", "serve");
  first.instances[3].compute_instances.front().profile = "1c.3g.71gb";
  ComputeInstanceSample second = first.instances[3].compute_instances.front();
  second.id = {1};
  second.profile = "2c.3g.71gb";
  second.uses.clear();
  first.instances[3].compute_instances.push_back(second);
  first.processes = {process(4121, "python", 3, 12'000, "team-a"),
                     process(4122, "python", 3, 700, "team-a"),
                     process(5001, "jupyter", 7, 512, "team-b"),
                     process(6000, "stray", 8, 64, "")};
  first.processes[0].owner.slurm_job = "17";
  first.xids = {{43, GpuInstanceId{7}, std::nullopt, 2, time_ms - 1000}};
  first.room = {{"1g.18gb", 0}, {"3g.71gb", 0}};
  GpuSample other = h200(1);
  other.name = "NVIDIA A100-SXM4-40GB";
  other.source = ActivitySource::kUnknown;
  other.activity = {};
  other.activity_reason = "the driver gives none on Ampere in MIG mode";
  other.power_watts.reset();
  other.memory_used_bytes.reset();
  other.sm_stranded.reset();
  GpuInstanceSample unknown = instance(5, "1g.5gb", {0, 1}, 14, 0);
  unknown.source = ActivitySource::kUnknown;
  unknown.activity = {};
  unknown.activity_reason = other.activity_reason;
  unknown.memory_used_bytes.reset();
  unknown.power_watts.reset();
  other.instances = {unknown};
  other.room = {{"1g.5gb", 6}};
  sample.gpus = {first, other};
  return sample;
}

// Eight GPUs with seven instances each, each with processes: what a full node shows.
inline MachineSample full_node(std::int64_t time_ms, double phase) {
  MachineSample sample = machine(time_ms);
  sample.gpus.clear();
  for (std::uint32_t i = 0; i < 8; ++i) {
    GpuSample gpu = h200(i);
    for (std::uint32_t k = 0; k < 7; ++k) {
      const double load = 0.5 + 0.5 * std::sin(phase + i + 7.0 * k);
      gpu.instances.push_back(instance(k + 7, "1g.18gb", {k, 1}, 16, load));
      lease(gpu.instances.back(), i * 7 + k + 1, "team-" + std::to_string(k), "job");
      for (std::uint32_t p = 0; p < 4; ++p) {
        gpu.processes.push_back(process(
            10'000 + 100 * i + 10 * k + p, "worker", k + 7, 100 + p, "team-" + std::to_string(k)));
      }
    }
    sample.gpus.push_back(std::move(gpu));
  }
  return sample;
}

// Content after a minute of samples, the processes known to the host.
inline Content content() {
  Content content;
  content.source = "migd";
  for (int second = 59; second >= 0; --second) {
    MachineSample sample = machine(kNoon - std::int64_t{second} * 1000);
    const double wave = 0.5 + 0.45 * std::sin(second / 5.0);
    sample.gpus[0].activity.sm = second == 0 ? 0.35 : wave;
    sample.gpus[0].instances[0].activity.sm = second == 0 ? 0.82 : 1 - wave;
    content.note(std::move(sample), kNoon - std::int64_t{second} * 1000);
  }
  content.users = {{1000, "alice"}, {1001, "bob"}};
  content.processes = {{4121, {900, 1001U, {1}}},
                       {4122, {950, 1000U, {4121, 1}}},
                       {5001, {1000, 1001U, {1}}},
                       {6000, {0, std::nullopt, {}}}};
  return content;
}

// On the first GPU two small instances would become a 2g, on one of which a process runs; the
// second stays.
inline Preview preview(const MachineSample& sample, const std::string& asked) {
  Preview out;
  out.asked = asked;
  out.ready = true;
  out.at_ms = kNoon;
  GpuPlan first;
  first.gpu = sample.gpus[0].index;
  first.uuid = sample.gpus[0].uuid;
  first.name = sample.gpus[0].name;
  first.before = layout_of(sample.gpus[0]);
  first.after = first.before;
  first.destroyed = {first.before.cells[1], first.before.cells[2]};
  first.after.cells.erase(first.after.cells.begin() + 1, first.after.cells.begin() + 3);
  first.kept = first.after.cells;
  LayoutCell made = first.before.cells[0];
  made.placement = {2, 2};
  made.busy = false;
  first.created = {made};
  first.after.cells.insert(first.after.cells.begin() + 1, made);
  Blocker blocker;
  blocker.gpu = first.gpu;
  blocker.what = "pid 5001 (jupyter) runs on 1g.18gb gi=7";
  first.blockers = {blocker};
  GpuPlan second;
  second.gpu = sample.gpus[1].index;
  second.name = sample.gpus[1].name;
  second.before = layout_of(sample.gpus[1]);
  second.after = second.before;
  second.kept = second.before.cells;
  out.plan.gpus = {first, second};
  Step step;
  step.kind = StepKind::kCreateGpuInstance;
  step.gpu = first.gpu;
  step.profile = made.profile;
  step.gpu_placement = made.placement;
  out.plan.steps = {step};
  out.plan.warnings = {"2 instances are in use and stay where they are"};
  out.plan.estimated_ms = 2300;
  return out;
}

}  // namespace mig::top::testing

#endif  // MIGCTL_TOP_TEST_SAMPLE_H_
