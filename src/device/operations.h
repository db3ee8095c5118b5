// SPDX-License-Identifier: Apache-2.0
// Everything that changes a GPU, one function each, and each with exactly one changing driver call.
// Nobody is asked and nothing is undone here: preflight, verification and rollback are apply's.
//
// A GpuHandle is good until the session is renewed (a reset does): then kDeviceLost, find it again.
// Errors say what was tried on what; the driver's code is their cause.
#ifndef MIGCTL_DEVICE_OPERATIONS_H_
#define MIGCTL_DEVICE_OPERATIONS_H_

#include <memory>
#include <optional>
#include <string>

#include "mig/inventory.h"
#include "mig/result.h"

#include "device/facts.h"
#include "nvml/session.h"

namespace mig::device {

struct GpuHandle {
  GpuIndex index;
  std::string uuid;
  std::string pci_bus_id;
  nvml::Handle<nvmlDevice_t> raw;
  std::shared_ptr<GpuFacts> facts;  // what was asked of it so far
};

Result<GpuHandle> find_gpu(const nvml::Session& session, const std::string& uuid);

struct ModeChange {
  MigMode current = MigMode::kUnsupported;  // read back after the call; still so: it could not be
  MigMode pending = MigMode::kUnsupported;
  // Why the driver could not make it current, although the call as such succeeded.
  std::optional<Error> activation;
};

Result<ModeChange> set_mig_mode(const nvml::Session& session, const GpuHandle& gpu, bool enable);

Result<GpuInstanceId> create_gpu_instance(const nvml::Session& session,
                                          const GpuHandle& gpu,
                                          const ProfileName& name,
                                          ProfileId profile,
                                          Placement placement);

Result<void> destroy_gpu_instance(const nvml::Session& session,
                                  const GpuHandle& gpu,
                                  GpuInstanceId id);

// `placement` nullopt: the driver's choice inside the GPU instance.
Result<ComputeInstanceId> create_compute_instance(const nvml::Session& session,
                                                  const GpuHandle& gpu,
                                                  GpuInstanceId gpu_instance,
                                                  const ProfileName& name,
                                                  std::optional<Placement> placement);

Result<void> destroy_compute_instance(const nvml::Session& session,
                                      const GpuHandle& gpu,
                                      GpuInstanceId gpu_instance,
                                      ComputeInstanceId id);

// Resets the GPU and renews the session, so that every handle from before is refused. A simulated
// machine is asked through its control table; a real one by `nvidia-smi --gpu-reset -i <bus id>`
// (NVML has no call), with our own session closed meanwhile because it would hold the GPU.
Result<void> reset_gpu(nvml::Session& session, const GpuHandle& gpu);

// What a step needs to know, which is cheaper to read than everything.
struct LayoutScope {
  bool instances = true;
  std::optional<GpuInstanceId> gpu_instance;  // this one only
  std::optional<ProfileId> profile;           // those of this GPU-instance profile only
  bool processes = true;
};

// What a step can change, read again; of the instances and processes what the scope names.
struct LayoutReading {
  MigMode current = MigMode::kUnsupported;
  MigMode pending = MigMode::kUnsupported;
  std::vector<GpuInstance> instances;
  std::vector<Process> processes;
};

Result<LayoutReading> read_layout(const nvml::Session& session,
                                  const GpuHandle& gpu,
                                  const std::vector<GpuInstanceProfile>& profiles,
                                  const LayoutScope& scope,
                                  const std::string& proc_root);

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_OPERATIONS_H_
