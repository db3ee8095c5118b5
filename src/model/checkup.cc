// SPDX-License-Identifier: Apache-2.0
#include "model/checkup.h"

namespace mig {

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kNote:
      return "note";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kProblem:
      return "problem";
    case Verdict::kNotHere:
      break;
  }
  return "not_here";
}

CheckupCounts Checkup::counts() const {
  CheckupCounts counts;
  for (const CheckResult& result : results) {
    switch (result.verdict) {
      case Verdict::kOk:
        ++counts.ok;
        break;
      case Verdict::kNote:
        ++counts.note;
        break;
      case Verdict::kWarning:
        ++counts.warning;
        break;
      case Verdict::kProblem:
        ++counts.problem;
        break;
      case Verdict::kNotHere:
        ++counts.not_here;
        break;
    }
  }
  return counts;
}

bool Checkup::trouble() const {
  const CheckupCounts all = counts();
  return all.warning + all.problem > 0;
}

}  // namespace mig
