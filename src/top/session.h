// SPDX-License-Identifier: Apache-2.0
// `migctl top` on a terminal: a thread takes samples, this one shows frames and obeys keys. A
// source that hangs holds up no key, no frame, and not the end: its readings are withdrawn.
#ifndef MIGCTL_TOP_SESSION_H_
#define MIGCTL_TOP_SESSION_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mig/plan.h"
#include "mig/result.h"

#include "top/content.h"
#include "top/view.h"

namespace mig::top {

struct Source {
  // Takes a sample; called by one thread, which may outlive the session when it hangs: it owns what
  // it uses.
  std::function<Result<MachineSample>()> sample;
  // What a layout file would change; the config is nullopt where none was named.
  std::function<Result<Plan>(const std::string& file, const std::optional<std::string>& config)>
      plan;
  // The layout that migctl applied last.
  std::function<Result<std::vector<DesiredGpu>>()> desired;
  std::string name;  // "migd", "driver"
};

struct SessionOptions {
  View view;
  Source source;
  std::string proc;            // path of /proc
  std::function<bool()> stop;  // true: end
  bool mouse = true;
};

Result<void> run_session(SessionOptions options);

// Takes a sample, and what the host says about its processes, for one frame.
Result<Content> content_now(const Source& source, const std::string& proc);

}  // namespace mig::top

#endif  // MIGCTL_TOP_SESSION_H_
