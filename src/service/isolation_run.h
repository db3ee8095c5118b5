// SPDX-License-Identifier: Apache-2.0
// Inside of service/: one run of a victim, alone or beside a neighbour, and the effective MPS
// limits.
#ifndef MIGCTL_SERVICE_ISOLATION_RUN_H_
#define MIGCTL_SERVICE_ISOLATION_RUN_H_

#include <string>
#include <vector>

#include "mig/result.h"

#include "launch/mps.h"
#include "launch/worker.h"
#include "model/isolation_values.h"
#include "service/isolation.h"

namespace mig::service {

// Environment of a mode's programs. Owns the MPS server.
class Stage {
 public:
  static Result<Stage> set(const IsolationRequest& request, const isolation::ModeReport& mode);

  // Starts mig-workload with these arguments, on the victim's place or the neighbour's.
  Result<launch::Worker> start(bool victim, std::vector<std::string> words) const;

  // Starts any program there. `hold`: its stdin stays open until Worker::release().
  Result<launch::Worker> start_program(bool victim,
                                       std::vector<std::string> argv,
                                       bool hold = false) const;

  const launch::Mps* mps() const { return mps_ ? &*mps_ : nullptr; }

 private:
  const IsolationRequest* request_ = nullptr;
  const isolation::ModeReport* mode_ = nullptr;
  std::optional<launch::Mps> mps_;
};

// What a program said of its end, in one short line.
std::string error_of(const launch::Worker& worker);

// `neighbour` "" = alone. An Error only when a program cannot be started.
Result<isolation::Sample> run_victim(const IsolationRequest& request,
                                     const isolation::ModeReport& mode,
                                     const std::string& neighbour);

// Sets the MPS limits and reads back the effective ones. The percentage is the smallest multiple of
// half an SM that gives at least the requested SMs: 12.12 % of 132 gives 14, not 16.
Result<isolation::MpsCaps> read_back_caps(const IsolationRequest& request,
                                          const isolation::ModeReport& mode);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_ISOLATION_RUN_H_
