// SPDX-License-Identifier: Apache-2.0
// Families of a GPU. A reading that is one number is one row of kReadings.
#include <algorithm>
#include <array>
#include <string>

#include "expose/parts.h"

namespace mig::expose {
namespace {

// Most Xid codes, and most profiles, of one GPU.
constexpr std::size_t kMostCodes = 256;
constexpr std::size_t kMostProfiles = 64;

struct Reading {
  const char* name;
  Type type;
  const char* help;
  std::optional<double> (*read)(const GpuSample&);
};

constexpr std::array kReadings{
    Reading{"mig_gpu_memory_slices",
            Type::kGauge,
            "Memory slices that instances are placed on.",
            [](const GpuSample& g) {
              return g.memory_slices == 0 ? std::nullopt
                                          : std::optional(static_cast<double>(g.memory_slices));
            }},
    Reading{"mig_gpu_multiprocessors",
            Type::kGauge,
            "SMs that MIG can give: those of the largest profile.",
            [](const GpuSample& g) { return number(g.sm_total); }},
    Reading{"mig_gpu_multiprocessors_allocated",
            Type::kGauge,
            "SMs of GPU instances.",
            [](const GpuSample& g) {
              return g.mig_current == MigMode::kEnabled
                         ? std::optional(static_cast<double>(g.sm_allocated))
                         : std::nullopt;
            }},
    Reading{"mig_gpu_multiprocessors_stranded",
            Type::kGauge,
            "SMs that no instance has, nor could get beside those that exist.",
            [](const GpuSample& g) { return number(g.sm_stranded); }},
    Reading{"mig_gpu_memory_total_bytes",
            Type::kGauge,
            "Memory of the GPU.",
            [](const GpuSample& g) { return number(g.memory_total_bytes); }},
    Reading{"mig_gpu_memory_used_bytes",
            Type::kGauge,
            "Memory of the GPU in use.",
            [](const GpuSample& g) { return number(g.memory_used_bytes); }},
    Reading{"mig_gpu_power_watts",
            Type::kGauge,
            "Power draw of the board.",
            [](const GpuSample& g) { return g.power_watts; }},
    Reading{"mig_gpu_power_limit_watts",
            Type::kGauge,
            "Power limit of the board.",
            [](const GpuSample& g) { return g.power_limit_watts; }},
    Reading{"mig_gpu_energy_joules_total",
            Type::kCounter,
            "Energy by the board's own counter.",
            [](const GpuSample& g) { return joules(g.energy_mj); }},
    Reading{"mig_gpu_energy_unattributed_joules_total",
            Type::kCounter,
            "Energy that no instance is charged with: idle power of what is not allocated.",
            [](const GpuSample& g) { return joules(g.energy_unattributed_mj); }},
    Reading{"mig_gpu_energy_former_instances_joules_total",
            Type::kCounter,
            "Energy that instances were charged with that no longer exist; with the instances' and "
            "the unattributed part it adds up to the board's.",
            [](const GpuSample& g) { return joules(g.energy_gone_mj); }},
    Reading{"mig_gpu_temperature_celsius",
            Type::kGauge,
            "Temperature of the GPU.",
            [](const GpuSample& g) { return g.temperature_celsius; }},
    Reading{"mig_gpu_memory_temperature_celsius",
            Type::kGauge,
            "Temperature of its memory.",
            [](const GpuSample& g) { return g.memory_temperature_celsius; }},
    Reading{"mig_gpu_sm_clock_hertz",
            Type::kGauge,
            "Clock of the SMs.",
            [](const GpuSample& g) { return g.sm_clock_hz; }},
    Reading{"mig_gpu_memory_clock_hertz",
            Type::kGauge,
            "Clock of the memory.",
            [](const GpuSample& g) { return g.memory_clock_hz; }},
    Reading{"mig_gpu_utilization_ratio",
            Type::kGauge,
            "Share of time in which a kernel ran; the driver does not tell it in MIG mode.",
            [](const GpuSample& g) { return g.gpu_utilization; }},
    Reading{"mig_gpu_memory_utilization_ratio",
            Type::kGauge,
            "Share of time in which memory was accessed; not told in MIG mode.",
            [](const GpuSample& g) { return g.memory_utilization; }},
    Reading{"mig_gpu_ecc_uncorrected_errors_total",
            Type::kCounter,
            "Memory errors that ECC could not correct, since the driver was loaded.",
            [](const GpuSample& g) { return number(g.ecc_uncorrected); }},
    Reading{"mig_gpu_ecc_corrected_errors_total",
            Type::kCounter,
            "Memory errors that ECC corrected, since the driver was loaded.",
            [](const GpuSample& g) { return number(g.ecc_corrected); }},
    Reading{"mig_gpu_row_remap_pending",
            Type::kGauge,
            "1: a row of memory is remapped at the next reset.",
            [](const GpuSample& g) { return number(g.remap_pending); }},
    Reading{"mig_gpu_row_remap_failed",
            Type::kGauge,
            "1: a row could not be remapped: the board has to be replaced.",
            [](const GpuSample& g) { return number(g.remap_failed); }},
    Reading{
        "mig_gpu_processes",
        Type::kGauge,
        "Processes on the GPU and on its instances.",
        [](const GpuSample& g) { return std::optional(static_cast<double>(g.processes.size())); }},
    Reading{"mig_layout_drift",
            Type::kGauge,
            "1: the layout is not the one that the last change of ours left.",
            [](const GpuSample& g) { return number(g.drift); }},
};

// Bits of nvmlClocksEventReasons (documented in nvml.h).
struct ThrottleReason {
  std::uint64_t bit;
  const char* name;
};

constexpr std::array kThrottleReasons{
    ThrottleReason{0x1, "gpu_idle"},
    ThrottleReason{0x2, "applications_clocks"},
    ThrottleReason{0x4, "software_power_cap"},
    ThrottleReason{0x8, "hardware_slowdown"},
    ThrottleReason{0x10, "sync_boost"},
    ThrottleReason{0x20, "software_thermal_slowdown"},
    ThrottleReason{0x40, "hardware_thermal_slowdown"},
    ThrottleReason{0x80, "hardware_power_brake"},
    ThrottleReason{0x100, "display_clocks"},
};

Labels gpu_labels(const GpuSample& gpu) {
  return Labels().add("gpu_uuid", gpu.uuid);
}

void add_info(Families& out, const GpuSample& gpu, const LabelMaker& labels) {
  Labels info = gpu_labels(gpu);
  info.add("gpu", gpu.index.value).add("name", gpu.name).add("pci_bus_id", gpu.pci_bus_id);
  if (gpu.minor) {
    info.add("device", "nvidia" + std::to_string(*gpu.minor));
  }
  out.add("mig_gpu_info", Type::kInfo, "A GPU.", labels.ended(info), 1);
}

void add_mode(Families& out, const GpuSample& gpu, const LabelMaker& labels) {
  const auto add = [&](const char* which, MigMode mode) {
    if (mode != MigMode::kUnsupported) {
      out.add("mig_gpu_mode",
              Type::kGauge,
              "MIG mode, current and after the next reset: 1 = enabled, 0 = disabled.",
              labels.ended(gpu_labels(gpu).add("which", which)),
              mode == MigMode::kEnabled ? 1 : 0);
    }
  };
  add("current", gpu.mig_current);
  add("pending", gpu.mig_pending);
}

void add_throttle(Families& out, const GpuSample& gpu, const LabelMaker& labels) {
  if (!gpu.throttle_reasons) {
    return;
  }
  for (const ThrottleReason& reason : kThrottleReasons) {
    out.add("mig_gpu_throttled",
            Type::kGauge,
            "1: clocks are held down for this reason.",
            labels.ended(gpu_labels(gpu).add("reason", reason.name)),
            (*gpu.throttle_reasons & reason.bit) != 0 ? 1 : 0);
  }
}

bool exists(const GpuSample& gpu, GpuInstanceId id) {
  return std::any_of(gpu.instances.begin(),
                     gpu.instances.end(),
                     [id](const GpuInstanceSample& instance) { return instance.id == id; });
}

// Xids of the whole GPU, and of its instances: their ids are labels. Those of an instance that is
// gone are not told: the driver gives its id to another one.
void add_xids(Families& out, const GpuSample& gpu, const LabelMaker& labels) {
  std::size_t codes = 0;
  for (const XidCount& xid : gpu.xids) {
    if (xid.gpu_instance && !exists(gpu, *xid.gpu_instance)) {
      continue;
    }
    if (++codes > kMostCodes) {
      return;
    }
    Labels own = gpu_labels(gpu);
    if (xid.gpu_instance) {
      own.add("gi", xid.gpu_instance->value);
    }
    if (xid.compute_instance) {
      own.add("ci", xid.compute_instance->value);
    }
    const Labels ended = labels.ended(own.add("xid", xid.xid));
    out.add(xid.gpu_instance ? "mig_instance_xid_events_total" : "mig_gpu_xid_events_total",
            Type::kCounter,
            xid.gpu_instance ? "Xids of an instance since the sampler started, by code."
                             : "Xids of the GPU since the sampler started, by code.",
            ended,
            static_cast<double>(xid.count));
    out.add(xid.gpu_instance ? "mig_instance_xid_last_timestamp_seconds"
                             : "mig_gpu_xid_last_timestamp_seconds",
            Type::kGauge,
            xid.gpu_instance ? "Unix time of an instance's last Xid of that code."
                             : "Unix time of the GPU's last Xid of that code.",
            ended,
            seconds(xid.last_ms));
  }
}

void add_room(Families& out, const GpuSample& gpu, const LabelMaker& labels) {
  std::size_t profiles = 0;
  for (const GpuSample::Room& room : gpu.room) {
    if (++profiles > kMostProfiles) {
      return;
    }
    out.add("mig_gpu_placeable_instances",
            Type::kGauge,
            "Further instances of a profile that could be created now beside those that exist.",
            labels.ended(gpu_labels(gpu).add("profile", room.profile)),
            static_cast<double>(room.free));
  }
}

}  // namespace

void add_gpus(Families& out, const MachineSample& sample) {
  const LabelMaker labels(sample.simulated);
  for (const GpuSample& gpu : sample.gpus) {
    const Labels own = labels.ended(gpu_labels(gpu));
    add_info(out, gpu, labels);
    add_mode(out, gpu, labels);
    for (const Reading& reading : kReadings) {
      out.add(reading.name, reading.type, reading.help, own, reading.read(gpu));
    }
    add_throttle(out, gpu, labels);
    add_activity(out, ActivityOf::kGpu, own, gpu.activity);
    out.add("mig_gpu_activity_source",
            Type::kGauge,
            "Where the GPU's activity is from: gpm, dcgm, or unknown.",
            labels.ended(gpu_labels(gpu).add("source", mig::name_of(gpu.source))),
            1);
    add_xids(out, gpu, labels);
    add_room(out, gpu, labels);
  }
}

}  // namespace mig::expose
