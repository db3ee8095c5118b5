// SPDX-License-Identifier: Apache-2.0
#include "smi/processes.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr unsigned kNoInstance = 0xFFFFFFFFU;
constexpr unsigned long long kNoMemory = ~0ULL;
constexpr unsigned kMaxProcesses = 1U << 16U;  // bounds the allocation against a bogus count

// Race: the list may grow between the call for its length and the call for its entries.
template <class Call>
std::vector<nvmlProcessInfo_t> read_list(const Call& call, nvmlDevice_t device) {
  std::vector<nvmlProcessInfo_t> list(16);
  for (;;) {
    auto count = static_cast<unsigned>(list.size());
    const nvmlReturn_t code = call(device, &count, list.data());
    if (code == NVML_SUCCESS) {
      list.resize(std::min<std::size_t>(count, list.size()));
      return list;
    }
    if (code != NVML_ERROR_INSUFFICIENT_SIZE || count > kMaxProcesses ||
        list.size() >= kMaxProcesses) {
      return {};
    }
    list.resize(std::max<std::size_t>(count, list.size()) * 2);
  }
}

std::string name_of(const Run& run, unsigned pid) {
  std::array<char, 4096> name{};
  const nvmlReturn_t code = run.nvml.nvmlSystemGetProcessName(pid, name.data(), name.size());
  if (code == NVML_ERROR_NO_PERMISSION) {
    return "[Insufficient Permissions]";
  }
  return code == NVML_SUCCESS ? base::printable(name.data()) : "[Not Found]";
}

std::optional<unsigned> instance(unsigned id) {
  return id == kNoInstance ? std::nullopt : std::optional(id);
}

}  // namespace

std::vector<Process> processes_on(const Run& run, const Gpu& gpu) {
  std::vector<Process> processes;
  const auto add = [&](const nvmlProcessInfo_t& info, const char* type) {
    const auto gi = instance(info.gpuInstanceId);
    const auto ci = instance(info.computeInstanceId);
    const auto same = std::find_if(processes.begin(), processes.end(), [&](const Process& p) {
      return p.pid == info.pid && p.gi == gi && p.ci == ci;
    });
    if (same != processes.end()) {
      if (same->type == "C" && *type == 'G') {
        same->type = "C+G";
      }
      return;
    }
    Process process{gpu.index, info.pid, gi, ci, type, name_of(run, info.pid), std::nullopt};
    if (info.usedGpuMemory != kNoMemory) {
      process.memory_mib = mib(info.usedGpuMemory);
    }
    processes.push_back(std::move(process));
  };
  for (const auto& info :
       read_list(run.nvml.nvmlDeviceGetMPSComputeRunningProcesses_v3, gpu.device)) {
    add(info, "M+C");
  }
  for (const auto& info : read_list(run.nvml.nvmlDeviceGetComputeRunningProcesses_v3, gpu.device)) {
    add(info, "C");
  }
  for (const auto& info :
       read_list(run.nvml.nvmlDeviceGetGraphicsRunningProcesses_v3, gpu.device)) {
    add(info, "G");
  }
  std::stable_sort(processes.begin(), processes.end(), [](const Process& a, const Process& b) {
    return a.pid < b.pid;
  });
  return processes;
}

std::string base_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace mig::smi
