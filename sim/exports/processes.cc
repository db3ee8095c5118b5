// SPDX-License-Identifier: Apache-2.0
// Process lists. A GPU lists all processes with their instance ids, a MIG device only its own.
#include <vector>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/exports/processes_here.h"
#include "sim/machine/services.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// The values are also the `mode` of nvmlDeviceGetRunningProcessDetailList.
enum Kind : std::uint32_t { kCompute, kGraphicsClient, kMps };

bool on(const ProcessState& process, const DeviceRef& ref) {
  return process.used != 0 && process.gpu == ref.gpu &&
         (!ref.is_mig() || (process.gi == ref.gi && process.ci == ref.ci));
}

// A display draws on the whole GPU, in MIG mode too: RTX PRO 6000 Max-Q, 580.105.08 lists Xorg with
// MIG on.
void add_displays(const Subject& s, std::vector<ProcessState>& found) {
  for (std::uint32_t service = 0; service < kServiceCount; ++service) {
    if (kServices[service].display_bytes == 0 || !service_holds(s.state(), service, s.ref.gpu)) {
      continue;
    }
    ProcessState process;
    process.pid = static_cast<std::int32_t>(service_pid(service));
    process.gpu = s.ref.gpu;
    process.kind = kGraphicsClient;
    process.memory_bytes = kServices[service].display_bytes;
    found.push_back(process);
  }
}

nvmlReturn_t collect(const Subject& s, std::uint32_t kind, std::vector<ProcessState>& found) {
  if (!s.is_mig() && s.mig_on() && !is_admin(s.machine)) {
    return NVML_ERROR_NO_PERMISSION;
  }
  for (const ProcessState& process : processes_here(s.state(), s.machine.dir(), s.ref.gpu)) {
    if (on(process, s.ref) && process.kind == kind) {
      found.push_back(process);
    }
  }
  if (kind == kGraphicsClient && !s.is_mig()) {
    add_displays(s, found);
  }
  return NVML_SUCCESS;
}

void fill(const ProcessState& process, nvmlProcessInfo_v1_t& out) {
  out.pid = static_cast<unsigned>(process.pid);
  out.usedGpuMemory = process.memory_bytes;
}

void fill(const ProcessState& process, nvmlProcessInfo_v2_t& out) {
  out.pid = static_cast<unsigned>(process.pid);
  out.usedGpuMemory = process.memory_bytes;
  out.gpuInstanceId = process.gi;
  out.computeInstanceId = process.ci;
}

void fill(const ProcessState& process, nvmlProcessDetail_v1_t& out) {
  out.pid = static_cast<unsigned>(process.pid);
  out.usedGpuMemory = process.memory_bytes;
  out.gpuInstanceId = process.gi;
  out.computeInstanceId = process.ci;
  out.usedGpuCcProtectedMemory = 0;  // no confidential computing on a simulated machine
}

// `count`: capacity of `infos` on input, number of processes on output.
template <class Info>
nvmlReturn_t give(const std::vector<ProcessState>& found, unsigned& count, Info* infos) {
  const unsigned room = infos == nullptr ? 0 : count;
  count = static_cast<unsigned>(found.size());
  if (found.size() > room) {
    return NVML_ERROR_INSUFFICIENT_SIZE;
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    fill(found[i], infos[i]);
  }
  return NVML_SUCCESS;
}

template <class Info>
nvmlReturn_t list(
    const char* function, nvmlDevice_t device, std::uint32_t kind, unsigned* count, Info* infos) {
  return read_device(function, device, [&](const Subject& s) {
    if (count == nullptr || (infos == nullptr && *count != 0)) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    std::vector<ProcessState> found;
    const nvmlReturn_t code = collect(s, kind, found);
    return code == NVML_SUCCESS ? give(found, *count, infos) : code;
  });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t device,
                                                  unsigned* count,
                                                  nvmlProcessInfo_v1_t* infos) {
  return list(__func__, device, kCompute, count, infos);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t device,
                                                     unsigned* count,
                                                     nvmlProcessInfo_v2_t* infos) {
  return list(__func__, device, kCompute, count, infos);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device,
                                                     unsigned* count,
                                                     nvmlProcessInfo_t* infos) {
  return list(__func__, device, kCompute, count, infos);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses(nvmlDevice_t device,
                                                   unsigned* count,
                                                   nvmlProcessInfo_v1_t* infos) {
  return list(__func__, device, kGraphicsClient, count, infos);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v2(nvmlDevice_t device,
                                                      unsigned* count,
                                                      nvmlProcessInfo_v2_t* infos) {
  return list(__func__, device, kGraphicsClient, count, infos);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device,
                                                      unsigned* count,
                                                      nvmlProcessInfo_t* infos) {
  return list(__func__, device, kGraphicsClient, count, infos);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses(nvmlDevice_t device,
                                                     unsigned* count,
                                                     nvmlProcessInfo_v1_t* infos) {
  return list(__func__, device, kMps, count, infos);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v2(nvmlDevice_t device,
                                                        unsigned* count,
                                                        nvmlProcessInfo_v2_t* infos) {
  return list(__func__, device, kMps, count, infos);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v3(nvmlDevice_t device,
                                                        unsigned* count,
                                                        nvmlProcessInfo_t* infos) {
  return list(__func__, device, kMps, count, infos);
}

nvmlReturn_t nvmlDeviceGetRunningProcessDetailList(nvmlDevice_t device,
                                                   nvmlProcessDetailList_v1_t* list) {
  return read_device(__func__, device, [&](const Subject& s) {
    if (list == nullptr || (list->procArray == nullptr && list->numProcArrayEntries != 0)) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (list->version != nvmlProcessDetailList_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (list->mode > kMps) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    std::vector<ProcessState> found;
    const nvmlReturn_t code = collect(s, list->mode, found);
    return code == NVML_SUCCESS ? give(found, list->numProcArrayEntries, list->procArray) : code;
  });
}

}  // extern "C"
