// SPDX-License-Identifier: Apache-2.0
// Whether a GPU's layout is still the one that the last change by migctl left, by the journal.
// Threading: not thread-safe.
#ifndef MIGCTL_SERVICE_DRIFT_H_
#define MIGCTL_SERVICE_DRIFT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "mig/result.h"

#include "model/sample.h"
#include "store/journal.h"

namespace mig::service {

class Drift {
 public:
  explicit Drift(std::string journal) : path_(std::move(journal)) {}

  // Sets GpuSample::drift. nullopt: no change of the GPU is recorded, or one is under way.
  Result<void> note(MachineSample& sample);

 private:
  Result<void> read();

  std::string path_;
  std::optional<store::Journal> journal_;
  std::int64_t newest_ = 0;                  // the change up to which `left_` is
  bool open_ = false;                        // a change is under way, or was cut short
  std::map<std::string, std::string> left_;  // by GPU UUID: the layout as text
};

// Mode and instances of a GPU as text, equal for equal layouts; ids do not matter.
std::string layout_text(const GpuSample& gpu);

// The same of each GPU in a record of the journal (apply/saved_layout.h).
Result<std::map<std::string, std::string>> layout_texts(const std::string& saved);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_DRIFT_H_
