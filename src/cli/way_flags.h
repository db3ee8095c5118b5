// SPDX-License-Identifier: Apache-2.0
// --wait, --evict and --evict-hook: what to do about those who stand in the way of a change. All
// changing commands declare them.
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

  // kUsage when a time cannot be read, or a hook has nothing to go before.
  Result<void> read(service::ChangeOptions& options) const;

 private:
  std::string wait_, evict_, hook_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_WAY_FLAGS_H_
