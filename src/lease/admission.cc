// SPDX-License-Identifier: Apache-2.0
#include "lease/admission.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "lease/rows.h"
#include "lease/schedule.h"
#include "model/compute_names.h"

namespace mig::lease {
namespace {

constexpr std::uint32_t kMostInstances = 256;
constexpr std::uint32_t kMostSharers = 48;  // driver's limit of clients of an MPS server
constexpr std::int32_t kMostPriority = 100;
constexpr std::size_t kLongestName = 200;

std::vector<Instance> that_serve(const Inventory& inventory, const Need& need) {
  std::vector<Instance> found;
  for (Instance& instance : instances_of(inventory)) {
    if (serves(instance, need)) {
      found.push_back(std::move(instance));
    }
  }
  std::sort(found.begin(), found.end(), smaller);
  return found;
}

// Profiles of which a new instance could satisfy the need.
std::vector<std::string> makeable(const Inventory& inventory, const Need& need) {
  std::vector<std::string> names;
  if (!need.uuid.empty()) {
    return names;
  }
  for (const Gpu& gpu : inventory.gpus) {
    if ((need.gpu && gpu.index != *need.gpu) ||
        (!need.gpu_uuid.empty() && gpu.uuid != need.gpu_uuid)) {
      continue;
    }
    for (const GpuInstanceProfile& profile : gpu.profiles) {
      if (const auto made = would_make(profile, need);
          made && std::find(names.begin(), names.end(), made->profile.str()) == names.end()) {
        names.push_back(made->profile.str());
      }
    }
  }
  return names;
}

std::vector<std::string> all_profiles(const Inventory& inventory) {
  std::set<std::string> names;
  for (const Gpu& gpu : inventory.gpus) {
    for (const GpuInstanceProfile& profile : gpu.profiles) {
      names.insert(profile.name.str());
    }
  }
  return {names.begin(), names.end()};
}

std::string hint_for(const LeaseRequest& request, const Inventory& inventory) {
  const std::vector<std::string> could = makeable(inventory, request.need);
  const std::string there = what_there_is(inventory);
  std::string hint = there.empty() ? "there are no instances" : "there are: " + there;
  if (!request.create && !could.empty()) {
    return hint +
           fmt::format("; --create makes one ({}) where slices are free", base::join(could, ", "));
  }
  if (could.empty() && request.need.profile) {
    const auto near = base::nearest(request.need.profile->str(), all_profiles(inventory));
    if (!near.empty()) {
      hint += "; profiles of these GPUs that are like it: " + base::join(near, ", ");
    }
  }
  return hint;
}

// `each`: whom the limit is for, "one job".
std::string over_each(const Quota& limit, const std::string& each, const Amount& more) {
  std::string text = over_quota(limit, {}, more);
  const auto at = text.find(": ");
  return text.empty() ? text : each + " may have less" + text.substr(at);
}

}  // namespace

std::optional<Instance> would_make(const GpuInstanceProfile& profile, const Need& need) {
  const ProfileName wanted = need.profile.value_or(profile.name);
  const ComputeInstanceProfile* compute = find_compute_profile(profile, wanted);
  if (profile.name != wanted.gpu_instance() || compute == nullptr) {
    return std::nullopt;
  }
  Instance made;
  made.profile = compute->name;
  made.memory_mib = profile.memory_mib;
  made.sm = compute->sm.value_or(profile.sm);
  made.slices = compute->slices;
  made.nvml_profile = compute->nvml_profile;
  if ((need.min_memory_mib && made.memory_mib < *need.min_memory_mib) ||
      (need.min_sm && made.sm < need.min_sm)) {
    return std::nullopt;
  }
  return made;
}

std::optional<Instance> smallest_makeable(const Inventory& inventory, const Need& need) {
  std::optional<Instance> least;
  if (!need.uuid.empty()) {
    return least;
  }
  for (const Gpu& gpu : inventory.gpus) {
    if ((need.gpu && gpu.index != *need.gpu) ||
        (!need.gpu_uuid.empty() && gpu.uuid != need.gpu_uuid)) {
      continue;
    }
    for (const GpuInstanceProfile& profile : gpu.profiles) {
      const auto made = would_make(profile, need);
      if (made && (!least || smaller(*made, *least))) {
        least = made;
      }
    }
  }
  return least;
}

std::uint32_t count_that_serve(const Inventory& inventory, const Need& need) {
  return static_cast<std::uint32_t>(that_serve(inventory, need).size());
}

std::string what_there_is(const Inventory& inventory) {
  std::map<std::string, std::size_t> counts;
  std::vector<std::string> order;
  std::vector<Seat> seats = seats_of(inventory);
  std::sort(seats.begin(), seats.end(), [](const Seat& a, const Seat& b) {
    return smaller(a.instance, b.instance);
  });
  for (const Seat& seat : seats) {
    if (counts[seat.instance.profile.str()]++ == 0) {
      order.push_back(seat.instance.profile.str());
    }
  }
  std::vector<std::string> parts;
  parts.reserve(order.size());
  for (const std::string& name : order) {
    parts.push_back(fmt::format("{} x {}", counts[name], name));
  }
  return base::join(parts, ", ");
}

Result<void> check_numbers(const LeaseRequest& request) {
  const auto refuse = [](std::string what) {
    return fail(ErrorCode::kUsage, "lease: " + std::move(what));
  };
  if (request.count < 1 || request.count > kMostInstances) {
    return refuse(
        fmt::format("the count is {}; 1 to {} can be had", request.count, kMostInstances));
  }
  if (request.shared < 1 || request.shared > kMostSharers) {
    return refuse(fmt::format("shared by {}; 1 to {} may share", request.shared, kMostSharers));
  }
  if (request.priority < -kMostPriority || request.priority > kMostPriority) {
    return refuse(fmt::format(
        "priority {} is not within -{} to {}", request.priority, kMostPriority, kMostPriority));
  }
  if (request.limit_ms && *request.limit_ms <= 0) {
    return refuse("the time limit is not above 0");
  }
  if (request.wait_ms < 0 || request.grace_ms < 0) {
    return refuse("times cannot be below 0");
  }
  if (request.end_grace_ms < 0 || request.end_grace_ms > kLongestEndGraceMs) {
    return refuse(fmt::format("the grace at its end is {} s; 0 to {} can be had",
                              request.end_grace_ms / 1000,
                              kLongestEndGraceMs / 1000));
  }
  if (request.job.size() > kLongestName || request.key.size() > kLongestName ||
      request.holder.unit.size() > kLongestName) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("lease: names may have at most {} bytes", kLongestName));
  }
  if (base::printable(request.job) != request.job) {
    return fail(
        ErrorCode::kInvalidInput,
        fmt::format("lease: the job's name {} has control characters", base::quoted(request.job)),
        "one line of text, please: it is shown to others");
  }
  if (request.holder.is_external() && (request.holder.unit.empty() || request.limit_ms ||
                                       request.stoppable || request.linger || request.count != 1)) {
    return fail(ErrorCode::kUsage,
                "lease: an external component keeps one instance under a key, until it releases it",
                "without a limit, and neither stoppable nor lingering");
  }
  if (request.holder.kind == LeaseHolder::Kind::kTime && !request.limit_ms) {
    return fail(ErrorCode::kUsage,
                "lease: nothing says when it ends",
                "bind it to a process (--pid), a unit (--unit) or a time (--for 2h)");
  }
  return {};
}

Result<void> check_possible(const LeaseRequest& request, const Inventory& inventory) {
  const std::size_t there = that_serve(inventory, request.need).size();
  if (there >= request.count) {
    return {};
  }
  if (request.create && !makeable(inventory, request.need).empty()) {
    return {};
  }
  const std::string what = request.need.str();
  if (!request.need.uuid.empty() && request.need.slot.empty()) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("cannot lease {}: there is no such instance, or not any more", what),
                hint_for(request, inventory));
  }
  if (there > 0) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("cannot lease {} x {}: there are only {}", request.count, what, there),
                hint_for(request, inventory));
  }
  return fail(ErrorCode::kNothingMatched,
              fmt::format("cannot lease {}: no instance there could serve", what),
              hint_for(request, inventory));
}

Result<void> check_rights(const LeaseRequest& request, const Tenant& tenant, const Tenants& site) {
  const std::string& who = request.caller.tenant;
  if (request.preempt && !site.preemption.enabled) {
    return fail(ErrorCode::kPermission,
                "no lease can be preempted on this machine: its site has not enabled it",
                "wait without --preempt; an admin enables it in /etc/migctl/tenants.yaml "
                "(preemption: {enabled: true}, and job: {preempt: true} for a tenant)");
  }
  if (request.preempt && !tenant.may_preempt) {
    return fail(ErrorCode::kPermission,
                fmt::format("tenant {} may not preempt leases of others", who),
                "wait without --preempt; an admin gives the right (job: {preempt: true})");
  }
  if (request.create && !tenant.may_create && request.caller.uid != 0) {
    return fail(ErrorCode::kPermission,
                fmt::format("tenant {} may not make instances", who),
                "ask for one that is there, without --create; an admin gives the right "
                "(job: {create: true})");
  }
  if (request.linger && !tenant.may_linger) {
    return fail(ErrorCode::kPermission,
                fmt::format("tenant {} may not leave processes behind that keep the lease", who),
                "run it without --linger; an admin gives the right (job: {linger: true})");
  }
  const std::int32_t highest = tenant.max_priority.value_or(0);
  if (request.priority > highest) {
    return fail(
        ErrorCode::kPermission,
        fmt::format(
            "tenant {}: priority {} is above its highest, {}", who, request.priority, highest),
        fmt::format("{} or less may be asked for; an admin gives more (job: {{priority: "
                    "{}}})",
                    highest,
                    request.priority));
  }
  return {};
}

namespace {

Amount least_amount(const LeaseRequest& request, const Inventory& inventory) {
  const std::vector<Instance> least = that_serve(inventory, request.need);
  Amount more;
  for (std::size_t i = 0; i < least.size() && i < request.count; ++i) {
    more.add(least[i]);
  }
  if (const auto made = smallest_makeable(inventory, request.need); made && request.create) {
    for (std::size_t i = least.size(); i < request.count; ++i) {
      more.add(*made);
    }
  }
  return more;
}

// Which limit the amount exceeds by itself, in words; "" = none.
std::string over_limits(const Tenant& tenant, const Amount& more) {
  if (std::string quota = over_quota(tenant.quota, {}, more); !quota.empty()) {
    return quota;
  }
  if (std::string user = over_each(tenant.per_user, "one user", more); !user.empty()) {
    return user;
  }
  return over_each(tenant.job, "one job", more);
}

}  // namespace

Result<void> check_tenant(const LeaseRequest& request,
                          const Inventory& inventory,
                          const Tenant& tenant) {
  const std::string who = "tenant " + request.caller.tenant;
  const std::string see =
      fmt::format("`migctl tenant show {}` tells its limits", request.caller.tenant);
  if (tenant.job_time_ms && request.limit_ms && *request.limit_ms > *tenant.job_time_ms) {
    return fail(ErrorCode::kPermission,
                fmt::format("{}: a job may last {} min, and {} min are asked for",
                            who,
                            *tenant.job_time_ms / 60'000,
                            *request.limit_ms / 60'000),
                see);
  }
  const std::string over = over_limits(tenant, least_amount(request, inventory));
  if (over.empty()) {
    return {};
  }
  return fail(ErrorCode::kPermission,
              fmt::format("cannot lease {}: {}, {}", request.need.str(), who, over),
              see);
}

}  // namespace mig::lease
