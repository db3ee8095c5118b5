// SPDX-License-Identifier: Apache-2.0
#include "observe/gpm.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "nvml/return_code.h"
#include "observe/units.h"

namespace mig::observe {
namespace {

constexpr std::uint32_t kWhole = 0xFFFFFFFFU;
// NVML asks for 100 ms between two samples.
constexpr std::chrono::milliseconds kShortest{100};
// Of a core, for computing metrics; and of one tick at most.
constexpr double kComputeShare = 0.008;
constexpr std::chrono::milliseconds kComputeMost{20};
// An instance with processes is computed so many times as often as one without.
constexpr int kBusyWeight = 3;
// An older reading is none.
constexpr std::chrono::seconds kOldest{60};
constexpr const char* kNoGpm =
    "the driver counts the activity of instances from Hopper on (GPM), not for this GPU; where a "
    "DCGM host engine runs it can: dcgm_activity: auto in migd.yaml";
constexpr const char* kFirst = "activity is known from the second reading on";
constexpr const char* kOnlyOne =
    "activity takes two readings, and the driver is closed after each: a board before Hopper is on "
    "this machine, whose mode nobody could change otherwise (--sample 1s keeps it open)";

struct Metric {
  std::optional<double> Activity::*member;
  unsigned id;
  bool bytes = false;  // MiB per second; else a share in per cent
};

constexpr Metric kMetrics[] = {
    {&Activity::graphics, NVML_GPM_METRIC_GRAPHICS_UTIL},
    {&Activity::sm, NVML_GPM_METRIC_SM_UTIL},
    {&Activity::occupancy, NVML_GPM_METRIC_SM_OCCUPANCY},
    {&Activity::integer, NVML_GPM_METRIC_INTEGER_UTIL},
    {&Activity::tensor, NVML_GPM_METRIC_ANY_TENSOR_UTIL},
    {&Activity::dram, NVML_GPM_METRIC_DRAM_BW_UTIL},
    {&Activity::fp64, NVML_GPM_METRIC_FP64_UTIL},
    {&Activity::fp32, NVML_GPM_METRIC_FP32_UTIL},
    {&Activity::fp16, NVML_GPM_METRIC_FP16_UTIL},
    {&Activity::pcie_tx_bytes_per_second, NVML_GPM_METRIC_PCIE_TX_PER_SEC, true},
    {&Activity::pcie_rx_bytes_per_second, NVML_GPM_METRIC_PCIE_RX_PER_SEC, true},
};

}  // namespace

struct Gpm::Subject {
  nvmlDevice_t device = nullptr;
  std::uint32_t instance = kWhole;
  std::uint64_t generation = 0;
  bool wanted = true;  // in this tick
  bool busy = false;   // processes are on it
  nvmlGpmSample_t from = nullptr, to = nullptr;
  std::optional<std::chrono::nanoseconds> from_at;  // nullopt: no first sample yet
  std::chrono::nanoseconds tried_at{0};
  // The last result, and its interval.
  std::optional<Activity> activity;
  std::chrono::nanoseconds begun{0}, ended{0};
  std::string problem;  // of the last try; "" = none
};

// Larger than some headers' struct: newer drivers know more metrics, and write only as many as are
// asked for.
struct Gpm::Request {
  nvmlGpmMetricsGet_t get;
};

Gpm::Gpm(const nvml::Functions& nvml, base::Clock& clock, bool one_reading)
    : nvml_(nvml),
      clock_(clock),
      request_(std::make_unique<Request>()),
      budget_(kComputeShare, kComputeMost),
      first_(one_reading ? kOnlyOne : kFirst) {}

Gpm::~Gpm() {
  for (const auto& [key, subject] : subjects_) {
    nvml_.nvmlGpmSampleFree(subject->from);
    nvml_.nvmlGpmSampleFree(subject->to);
  }
}

bool Gpm::supported(const WatchedGpu& watched) {
  const std::uint32_t index = watched.gpu.index.value;
  const auto known = supported_.find(index);
  if (known != supported_.end()) {
    return known->second;
  }
  nvmlGpmSupport_t support{};
  support.version = NVML_GPM_SUPPORT_VERSION;
  return supported_[index] =
             nvml_.nvmlGpmQueryDeviceSupport(watched.handle, &support) == NVML_SUCCESS &&
             support.isSupportedDevice != 0;
}

void Gpm::want(const WatchedGpu& watched,
               std::uint32_t instance,
               std::uint64_t generation,
               bool busy) {
  std::unique_ptr<Subject>& subject = subjects_[{watched.gpu.index.value, instance}];
  if (!subject) {
    auto fresh = std::make_unique<Subject>();
    if (nvml_.nvmlGpmSampleAlloc(&fresh->from) != NVML_SUCCESS ||
        nvml_.nvmlGpmSampleAlloc(&fresh->to) != NVML_SUCCESS) {
      nvml_.nvmlGpmSampleFree(fresh->from);
      subjects_.erase({watched.gpu.index.value, instance});
      return;
    }
    subject = std::move(fresh);
  }
  subject->wanted = true;
  subject->busy = busy;
  subject->device = watched.handle;
  subject->instance = instance;
  if (subject->generation != generation) {
    // Another instance with this id: its counters are not compared with its predecessor's.
    subject->generation = generation;
    subject->from_at.reset();
    subject->activity.reset();
  }
}

nvmlReturn_t Gpm::take(const Subject& subject, nvmlGpmSample_t sample) const {
  return subject.instance == kWhole
             ? nvml_.nvmlGpmSampleGet(subject.device, sample)
             : nvml_.nvmlGpmMigSampleGet(subject.device, subject.instance, sample);
}

void Gpm::begin(Subject& subject) {
  const auto now = clock_.monotonic();
  const nvmlReturn_t code = take(subject, subject.from);
  subject.from_at = code == NVML_SUCCESS ? std::optional(now) : std::nullopt;
  subject.problem = code == NVML_SUCCESS
                        ? ""
                        : nvml::error_from(code, "cannot take a sample of the activity").message;
}

void Gpm::compute(Subject& subject) {
  const auto now = clock_.monotonic();
  subject.tried_at = now;
  nvmlReturn_t code = take(subject, subject.to);
  nvmlGpmMetricsGet_t& get = request_->get;
  if (code == NVML_SUCCESS) {
    get.version = NVML_GPM_METRICS_GET_VERSION;
    get.numMetrics = static_cast<unsigned>(std::size(kMetrics));
    get.sample1 = subject.from;
    get.sample2 = subject.to;
    for (std::size_t i = 0; i < std::size(kMetrics); ++i) {
      get.metrics[i] = {};
      get.metrics[i].metricId = kMetrics[i].id;
    }
    code = nvml_.nvmlGpmMetricsGet(&get);
  }
  if (code != NVML_SUCCESS) {
    // The instance may have become another one since: the next interval begins anew.
    subject.problem = nvml::error_from(code, "cannot compute the activity").message;
    subject.from_at.reset();
    subject.activity.reset();
    return;
  }
  Activity activity;
  for (std::size_t i = 0; i < std::size(kMetrics); ++i) {
    const nvmlGpmMetric_t& metric = get.metrics[i];
    if (metric.nvmlReturn == NVML_SUCCESS && std::isfinite(metric.value)) {
      activity.*kMetrics[i].member = metric.value * (kMetrics[i].bytes ? kMib : kPercent);
    }
  }
  subject.problem.clear();
  subject.activity = activity;
  subject.begun = *subject.from_at;
  subject.ended = now;
  std::swap(subject.from, subject.to);
  subject.from_at = now;
}

void Gpm::compute_oldest() {
  const auto begun = clock_.monotonic();
  budget_.tick(begun);
  std::vector<Subject*> due;
  for (const auto& [key, subject] : subjects_) {
    if (!subject->from_at) {
      begin(*subject);
    } else if (begun - *subject->from_at >= kShortest) {
      due.push_back(subject.get());
    }
  }
  const auto urgency = [begun](const Subject* subject) {
    return (begun - subject->tried_at) * (subject->busy ? kBusyWeight : 1);
  };
  std::stable_sort(due.begin(), due.end(), [&](const Subject* a, const Subject* b) {
    return urgency(a) > urgency(b);
  });
  for (Subject* subject : due) {
    if (!budget_.has_left()) {
      break;
    }
    const auto before = clock_.monotonic();
    compute(*subject);
    budget_.spend(clock_.monotonic() - before);
  }
  for (const auto& [key, subject] : subjects_) {
    if (!subject->problem.empty() && problem_.empty()) {
      problem_ = fmt::format("GPU {}{}: {}",
                             key.first,
                             key.second == kWhole ? "" : fmt::format(" gi={}", key.second),
                             subject->problem);
    }
  }
}

void Gpm::give(const Key& key, GpuInstanceSample& out) {
  const auto found = subjects_.find(key);
  const Subject* subject = found == subjects_.end() ? nullptr : found->second.get();
  const auto now = clock_.monotonic();
  if (subject == nullptr || !subject->activity || now - subject->ended > kOldest) {
    out.activity_reason =
        subject == nullptr || subject->problem.empty() ? first_ : subject->problem;
    return;
  }
  out.source = ActivitySource::kGpm;
  out.activity = *subject->activity;
  out.activity_seconds = seconds(subject->ended - subject->begun);
  out.activity_age_seconds = seconds(now - subject->ended);
}

void Gpm::want_all_of(const WatchedGpu& watched, const GpuSample& gpu) {
  if (!supported(watched)) {
    return;
  }
  if (gpu.mig_current != MigMode::kEnabled) {
    want(watched, kWhole, 0, true);
  }
  for (const GpuInstanceSample& instance : gpu.instances) {
    const bool busy =
        std::any_of(gpu.processes.begin(), gpu.processes.end(), [&](const ProcessSample& process) {
          return process.gpu_instance == instance.id;
        });
    want(watched, instance.id.value, instance.generation, busy);
  }
}

void Gpm::give_unsupported(GpuSample& gpu) {
  for (GpuInstanceSample& instance : gpu.instances) {
    instance.activity_reason = kNoGpm;
  }
  gpu.activity_reason = kNoGpm;
}

void Gpm::give_all_of(GpuSample& gpu) {
  for (GpuInstanceSample& instance : gpu.instances) {
    give({gpu.index.value, instance.id.value}, instance);
  }
  if (gpu.mig_current == MigMode::kEnabled) {
    gpu.activity = activity_of_all(gpu);
    gpu.source = gpu.activity.sm ? ActivitySource::kGpm : ActivitySource::kUnknown;
    gpu.activity_reason = gpu.activity.sm ? "" : first_;
    return;
  }
  GpuInstanceSample whole;
  give({gpu.index.value, kWhole}, whole);
  gpu.source = whole.source;
  gpu.activity = whole.activity;
  gpu.activity_reason = whole.activity_reason;
}

Result<void> Gpm::read(const std::vector<const WatchedGpu*>& gpus, std::vector<GpuSample>& out) {
  problem_.clear();
  for (const auto& [key, subject] : subjects_) {
    subject->wanted = false;
  }
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    want_all_of(*gpus[i], out[i]);
  }
  std::erase_if(subjects_, [&](const auto& entry) {
    if (!entry.second->wanted) {
      nvml_.nvmlGpmSampleFree(entry.second->from);
      nvml_.nvmlGpmSampleFree(entry.second->to);
    }
    return !entry.second->wanted;
  });
  compute_oldest();
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (supported(*gpus[i])) {
      give_all_of(out[i]);
    } else {
      give_unsupported(out[i]);
    }
  }
  return problem_.empty() ? Result<void>() : fail(ErrorCode::kDriver, problem_);
}

Activity activity_of_all(const GpuSample& gpu) {
  Activity out;
  if (gpu.sm_total.value_or(0) == 0 || gpu.memory_slices == 0) {
    return out;
  }
  for (const Metric& metric : kMetrics) {
    const bool memory = metric.id == NVML_GPM_METRIC_DRAM_BW_UTIL;
    std::optional<double> sum = 0.0;
    for (const GpuInstanceSample& instance : gpu.instances) {
      const std::optional<double>& value = instance.activity.*metric.member;
      double weight = static_cast<double>(instance.sm) / *gpu.sm_total;
      if (memory) {
        weight = static_cast<double>(instance.placement.size) / gpu.memory_slices;
      } else if (metric.bytes) {
        weight = 1;
      }
      sum = sum && value ? std::optional(*sum + *value * weight) : std::nullopt;
    }
    out.*metric.member = sum;
  }
  return out;
}

}  // namespace mig::observe
