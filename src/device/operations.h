// SPDX-License-Identifier: Apache-2.0
// Operations that change a GPU: one function each, with exactly one driver call that changes the
// machine. No checks and no undo here: preflight, verification and rollback are in apply/.
//
// A GpuHandle is valid until the session is renewed (by a reset): then kDeviceLost, look the GPU up
// again. Errors name the operation and its object; the driver's code is their cause.
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
  std::shared_ptr<GpuFacts> facts;  // cache of constant facts
};

Result<GpuHandle> find_gpu(const nvml::Session& session, const std::string& uuid);

struct ModeChange {
  MigMode current = MigMode::kUnsupported;  // read back after the call; still so when that failed
  MigMode pending = MigMode::kUnsupported;
  // Why the new mode is pending, although the call itself succeeded.
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

// `placement` nullopt: the driver chooses inside the GPU instance.
Result<ComputeInstanceId> create_compute_instance(const nvml::Session& session,
                                                  const GpuHandle& gpu,
                                                  GpuInstanceId gpu_instance,
                                                  const ProfileName& name,
                                                  std::optional<Placement> placement);

Result<void> destroy_compute_instance(const nvml::Session& session,
                                      const GpuHandle& gpu,
                                      GpuInstanceId gpu_instance,
                                      ComputeInstanceId id);

// Resets the GPU and renews the session, so that every earlier handle is refused. A simulated
// machine resets through its control table; a real one by `nvidia-smi --gpu-reset -i <bus id>`
// (NVML has no call), with this process's session closed meanwhile because an open session blocks
// the reset.
Result<void> reset_gpu(nvml::Session& session, const GpuHandle& gpu);

// The part of a layout that a step needs, cheaper to read than all.
struct LayoutScope {
  bool instances = true;
  std::optional<GpuInstanceId> gpu_instance;  // only this GPU instance
  std::optional<ProfileId> profile;           // only instances of this GPU instance profile
  bool processes = true;
};

// State that a step can change, read again; instances and processes as the scope says.
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
