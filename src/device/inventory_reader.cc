// SPDX-License-Identifier: Apache-2.0
#include "device/inventory_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "device/display.h"
#include "device/instances.h"
#include "device/processes.h"
#include "device/profiles.h"
#include "device/readings.h"

namespace mig::device {
namespace {

constexpr int kReadsOfAMovingLayout = 5;

Architecture architecture_of(unsigned raw) {
  switch (raw) {
    case NVML_DEVICE_ARCH_AMPERE:
      return Architecture::kAmpere;
    case NVML_DEVICE_ARCH_ADA:
      return Architecture::kAda;
    case NVML_DEVICE_ARCH_HOPPER:
      return Architecture::kHopper;
    case NVML_DEVICE_ARCH_BLACKWELL:
      return Architecture::kBlackwell;
    default:
      break;
  }
  if (raw == NVML_DEVICE_ARCH_UNKNOWN) {
    return Architecture::kUnknown;
  }
  return raw < NVML_DEVICE_ARCH_AMPERE ? Architecture::kOlder : Architecture::kNewer;
}

MigMode mode_of(unsigned raw) {
  return raw == NVML_DEVICE_MIG_ENABLE ? MigMode::kEnabled : MigMode::kDisabled;
}

Result<void> read_identity(const nvml::Functions& nvml, nvmlDevice_t device, Gpu& gpu) {
  gpu.uuid = read_text([&](char* to, unsigned n) { return nvml.nvmlDeviceGetUUID(device, to, n); });
  gpu.name = read_text([&](char* to, unsigned n) { return nvml.nvmlDeviceGetName(device, to, n); });
  nvmlPciInfo_t pci{};
  nvmlReturn_t code = nvml.nvmlDeviceGetPciInfo_v3(device, &pci);
  if (code == NVML_ERROR_FUNCTION_NOT_FOUND) {
    code = nvml.nvmlDeviceGetPciInfo_v2(device, &pci);
  }
  MIG_ASSIGN_OR_RETURN(const bool known, told(code, fmt::format("GPU {}", gpu.index.value)));
  if (known) {
    gpu.pci_bus_id = pci.busId[0] != '\0' ? pci.busId : pci.busIdLegacy;
    gpu.pci_device_id = pci.pciDeviceId;
    gpu.pci_subsystem_id = pci.pciSubSystemId;
  }
  if (unsigned minor = 0; nvml.nvmlDeviceGetMinorNumber(device, &minor) == NVML_SUCCESS) {
    gpu.minor = minor;
  }
  nvmlDeviceArchitecture_t architecture = NVML_DEVICE_ARCH_UNKNOWN;
  if (nvml.nvmlDeviceGetArchitecture(device, &architecture) == NVML_SUCCESS) {
    gpu.architecture = architecture_of(architecture);
  }
  // Plans and locks identify a GPU by its UUID; a GPU without one cannot be managed.
  if (gpu.uuid.empty()) {
    return fail(ErrorCode::kDriver,
                fmt::format("GPU {} has no UUID that the driver would tell", gpu.index.value),
                "see dmesg for what is wrong with the GPU");
  }
  return {};
}

Result<void> read_mode(const nvml::Functions& nvml, nvmlDevice_t device, Gpu& gpu) {
  unsigned current = 0;
  unsigned pending = 0;
  const nvmlReturn_t code = nvml.nvmlDeviceGetMigMode(device, &current, &pending);
  // Only these codes mean that a GPU has no MIG mode. Taking another error for "no MIG" would leave
  // the GPU as it is and report a layout without MIG as applied.
  const bool without = code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_FUNCTION_NOT_FOUND;
  if (code != NVML_SUCCESS && !without) {
    return nvml::error_from(code,
                            fmt::format("cannot read the MIG mode of GPU {}", gpu.index.value));
  }
  if (code == NVML_SUCCESS) {
    gpu.mig_current = mode_of(current);
    gpu.mig_pending = mode_of(pending);
  }
  return {};
}

void count_slices(Gpu& gpu) {
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    gpu.compute_slices = std::max(gpu.compute_slices, profile.slices);
    for (Placement placement : profile.placements) {
      gpu.memory_slices = std::max(gpu.memory_slices, placement.end());
    }
  }
}

// Error of a GPU that the driver counts but cannot open, whatever the hardware's reason: drivers
// return lost, reset required, interrupt issue, or unknown.
Error cannot_open(nvmlReturn_t code, GpuIndex index) {
  Error error = nvml::error_from(code, fmt::format("cannot open GPU {}", index.value));
  if (error.code == ErrorCode::kPermission || code == NVML_ERROR_UNINITIALIZED) {
    return error;
  }
  if (error.code != ErrorCode::kDeviceLost) {
    error.hint = "see dmesg for what is wrong with it, then reset the GPU or reboot the machine";
  }
  error.code = ErrorCode::kDeviceLost;
  return error;
}

Result<Gpu> read_gpu_once(const nvml::Session& session,
                          GpuIndex index,
                          const ReadOptions& options) {
  const nvml::Functions& nvml = session.nvml();
  Gpu gpu;
  gpu.index = index;
  nvmlDevice_t device = nullptr;
  if (const nvmlReturn_t code = nvml.nvmlDeviceGetHandleByIndex_v2(index.value, &device);
      code != NVML_SUCCESS) {
    return cannot_open(code, index);
  }
  MIG_TRY(read_identity(nvml, device, gpu));
  MIG_TRY(read_mode(nvml, device, gpu));
  if (options.depth != Depth::kShownWithMig || gpu.mig_current == MigMode::kUnsupported) {
    gpu.display = read_display(nvml, device);
  }
  std::uint64_t total_bytes = 0;
  if (nvmlMemory_t memory{}; nvml.nvmlDeviceGetMemoryInfo(device, &memory) == NVML_SUCCESS) {
    total_bytes = memory.total;
    gpu.memory_total_mib = total_bytes >> 20U;
  }
  std::vector<MigDevice> devices;
  const auto kept = options.facts != nullptr ? options.facts->of(gpu.uuid, session.epoch())
                                             : std::make_shared<GpuFacts>();
  GpuFacts& facts = *kept;
  const bool profiles_wanted =
      options.depth != Depth::kShownWithMig || gpu.mig_current == MigMode::kEnabled;
  if (gpu.mig_current != MigMode::kUnsupported && profiles_wanted) {
    if (facts.profiles.empty()) {
      MIG_ASSIGN_OR_RETURN(facts.profiles, read_profiles(nvml, device, total_bytes));
    }
    gpu.profiles = facts.profiles;
    if (options.depth == Depth::kAll) {
      MIG_TRY(read_remaining(nvml, device, gpu.profiles));
    }
    count_slices(gpu);
  }
  if (gpu.mig_current == MigMode::kEnabled) {
    MIG_ASSIGN_OR_RETURN(devices, read_mig_devices(nvml, device));
    unsigned count = 0;
    if (nvml.nvmlDeviceGetMaxMigDeviceCount(device, &count) == NVML_SUCCESS) {
      gpu.max_mig_devices = count;
    }
    MIG_ASSIGN_OR_RETURN(
        InstanceList list,
        read_instances(nvml, device, devices, gpu.profiles, facts.compute_profiles));
    gpu.instances = std::move(list.instances);
    gpu.instances_complete = list.complete;
  }
  auto processes = read_processes(nvml, device, devices, options.proc_root);
  if (processes) {
    gpu.processes = *std::move(processes);
  }
  // An unprivileged user, for whom the driver hides instances, is not shown processes either, and
  // cannot change anything.
  else if (gpu.instances_complete || processes.error().code != ErrorCode::kPermission) {
    return std::move(processes).error();
  }
  return gpu;
}

}  // namespace

Result<Gpu> read_gpu(const nvml::Session& session, GpuIndex index, const ReadOptions& options) {
  for (int i = 1;; ++i) {
    auto gpu = read_gpu_once(session, index, options);
    if (gpu || gpu.error().code != ErrorCode::kConflict || i == kReadsOfAMovingLayout) {
      return gpu;
    }
  }
}

Result<Inventory> read_inventory(const nvml::Session& session, const ReadOptions& options) {
  return read_gpus(session, [&](GpuIndex index) { return read_gpu(session, index, options); });
}

Result<Inventory> read_gpus(const nvml::Session& session,
                            const std::function<Result<Gpu>(GpuIndex)>& read) {
  Inventory out;
  out.simulated = session.simulated();
  if (session.simulated()) {
    out.simulated_machine = session.control()->machine_name;
  }
  out.driver_version = session.driver_version();
  out.nvml_version = session.nvml_version();
  unsigned count = 0;
  if (const nvmlReturn_t code = session.nvml().nvmlDeviceGetCount_v2(&count);
      code != NVML_SUCCESS) {
    return nvml::error_from(code, "cannot count the GPUs");
  }
  for (unsigned index = 0; index < count; ++index) {
    auto gpu = read(GpuIndex{index});
    if (!gpu && gpu.error().code == ErrorCode::kDeviceLost) {
      // One lost GPU does not hide the others.
      out.warnings.push_back(fmt::format("GPU {} is left out: {}", index, gpu.error().text()));
      out.lost.push_back({GpuIndex{index}, std::move(gpu).error()});
      continue;
    }
    if (!gpu) {
      return std::move(gpu).error().in(fmt::format("GPU {}", index));
    }
    out.gpus.push_back(*std::move(gpu));
  }
  out.generation = layout_generation(out);
  return out;
}

}  // namespace mig::device
