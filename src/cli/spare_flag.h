// SPDX-License-Identifier: Apache-2.0
// --spare: spare room for further instances that a change must leave free.
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

  // Parses "2g.10gb:2"; the count defaults to 1.
  Result<std::vector<SpareRoom>> read() const;

  // Checks that a saved plan keeps at least so much; kConflict otherwise.
  Result<void> check_saved(const Plan& saved) const;

 private:
  std::vector<std::string> words_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_SPARE_FLAG_H_
