// SPDX-License-Identifier: Apache-2.0
#include "observe/machine_reader.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/unix_time.h"
#include "observe/units.h"

namespace mig::observe {
namespace {

// How often what changes seldom is read.
constexpr std::chrono::seconds kSlow{10};
constexpr std::size_t kLongestHostname = 256;

std::string hostname() {
  std::array<char, kLongestHostname> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "";
}

ComputeInstanceSample sample_of(const ComputeInstance& compute) {
  ComputeInstanceSample out;
  out.id = compute.id;
  out.profile = compute.name.str();
  out.uuid = compute.uuid;
  out.sm = compute.sm;
  return out;
}

GpuInstanceSample sample_of(const GpuInstance& instance) {
  GpuInstanceSample out;
  out.id = instance.id;
  out.profile = instance.name.str();
  out.placement = instance.placement;
  out.sm = instance.sm;
  if (instance.memory_mib != 0) {
    out.memory_total_bytes = instance.memory_mib * kMib;
  }
  for (const ComputeInstance& compute : instance.compute_instances) {
    out.compute_instances.push_back(sample_of(compute));
  }
  return out;
}

// SMs that MIG can give are those of the largest profile. Of these, what is left beside the
// instances can be used by instances of the profile that fills it best, by the driver's count of
// how many of it still fit; what no profile can use is stranded.
void count_sms(const Gpu& gpu, GpuSample& out) {
  std::uint32_t usable = 0;
  bool known = gpu.mig_current == MigMode::kEnabled && !gpu.profiles.empty();
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    out.sm_total = std::max(out.sm_total.value_or(0), profile.sm);
    known = known && profile.remaining.has_value();
    usable = std::max(usable, profile.sm * profile.remaining.value_or(0));
  }
  if (known && gpu.instances_complete) {
    const std::uint32_t used = std::min(*out.sm_total, out.sm_allocated + usable);
    out.sm_stranded = *out.sm_total - used;
  }
}

GpuSample sample_of(const Gpu& gpu) {
  GpuSample out;
  out.index = gpu.index;
  out.uuid = gpu.uuid;
  out.name = gpu.name;
  out.pci_bus_id = gpu.pci_bus_id;
  out.minor = gpu.minor;
  out.mig_current = gpu.mig_current;
  out.mig_pending = gpu.mig_pending;
  out.memory_slices = gpu.memory_slices;
  out.compute_slices = gpu.compute_slices;
  for (const GpuInstance& instance : gpu.instances) {
    out.instances.push_back(sample_of(instance));
    out.sm_allocated += instance.sm;
  }
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    if (profile.remaining && gpu.mig_current == MigMode::kEnabled) {
      out.room.push_back({profile.name.str(), *profile.remaining});
    }
  }
  count_sms(gpu, out);
  return out;
}

}  // namespace

MachineReader::MachineReader(const nvml::Session& session,
                             Carried& carried,
                             ReaderSettings settings)
    : session_(session),
      carried_(carried),
      settings_(std::move(settings)),
      topology_(settings_.proc_root),
      processes_(settings_.proc_root),
      gpm_(session.nvml(), clock(), settings_.closes_between_ticks),
      xids_(session.nvml()),
      energy_(session.nvml(), clock()) {}

base::Clock& MachineReader::clock() const {
  return settings_.clock != nullptr ? *settings_.clock : base::system_clock();
}

void MachineReader::part(const char* name, const Work& work) {
  carried_.doing.part = name;
  const auto begun = clock().monotonic();
  const Result<void> done = work();
  CollectorHealth& health = carried_.collectors[name];
  health.name = name;
  health.success = done.has_value();
  health.error = done ? "" : done.error().text();
  health.duration_seconds = seconds(clock().monotonic() - begun);
  if (done) {
    health.last_success_ms = base::unix_ms(clock());
  }
  carried_.doing.part = "";
}

void MachineReader::for_each_gpu(const char* name, MachineSample& sample, const GpuWork& work) {
  part(name, [&]() -> Result<void> {
    Result<void> all;
    for (std::size_t i = 0; i < sample.gpus.size(); ++i) {
      const WatchedGpu& watched = *topology_.gpus()[i];
      carried_.doing.gpu = watched.gpu.index.value;
      auto one = work(watched, sample.gpus[i]);
      if (!one && all) {
        all = std::move(one).error().in("GPU " + std::to_string(watched.gpu.index.value));
      }
    }
    return all;
  });
}

void MachineReader::describe(MachineSample& sample) {
  sample.simulated = session_.simulated();
  if (session_.simulated()) {
    sample.simulated_machine = session_.control()->machine_name;
  }
  sample.driver_version = session_.driver_version();
  sample.nvml_version = session_.nvml_version();
  sample.hostname = hostname();
  sample.generation = topology_.generation();
  for (const WatchedGpu* watched : topology_.gpus()) {
    sample.gpus.push_back(sample_of(watched->gpu));
  }
}

void MachineReader::read_boards(MachineSample& sample) {
  const nvml::Functions& nvml = session_.nvml();
  for_each_gpu("board", sample, [&](const WatchedGpu& watched, GpuSample& out) -> Result<void> {
    const auto now = clock().monotonic();
    auto slow = slow_.find(out.uuid);
    if (slow == slow_.end() || now - slow->second.read_at >= kSlow) {
      MIG_ASSIGN_OR_RETURN(const SlowReadings readings, read_slow(nvml, watched.handle));
      slow = slow_.insert_or_assign(out.uuid, Slow{readings, now}).first;
    }
    slow->second.readings.put_into(out);
    return read_board(nvml, watched.handle, out);
  });
}

void MachineReader::read_instances(MachineSample& sample) {
  const nvml::Functions& nvml = session_.nvml();
  const auto now = clock().monotonic();
  for_each_gpu("memory", sample, [&](const WatchedGpu& watched, GpuSample& out) -> Result<void> {
    for (GpuInstanceSample& instance : out.instances) {
      if (nvmlDevice_t device = watched.device_of(instance.id); device != nullptr) {
        const MemoryReading memory = read_memory(nvml, device);
        instance.memory_used_bytes = memory.used;
        instance.memory_total_bytes = memory.total ? memory.total : instance.memory_total_bytes;
      }
    }
    return {};
  });
  for_each_gpu("processes", sample, [&](const WatchedGpu& watched, GpuSample& out) -> Result<void> {
    MIG_ASSIGN_OR_RETURN(out.processes, processes_.read(nvml, watched, now));
    return {};
  });
  processes_.end_of_tick();
  part("gpm", [&] { return gpm_.read(topology_.gpus(), sample.gpus); });
  read_dcgm(sample);
  for (GpuSample& gpu : sample.gpus) {
    for (GpuInstanceSample& instance : gpu.instances) {
      // The only compute instance with all SMs does what the GPU instance does.
      if (instance.source != ActivitySource::kUnknown && instance.compute_instances.size() == 1 &&
          instance.compute_instances.front().sm == instance.sm) {
        instance.compute_instances.front().activity = instance.activity;
      }
    }
  }
}

// Before the other parts of the tick, so that the host engine works while they do.
void MachineReader::want_dcgm(const MachineSample& sample) {
  if (settings_.dcgm == nullptr) {
    return;
  }
  std::vector<const GpuSample*> uncounted;
  for (std::size_t i = 0; i < sample.gpus.size(); ++i) {
    if (!gpm_.supported(*topology_.gpus()[i])) {
      uncounted.push_back(&sample.gpus[i]);
    }
  }
  settings_.dcgm->want(uncounted, settings_.interval);
}

void MachineReader::read_dcgm(MachineSample& sample) {
  if (settings_.dcgm == nullptr) {
    return;
  }
  std::vector<GpuSample*> uncounted;
  for (std::size_t i = 0; i < sample.gpus.size(); ++i) {
    if (!gpm_.supported(*topology_.gpus()[i])) {
      uncounted.push_back(&sample.gpus[i]);
    }
  }
  part("dcgm", [&] { return settings_.dcgm->fill(uncounted); });
}

void MachineReader::sum_up(MachineSample& sample, std::chrono::nanoseconds begun) {
  std::optional<std::chrono::nanoseconds> since;
  if (carried_.last_tick && begun - *carried_.last_tick <= settings_.longest_interval) {
    since = begun - *carried_.last_tick;
  }
  part("energy", [&] { return energy_.read(topology_.gpus(), sample.gpus, since, carried_); });
  part("events",
       [&] { return xids_.read(topology_.gpus(), base::unix_ms(clock()), carried_.xids); });
  for (GpuSample& gpu : sample.gpus) {
    if (const auto found = carried_.xids.find(gpu.uuid); found != carried_.xids.end()) {
      gpu.xids = found->second;
    }
  }
  note_idle(sample.gpus, base::unix_ms(clock()), carried_.idle_since_ms);
}

Result<MachineSample> MachineReader::tick() {
  const auto begun = clock().monotonic();
  MachineSample sample;
  Result<void> there;
  part("topology", [&]() -> Result<void> {
    there = topology_.refresh(session_);
    MIG_TRY(Result<void>(there));
    return topology_.problem().empty() ? Result<void>()
                                       : fail(ErrorCode::kDeviceLost, topology_.problem());
  });
  if (!there) {
    return std::move(there).error();
  }
  describe(sample);
  stamp_generations(topology_.gpus(), sample.gpus, carried_.generations);
  want_dcgm(sample);
  read_boards(sample);
  read_instances(sample);
  sum_up(sample, begun);
  sample.tick = ++carried_.ticks;
  sample.interval_seconds = carried_.last_tick ? seconds(begun - *carried_.last_tick) : 0;
  carried_.last_tick = begun;
  for (const auto& [name, health] : carried_.collectors) {
    sample.collectors.push_back(health);
  }
  sample.time_ms = base::unix_ms(clock());
  return sample;
}

}  // namespace mig::observe
