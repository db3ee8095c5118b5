// SPDX-License-Identifier: Apache-2.0
// The change of a machine that was cut short, for every command that looks at it.
#ifndef MIGCTL_SERVICE_INTERRUPTED_H_
#define MIGCTL_SERVICE_INTERRUPTED_H_

#include <optional>
#include <string>

#include "mig/result.h"

#include "nvml/session.h"
#include "store/journal.h"

namespace mig::service {

// nullopt: every change has ended, or the open one is being carried out now.
Result<std::optional<store::ChangeRow>> interrupted_change(const nvml::Session& session);

// "change 3 (apply -f x) was cut short; `migctl recover` finishes or undoes it"
std::string cut_short_text(const store::ChangeRow& change);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_INTERRUPTED_H_
