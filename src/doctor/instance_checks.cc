// SPDX-License-Identifier: Apache-2.0
// Checks of instances: empty ones, room that cannot be used, drift, use without a lease.
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/strings.h"
#include "doctor/check.h"
#include "holders/instance_users.h"
#include "holders/lease_life.h"
#include "store/leases.h"

namespace mig::doctor {
namespace {

// Slots of the GPU that no instance has.
std::uint32_t free_slots(const Gpu& gpu) {
  std::uint32_t used = 0;
  for (const GpuInstance& instance : gpu.instances) {
    used += instance.placement.size;
  }
  return gpu.memory_slices > used ? gpu.memory_slices - used : 0;
}

std::uint32_t free_compute_slices(const Gpu& gpu) {
  std::uint32_t used = 0;
  for (const GpuInstance& instance : gpu.instances) {
    const GpuInstanceProfile* profile = gpu.find_profile(instance.profile_id);
    used += profile != nullptr ? profile->slices : 0;
  }
  return gpu.compute_slices > used ? gpu.compute_slices - used : 0;
}

// True for a process in the cgroup of the lease, or in one below it. Compared by the part of the
// path that is migctl's own: the rest depends on where the hierarchy is mounted.
bool in_cgroup(const std::string& proc, std::uint32_t pid, const std::string& cgroup) {
  const std::size_t own = cgroup.rfind("/migctl/");
  const auto text = base::read_file(fmt::format("{}/{}/cgroup", proc, pid), 1U << 16U);
  if (own == std::string::npos || !text) {
    return false;
  }
  const std::string wanted = cgroup.substr(own);
  for (const std::string& line : base::split(*text, '\n')) {
    const std::size_t second = line.find(':', line.find(':') + 1);
    const std::string path = second == std::string::npos ? "" : line.substr(second + 1);
    if (path.ends_with(wanted) || path.find(wanted + "/") != std::string::npos) {
      return true;
    }
  }
  return false;
}

bool covers(const store::LeaseRow& lease,
            const holders::InstanceUser& user,
            const std::string& proc) {
  return lease.instance.uuid == user.uuid &&
         (lease.uid == user.uid || in_cgroup(proc, user.pid, lease.cgroup));
}

}  // namespace

Finding check_empty_instances(Patient& patient) {
  const auto now = patient.inventory();
  if (!now) {
    return not_read(now.error());
  }
  Finding finding;
  std::size_t instances = 0;
  bool hidden = false;
  for (const Gpu& gpu : (*now)->gpus) {
    hidden = hidden || !gpu.instances_complete;
    instances += gpu.instances.size();
    for (const GpuInstance& instance : gpu.instances) {
      if (!instance.compute_instances.empty()) {
        continue;
      }
      finding.raise(Verdict::kWarning);
      finding.evidence.push_back(fmt::format("GPU {} gi={}: {} without a compute instance",
                                             gpu.index.value,
                                             instance.id.value,
                                             instance.name.str()));
      finding.cause =
          "it holds memory and slices, and no program can use it: a creation was cut "
          "short, or -C was left out";
      finding.add_mend(
          patient.smi(fmt::format("mig -cci -gi {} -i {}", instance.id.value, gpu.index.value)));
    }
  }
  if (hidden) {
    return not_here("only root is told of GPU instances without a compute instance");
  }
  if (instances == 0) {
    return not_here("there are no GPU instances");
  }
  finding.found = finding.evidence.empty()
                      ? base::counted(instances, "GPU instance") + ", all usable"
                      : base::counted(finding.evidence.size(), "GPU instance") + " of no use";
  return finding;
}

Finding check_room(Patient& patient) {
  const auto now = patient.inventory();
  if (!now) {
    return not_read(now.error());
  }
  Finding finding;
  std::size_t asked = 0;
  for (const Gpu& gpu : (*now)->gpus) {
    const std::uint32_t slots = free_slots(gpu);
    const bool told = std::any_of(gpu.profiles.begin(), gpu.profiles.end(), [](const auto& one) {
      return one.remaining.has_value();
    });
    if (gpu.mig_current != MigMode::kEnabled || !gpu.instances_complete || !told) {
      continue;
    }
    ++asked;
    const bool fits = std::any_of(gpu.profiles.begin(), gpu.profiles.end(), [](const auto& one) {
      return one.remaining.value_or(0) > 0;
    });
    const std::uint32_t compute = free_compute_slices(gpu);
    finding.evidence.push_back(
        fmt::format("GPU {}: {} of {} memory slots and {} of {} compute slices free, {}",
                    gpu.index.value,
                    slots,
                    gpu.memory_slices,
                    compute,
                    gpu.compute_slices,
                    fits ? "instances fit" : "no profile fits"));
    if (slots > 0 && compute > 0 && !fits) {
      finding.raise(Verdict::kNote);
      finding.cause =
          "the free slots lie where no profile may start: creating an instance fails "
          "although memory and compute slices are free";
      finding.add_mend(patient.migctl("placements"));
      finding.add_mend(patient.migctl(
          "plan -f LAYOUT, which says what would have to move; apply --migrate moves it"));
    }
  }
  if (asked == 0) {
    return not_here("no GPU is in MIG mode, or only root is told what fits");
  }
  finding.found = finding.verdict == Verdict::kOk ? "free slots can be used"
                                                  : "free slots that no instance can have";
  return finding;
}

Finding check_drift(Patient& patient) {
  MIG_ASSIGN_OR_RETURN_FINDING(node::Node * node, patient.node());
  const std::string journal = patient.places().journal();
  if (::access(journal.c_str(), F_OK) != 0) {
    return not_here("migctl has not changed this machine yet: there is no " + journal);
  }
  const auto plan = node->plan_last_good();
  if (!plan) {
    return plan.error().code == ErrorCode::kNothingMatched ? not_here(plan.error().text())
                                                           : not_read(plan.error());
  }
  Finding finding;
  finding.evidence = {journal};
  finding.found = "the layout is the recorded one";
  if (!plan->steps.empty()) {
    finding.verdict = Verdict::kWarning;
    finding.found =
        base::counted(plan->steps.size(), "step") + " away from the last layout that migctl made";
    finding.cause = "the machine was started again, or another program changed it";
    for (const Step& step : plan->steps) {
      finding.evidence.push_back("to go back: " + step.str());
    }
    finding.mend = {patient.migctl("restore --last-good -n"),
                    patient.migctl("restore --last-good")};
  }
  return finding;
}

Finding check_unleased(Patient& patient) {
  MIG_ASSIGN_OR_RETURN_FINDING(const Inventory* now, patient.inventory());
  const std::string path = patient.places().leases();
  if (::access(path.c_str(), F_OK) != 0) {
    return not_here("nobody has leased an instance yet: there is no " + path);
  }
  if (::access(path.c_str(), R_OK | W_OK) != 0) {
    return not_here("this user may not read " + path);
  }
  auto store = store::Leases::open(path);
  const auto leases = store ? store->leases() : Result<std::vector<store::LeaseRow>>(store.error());
  if (!leases) {
    return not_read(leases.error());
  }
  MIG_ASSIGN_OR_RETURN_FINDING(node::Node * node, patient.node());
  const holders::Roots roots = node->holder_roots();
  Finding finding;
  finding.evidence = {path + ": " + base::counted(leases->size(), "lease")};
  std::size_t count = 0;
  for (const auto& user : holders::users_of_instances(*now, roots, std::nullopt)) {
    const bool covered = std::any_of(leases->begin(), leases->end(), [&](const auto& lease) {
      return covers(lease, user, roots.proc);
    });
    if (user.uid != 0 && !covered) {
      ++count;
      finding.evidence.push_back(fmt::format(
          "pid {} ({}, uid {}) on {}", user.pid, base::printable(user.name), user.uid, user.uuid));
    }
  }
  finding.found = count == 0 ? "none without" : base::counted(count, "process") + " without";
  if (count > 0) {
    finding.verdict = Verdict::kWarning;
    finding.cause = "its user went past migctl; a tenant's job may be given the same instance";
    finding.mend = {patient.migctl("lease list"),
                    "let migd end such processes (unleased: end in the tenants file), or keep them "
                    "out: " +
                        patient.migctl("serve --guard-nodes=on")};
  }
  return finding;
}

}  // namespace mig::doctor
