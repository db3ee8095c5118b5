// SPDX-License-Identifier: Apache-2.0
#include "node/interrupted.h"

#include <unistd.h>

#include <fmt/format.h>

#include "apply/liveness.h"
#include "apply/runtime.h"

namespace mig::node {

Result<std::optional<store::ChangeRow>> interrupted_change(const store::Places& places) {
  std::optional<store::ChangeRow> open;
  const std::string path = places.journal();
  if (::access(path.c_str(), F_OK) != 0) {
    return open;
  }
  MIG_ASSIGN_OR_RETURN(store::Journal journal, store::Journal::open(path));
  MIG_ASSIGN_OR_RETURN(open, journal.open_change());
  while (open) {
    if (apply::being_carried_out(*open, journal.path())) {
      return std::nullopt;
    }
    // Race: a writer that ended between the two checks has closed its change before it released the
    // lock.
    MIG_ASSIGN_OR_RETURN(const std::optional<store::ChangeRow> now, journal.open_change());
    if (now && now->id == open->id) {
      return open;
    }
    open = now;
  }
  return open;
}

Result<std::optional<store::ChangeRow>> interrupted_change(const nvml::Session& session) {
  return interrupted_change(apply::places_of(session));
}

std::string cut_short_text(const store::ChangeRow& change) {
  return fmt::format("change {} ({}) was cut short; `migctl recover` finishes or undoes it",
                     change.id,
                     change.command);
}

}  // namespace mig::node
