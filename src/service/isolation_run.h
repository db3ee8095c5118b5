// SPDX-License-Identifier: Apache-2.0
// Inside of service/: one run of a victim, alone or beside a neighbour, and what MPS limits give.
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

// Where and how a mode's programs run. The MPS server lives as long as this.
class Stage {
 public:
  static Result<Stage> set(const IsolationRequest& request, const isolation::ModeReport& mode);

  // mig-workload with these words, on the victim's place or the neighbour's.
  Result<launch::Worker> start(bool victim, std::vector<std::string> words) const;

  const launch::Mps* mps() const { return mps_ ? &*mps_ : nullptr; }

 private:
  const IsolationRequest* request_ = nullptr;
  const isolation::ModeReport* mode_ = nullptr;
  std::optional<launch::Mps> mps_;
};

// `neighbour` "" = alone. An Error only when a program cannot even be started.
Result<isolation::Sample> run_victim(const IsolationRequest& request,
                                     const isolation::ModeReport& mode,
                                     const std::string& neighbour);

// Asks for the limits and reads back what they are. The percentage is the least of half an SM's
// steps that gives at least the SMs asked for: 12.12 % of 132 are 14 of them, not 16.
Result<isolation::MpsCaps> read_back_caps(const IsolationRequest& request,
                                          const isolation::ModeReport& mode);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_ISOLATION_RUN_H_
