// SPDX-License-Identifier: Apache-2.0
// The device sandbox of one job: it sees its instance's two capability nodes, its GPU's node and
// the nodes that all GPUs share. Other instances' capability nodes are absent; other GPUs' nodes
// cannot be opened (ENXIO). Implemented by a private mount namespace; for unprivileged users inside
// a user namespace with the same uid, where the mounts are locked and cannot be undone. For root
// the sandbox is a view, no security boundary: root may unmount.
//
// Cost of the user namespace: inside, files of other users appear as owned by nobody, and setuid
// programs (sudo) gain no privileges; the run offers an option to go without.
//
// Evidence: kernel 6.18, simulated machine, tests/e2e/cases/jobs.test. A real driver requires a
// process to open the capability nodes before it may use an instance (NVIDIA's MIG guide).
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

// Capability nodes of an instance: the right to open both is the right to use the instance.
struct CapabilityNodes {
  std::string gi, ci;  // file names below <dev>/nvidia-caps: "nvidia-cap30"
};

// kNotFound when the driver's files of the instance do not exist.
Result<CapabilityNodes> capability_nodes(const DeviceRoots& roots,
                                         std::uint32_t gpu_minor,
                                         GpuInstanceId gi,
                                         ComputeInstanceId ci);

class Confinement {
 public:
  // kNotFound when the driver's files or nodes of the instance do not exist.
  static Result<Confinement> of(const DeviceRoots& roots,
                                std::uint32_t gpu_minor,
                                GpuInstanceId gi,
                                ComputeInstanceId ci);

  // Tests whether the kernel permits the namespaces, in a short-lived child. kPermission or
  // kNotSupported with the reason.
  Result<void> probe() const;

  // Moves the calling process, which must be single-threaded and about to exec, into the sandbox.
  // Async-signal-safe, for use between fork and exec. 0, or errno with the failed operation in
  // `what`.
  int enter(const char*& what) const noexcept;

 private:
  Confinement() = default;

  // A folder of device nodes. Paths are prepared in advance: nothing is allocated after fork.
  struct Area {
    std::string caps;                 // <dev>/nvidia-caps
    std::vector<std::string> kept;    // visible nodes in it
    std::string stand_in;             // file that covers hidden nodes
    std::vector<std::string> hidden;  // nodes of other GPUs
  };

  static Result<Area> area_of(const std::string& dev,
                              std::uint32_t gpu_minor,
                              const std::vector<std::string>& kept);
  int unshare_mounts(const char*& what) const noexcept;
  static int cover(const Area& area, const char*& what) noexcept;
  static int keep(const std::string& path, int source) noexcept;

  std::vector<Area> areas_;
  std::string uid_map_, gid_map_;  // "" = root, without a user namespace
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CONFINE_H_
