// SPDX-License-Identifier: Apache-2.0
// The interrupted change of a machine, for every command that reads the machine.
#ifndef MIGCTL_NODE_INTERRUPTED_H_
#define MIGCTL_NODE_INTERRUPTED_H_

#include <optional>
#include <string>

#include "mig/result.h"

#include "nvml/session.h"
#include "store/journal.h"
#include "store/places.h"

namespace mig::node {

// nullopt: every change has ended, or the open one is still running.
Result<std::optional<store::ChangeRow>> interrupted_change(const store::Places& places);
Result<std::optional<store::ChangeRow>> interrupted_change(const nvml::Session& session);

// Message: "change 3 (apply -f x) was cut short; `migctl recover` finishes or undoes it".
std::string cut_short_text(const store::ChangeRow& change);

}  // namespace mig::node

#endif  // MIGCTL_NODE_INTERRUPTED_H_
