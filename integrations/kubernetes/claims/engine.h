// SPDX-License-Identifier: Apache-2.0
// What NodePrepareResources and NodeUnprepareResources do on this node: instances are made, leased
// and given back through migd, all or nothing for a claim. A checkpoint is written before each step
// that a crash could leave half done, so that the next call or reconcile() finishes or undoes it.
//
// Threading: thread-safe; calls for one claim wait for each other, those of different claims do
// not wait, but in migd.
#ifndef MIGCTL_KUBERNETES_CLAIMS_ENGINE_H_
#define MIGCTL_KUBERNETES_CLAIMS_ENGINE_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "kubernetes/objects/allocation.h"

namespace mig::kube {

struct EngineSettings {
  std::string checkpoint;   // path of the checkpoint file
  std::string migd_socket;  // of the daemon
  std::string version;      // of this program, which is the daemon's too
  // For tests: called between any two steps that a crash could separate, with the next one's name.
  std::function<void(std::string_view next)> before_step = {};
};

// A device that a claim of this node has, for who publishes and who watches health.
struct HeldDevice {
  ClaimRef claim;
  std::string device;    // name in the slice
  std::string gpu_uuid;  // of the parent
  std::string instance;  // MIG UUID; "" while it is made
  bool made = false;     // by us: destroyed at the end
};

class ClaimEngine {
 public:
  // Errors: kInvalidInput for a checkpoint that cannot be understood (it is left as it is); kIo.
  static Result<std::unique_ptr<ClaimEngine>> open(EngineSettings settings);
  ~ClaimEngine();
  ClaimEngine(const ClaimEngine&) = delete;
  ClaimEngine& operator=(const ClaimEngine&) = delete;
  ClaimEngine(ClaimEngine&&) = delete;
  ClaimEngine& operator=(ClaimEngine&&) = delete;

  // Idempotent. Nothing is left behind by a failure; the kubelet tries again.
  Result<std::vector<PreparedDevice>> prepare(const ClaimRef& claim,
                                              const std::vector<AllocatedDevice>& devices);
  // Idempotent; success for a claim that is not known. Nothing that this driver did not make is
  // destroyed.
  Result<void> unprepare(const ClaimRef& claim);

  // Repairs after a crash, a reboot and a lost checkpoint: gives back what claims have that are no
  // more, or that an interrupted call left. `list` gives the uids of the ResourceClaims that the
  // API server has; it is called after this node's claims were noted, so that one which is made and
  // prepared meanwhile is not taken for a gone one. It must not answer from a cache. Returns one
  // line for each thing that was done or could not be.
  using ListClaims = std::function<Result<std::set<std::string>>()>;
  Result<std::vector<std::string>> reconcile(const ListClaims& list);

  // The machine, read now. The names of devices mean what they mean on the machine as it was last
  // read: whoever publishes them reads it here.
  Result<Inventory> read_machine();

  std::vector<ClaimRef> claims() const;
  std::vector<HeldDevice> held() const;

  struct Impl;

 private:
  explicit ClaimEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_CLAIMS_ENGINE_H_
