// SPDX-License-Identifier: Apache-2.0
// Inside of service/: the share of a GPU that a measured command gets, had for one run: an
// instance (leased, and made and removed where that is asked), the whole GPU, or an MPS server with
// a limit of multiprocessors.
//
// Threading: as the Node.
#ifndef MIGCTL_SERVICE_RIGHTSIZE_STAGE_H_
#define MIGCTL_SERVICE_RIGHTSIZE_STAGE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mig/result.h"

#include "launch/mps.h"
#include "launch/worker.h"
#include "service/rightsize.h"
#include "service/rightsize_run.h"

namespace mig::service {

// What all stages of a measurement share.
struct StageSettings {
  node::Node* node = nullptr;
  const RightsizePlaces* places = nullptr;
  std::string workload;
  bool simulated = false;
  std::function<Result<std::shared_ptr<void>>(const std::string& uuid)> lease;
  const std::atomic<bool>* stop = nullptr;
};

class RightsizeStage {
 public:
  // An instance or the whole GPU without a limit.
  static Result<RightsizeStage> on(const StageSettings& settings, const RightsizePlace& place);
  // The whole GPU with at least so many multiprocessors, by MPS.
  static Result<RightsizeStage> limited(const StageSettings& settings,
                                const RightsizePlace& place,
                                std::uint32_t sm);
  ~RightsizeStage();
  RightsizeStage(RightsizeStage&&) noexcept;
  RightsizeStage& operator=(RightsizeStage&&) = delete;
  RightsizeStage(const RightsizeStage&) = delete;
  RightsizeStage& operator=(const RightsizeStage&) = delete;

  // A run with place and share filled in.
  rightsize::Run blank() const;
  // With MPS: the whole GPU's share of what MIG can give of it, above 1 on an A100.
  double whole_share() const;
  // Adds the device to a request.
  void give(MeasureRequest& request) const;
  Result<Meter> meter() const;

  // Starts a process that streams memory on the multiprocessors that the command does not have.
  Result<launch::Worker> start_hog() const;

  // Removes what was made; called by the destructor, which has nobody to tell of an error.
  Result<void> end();

 private:
  struct State;
  explicit RightsizeStage(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RIGHTSIZE_STAGE_H_
