// SPDX-License-Identifier: Apache-2.0
// Where `migctl top` has its samples from: the daemon's sampler, else a sampler of its own, in this
// process. Threading: the source's calls are made by one thread, end() by another.
#ifndef MIGCTL_CLI_TOP_SOURCE_H_
#define MIGCTL_CLI_TOP_SOURCE_H_

#include <functional>

#include "mig/result.h"

#include "cli/command.h"
#include "top/session.h"

namespace mig::cli {

struct TopSource {
  top::Source source;
  // Ends an own sampler; false: a call of the driver hangs, and the process must end without
  // destructors.
  std::function<bool()> end;
};

// `once`: the source's first sample is one with activity, where the driver gives any.
Result<TopSource> top_source(Context& context, bool once);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_TOP_SOURCE_H_
