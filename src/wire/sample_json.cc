// SPDX-License-Identifier: Apache-2.0
// Single source of truth: one list of members for each value, walked by writer and reader alike.
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <type_traits>
#include <vector>

#include "wire/document.h"
#include "wire/reader.h"
#include "wire/sample.h"

namespace mig::wire {
namespace {

constexpr std::size_t kMostSampleBytes = 16U << 20U;
constexpr int kHex = 16;

template <class T>
constexpr bool kIsOptional = requires(T value) {
  value.has_value();
};

template <class T>
concept IdType = requires(T id) {
  id.value;
};

template <class T>
concept ListType = requires(T list) {
  list.emplace_back();
}

&&!std::is_same_v<T, std::string>;

std::optional<MigMode> mode_of(const std::string& text) {
  for (const MigMode mode : {MigMode::kUnsupported, MigMode::kDisabled, MigMode::kEnabled}) {
    if (text == mode_text(mode)) {
      return mode;
    }
  }
  return std::nullopt;
}

std::optional<ActivitySource> source_of(const std::string& text) {
  for (const ActivitySource source :
       {ActivitySource::kUnknown, ActivitySource::kGpm, ActivitySource::kDcgm}) {
    if (text == name_of(source)) {
      return source;
    }
  }
  return std::nullopt;
}

// SampleWriter and reader call `sample_members(walk, value)`, below, for each type.
class SampleWriter {
 public:
  template <class T>
  using Of = const T;

  template <class T>
  static Json json_of(const T& value) {
    if constexpr (kIsOptional<T>) {
      return value ? json_of(*value) : Json(nullptr);
    } else if constexpr (ListType<T>) {
      Json list = Json::array();
      for (const auto& element : value) {
        list.push_back(json_of(element));
      }
      return list;
    } else if constexpr (IdType<T>) {
      return Json(value.value);
    } else if constexpr (std::is_same_v<T, MigMode>) {
      return Json(mode_text(value));
    } else if constexpr (std::is_same_v<T, ActivitySource>) {
      return Json(name_of(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      // JSON has no infinity and no NaN: no reading.
      return std::isfinite(value) ? Json(value) : Json(nullptr);
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return Json(value);
    } else {
      SampleWriter writer(Json::object());
      sample_members(writer, value);
      return std::move(writer.json_);
    }
  }

  explicit SampleWriter(Json json) : json_(std::move(json)) {}

  template <class T>
  void operator()(const char* key, const T& value) {
    json_[key] = json_of(value);
  }

  void generation(const char* key, std::uint64_t value) { json_[key] = generation_text(value); }

  // "" is null.
  void text(const char* key, const std::string& value) { json_[key] = text_or_null(value); }

  Json take() { return std::move(json_); }

 private:
  Json json_;
};

class SampleParser {
 public:
  template <class T>
  using Of = T;

  explicit SampleParser(Reader reader) : reader_(std::move(reader)) {}

  template <class T>
  void operator()(const char* key, T& value) {
    read(reader_.at(key), value);
  }

  void generation(const char* key, std::uint64_t& value) {
    const Reader member = reader_.at(key);
    const std::string text = member.text();
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value, kHex);
    if (error != std::errc() || last != end) {
      member.complain("sixteen hexadecimal digits are expected");
    }
  }

  void text(const char* key, std::string& value) {
    const Reader member = reader_.at(key);
    value = member.is_null() ? std::string() : member.text();
  }

 private:
  template <class T>
  static void read(const Reader& reader, T& value) {
    if constexpr (kIsOptional<T>) {
      value.reset();
      if (!reader.is_null()) {
        read(reader, value.emplace());
      }
    } else if constexpr (ListType<T>) {
      for (const Reader& element : reader.elements()) {
        read(element, value.emplace_back());
      }
    } else if constexpr (IdType<T>) {
      value.value = reader.u32();
    } else if constexpr (std::is_same_v<T, bool>) {
      value = reader.boolean();
    } else if constexpr (std::is_floating_point_v<T>) {
      value = reader.real();
    } else if constexpr (std::is_signed_v<T>) {
      value = reader.clamped(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(reader.number(std::numeric_limits<T>::max()));
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = reader.text();
    } else if constexpr (std::is_same_v<T, MigMode>) {
      read_word(reader, mode_of(reader.text()), value);
    } else if constexpr (std::is_same_v<T, ActivitySource>) {
      read_word(reader, source_of(reader.text()), value);
    } else {
      SampleParser parser(reader);
      sample_members(parser, value);
    }
  }

  template <class T>
  static void read_word(const Reader& reader, const std::optional<T>& word, T& value) {
    if (!word) {
      return reader.complain("this word is not known");
    }
    value = *word;
  }

  Reader reader_;
};

template <class W>
void sample_members(W& walk, typename W::template Of<Placement>& placement) {
  walk("start", placement.start);
  walk("size", placement.size);
}

template <class W>
void sample_members(W& walk, typename W::template Of<Activity>& activity) {
  walk("graphics", activity.graphics);
  walk("sm", activity.sm);
  walk("occupancy", activity.occupancy);
  walk("tensor", activity.tensor);
  walk("dram", activity.dram);
  walk("fp64", activity.fp64);
  walk("fp32", activity.fp32);
  walk("fp16", activity.fp16);
  walk("integer", activity.integer);
  walk("pcieTxBytesPerSecond", activity.pcie_tx_bytes_per_second);
  walk("pcieRxBytesPerSecond", activity.pcie_rx_bytes_per_second);
}

template <class W>
void sample_members(W& walk, typename W::template Of<InstanceUse>& use) {
  walk("lease", use.lease);
  walk("tenant", use.tenant);
  walk.text("job", use.job);
  walk("uid", use.uid);
  walk("sinceMs", use.since_ms);
}

template <class W>
void sample_members(W& walk, typename W::template Of<Owner>& owner) {
  walk.text("unit", owner.unit);
  walk.text("container", owner.container);
  walk.text("containerRuntime", owner.container_runtime);
  walk.text("containerName", owner.container_name);
  walk.text("pod", owner.pod);
  walk.text("slurmJob", owner.slurm_job);
}

template <class W>
void sample_members(W& walk, typename W::template Of<ProcessSample>& process) {
  walk("pid", process.pid);
  walk.text("name", process.name);
  walk("uid", process.uid);
  walk("memoryBytes", process.memory_bytes);
  walk("gpuInstance", process.gpu_instance);
  walk("computeInstance", process.compute_instance);
  walk("owner", process.owner);
  walk("lease", process.lease);
  walk.text("tenant", process.tenant);
}

template <class W>
void sample_members(W& walk, typename W::template Of<ComputeInstanceSample>& instance) {
  walk("id", instance.id);
  walk("profile", instance.profile);
  walk.text("uuid", instance.uuid);
  walk("sm", instance.sm);
  walk("activity", instance.activity);
  walk("uses", instance.uses);
}

template <class W>
void sample_members(W& walk, typename W::template Of<XidCount>& xid) {
  walk("xid", xid.xid);
  walk("gpuInstance", xid.gpu_instance);
  walk("computeInstance", xid.compute_instance);
  walk("count", xid.count);
  walk("lastMs", xid.last_ms);
}

template <class W>
void sample_members(W& walk, typename W::template Of<GpuInstanceSample>& instance) {
  walk("id", instance.id);
  walk("profile", instance.profile);
  walk("placement", instance.placement);
  walk.generation("generation", instance.generation);
  walk("sm", instance.sm);
  walk("memoryTotalBytes", instance.memory_total_bytes);
  walk("memoryUsedBytes", instance.memory_used_bytes);
  walk("activitySource", instance.source);
  walk.text("activityReason", instance.activity_reason);
  walk("activity", instance.activity);
  walk("activitySeconds", instance.activity_seconds);
  walk("activityAgeSeconds", instance.activity_age_seconds);
  walk("energyMj", instance.energy_mj);
  walk("powerWatts", instance.power_watts);
  walk("idleSinceMs", instance.idle_since_ms);
  walk("computeInstances", instance.compute_instances);
}

template <class W>
void sample_members(W& walk, typename W::template Of<GpuSample::Room>& room) {
  walk("profile", room.profile);
  walk("free", room.free);
}

template <class W>
void sample_members(W& walk, typename W::template Of<GpuSample>& gpu) {
  walk("index", gpu.index);
  walk("uuid", gpu.uuid);
  walk("name", gpu.name);
  walk("pciBusId", gpu.pci_bus_id);
  walk("minor", gpu.minor);
  walk("migCurrent", gpu.mig_current);
  walk("migPending", gpu.mig_pending);
  walk("memorySlices", gpu.memory_slices);
  walk("computeSlices", gpu.compute_slices);
  walk("smTotal", gpu.sm_total);
  walk("smAllocated", gpu.sm_allocated);
  walk("smStranded", gpu.sm_stranded);
  walk("memoryTotalBytes", gpu.memory_total_bytes);
  walk("memoryUsedBytes", gpu.memory_used_bytes);
  walk("powerWatts", gpu.power_watts);
  walk("powerLimitWatts", gpu.power_limit_watts);
  walk("energyMj", gpu.energy_mj);
  walk("energyGoneMj", gpu.energy_gone_mj);
  walk("energyUnattributedMj", gpu.energy_unattributed_mj);
  walk("energyMethod", gpu.energy_method);
  walk("temperatureCelsius", gpu.temperature_celsius);
  walk("memoryTemperatureCelsius", gpu.memory_temperature_celsius);
  walk("smClockHz", gpu.sm_clock_hz);
  walk("memoryClockHz", gpu.memory_clock_hz);
  walk("gpuUtilization", gpu.gpu_utilization);
  walk("memoryUtilization", gpu.memory_utilization);
  walk("throttleReasons", gpu.throttle_reasons);
  walk("eccUncorrected", gpu.ecc_uncorrected);
  walk("eccCorrected", gpu.ecc_corrected);
  walk("remapPending", gpu.remap_pending);
  walk("remapFailed", gpu.remap_failed);
  walk("activitySource", gpu.source);
  walk.text("activityReason", gpu.activity_reason);
  walk("activity", gpu.activity);
  walk("gpuInstances", gpu.instances);
  walk("processes", gpu.processes);
  walk("xids", gpu.xids);
  walk("room", gpu.room);
  walk("drift", gpu.drift);
}

template <class W>
void sample_members(W& walk, typename W::template Of<CollectorHealth>& collector) {
  walk("name", collector.name);
  walk("success", collector.success);
  walk.text("error", collector.error);
  walk("durationSeconds", collector.duration_seconds);
  walk("lastSuccessMs", collector.last_success_ms);
}

// Without what the envelope has.
template <class W>
void sample_members(W& walk, typename W::template Of<MachineSample>& sample) {
  walk("timeMs", sample.time_ms);
  walk("tick", sample.tick);
  walk("intervalSeconds", sample.interval_seconds);
  walk.generation("generation", sample.generation);
  walk("driverVersion", sample.driver_version);
  walk("nvmlVersion", sample.nvml_version);
  walk("hostname", sample.hostname);
  walk.text("withdrawn", sample.withdrawn);
  walk("gpus", sample.gpus);
  walk("collectors", sample.collectors);
}

}  // namespace

std::string sample_document(const MachineSample& sample) {
  SampleWriter writer(begin_document("Sample", {sample.simulated, sample.simulated_machine}));
  sample_members(writer, sample);
  return finish(writer.take());
}

Result<MachineSample> parse_sample(std::string_view text) {
  MIG_ASSIGN_OR_RETURN(const Json json, base::parse_json(text, {kMostSampleBytes, "a sample"}));
  Problem problem;
  const Reader reader(json, "", problem);
  if (reader.at("kind").text() != "Sample") {
    reader.at("kind").complain("Sample is expected");
  }
  MachineSample sample;
  sample.simulated = reader.at("simulated").boolean();
  if (reader.has("simulatedMachine")) {
    sample.simulated_machine = reader.at("simulatedMachine").text();
  }
  SampleParser parser(reader);
  sample_members(parser, sample);
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput, "a Sample document: " + problem.text());
  }
  return sample;
}

}  // namespace mig::wire
