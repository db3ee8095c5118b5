// SPDX-License-Identifier: Apache-2.0
// GPM: averages between two samples of a GPU's or a GPU instance's counters. Hopper and later.
#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

struct Sample {
  bool taken = false;
  std::uint32_t gpu = 0, gi = kNone;
  std::uint64_t serial = 0;  // serial of the GPU instance
  Counters counters;
};

struct Samples {
  std::mutex mutex;
  std::map<const void*, std::unique_ptr<Sample>> known;

  static Samples& get() {
    static auto* instance = new Samples;
    return *instance;
  }

  // The mutex must be held.
  Sample* find(const void* handle) {
    const auto found = known.find(handle);
    return found == known.end() ? nullptr : found->second.get();
  }
};

bool supported(const Board& board) {
  return board.architecture != Architecture::kAmpere;
}

struct MetricInfo {
  std::uint32_t id;
  Metric metric;
  const char* short_name;  // as an H200 (580.159.04) reports it; nullptr where none was seen
};

constexpr MetricInfo kMetrics[] = {
    {NVML_GPM_METRIC_GRAPHICS_UTIL, kGraphics, "gract"},
    {NVML_GPM_METRIC_SM_UTIL, kSmActive, "smutil"},
    {NVML_GPM_METRIC_SM_OCCUPANCY, kSmOccupancy, "smocc"},
    {NVML_GPM_METRIC_INTEGER_UTIL, kInteger, "intutil"},
    {NVML_GPM_METRIC_ANY_TENSOR_UTIL, kTensor, "mmaact"},
    {NVML_GPM_METRIC_DFMA_TENSOR_UTIL, kDfma, "dfmat"},
    {NVML_GPM_METRIC_HMMA_TENSOR_UTIL, kHmma, "hmmat"},
    {8, kDmma, nullptr},  // answered by the H200, without constant or name
    {NVML_GPM_METRIC_IMMA_TENSOR_UTIL, kImma, "immat"},
    {NVML_GPM_METRIC_DRAM_BW_UTIL, kDram, "dram"},
    {NVML_GPM_METRIC_FP64_UTIL, kFp64, "fp64"},
    {NVML_GPM_METRIC_FP32_UTIL, kFp32, "fp32"},
    {NVML_GPM_METRIC_FP16_UTIL, kFp16, nullptr},
    {NVML_GPM_METRIC_PCIE_TX_PER_SEC, kPcieTx, nullptr},
    {NVML_GPM_METRIC_PCIE_RX_PER_SEC, kPcieRx, nullptr},
};

void compute(const Sample& first, const Sample& second, nvmlGpmMetric_t& out) {
  const auto* info = std::find_if(std::begin(kMetrics),
                                  std::end(kMetrics),
                                  [&](const MetricInfo& m) { return m.id == out.metricId; });
  out.metricInfo = {};
  out.value = 0;
  if (info == std::end(kMetrics)) {
    out.nvmlReturn = out.metricId == 0 || out.metricId >= NVML_GPM_METRIC_MAX
                         ? NVML_ERROR_INVALID_ARGUMENT
                         : NVML_ERROR_NOT_SUPPORTED;
    return;
  }
  const auto elapsed = static_cast<double>(second.counters.since_ns - first.counters.since_ns);
  const double rate =
      (second.counters.integral[info->metric] - first.counters.integral[info->metric]) / elapsed;
  const bool bytes = info->metric == kPcieTx || info->metric == kPcieRx;
  out.value = std::max(0.0, bytes ? rate / (1024.0 * 1024.0) : 100.0 * rate);
  out.nvmlReturn = NVML_SUCCESS;
  out.metricInfo.shortName = const_cast<char*>(info->short_name);
  out.metricInfo.unit = const_cast<char*>(bytes ? "MiB/s" : "%");
}

nvmlReturn_t take(const Subject& s, std::uint32_t gi, nvmlGpmSample_t handle) {
  Samples& samples = Samples::get();
  const std::lock_guard lock(samples.mutex);
  Sample* sample = samples.find(handle);
  if (sample == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  if (!supported(s.board())) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  *sample = {true,
             s.ref.gpu,
             gi,
             gi == kNone ? 0 : s.self().gis[gi].serial,
             counters_at(s.state(), s.ref.gpu, gi, now_ns())};
  return NVML_SUCCESS;
}

nvmlReturn_t metrics(nvmlGpmMetricsGet_t& request) {
  Samples& samples = Samples::get();
  const std::lock_guard lock(samples.mutex);
  const Sample* one = samples.find(request.sample1);
  const Sample* two = samples.find(request.sample2);
  if (one == nullptr || two == nullptr || !one->taken || !two->taken || one->gpu != two->gpu ||
      one->gi != two->gi || one->serial != two->serial) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  if (one->counters.since_ns > two->counters.since_ns) {
    std::swap(one, two);
  }
  if (one->counters.since_ns == two->counters.since_ns) {
    return NVML_ERROR_INVALID_ARGUMENT;  // both samples of one instant: no interval to divide by
  }
  for (unsigned i = 0; i < request.numMetrics; ++i) {
    compute(*one, *two, request.metrics[i]);
  }
  return NVML_SUCCESS;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t* sample) {
  return call(__func__, [&](Machine&) {
    if (sample == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    auto fresh = std::make_unique<Sample>();
    *sample = reinterpret_cast<nvmlGpmSample_t>(fresh.get());
    Samples& samples = Samples::get();
    const std::lock_guard lock(samples.mutex);
    samples.known[fresh.get()] = std::move(fresh);
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample) {
  return call(__func__, [&](Machine&) {
    Samples& samples = Samples::get();
    const std::lock_guard lock(samples.mutex);
    return samples.known.erase(sample) != 0 ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
  });
}

nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t sample) {
  return read_device(__func__, device, [&](const Subject& s) { return take(s, s.ref.gi, sample); });
}

nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device,
                                 unsigned gpu_instance_id,
                                 nvmlGpmSample_t sample) {
  return read_device(__func__, device, [&](const Subject& s) {
    if (s.is_mig()) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (!supported(s.board()) || !s.mig_on()) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    if (gpu_instance_id >= kMaxGis || s.self().gis[gpu_instance_id].used == 0) {
      return NVML_ERROR_NOT_FOUND;
    }
    return take(s, gpu_instance_id, sample);
  });
}

nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t* request) {
  return call(__func__, [&](Machine&) {
    if (request == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (request->version != NVML_GPM_METRICS_GET_VERSION) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    return request->numMetrics == 0 || request->numMetrics > NVML_GPM_METRIC_MAX
               ? NVML_ERROR_INVALID_ARGUMENT
               : metrics(*request);
  });
}

nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t* support) {
  return read_device(__func__, device, [&](const Subject& s) {
    if (support == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (support->version != NVML_GPM_SUPPORT_VERSION) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    return put(supported(s.board()) ? 1U : 0U, &support->isSupportedDevice);
  });
}

nvmlReturn_t nvmlGpmQueryIfStreamingEnabled(nvmlDevice_t device, unsigned* state) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return supported(s.board()) || state == nullptr ? put(0U, state) : NVML_ERROR_NOT_SUPPORTED;
  });
}

}  // extern "C"
