// SPDX-License-Identifier: Apache-2.0
#include "cli/render_leases.h"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/own_path.h"
#include "base/strings.h"
#include "base/units.h"
#include "cli/render_inventory.h"
#include "cli/table.h"

namespace mig::cli {
namespace {

using NoProcesses = std::vector<lease::UnleasedProcess>;

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

template <class Number>
std::string of_limit(std::uint64_t used, const std::optional<Number>& limit) {
  return limit ? fmt::format("{}/{}", used, *limit) : fmt::format("{}", used);
}

std::string head(const wire::LeaseAnswer& answer, const std::string& counted) {
  const std::string mark = simulated_mark(answer.source);
  return mark + (mark.empty() ? "" : ": ") + counted + "\n";
}

std::string names_line(const char* what, const std::vector<std::string>& names) {
  return names.empty() ? "" : fmt::format("  {:<10} {}\n", what, base::join(names, ", "));
}

std::string quota_line(const char* what, const Quota& quota) {
  std::vector<std::string> parts;
  if (quota.slices) {
    parts.push_back(fmt::format("{} slices", *quota.slices));
  }
  if (quota.sm) {
    parts.push_back(fmt::format("{} SMs", *quota.sm));
  }
  if (quota.memory_mib) {
    parts.push_back(base::gib_text(*quota.memory_mib) + " GiB");
  }
  if (quota.instances) {
    parts.push_back(fmt::format("{} instances", *quota.instances));
  }
  return fmt::format("  {:<10} {}\n", what, parts.empty() ? "no limit" : base::join(parts, ", "));
}

// Names of users, each looked up once: a directory of users may be slow.
class UserNames {
 public:
  const std::string& of(std::uint32_t uid) {
    const auto [name, missing] = names_.try_emplace(uid);
    if (missing) {
      name->second = base::owner_text(uid);
    }
    return name->second;
  }

 private:
  std::map<std::uint32_t, std::string> names_;
};

// Its cgroup is one in which an engine makes those of containers.
bool has_containers(const lease::Lease& lease) {
  return lease.cgroup.find("/containers-") != std::string::npos ||
         lease.cgroup.find("/migctl.slice/") != std::string::npos;
}

std::string rights_text(const Tenant& tenant) {
  std::vector<std::string> rights;
  for (const auto& [right, word] : {std::pair(tenant.may_create, "--create"),
                                    std::pair(tenant.may_preempt, "--preempt"),
                                    std::pair(tenant.may_linger, "--linger")}) {
    if (right) {
      rights.emplace_back(word);
    }
  }
  return rights.empty() ? "nothing of --create, --preempt, --linger" : base::join(rights, ", ");
}

}  // namespace

std::string site_text(const Tenants& site) {
  std::string text =
      site.preemption.enabled
          ? fmt::format("preemption: after {}", base::span_text(site.preemption.grace_ms))
          : "preemption: off";
  text += site.unleased == Unleased::kEnd ? "; processes without a lease: ended"
                                          : "; processes without a lease: reported";
  text += site.reclaim_ms
              ? "; idle instances of --create: destroyed after " + base::span_text(*site.reclaim_ms)
              : "; idle instances of --create: kept";
  if (site.from_file) {
    text += fmt::format("; others: {}", name_of(site.others.role));
  }
  return text + "\n";
}

std::string ends_text(const lease::Lease& lease) {
  if (!lease.ending.empty()) {
    return fmt::format(
        "ending: {}, {} left", lease.ending, base::counted(lease.processes, "process"));
  }
  if (lease.vanished) {
    return "instance gone";
  }
  if (lease.notice_ms) {
    return fmt::format("asked to go, {} left", base::span_text(*lease.notice_ms));
  }
  if (lease.holder.is_external()) {
    return "when it is released";
  }
  if (lease.left_ms && lease.holder.kind == lease::LeaseHolder::Kind::kTime) {
    return "in " + base::span_text(*lease.left_ms);
  }
  std::string with = "with " + lease.holder.str();
  if (lease.heir.kind == lease::LeaseHolder::Kind::kProcess) {
    with += fmt::format(" and {}", lease.heir.pid);
  }
  if (has_containers(lease)) {
    with += " and its container";
  }
  return lease.left_ms ? fmt::format("{}, or in {}", with, base::span_text(*lease.left_ms)) : with;
}

std::string leases_text(const wire::LeaseAnswer& answer, const Paint& paint) {
  // Who may see processes without a lease sees the leases of all users.
  const bool of_all = answer.unleased.has_value();
  std::vector<Table::Column> columns{
      {"LEASE", true}, {"GPU", true}, {"PROFILE"}, {"GI", true}, {"CI", true}};
  if (of_all) {
    columns.push_back({"USER"});
  }
  for (Table::Column column :
       {Table::Column{"TENANT"}, {"JOB"}, {"SHARED", true}, {"ENDS"}, {"UUID"}}) {
    columns.push_back(std::move(column));
  }
  Table table(std::move(columns));
  UserNames names;
  for (const lease::Lease& lease : answer.leases) {
    std::vector<std::string> cells{fmt::format("{}", lease.id),
                                   fmt::format("{}", lease.instance.gpu.value),
                                   lease.instance.profile.str(),
                                   fmt::format("{}", lease.instance.gpu_instance.value),
                                   fmt::format("{}", lease.instance.compute_instance.value)};
    if (of_all) {
      cells.push_back(names.of(lease.uid));
    }
    for (std::string cell :
         {lease.tenant,
          lease.holder.is_external() ? "external: " + lease.job : or_dash(lease.job),
          lease.shared == 1 ? "no" : fmt::format("by {}", lease.shared),
          ends_text(lease),
          lease.instance.uuid}) {
      cells.push_back(std::move(cell));
    }
    table.row(std::move(cells));
  }
  std::string count =
      answer.leases.empty() ? "no leases" : base::counted(answer.leases.size(), "lease");
  if (answer.others > 0) {
    count = answer.leases.empty() ? "no leases of yours" : count + " of yours";
    count += fmt::format("; {} of others: migctl free", answer.others);
  }
  std::string text = head(answer, count) + (table.empty() ? "" : table.draw(paint));
  for (const lease::UnleasedProcess& process : answer.unleased.value_or(NoProcesses{})) {
    text += fmt::format("without a lease: pid {} ({}) of {}, tenant {}, on {} ({})\n",
                        process.pid,
                        process.command,
                        names.of(process.uid),
                        process.tenant,
                        process.instance.str(),
                        process.instance.uuid);
  }
  return text;
}

std::string queue_text(const wire::LeaseAnswer& answer, const Paint& paint) {
  Table table({{"PLACE", true},
               {"REQUEST", true},
               {"TENANT"},
               {"JOB"},
               {"PRIORITY", true},
               {"STARTS"},
               {"WHY"}});
  for (const lease::QueueEntry& entry : answer.queue) {
    table.row({fmt::format("{}", entry.position),
               fmt::format("{}", entry.id),
               entry.tenant,
               or_dash(entry.job),
               fmt::format("{}", entry.priority),
               entry.forecast_ms ? "in ~" + base::span_text(*entry.forecast_ms) : "?",
               entry.reason});
  }
  std::string count =
      answer.queue.empty() ? "nobody waits" : base::counted(answer.queue.size(), "request");
  if (answer.others > 0) {
    count = answer.queue.empty() ? "no request of yours waits" : count + " of yours";
    count += fmt::format("; {} of others: migctl free", answer.others);
  }
  return head(answer, count) + (table.empty() ? "" : table.draw(paint));
}

std::string tenants_text(const wire::LeaseAnswer& answer, const Paint& paint) {
  Table table({{"TENANT"},
               {"ROLE"},
               {"WEIGHT", true},
               {"LEASES", true},
               {"SLICES", true},
               {"SMS", true},
               {"INSTANCES", true},
               {"MEMORY MIB", true}});
  for (const TenantUse& entry : answer.tenants) {
    const Tenant& tenant = entry.tenant;
    table.row({tenant.name,
               name_of(tenant.role),
               fmt::format("{}", tenant.weight),
               fmt::format("{}", entry.leases),
               of_limit(entry.slices, tenant.quota.slices),
               of_limit(entry.sm, tenant.quota.sm),
               of_limit(entry.instances, tenant.quota.instances),
               of_limit(entry.memory_mib, tenant.quota.memory_mib)});
  }
  const std::string others =
      answer.others > 0 ? fmt::format(", which is yours; {} more", answer.others) : "";
  return head(answer, base::counted(answer.tenants.size(), "tenant") + others) + table.draw(paint) +
         (answer.site ? site_text(*answer.site) : "");
}

std::string tenant_text(const TenantUse& entry) {
  const Tenant& tenant = entry.tenant;
  std::string text = fmt::format("{}\n  {:<10} {}\n  {:<10} {}\n",
                                 tenant.name,
                                 "role",
                                 name_of(tenant.role),
                                 "weight",
                                 tenant.weight);
  text += names_line("users", tenant.users);
  text += names_line("groups", tenant.groups);
  text += quota_line("quota", tenant.quota);
  text += quota_line("each user", tenant.per_user);
  text += quota_line("one job", tenant.job);
  if (tenant.job_time_ms) {
    text += fmt::format("  {:<10} {}\n", "job time", base::span_text(*tenant.job_time_ms));
  }
  text += fmt::format("  {:<10} {}\n", "priority", tenant.max_priority.value_or(0));
  text += fmt::format("  {:<10} {}\n", "may", rights_text(tenant));
  text += fmt::format("  {:<10} {}, {} slices, {} SMs, {} GiB\n",
                      "in use",
                      base::counted(entry.leases, "lease"),
                      entry.slices,
                      entry.sm,
                      base::gib_text(entry.memory_mib));
  return text;
}

}  // namespace mig::cli
