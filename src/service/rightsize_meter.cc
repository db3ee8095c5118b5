// SPDX-License-Identifier: Apache-2.0
#include "service/rightsize_meter.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/proc_root.h"
#include "device/processes.h"
#include "holders/descendants.h"
#include "nvml/return_code.h"

namespace mig::service {
namespace {

constexpr double kPercent = 0.01;
constexpr unsigned kMibShift = 20;

struct Metric {
  std::optional<double> rightsize::RunActivity::*member;
  unsigned id;
};

constexpr Metric kMetrics[] = {
    {&rightsize::RunActivity::busy, NVML_GPM_METRIC_GRAPHICS_UTIL},
    {&rightsize::RunActivity::sm, NVML_GPM_METRIC_SM_UTIL},
    {&rightsize::RunActivity::dram, NVML_GPM_METRIC_DRAM_BW_UTIL},
    {&rightsize::RunActivity::tensor, NVML_GPM_METRIC_ANY_TENSOR_UTIL},
};

}  // namespace

struct Meter::State {
  const nvml::Functions* nvml = nullptr;
  nvmlDevice_t gpu = nullptr, memory_of = nullptr;
  std::optional<GpuInstanceId> instance;
  std::optional<std::uint64_t> used_before_mib, used_most_mib, processes_most_mib;
  nvmlGpmSample_t from = nullptr, to = nullptr;
  bool begun = false;
  std::string no_activity;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() {
    for (nvmlGpmSample_t sample : {from, to}) {
      if (sample != nullptr) {
        nvml->nvmlGpmSampleFree(sample);
      }
    }
  }

  std::optional<std::uint64_t> used_mib() const {
    nvmlMemory_t memory{};
    if (nvml->nvmlDeviceGetMemoryInfo(memory_of, &memory) != NVML_SUCCESS) {
      return std::nullopt;
    }
    return memory.used >> kMibShift;
  }

  bool has_gpm() const {
    nvmlGpmSupport_t support{};
    support.version = NVML_GPM_SUPPORT_VERSION;
    return nvml->nvmlGpmQueryDeviceSupport(gpu, &support) == NVML_SUCCESS &&
           support.isSupportedDevice != 0;
  }

  nvmlReturn_t take(nvmlGpmSample_t sample) const {
    return instance ? nvml->nvmlGpmMigSampleGet(gpu, instance->value, sample)
                    : nvml->nvmlGpmSampleGet(gpu, sample);
  }
};

Meter::Meter(std::unique_ptr<State> state) : state_(std::move(state)) {}

Meter::~Meter() = default;
Meter::Meter(Meter&&) noexcept = default;

std::vector<std::uint32_t> process_tree(int pid) {
  std::vector<std::uint32_t> pids = {static_cast<std::uint32_t>(pid)};
  for (const lease::LeaseHolder& one : holders::descendants_of(base::proc_root(), pids.front())) {
    pids.push_back(one.pid);
  }
  return pids;
}

Result<Meter> Meter::of(node::Node& node,
                        GpuIndex gpu,
                        std::optional<GpuInstanceId> instance,
                        const std::string& instance_uuid) {
  MIG_ASSIGN_OR_RETURN(nvml::Session * session, node.session());
  auto state = std::make_unique<State>();
  state->nvml = &session->nvml();
  state->instance = instance;
  nvmlReturn_t code = state->nvml->nvmlDeviceGetHandleByIndex_v2(gpu.value, &state->gpu);
  if (code != NVML_SUCCESS) {
    return nvml::error_from(code, "cannot open the GPU to read its memory");
  }
  state->memory_of = state->gpu;
  if (instance) {
    code = state->nvml->nvmlDeviceGetHandleByUUID(instance_uuid.c_str(), &state->memory_of);
    if (code != NVML_SUCCESS) {
      return nvml::error_from(code, "cannot open " + instance_uuid + " to read its memory");
    }
  }
  state->used_before_mib = state->used_mib();
  if (!state->has_gpm()) {
    state->no_activity = "the driver counts activity from Hopper on (GPM), not for this GPU";
  } else if (state->nvml->nvmlGpmSampleAlloc(&state->from) != NVML_SUCCESS ||
             state->nvml->nvmlGpmSampleAlloc(&state->to) != NVML_SUCCESS) {
    state->no_activity = "the driver gives no samples of activity";
  }
  return Meter(std::move(state));
}

bool Meter::look(int pid) {
  State& state = *state_;
  if (const auto used = state.used_mib()) {
    state.used_most_mib = std::max(state.used_most_mib.value_or(0), *used);
  }
  const auto processes = device::read_processes(*state.nvml, state.gpu, {}, base::proc_root());
  if (!processes) {
    return false;
  }
  const std::vector<std::uint32_t> tree = process_tree(pid);
  bool uses = false;
  std::optional<std::uint64_t> sum;
  for (const Process& process : *processes) {
    if (std::find(tree.begin(), tree.end(), process.pid) != tree.end()) {
      uses = true;
      if (process.memory_mib) {
        sum = sum.value_or(0) + *process.memory_mib;
      }
    }
  }
  if (sum) {
    state.processes_most_mib = std::max(state.processes_most_mib.value_or(0), *sum);
  }
  return uses;
}

std::optional<std::uint64_t> Meter::peak_memory_mib() const {
  if (state_->processes_most_mib.value_or(0) > 0) {
    return state_->processes_most_mib;
  }
  if (state_->used_before_mib && state_->used_most_mib &&
      *state_->used_most_mib > *state_->used_before_mib) {
    return *state_->used_most_mib - *state_->used_before_mib;
  }
  return std::nullopt;
}

std::string Meter::memory_source() const {
  if (!peak_memory_mib()) {
    return "";
  }
  return state_->processes_most_mib.value_or(0) > 0 ? "processes" : "device";
}

void Meter::begin_activity() {
  state_->begun = state_->no_activity.empty() && state_->take(state_->from) == NVML_SUCCESS;
}

rightsize::RunActivity Meter::end_activity() {
  rightsize::RunActivity activity;
  if (!state_->begun) {
    activity.reason =
        state_->no_activity.empty() ? "the steady part was too short" : state_->no_activity;
    return activity;
  }
  state_->begun = false;
  const auto get = std::make_unique<nvmlGpmMetricsGet_t>();
  nvmlReturn_t code = state_->take(state_->to);
  if (code == NVML_SUCCESS) {
    get->version = NVML_GPM_METRICS_GET_VERSION;
    get->numMetrics = static_cast<unsigned>(std::size(kMetrics));
    get->sample1 = state_->from;
    get->sample2 = state_->to;
    for (std::size_t i = 0; i < std::size(kMetrics); ++i) {
      get->metrics[i].metricId = kMetrics[i].id;
    }
    code = state_->nvml->nvmlGpmMetricsGet(get.get());
  }
  if (code != NVML_SUCCESS) {
    activity.reason = nvml::error_from(code, "cannot compute the activity").message;
    return activity;
  }
  for (std::size_t i = 0; i < std::size(kMetrics); ++i) {
    const nvmlGpmMetric_t& metric = get->metrics[i];
    if (metric.nvmlReturn == NVML_SUCCESS && std::isfinite(metric.value)) {
      activity.*kMetrics[i].member = std::clamp(metric.value * kPercent, 0.0, 1.0);
    }
  }
  return activity;
}

}  // namespace mig::service
