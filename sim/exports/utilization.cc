// SPDX-License-Identifier: Apache-2.0
// Utilisation of a GPU and of its processes. NOT_SUPPORTED in MIG mode (there GPM serves, see
// gpm.cc).
#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/exports/processes_here.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// Model: the sampling period that NVML commonly reports for these boards, a sixth of a second.
constexpr unsigned kPeriodUs = 167000;

template <class Body>
nvmlReturn_t read_unpartitioned(const char* function, nvmlDevice_t device, Body&& body) {
  return read_device(function, device, [&](const Subject& s) {
    return s.is_mig() || s.mig_on() ? NVML_ERROR_NOT_SUPPORTED : body(s);
  });
}

// Simulated workloads use no video engine: utilisation 0 is the true value.
nvmlReturn_t idle_engine(const char* function,
                         nvmlDevice_t device,
                         unsigned* percent,
                         unsigned* period_us) {
  return read_unpartitioned(function, device, [&](const Subject&) {
    if (percent == nullptr || period_us == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    *percent = 0;
    return put(kPeriodUs, period_us);
  });
}

unsigned percent(double rate) {
  return static_cast<unsigned>(std::lround(std::clamp(rate, 0.0, 1.0) * 100.0));
}

nvmlReturn_t fill_samples(const Subject& s, nvmlProcessUtilizationSample_t* out, unsigned& count) {
  const std::vector<ProcessState> found = processes_here(s.state(), s.machine.dir(), s.ref.gpu);
  const unsigned room = out == nullptr ? 0 : count;
  count = static_cast<unsigned>(found.size());
  if (found.empty()) {
    return NVML_ERROR_NOT_FOUND;
  }
  if (found.size() > room) {
    return NVML_ERROR_INSUFFICIENT_SIZE;
  }
  const std::uint64_t now = wall_clock_us();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const ProcessState& process = found[i];
    out[i] = {};
    out[i].pid = static_cast<unsigned>(process.pid);
    out[i].timeStamp = now;
    out[i].smUtil = percent(process.rate[kSmActive]);
    out[i].memUtil = percent(process.rate[kDram]);
  }
  return NVML_SUCCESS;
}

std::optional<std::uint32_t> sample_of(const Subject& s, nvmlSamplingType_t type) {
  switch (type) {
    case NVML_TOTAL_POWER_SAMPLES:
      return power_mw(s.hardware(), s.state(), s.ref.gpu);
    case NVML_GPU_UTILIZATION_SAMPLES:
      return gpu_utilization(s.state(), s.ref.gpu);
    case NVML_MEMORY_UTILIZATION_SAMPLES:
      return memory_utilization(s.state(), s.ref.gpu);
    case NVML_PROCESSOR_CLK_SAMPLES:
      return clock_sm_mhz(s.hardware(), s.state(), s.ref.gpu);
    case NVML_MEMORY_CLK_SAMPLES:
      return clock_mem_mhz(s.hardware(), s.state(), s.ref.gpu);
    case NVML_ENC_UTILIZATION_SAMPLES:
    case NVML_DEC_UTILIZATION_SAMPLES:
    case NVML_JPG_UTILIZATION_SAMPLES:
    case NVML_OFA_UTILIZATION_SAMPLES:
      return 0U;
    default:
      return std::nullopt;
  }
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t* rates) {
  return read_unpartitioned(__func__, device, [&](const Subject& s) {
    return put(nvmlUtilization_t{gpu_utilization(s.state(), s.ref.gpu),
                                 memory_utilization(s.state(), s.ref.gpu)},
               rates);
  });
}

nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t device,
                                             unsigned* percent,
                                             unsigned* period_us) {
  return idle_engine(__func__, device, percent, period_us);
}

nvmlReturn_t nvmlDeviceGetDecoderUtilization(nvmlDevice_t device,
                                             unsigned* percent,
                                             unsigned* period_us) {
  return idle_engine(__func__, device, percent, period_us);
}

nvmlReturn_t nvmlDeviceGetJpgUtilization(nvmlDevice_t device,
                                         unsigned* percent,
                                         unsigned* period_us) {
  return idle_engine(__func__, device, percent, period_us);
}

nvmlReturn_t nvmlDeviceGetOfaUtilization(nvmlDevice_t device,
                                         unsigned* percent,
                                         unsigned* period_us) {
  return idle_engine(__func__, device, percent, period_us);
}

nvmlReturn_t nvmlDeviceGetEncoderStats(nvmlDevice_t device,
                                       unsigned* sessions,
                                       unsigned* fps,
                                       unsigned* latency) {
  // H200 with MIG on, 590.48.01: unlike the utilisation these are reported in MIG mode too.
  return read_gpu(__func__, device, [&](const Subject&) {
    if (sessions == nullptr || fps == nullptr || latency == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    *sessions = *fps = *latency = 0;
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetFBCStats(nvmlDevice_t device, nvmlFBCStats_t* stats) {
  return read_gpu(__func__, device, [&](const Subject&) { return put(nvmlFBCStats_t{}, stats); });
}

nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device,
                                             nvmlProcessUtilizationSample_t* samples,
                                             unsigned* count,
                                             unsigned long long since) {
  return read_unpartitioned(__func__, device, [&](const Subject& s) {
    if (count == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (since > wall_clock_us()) {
      *count = 0;
      return NVML_ERROR_NOT_FOUND;  // no sample is newer than now
    }
    return fill_samples(s, samples, *count);
  });
}

nvmlReturn_t nvmlDeviceGetProcessesUtilizationInfo(nvmlDevice_t device,
                                                   nvmlProcessesUtilizationInfo_v1_t* info) {
  return read_unpartitioned(__func__, device, [&](const Subject& s) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (info->version != nvmlProcessesUtilizationInfo_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    std::vector<nvmlProcessUtilizationSample_t> samples(kMaxProcesses);
    auto count = static_cast<unsigned>(samples.size());
    const nvmlReturn_t code = fill_samples(s, samples.data(), count);
    const unsigned room = info->procUtilArray == nullptr ? 0 : info->processSamplesCount;
    info->processSamplesCount = count;
    if (code != NVML_SUCCESS || count > room) {
      return code != NVML_SUCCESS ? code : NVML_ERROR_INSUFFICIENT_SIZE;
    }
    for (unsigned i = 0; i < count; ++i) {
      const nvmlProcessUtilizationSample_t& from = samples[i];
      info->procUtilArray[i] = {
          from.timeStamp, from.pid, from.smUtil, from.memUtil, from.encUtil, from.decUtil, 0, 0};
    }
    return NVML_SUCCESS;
  });
}

// The sample buffer of a simulated GPU holds the current value only.
nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t device,
                                  nvmlSamplingType_t type,
                                  unsigned long long since,
                                  nvmlValueType_t* value_type,
                                  unsigned* count,
                                  nvmlSample_t* samples) {
  return read_unpartitioned(__func__, device, [&](const Subject& s) {
    if (value_type == nullptr || count == nullptr || type < 0 || type >= NVML_SAMPLINGTYPE_COUNT) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const std::optional<std::uint32_t> value = sample_of(s, type);
    if (!value) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    const std::uint64_t now = wall_clock_us();
    if (since >= now) {
      return NVML_ERROR_NOT_FOUND;
    }
    *value_type = NVML_VALUE_TYPE_UNSIGNED_INT;
    if (samples == nullptr) {
      return put(1U, count);
    }
    if (*count == 0) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    samples[0] = {};
    samples[0].timeStamp = now;
    samples[0].sampleValue.uiVal = *value;
    return put(1U, count);
  });
}

}  // extern "C"
