// SPDX-License-Identifier: Apache-2.0
#include "apply/recorder.h"

namespace mig::apply {

Result<void> Recorders::begin(const Plan& plan, const Inventory& before) {
  for (Recorder* one : all_) {
    MIG_TRY(one->begin(plan, before));
  }
  return {};
}

Result<void> Recorders::before_call(const Call& call) {
  for (Recorder* one : all_) {
    MIG_TRY(one->before_call(call));
  }
  return {};
}

Result<void> Recorders::after_call(const Call& call, const Error* error) {
  for (Recorder* one : all_) {
    MIG_TRY(one->after_call(call, error));
  }
  return {};
}

Result<void> Recorders::finish(const ApplyResult& result) {
  Result<void> answer;
  for (Recorder* one : all_) {
    auto done = one->finish(result);
    if (!done && answer) {
      answer = std::move(done);
    }
  }
  return answer;
}

std::optional<std::int64_t> Recorders::number() const {
  for (const Recorder* one : all_) {
    if (const auto number = one->number()) {
      return number;
    }
  }
  return std::nullopt;
}

}  // namespace mig::apply
