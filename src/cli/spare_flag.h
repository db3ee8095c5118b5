// SPDX-License-Identifier: Apache-2.0
// --spare: room for more instances that a change must leave free.
#ifndef MIGCTL_CLI_SPARE_FLAG_H_
#define MIGCTL_CLI_SPARE_FLAG_H_

#include <string>
#include <vector>

#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "cli/options.h"

namespace mig::cli {

class SpareFlag {
 public:
  void declare(Options& options);

  bool given() const { return !words_.empty(); }

  // "2g.10gb:2", the count 1 when it is left out.
  Result<std::vector<SpareRoom>> read() const;

  // Whether a plan that was saved earlier keeps that much; kConflict when not.
  Result<void> check_saved(const Plan& saved) const;

 private:
  std::vector<std::string> words_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_SPARE_FLAG_H_
