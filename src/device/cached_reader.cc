// SPDX-License-Identifier: Apache-2.0
#include "device/cached_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "device/display.h"
#include "device/instances.h"
#include "device/processes.h"
#include "device/readings.h"

namespace mig::device {

// A GPU instance or compute instance as reported by the driver.
struct LayoutMark {
  std::uint32_t gpu_instance = 0;
  std::optional<std::uint32_t> compute_instance;
  std::uint32_t profile = 0;
  std::uint32_t start = 0, size = 0;
  friend bool operator==(const LayoutMark&, const LayoutMark&) = default;
};

// Fingerprint of a GPU's layout, to detect changes. A list that the driver refuses counts as empty,
// as long as it is refused; the MIG devices are compared in any case.
struct LayoutPrint {
  nvmlReturn_t mode_code = NVML_SUCCESS;
  unsigned current = 0, pending = 0;
  std::vector<LayoutMark> marks;
  std::vector<MigDevice> devices;
};

namespace {

constexpr std::uint32_t k3dController = 0x0302;  // PCI class and subclass
constexpr unsigned kMostHandles = 64;  // as in instances.cc: more than any board has slots

bool same_attributes(const std::optional<nvmlDeviceAttributes_t>& a,
                     const std::optional<nvmlDeviceAttributes_t>& b) {
  return a.has_value() == b.has_value() && (!a || std::memcmp(&*a, &*b, sizeof *a) == 0);
}

// Compares all but the memory in use, which changes without a change of layout.
bool same_device(const MigDevice& a, const MigDevice& b) {
  return a.index == b.index && a.gpu_instance == b.gpu_instance &&
         a.compute_instance == b.compute_instance && a.uuid == b.uuid && a.name == b.name &&
         a.memory_total_mib == b.memory_total_mib && same_attributes(a.attributes, b.attributes);
}

bool same_layout(const LayoutPrint& a, const LayoutPrint& b) {
  return a.mode_code == b.mode_code && a.current == b.current && a.pending == b.pending &&
         a.marks == b.marks &&
         std::equal(
             a.devices.begin(), a.devices.end(), b.devices.begin(), b.devices.end(), same_device);
}

// Adds the compute instances of one GPU instance that have a MIG device, with profile and
// placement.
bool mark_compute_instances(const nvml::Functions& nvml,
                            nvmlGpuInstance_t handle,
                            std::uint32_t gpu_instance,
                            LayoutPrint& out) {
  for (const MigDevice& device : out.devices) {
    if (device.gpu_instance != gpu_instance) {
      continue;
    }
    nvmlComputeInstance_t compute = nullptr;
    nvmlComputeInstanceInfo_t info{};
    if (nvml.nvmlGpuInstanceGetComputeInstanceById(handle, device.compute_instance, &compute) !=
            NVML_SUCCESS ||
        nvml.nvmlComputeInstanceGetInfo_v2(compute, &info) != NVML_SUCCESS) {
      return false;
    }
    out.marks.push_back(
        {gpu_instance, info.id, info.profileId, info.placement.start, info.placement.size});
  }
  return true;
}

// False: the lists could not be read to the end (concurrent changes, a lost GPU).
bool mark_instances(const nvml::Functions& nvml,
                    nvmlDevice_t device,
                    const std::vector<GpuInstanceProfile>& profiles,
                    LayoutPrint& out) {
  for (const GpuInstanceProfile& profile : profiles) {
    std::vector<nvmlGpuInstance_t> handles(std::max(kMostHandles, profile.max_count));
    unsigned count = 0;
    const nvmlReturn_t code =
        nvml.nvmlDeviceGetGpuInstances(device, profile.id.value, handles.data(), &count);
    if (code == NVML_ERROR_NO_PERMISSION) {
      return true;
    }
    if (code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_INVALID_ARGUMENT) {
      continue;
    }
    if (code != NVML_SUCCESS) {
      return false;
    }
    for (unsigned i = 0; i < count && i < handles.size(); ++i) {
      nvmlGpuInstanceInfo_t info{};
      if (nvml.nvmlGpuInstanceGetInfo(handles[i], &info) != NVML_SUCCESS) {
        return false;
      }
      out.marks.push_back(
          {info.id, std::nullopt, info.profileId, info.placement.start, info.placement.size});
      if (!mark_compute_instances(nvml, handles[i], info.id, out)) {
        return false;
      }
    }
  }
  return true;
}

// nullopt: reading failed, so the cache must not be used.
std::optional<LayoutPrint> fingerprint(const nvml::Functions& nvml,
                                       nvmlDevice_t device,
                                       const std::vector<GpuInstanceProfile>& profiles) {
  LayoutPrint out;
  out.mode_code = nvml.nvmlDeviceGetMigMode(device, &out.current, &out.pending);
  const bool without =
      out.mode_code == NVML_ERROR_NOT_SUPPORTED || out.mode_code == NVML_ERROR_FUNCTION_NOT_FOUND;
  if (out.mode_code != NVML_SUCCESS && !without) {
    return std::nullopt;
  }
  if (out.mode_code != NVML_SUCCESS || out.current != NVML_DEVICE_MIG_ENABLE) {
    return out;
  }
  auto devices = read_mig_devices(nvml, device);
  if (!devices) {
    return std::nullopt;
  }
  out.devices = *std::move(devices);
  return mark_instances(nvml, device, profiles, out) ? std::optional(std::move(out)) : std::nullopt;
}

void set_memory_in_use(const std::vector<MigDevice>& devices, Gpu& gpu) {
  for (GpuInstance& instance : gpu.instances) {
    for (ComputeInstance& compute : instance.compute_instances) {
      const auto device = std::find_if(devices.begin(), devices.end(), [&](const MigDevice& one) {
        return one.gpu_instance == instance.id.value && one.compute_instance == compute.id.value;
      });
      if (device != devices.end()) {
        compute.memory_used_mib = device->memory_used_mib;
      }
    }
  }
}

// Reads the volatile part of `gpu`, whose layout is unchanged.
Result<void> read_what_changes(const nvml::Functions& nvml,
                               nvmlDevice_t device,
                               const std::vector<MigDevice>& devices,
                               const std::string& proc_root,
                               Gpu& gpu) {
  // A 3D controller has no outputs: its switches are constant (0.2 ms each on an H100).
  if (gpu.display.pci_class != k3dController) {
    read_display_switches(nvml, device, gpu.display);
  }
  nvmlMemory_t memory{};
  const nvmlReturn_t code = nvml.nvmlDeviceGetMemoryInfo(device, &memory);
  gpu.memory_total_mib =
      code == NVML_SUCCESS ? std::optional<std::uint64_t>(memory.total >> 20U) : std::nullopt;
  set_memory_in_use(devices, gpu);
  auto processes = read_processes(nvml, device, devices, proc_root);
  if (!processes && (gpu.instances_complete || processes.error().code != ErrorCode::kPermission)) {
    return std::move(processes).error();
  }
  gpu.processes = processes ? *std::move(processes) : std::vector<Process>();
  return {};
}

}  // namespace

struct CachedReader::Seen {
  nvmlDevice_t handle = nullptr;
  LayoutPrint print;
  Gpu gpu;
};

CachedReader::CachedReader() = default;
CachedReader::~CachedReader() = default;

void CachedReader::forget() {
  seen_.clear();
}

Result<Gpu> CachedReader::read_gpu_again(const nvml::Session& session,
                                         GpuIndex index,
                                         const ReadOptions& options) {
  const nvml::Functions& nvml = session.nvml();
  const auto found = seen_.find(index.value);
  std::unique_ptr<Seen> seen = found == seen_.end() ? nullptr : std::move(found->second);
  std::optional<LayoutPrint> now;
  if (seen) {
    seen_.erase(found);
    now = fingerprint(nvml, seen->handle, seen->gpu.profiles);
    if (now && same_layout(*now, seen->print) &&
        read_what_changes(nvml, seen->handle, now->devices, options.proc_root, seen->gpu)) {
      return (seen_[index.value] = std::move(seen))->gpu;
    }
  } else {
    // The profiles determine the lists of the fingerprint.
    MIG_ASSIGN_OR_RETURN(const Gpu first, read_gpu(session, index, options));
    seen = std::make_unique<Seen>();
    if (nvml.nvmlDeviceGetHandleByIndex_v2(index.value, &seen->handle) == NVML_SUCCESS) {
      now = fingerprint(nvml, seen->handle, first.profiles);
    }
  }
  // The fingerprint was taken before this reading: a change between the two is detected at the next
  // read.
  MIG_ASSIGN_OR_RETURN(Gpu gpu, read_gpu(session, index, options));
  if (now) {
    seen->print = *std::move(now);
    seen->gpu = gpu;
    seen_[index.value] = std::move(seen);
  }
  return gpu;
}

// What was seen through an earlier session is not compared with: the driver may be another.
void CachedReader::forget_older(const nvml::Session& session) {
  if (session.epoch() != epoch_) {
    forget();
  }
  epoch_ = session.epoch();
}

Result<Gpu> CachedReader::read_one(const nvml::Session& session,
                                   GpuIndex index,
                                   const ReadOptions& options) {
  forget_older(session);
  return read_gpu_again(session, index, options);
}

Result<Inventory> CachedReader::read(const nvml::Session& session, const ReadOptions& options) {
  forget_older(session);
  return read_gpus(session,
                   [&](GpuIndex index) { return read_gpu_again(session, index, options); });
}

}  // namespace mig::device
