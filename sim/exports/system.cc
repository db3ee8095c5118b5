// SPDX-License-Identifier: Apache-2.0
// Versions, process names, and devices that a simulated machine does not have.
#include <cstring>
#include <fstream>
#include <string>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/exports/processes_here.h"
#include "sim/machine/services.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

nvmlReturn_t cuda_version(const char* function, int* version) {
  return call(function, [&](Machine& machine) {
    const Machine::View view(machine);
    return put(view->options.cuda_version, version);
  });
}

// argv[0] of a process: NVML shows it for processes of other users too.
std::string program_of(unsigned pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
  std::string line;
  std::getline(file, line, '\0');
  return line;
}

nvmlReturn_t none_of(const char* function, unsigned* count) {
  return call(function, [&](Machine&) { return put(0U, count); });
}

// The machine has none of these devices, so every index is out of range.
nvmlReturn_t no_such(const char* function) {
  return call(function, [&](Machine&) { return NVML_ERROR_INVALID_ARGUMENT; });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlSystemGetDriverVersion(char* version, unsigned size) {
  return call(__func__, [&](Machine& machine) {
    const Machine::View view(machine);
    return put_text(view->options.driver_version, version, size);
  });
}

// Branch of the one driver version that a reading exists for.
nvmlReturn_t nvmlSystemGetDriverBranch(nvmlSystemDriverBranchInfo_v1_t* info, unsigned size) {
  return call(__func__, [&](Machine& machine) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (info->version != nvmlSystemDriverBranchInfo_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    const Machine::View view(machine);
    const bool known = std::strcmp(view->options.driver_version, "580.159.04") == 0;
    return put_text(known ? "r582_49" : "", info->branch, size);
  });
}

nvmlReturn_t nvmlSystemGetNVMLVersion(char* version, unsigned size) {
  const std::shared_ptr<Machine> machine = machine_to_peek();
  if (!machine) {
    return version == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_DRIVER_NOT_LOADED;
  }
  const Machine::View view(*machine);
  return put_text(view->options.nvml_version, version, size);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int* version) {
  const std::shared_ptr<Machine> machine = machine_to_peek();
  if (!machine) {
    return version == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_DRIVER_NOT_LOADED;
  }
  const Machine::View view(*machine);
  return put(view->options.cuda_version, version);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int* version) {
  return cuda_version(__func__, version);
}

nvmlReturn_t nvmlSystemGetProcessName(unsigned pid, char* name, unsigned size) {
  return call(__func__, [&](Machine& machine) {
    if (name == nullptr || size == 0) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    std::string known;
    {
      const Machine::View view(machine);
      for (const ProcessState& process : processes_here(*view, machine.dir(), kNone)) {
        if (process.pid == static_cast<std::int32_t>(pid)) {
          known = process.name;
        }
      }
    }
    for (std::uint32_t service = 0; service < kServiceCount && known.empty(); ++service) {
      known = pid == service_pid(service) ? kServices[service].program : "";
    }
    if (known.empty()) {
      known = program_of(pid);
    }
    return known.empty() ? NVML_ERROR_NOT_FOUND : put_text(known, name, size);
  });
}

// A simulated machine has no S-class units, no host interface cards and no excluded GPUs.
nvmlReturn_t nvmlSystemGetHicVersion(unsigned* count, nvmlHwbcEntry_t*) {
  return none_of(__func__, count);
}

nvmlReturn_t nvmlUnitGetCount(unsigned* count) {
  return none_of(__func__, count);
}

nvmlReturn_t nvmlUnitGetHandleByIndex(unsigned, nvmlUnit_t*) {
  return no_such(__func__);
}

nvmlReturn_t nvmlGetExcludedDeviceCount(unsigned* count) {
  return none_of(__func__, count);
}

nvmlReturn_t nvmlGetBlacklistDeviceCount(unsigned* count) {
  return none_of(__func__, count);
}

nvmlReturn_t nvmlGetExcludedDeviceInfoByIndex(unsigned, nvmlExcludedDeviceInfo_t*) {
  return no_such(__func__);
}

nvmlReturn_t nvmlGetBlacklistDeviceInfoByIndex(unsigned, nvmlExcludedDeviceInfo_t*) {
  return no_such(__func__);
}

}  // extern "C"
