// SPDX-License-Identifier: Apache-2.0
#include "device/operations.h"

#include <fmt/format.h>

#include "device/profiles.h"
#include "device/readings.h"

namespace mig::device {
namespace {

std::string on(const GpuHandle& gpu) {
  return fmt::format("on GPU {}", gpu.index.value);
}

// The instance was created, whatever code the read-back returned: this must not look like a
// refusal. The codes of a stale handle mean that another program destroyed the instance meanwhile
// (race).
Error unread(nvmlReturn_t code, const std::string& tried) {
  if (code == NVML_ERROR_INVALID_ARGUMENT || code == NVML_ERROR_NOT_FOUND) {
    Error error = nvml::error_from(code, tried + ": created, but gone when it was read back");
    error.code = ErrorCode::kConflict;
    error.hint = "another program is changing this GPU: migctl list shows what is there now";
    return error;
  }
  Error error = nvml::error_from(code, tried + ": created, but it cannot be read back");
  error.code = ErrorCode::kDriver;
  return error;
}

Result<nvmlGpuInstance_t> open_instance(const nvml::Session& session,
                                        const GpuHandle& gpu,
                                        GpuInstanceId id,
                                        const std::string& tried) {
  MIG_ASSIGN_OR_RETURN(nvmlDevice_t device, session.use(gpu.raw));
  nvmlGpuInstance_t instance = nullptr;
  const nvmlReturn_t code =
      session.nvml().nvmlDeviceGetGpuInstanceById(device, id.value, &instance);
  if (code != NVML_SUCCESS) {
    return nvml::error_from(code, tried + fmt::format(": GPU instance {}", id.value));
  }
  return instance;
}

// The driver's id for the compute profile with this name inside this GPU instance.
Result<std::uint32_t> compute_profile_id(const nvml::Functions& nvml,
                                         nvmlGpuInstance_t instance,
                                         const GpuFacts& facts,
                                         const ProfileName& name,
                                         const std::string& tried) {
  for (const auto& [index, known] : facts.compute_profiles) {
    for (const ComputeProfile& profile : known) {
      if (profile.profile.name == name) {
        return profile.id;
      }
    }
  }
  MIG_ASSIGN_OR_RETURN(const auto profiles,
                       read_compute_profiles(nvml, instance, name.gpu_instance()));
  std::string there;
  for (const ComputeProfile& profile : profiles) {
    if (profile.profile.name == name) {
      return profile.id;
    }
    there += (there.empty() ? "" : ", ") + profile.profile.name.str();
  }
  return fail(ErrorCode::kNotSupported,
              tried + ": the GPU instance has no such compute profile",
              there.empty() ? "migctl profiles shows what the GPU offers" : "it has: " + there);
}

}  // namespace

Result<GpuHandle> find_gpu(const nvml::Session& session, const std::string& uuid) {
  const nvml::Functions& nvml = session.nvml();
  nvmlDevice_t device = nullptr;
  if (const nvmlReturn_t code = nvml.nvmlDeviceGetHandleByUUID(uuid.c_str(), &device);
      code != NVML_SUCCESS) {
    return nvml::error_from(code, "cannot open " + uuid);
  }
  GpuHandle out;
  out.uuid = uuid;
  out.facts = std::make_shared<GpuFacts>();
  out.raw = session.keep(device);
  if (const nvmlReturn_t code = nvml.nvmlDeviceGetIndex(device, &out.index.value);
      code != NVML_SUCCESS) {
    return nvml::error_from(code, "cannot read the index of " + uuid);
  }
  if (nvmlPciInfo_t pci{}; nvml.nvmlDeviceGetPciInfo_v3(device, &pci) == NVML_SUCCESS) {
    out.pci_bus_id = pci.busId;
  }
  return out;
}

Result<ModeChange> set_mig_mode(const nvml::Session& session, const GpuHandle& gpu, bool enable) {
  MIG_ASSIGN_OR_RETURN(nvmlDevice_t device, session.use(gpu.raw));
  const std::string tried = fmt::format("cannot {} MIG {}", enable ? "enable" : "disable", on(gpu));
  nvmlReturn_t activation = NVML_SUCCESS;
  const nvmlReturn_t code = session.nvml().nvmlDeviceSetMigMode(
      device, enable ? NVML_DEVICE_MIG_ENABLE : NVML_DEVICE_MIG_DISABLE, &activation);
  if (code != NVML_SUCCESS) {
    return nvml::error_from(code, tried);
  }
  ModeChange out;
  if (activation != NVML_SUCCESS) {
    out.activation = nvml::error_from(activation, tried + " at once");
  }
  // A driver is known that returns success without a change, so the mode is read back.
  unsigned current = 0;
  unsigned pending = 0;
  if (session.nvml().nvmlDeviceGetMigMode(device, &current, &pending) != NVML_SUCCESS) {
    return out;
  }
  out.current = current == NVML_DEVICE_MIG_ENABLE ? MigMode::kEnabled : MigMode::kDisabled;
  out.pending = pending == NVML_DEVICE_MIG_ENABLE ? MigMode::kEnabled : MigMode::kDisabled;
  return out;
}

Result<GpuInstanceId> create_gpu_instance(const nvml::Session& session,
                                          const GpuHandle& gpu,
                                          const ProfileName& name,
                                          ProfileId profile,
                                          Placement placement) {
  MIG_ASSIGN_OR_RETURN(nvmlDevice_t device, session.use(gpu.raw));
  const std::string tried = fmt::format(
      "cannot create {} {} at {}:{}", name.str(), on(gpu), placement.start, placement.size);
  const nvmlGpuInstancePlacement_t where{placement.start, placement.size};
  nvmlGpuInstance_t instance = nullptr;
  nvmlReturn_t code = session.nvml().nvmlDeviceCreateGpuInstanceWithPlacement(
      device, profile.value, &where, &instance);
  if (code != NVML_SUCCESS) {
    return nvml::error_from(code, tried);
  }
  nvmlGpuInstanceInfo_t info{};
  code = session.nvml().nvmlGpuInstanceGetInfo(instance, &info);
  if (code != NVML_SUCCESS) {
    return unread(code, tried);
  }
  return GpuInstanceId{info.id};
}

Result<void> destroy_gpu_instance(const nvml::Session& session,
                                  const GpuHandle& gpu,
                                  GpuInstanceId id) {
  const std::string tried = fmt::format("cannot destroy GPU instance {} {}", id.value, on(gpu));
  MIG_ASSIGN_OR_RETURN(nvmlGpuInstance_t instance, open_instance(session, gpu, id, tried));
  if (const nvmlReturn_t code = session.nvml().nvmlGpuInstanceDestroy(instance);
      code != NVML_SUCCESS) {
    return nvml::error_from(code, tried);
  }
  return {};
}

Result<ComputeInstanceId> create_compute_instance(const nvml::Session& session,
                                                  const GpuHandle& gpu,
                                                  GpuInstanceId gpu_instance,
                                                  const ProfileName& name,
                                                  std::optional<Placement> placement) {
  const nvml::Functions& nvml = session.nvml();
  const std::string tried = fmt::format(
      "cannot create compute instance {} {} gi={}", name.str(), on(gpu), gpu_instance.value);
  MIG_ASSIGN_OR_RETURN(nvmlGpuInstance_t instance,
                       open_instance(session, gpu, gpu_instance, tried));
  MIG_ASSIGN_OR_RETURN(const std::uint32_t id,
                       compute_profile_id(nvml, instance, *gpu.facts, name, tried));
  nvmlComputeInstance_t compute = nullptr;
  nvmlReturn_t code = NVML_SUCCESS;
  if (placement) {
    const nvmlComputeInstancePlacement_t where{placement->start, placement->size};
    code = nvml.nvmlGpuInstanceCreateComputeInstanceWithPlacement(instance, id, &where, &compute);
  } else {
    code = nvml.nvmlGpuInstanceCreateComputeInstance(instance, id, &compute);
  }
  if (code != NVML_SUCCESS) {
    return nvml::error_from(code, tried);
  }
  nvmlComputeInstanceInfo_t info{};
  code = nvml.nvmlComputeInstanceGetInfo_v2(compute, &info);
  if (code != NVML_SUCCESS) {
    return unread(code, tried);
  }
  return ComputeInstanceId{info.id};
}

Result<void> destroy_compute_instance(const nvml::Session& session,
                                      const GpuHandle& gpu,
                                      GpuInstanceId gpu_instance,
                                      ComputeInstanceId id) {
  const std::string tried = fmt::format(
      "cannot destroy compute instance {} {} gi={}", id.value, on(gpu), gpu_instance.value);
  MIG_ASSIGN_OR_RETURN(nvmlGpuInstance_t instance,
                       open_instance(session, gpu, gpu_instance, tried));
  nvmlComputeInstance_t compute = nullptr;
  nvmlReturn_t code =
      session.nvml().nvmlGpuInstanceGetComputeInstanceById(instance, id.value, &compute);
  if (code != NVML_SUCCESS) {
    return nvml::error_from(code, tried);
  }
  code = session.nvml().nvmlComputeInstanceDestroy(compute);
  if (code != NVML_SUCCESS) {
    return nvml::error_from(code, tried);
  }
  return {};
}

}  // namespace mig::device
