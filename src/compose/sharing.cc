// SPDX-License-Identifier: Apache-2.0
#include "compose/sharing.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::compose {
namespace {

bool wants_it_shared(const Use& use) {
  return use.service->wish && use.service->wish->shared;
}

}  // namespace

void find_shared(const Machine& machine,
                 const std::string& uuid,
                 const std::vector<Use>& uses,
                 std::vector<ComposeFinding>& findings) {
  const auto now = placed(machine.now, uuid);
  const Use& first = uses.front();
  std::set<std::string> seen;
  const auto warn =
      [&](const Use& use, const char* rule, std::string found, std::vector<std::string> mend) {
        findings.push_back({use.where,
                            use.service->name,
                            rule,
                            Verdict::kWarning,
                            use.reference,
                            std::move(found),
                            std::move(mend),
                            uuid});
      };
  for (const Use& use : uses) {
    if (!seen.insert(use.service->name).second) {
      continue;
    }
    const bool meant = wants_it_shared(use) && wants_it_shared(first);
    if (use.service != first.service && !meant) {
      warn(use,
           "shared",
           fmt::format("{} has {} already ({}): they share its memory and its faults",
                       base::printable(first.service->name),
                       now ? now->str() : uuid,
                       first.where.str()),
           {"give one of them another instance",
            "or, if it is meant: x-migctl: {shared: true} in both"});
    }
    if (use.service->replicas > 1 && !wants_it_shared(use)) {
      warn(use,
           "replicas",
           fmt::format("{} containers share the one instance", use.service->replicas),
           {"a service for each instance", "or, if it is meant: x-migctl: {shared: true}"});
    }
  }
}

}  // namespace mig::compose
