// SPDX-License-Identifier: Apache-2.0
// Device enforcement for one job: of the GPUs' nodes it sees its instance's two capability nodes,
// its GPU's own and those that all GPUs share. Other instances' capabilities are absent; other
// GPUs' nodes cannot be opened (ENXIO). A private mount namespace does it; who is not root gets it
// through a user namespace with the same uid, and cannot undo it: what a more privileged namespace
// mounted is locked. For root it is a view, not a wall: root may unmount.
//
// What it costs who is not root: inside, files of other users show as nobody's, and setuid programs
// (sudo) do not rise; the run offers to go without.
//
// Evidence: kernel 6.18, simulated machine, tests/e2e/cases/jobs.test. A real driver asks for an
// open capability node before it lets a process use an instance (facts of NVIDIA's MIG guide).
#ifndef MIGCTL_LAUNCH_CONFINE_H_
#define MIGCTL_LAUNCH_CONFINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mig/ids.h"
#include "mig/result.h"

namespace mig::launch {

struct DeviceRoots {
  std::string dev = "/dev";
  std::string driver_proc = "/proc";
};

// Of an instance: who can open both may use it.
struct CapabilityNodes {
  std::string gi, ci;  // "nvidia-cap30", below <dev>/nvidia-caps
};

// kNotFound when the driver's files of the instance are not there.
Result<CapabilityNodes> capability_nodes(const DeviceRoots& roots,
                                         std::uint32_t gpu_minor,
                                         GpuInstanceId gi,
                                         ComputeInstanceId ci);

class Confinement {
 public:
  // kNotFound when the driver's files or nodes of the instance are not there.
  static Result<Confinement> of(const DeviceRoots& roots,
                                std::uint32_t gpu_minor,
                                GpuInstanceId gi,
                                ComputeInstanceId ci);

  // Whether the kernel lets us: tried in a process of its own that ends at once. kPermission or
  // kNotSupported with the reason.
  Result<void> probe() const;

  // Moves the calling process, which must have one thread and is about to exec. Between fork and
  // exec: calls only what is async-signal-safe. 0, or errno with what was tried in `what`.
  int enter(const char*& what) const noexcept;

 private:
  Confinement() = default;

  // One folder of nodes. Paths are made beforehand: nothing is allocated after fork.
  struct Area {
    std::string caps;                 // <dev>/nvidia-caps
    std::vector<std::string> kept;    // nodes in it
    std::string stand_in;             // what hidden nodes show as
    std::vector<std::string> hidden;  // other GPUs' nodes
  };

  static Result<Area> area_of(const std::string& dev,
                              std::uint32_t gpu_minor,
                              const std::vector<std::string>& kept);
  int unshare_mounts(const char*& what) const noexcept;
  static int cover(const Area& area, const char*& what) noexcept;
  static int keep(const std::string& path, int source) noexcept;

  std::vector<Area> areas_;
  std::string uid_map_, gid_map_;  // "" = root, who needs no user namespace
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CONFINE_H_
