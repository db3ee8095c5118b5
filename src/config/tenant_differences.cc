// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/units.h"
#include "config/tenant_fields.h"
#include "config/tenants.h"

namespace mig::config {
namespace {

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

// "users +carol -bob"; "" = the same.
std::string members_changed(const char* what,
                            const std::vector<std::string>& from,
                            const std::vector<std::string>& to) {
  const std::vector<std::string> before = sorted(from);
  const std::vector<std::string> after = sorted(to);
  std::vector<std::string> added;
  std::vector<std::string> gone;
  std::set_difference(
      after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(added));
  std::set_difference(
      before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(gone));
  if (added.empty() && gone.empty()) {
    return {};
  }
  std::string text = what;
  for (const std::string& name : added) {
    text += " +" + name;
  }
  for (const std::string& name : gone) {
    text += " -" + name;
  }
  return text;
}

// Tenants of a file by name: those that somebody belongs to.
bool stands_in_a_file(const Tenant& tenant) {
  return !tenant.users.empty() || !tenant.groups.empty();
}

const Tenant* named(const Tenants& tenants, const std::string& name) {
  const Tenant* found = tenants.find(name);
  return found != nullptr && stands_in_a_file(*found) ? found : nullptr;
}

std::string time_text(const std::optional<std::int64_t>& ms) {
  return ms ? base::span_text(*ms) : "never";
}

void tenant_lines(const Tenants& now, const Tenants& next, std::vector<std::string>& lines) {
  for (const Tenant& tenant : next.tenants) {
    const Tenant* before = named(now, tenant.name);
    if (!stands_in_a_file(tenant)) {
      continue;
    }
    if (before == nullptr) {
      lines.push_back(fmt::format("tenant {} is new", tenant.name));
      continue;
    }
    std::vector<std::string> changed = field_differences(*before, tenant);
    for (const std::string& members : {members_changed("users", before->users, tenant.users),
                                       members_changed("groups", before->groups, tenant.groups)}) {
      if (!members.empty()) {
        changed.push_back(members);
      }
    }
    if (!changed.empty()) {
      lines.push_back(fmt::format("tenant {}: {}", tenant.name, base::join(changed, ", ")));
    }
  }
  for (const Tenant& tenant : now.tenants) {
    if (stands_in_a_file(tenant) && named(next, tenant.name) == nullptr) {
      lines.push_back(fmt::format("tenant {} is gone", tenant.name));
    }
  }
}

}  // namespace

std::vector<std::string> differences(const Tenants& now, const Tenants& next) {
  std::vector<std::string> lines;
  if (now.from_file != next.from_file) {
    lines.emplace_back(next.from_file ? "there was no tenants file before"
                                      : "there is no tenants file any more");
  }
  const auto line = [&](const char* what, const std::string& before, const std::string& after) {
    if (before != after) {
      lines.push_back(fmt::format("{} {} -> {}", what, before, after));
    }
  };
  const auto ends = [](const Tenants& of) { return of.unleased == Unleased::kEnd; };
  line("unleased", ends(now) ? "end" : "report", ends(next) ? "end" : "report");
  line("preemption.enabled",
       now.preemption.enabled ? "true" : "false",
       next.preemption.enabled ? "true" : "false");
  line("preemption.grace",
       base::span_text(now.preemption.grace_ms),
       base::span_text(next.preemption.grace_ms));
  line("reclaim", time_text(now.reclaim_ms), time_text(next.reclaim_ms));
  line("default_time", time_text(now.default_time_ms), time_text(next.default_time_ms));
  const bool others = now.others.role != Role::kNone || next.others.role != Role::kNone;
  if (others && now.from_file && next.from_file) {
    if (const auto changed = field_differences(now.others, next.others); !changed.empty()) {
      lines.push_back("others: " + base::join(changed, ", "));
    }
  }
  tenant_lines(now, next, lines);
  return lines;
}

}  // namespace mig::config
