// SPDX-License-Identifier: Apache-2.0
// --wait, --evict and --evict-hook: how to handle the blockers of a change. Declared by all
// changing commands.
#ifndef MIGCTL_CLI_WAY_FLAGS_H_
#define MIGCTL_CLI_WAY_FLAGS_H_

#include <string>

#include "mig/result.h"

#include "cli/options.h"

namespace mig::service {
struct ChangeOptions;  // service/change.h
}

namespace mig::cli {

class WayFlags {
 public:
  void declare(Options& options);

  // kUsage for an invalid duration, or a hook without --evict.
  Result<void> read(service::ChangeOptions& options) const;

 private:
  std::string wait_, evict_, hook_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_WAY_FLAGS_H_
