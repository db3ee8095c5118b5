// SPDX-License-Identifier: Apache-2.0
#include "device/processes.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <tuple>
#include <utility>

#include "base/strings.h"
#include "device/readings.h"

namespace mig::device {
namespace {

constexpr std::uint32_t kNoInstance = 0xFFFFFFFFU;
constexpr int kGrowthRetries = 8;
constexpr unsigned kSpare = 8;

template <class Raw>
std::optional<std::uint64_t> used_mib(const Raw& raw) {
  if (raw.usedGpuMemory == std::numeric_limits<unsigned long long>::max()) {
    return std::nullopt;
  }
  return raw.usedGpuMemory >> 20U;
}

Process to_process(const nvmlProcessInfo_t& raw) {
  Process out;
  out.pid = raw.pid;
  out.memory_mib = used_mib(raw);
  if (raw.gpuInstanceId != kNoInstance) {
    out.gpu_instance = GpuInstanceId{raw.gpuInstanceId};
  }
  if (raw.computeInstanceId != kNoInstance) {
    out.compute_instance = ComputeInstanceId{raw.computeInstanceId};
  }
  return out;
}

Process to_process(const nvmlProcessInfo_v1_t& raw) {
  Process out;
  out.pid = raw.pid;
  out.memory_mib = used_mib(raw);
  return out;
}

// Safety: a process that is not seen could lose its instance, so only a driver without such a list
// counts as an empty list.
Result<bool> told_of_processes(nvmlReturn_t code) {
  if (code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_FUNCTION_NOT_FOUND) {
    return false;
  }
  if (code != NVML_SUCCESS) {
    return nvml::error_from(code, "cannot read the processes");
  }
  return true;
}

// Retry: processes may start between the call for the count and the call for the list.
template <class Raw, class Call>
Result<void> append(const Call& call,
                    nvmlDevice_t device,
                    bool graphics,
                    std::vector<Process>& out) {
  unsigned count = 0;
  nvmlReturn_t code = call(device, &count, nullptr);
  std::vector<Raw> raw;
  for (int i = 0; code == NVML_ERROR_INSUFFICIENT_SIZE && i < kGrowthRetries; ++i) {
    raw.assign(count + kSpare, Raw{});
    count = static_cast<unsigned>(raw.size());
    code = call(device, &count, raw.data());
  }
  MIG_ASSIGN_OR_RETURN(const bool known, told_of_processes(code));
  for (unsigned i = 0; known && i < count && i < raw.size(); ++i) {
    out.push_back(to_process(raw[i]));
    out.back().graphics = graphics;
  }
  return {};
}

template <class Raw, class Newest, class Middle>
Result<bool> append_newest(const Newest& newest,
                           const Middle& middle,
                           nvmlDevice_t device,
                           bool graphics,
                           std::vector<Process>& out) {
  if (newest) {
    MIG_TRY(append<Raw>(newest, device, graphics, out));
  } else if (middle) {
    MIG_TRY(append<Raw>(middle, device, graphics, out));
  }
  return static_cast<bool>(newest) || static_cast<bool>(middle);
}

// True: the list has instance ids.
Result<bool> append_all(const nvml::Functions& f, nvmlDevice_t device, std::vector<Process>& out) {
  MIG_ASSIGN_OR_RETURN(const bool compute,
                       append_newest<nvmlProcessInfo_t>(f.nvmlDeviceGetComputeRunningProcesses_v3,
                                                        f.nvmlDeviceGetComputeRunningProcesses_v2,
                                                        device,
                                                        false,
                                                        out));
  MIG_ASSIGN_OR_RETURN(const bool graphics,
                       append_newest<nvmlProcessInfo_t>(f.nvmlDeviceGetGraphicsRunningProcesses_v3,
                                                        f.nvmlDeviceGetGraphicsRunningProcesses_v2,
                                                        device,
                                                        true,
                                                        out));
  MIG_TRY(append_newest<nvmlProcessInfo_t>(f.nvmlDeviceGetMPSComputeRunningProcesses_v3,
                                           f.nvmlDeviceGetMPSComputeRunningProcesses_v2,
                                           device,
                                           false,
                                           out));
  if (!compute) {
    MIG_TRY(
        append<nvmlProcessInfo_v1_t>(f.nvmlDeviceGetComputeRunningProcesses, device, false, out));
  }
  if (!graphics) {
    MIG_TRY(
        append<nvmlProcessInfo_v1_t>(f.nvmlDeviceGetGraphicsRunningProcesses, device, true, out));
  }
  return compute;
}

auto identity(const Process& process) {
  return std::tuple(process.pid, process.gpu_instance, process.compute_instance);
}

}  // namespace

bool tells_instances(const nvml::Functions& nvml) {
  return static_cast<bool>(nvml.nvmlDeviceGetComputeRunningProcesses_v3) ||
         static_cast<bool>(nvml.nvmlDeviceGetComputeRunningProcesses_v2);
}

std::string process_name(const std::string& proc_root, std::uint32_t pid) {
  std::ifstream file(proc_root + "/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

Result<std::vector<Process>> read_processes(const nvml::Functions& nvml,
                                            nvmlDevice_t device,
                                            const std::vector<MigDevice>& devices,
                                            const std::string& proc_root) {
  std::vector<Process> out;
  MIG_ASSIGN_OR_RETURN(const bool by_instance, append_all(nvml, device, out));
  if (!by_instance && !devices.empty()) {
    for (const MigDevice& mig : devices) {
      std::vector<Process> here;
      MIG_TRY(append_all(nvml, mig.handle, here));
      for (Process& process : here) {
        std::erase_if(out,
                      [&](const Process& p) { return !p.gpu_instance && p.pid == process.pid; });
        process.gpu_instance = GpuInstanceId{mig.gpu_instance};
        process.compute_instance = ComputeInstanceId{mig.compute_instance};
        out.push_back(std::move(process));
      }
    }
  }
  // Merges entries of several lists: a process on the graphics list and another one computes too.
  std::stable_sort(out.begin(), out.end(), [](const Process& a, const Process& b) {
    return std::tuple(identity(a), a.graphics) < std::tuple(identity(b), b.graphics);
  });
  out.erase(
      std::unique(out.begin(),
                  out.end(),
                  [](const Process& a, const Process& b) { return identity(a) == identity(b); }),
      out.end());
  for (Process& process : out) {
    process.name = base::printable(process_name(proc_root, process.pid));
  }
  return out;
}

}  // namespace mig::device
