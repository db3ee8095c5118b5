// SPDX-License-Identifier: Apache-2.0
#include "model/testing/test_sample.h"

#include <string>

#include <fmt/format.h>

namespace mig {
namespace {

constexpr std::uint64_t kGibibyte = 1ULL << 30U;
constexpr std::int64_t kNowMs = 1'790'000'000'000;

Activity busy(double sm) {
  Activity activity;
  activity.graphics = sm + 0.01;
  activity.sm = sm;
  activity.occupancy = sm / 2;
  activity.tensor = sm / 4;
  activity.dram = 0.41;
  activity.fp64 = 0;
  activity.fp32 = 0.125;
  activity.fp16 = 0.0625;
  activity.integer = 0.03125;
  activity.pcie_tx_bytes_per_second = 1'048'576;
  activity.pcie_rx_bytes_per_second = 2'097'152;
  return activity;
}

ComputeInstanceSample compute(std::uint32_t id, const char* profile, std::uint32_t sm) {
  ComputeInstanceSample sample;
  sample.id = {id};
  sample.profile = profile;
  sample.uuid = fmt::format("MIG-00000000-0000-0000-0000-00000000000{}", id);
  sample.sm = sm;
  return sample;
}

GpuInstanceSample training() {
  GpuInstanceSample instance;
  instance.id = {2};
  instance.profile = "3g.71gb";
  instance.placement = {0, 4};
  instance.generation = 41;
  instance.sm = 60;
  instance.memory_total_bytes = 71 * kGibibyte;
  instance.memory_used_bytes = 17 * kGibibyte;
  instance.source = ActivitySource::kGpm;
  instance.activity = busy(0.9067);
  instance.activity_seconds = 1.001;
  instance.activity_age_seconds = 0;
  instance.energy_mj = 88'213'400;
  instance.power_watts = 212.5;
  instance.compute_instances = {compute(0, "1c.3g.71gb", 16), compute(1, "2c.3g.71gb", 32)};
  instance.compute_instances[0].activity = busy(0.5);
  instance.compute_instances[0].uses = {
      {193, "team-a", "train \"big\"\\run", 1001, kNowMs - 60'000}};
  instance.compute_instances[1].uses = {{194, "team-b", "", 1002, kNowMs - 30'000}};
  return instance;
}

GpuInstanceSample idle() {
  GpuInstanceSample instance;
  instance.id = {9};
  instance.profile = "1g.18gb+me";
  instance.placement = {4, 1};
  instance.generation = 43;
  instance.sm = 16;
  instance.memory_total_bytes = 16 * kGibibyte;
  instance.memory_used_bytes = 0;
  instance.source = ActivitySource::kUnknown;
  instance.activity_reason = "two samples are needed, one was taken";
  instance.energy_mj = 0;
  instance.compute_instances = {compute(0, "1g.18gb+me", 16)};
  instance.idle_since_ms = kNowMs - 3'600'000;
  return instance;
}

GpuInstanceSample bare() {
  GpuInstanceSample instance;
  instance.id = {10};
  instance.profile = "1g.18gb";
  instance.placement = {5, 1};
  instance.generation = 44;
  instance.sm = 16;
  instance.activity_reason = "the GPU instance has no compute instance";
  return instance;
}

GpuSample mig_gpu() {
  GpuSample gpu;
  gpu.index = {0};
  gpu.uuid = "GPU-00000000-0000-0000-0000-000000000000";
  gpu.name = "NVIDIA H200";
  gpu.pci_bus_id = "00000000:83:00.0";
  gpu.minor = 0;
  gpu.mig_current = MigMode::kEnabled;
  gpu.mig_pending = MigMode::kEnabled;
  gpu.memory_slices = 8;
  gpu.compute_slices = 7;
  gpu.sm_total = 132;
  gpu.sm_allocated = 92;
  gpu.sm_stranded = 8;
  gpu.memory_total_bytes = 141 * kGibibyte;
  gpu.memory_used_bytes = 17 * kGibibyte;
  gpu.power_watts = 312.5;
  gpu.power_limit_watts = 700;
  gpu.energy_mj = 146'022'900;
  gpu.energy_gone_mj = 1'000'000;
  gpu.energy_unattributed_mj = 56'809'500;
  gpu.energy_method = "sm_dram_weighted";
  gpu.temperature_celsius = 54;
  gpu.memory_temperature_celsius = 61;
  gpu.sm_clock_hz = 1'980'000'000;
  gpu.memory_clock_hz = 3'201'000'000;
  gpu.throttle_reasons = 0x44;
  gpu.ecc_uncorrected = 0;
  gpu.ecc_corrected = 3;
  gpu.remap_pending = false;
  gpu.remap_failed = false;
  gpu.source = ActivitySource::kGpm;
  gpu.activity = busy(0.41);
  gpu.instances = {training(), idle(), bare()};
  gpu.room = {{"1g.18gb", 1}, {"3g.71gb", 0}};
  gpu.drift = true;
  ProcessSample leased;
  leased.pid = 4121;
  leased.name = "python";
  leased.gpu_instance = GpuInstanceId{2};
  leased.compute_instance = ComputeInstanceId{0};
  leased.lease = 193;
  ProcessSample unleased = leased;
  unleased.pid = 4122;
  unleased.gpu_instance = GpuInstanceId{9};
  unleased.lease.reset();
  gpu.processes = {leased, unleased};
  gpu.xids = {{79, std::nullopt, std::nullopt, 1, kNowMs - 7000},
              {31, GpuInstanceId{2}, ComputeInstanceId{0}, 2, kNowMs - 5000}};
  return gpu;
}

GpuSample whole_gpu() {
  GpuSample gpu;
  gpu.index = {1};
  gpu.uuid = "GPU-11111111-1111-1111-1111-111111111111";
  gpu.name = "NVIDIA A100-SXM4-40GB";
  gpu.pci_bus_id = "00000000:84:00.0";
  gpu.mig_current = MigMode::kDisabled;
  gpu.mig_pending = MigMode::kEnabled;
  gpu.memory_slices = 8;
  gpu.compute_slices = 7;
  gpu.sm_total = 108;
  gpu.memory_total_bytes = 40 * kGibibyte;
  gpu.memory_used_bytes = kGibibyte;
  gpu.gpu_utilization = 0.25;
  gpu.memory_utilization = 0.5;
  gpu.power_watts = 61.25;
  gpu.activity_reason = "NVML gives no activity of GPUs before Hopper";
  return gpu;
}

}  // namespace

MachineSample test_sample() {
  MachineSample sample;
  sample.time_ms = kNowMs;
  sample.tick = 42;
  sample.interval_seconds = 1.001;
  sample.generation = 44;
  sample.simulated = true;
  sample.simulated_machine = "box";
  sample.driver_version = "590.48.01";
  sample.nvml_version = "13.590.48.01";
  sample.hostname = "n1";
  sample.gpus = {mig_gpu(), whole_gpu()};
  sample.collectors = {{"topology", true, "", 0.0015, kNowMs},
                       {"gpm", false, "GPU 1: not supported", 0.004, std::nullopt}};
  return sample;
}

MachineSample large_sample(std::uint32_t gpus) {
  constexpr std::uint32_t kInstances = 7;
  MachineSample sample = test_sample();
  sample.gpus.clear();
  for (std::uint32_t index = 0; index < gpus; ++index) {
    GpuSample gpu = mig_gpu();
    gpu.index = {index};
    gpu.uuid = fmt::format("GPU-{:08x}-0000-4000-8000-000000000000", index);
    gpu.instances.clear();
    gpu.processes.clear();
    for (std::uint32_t i = 0; i < kInstances; ++i) {
      GpuInstanceSample instance = training();
      instance.id = {i + 7};
      instance.profile = "1g.18gb";
      instance.placement = {i, 1};
      instance.sm = 16;
      instance.compute_instances.pop_back();
      instance.compute_instances[0].profile = "1g.18gb";
      instance.compute_instances[0].activity.reset();
      gpu.instances.push_back(instance);
      ProcessSample process;
      process.pid = 1000 + index * kInstances + i;
      process.gpu_instance = instance.id;
      process.compute_instance = ComputeInstanceId{0};
      gpu.processes.push_back(process);
    }
    sample.gpus.push_back(gpu);
  }
  return sample;
}

}  // namespace mig
