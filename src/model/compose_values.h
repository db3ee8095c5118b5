// SPDX-License-Identifier: Apache-2.0
// Results of `migctl compose`: what is right and wrong with a Compose file's GPUs, and which
// instance each service of a rendered file gets. compose/ makes them, wire/ encodes them. Plain
// values.
#ifndef MIGCTL_MODEL_COMPOSE_VALUES_H_
#define MIGCTL_MODEL_COMPOSE_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/ids.h"
#include "mig/layout.h"

#include "model/checkup.h"

namespace mig {

struct ComposeFinding {
  SourcePosition where;
  std::string service;  // "" = of the file as a whole
  std::string rule;     // "gone", "moved", "shared": docs/reference/compose.md
  Verdict verdict = Verdict::kOk;
  std::string reference;          // as it stands in the file; "" = of the service
  std::string found;              // one line
  std::vector<std::string> mend;  // what to write or to run, in order
  std::string uuid;               // of the instance that the reference means now; "" = none
};

struct ComposeReport {
  std::vector<std::string> files;
  std::uint32_t services = 0;  // of all files together
  std::vector<ComposeFinding> findings;

  // True when a finding says warning or problem.
  bool trouble() const {
    for (const ComposeFinding& one : findings) {
      if (one.verdict == Verdict::kWarning || one.verdict == Verdict::kProblem) {
        return true;
      }
    }
    return false;
  }
};

// A service and an instance that it gets.
struct ComposeBinding {
  std::string service, wish;
  std::string name;     // as the file has it: "nvidia.com/gpu=train-a", or a UUID
  std::string profile;  // of the compute instance; "" = a slot that is empty on a GPU that is gone
  std::optional<GpuIndex> gpu;
  std::string uuid;  // "" = there is none yet
};

struct ComposeRendered {
  std::string text;
  std::vector<ComposeBinding> bindings;
  std::vector<std::string> notes;  // one line each
};

}  // namespace mig

#endif  // MIGCTL_MODEL_COMPOSE_VALUES_H_
