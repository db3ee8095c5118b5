// SPDX-License-Identifier: Apache-2.0
#include "service/reclaim.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/units.h"
#include "holders/lease_life.h"
#include "service/change.h"
#include "service/signals_later.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;

// Looks within the reclaim time, so that an instance stays at most so much longer than it says.
constexpr int kLooks = 20;
constexpr std::chrono::milliseconds kShortest = 1s;
constexpr std::chrono::milliseconds kLongest = 30s;

constexpr std::int64_t kChangesAtOnce = 500;

bool overlaps(const MadeInstance& made, const Placement& placement) {
  return placement.start < made.start + made.size && made.start < placement.start + placement.size;
}

bool changes_instances(StepKind kind) {
  return kind == StepKind::kCreateGpuInstance || kind == StepKind::kDestroyGpuInstance ||
         kind == StepKind::kCreateComputeInstance || kind == StepKind::kDestroyComputeInstance;
}

// True when the change took the instance over, or made another in its place.
bool took_over(const ChangeDetails& details, const MadeInstance& made) {
  const ChangeRecord& change = details.change;
  if (change.state != ChangeState::kApplied) {
    return false;
  }
  // A whole layout of the GPU names each of its instances.
  const bool layout = change.cause == "apply" || change.cause == "undo" ||
                      change.cause == "restore" || change.cause == "migrate";
  if (layout && change.after.find(made.gpu_uuid) != std::string::npos) {
    return true;
  }
  return std::any_of(details.plan.begin(), details.plan.end(), [&](const RecordedStep& one) {
    return one.outcome == "done" && one.step.gpu_uuid == made.gpu_uuid &&
           changes_instances(one.step.kind) && overlaps(made, one.step.gpu_placement);
  });
}

const GpuInstance* find_instance(const Gpu& gpu, const MadeInstance& made) {
  const auto found =
      std::find_if(gpu.instances.begin(), gpu.instances.end(), [&](const GpuInstance& one) {
        return one.id == made.gpu_instance && one.placement.start == made.start &&
               one.placement.size == made.size;
      });
  return found == gpu.instances.end() ? nullptr : &*found;
}

// One compute instance is made; a second one in it is somebody else's.
bool as_made(const GpuInstance& instance) {
  return instance.compute_instances.size() == 1;
}

bool is_on(const Instance& instance, const MadeInstance& made) {
  return instance.gpu_uuid == made.gpu_uuid && instance.gpu_instance == made.gpu_instance;
}

MadeInstance made_by(const ChangeDetails& details, const RecordedStep& one) {
  const Step& step = one.step;
  MadeInstance made;
  made.change = details.change.id;
  made.gpu_uuid = step.gpu_uuid;
  made.gpu_instance = *one.assigned;
  made.start = step.gpu_placement.start;
  made.size = step.gpu_placement.size;
  made.profile = step.profile.str();
  made.made_for = *details.change.made_for;
  return made;
}

}  // namespace

struct Reclaimer::Users {
  std::vector<lease::Lease> leases;
  std::vector<lease::Need> wanted;  // by who waits
  std::vector<node::SlotView> slots;
};

// `upto`: the last change that is over.
Result<std::vector<MadeInstance>> Reclaimer::made_in(const std::vector<ChangeRecord>& changes,
                                                     std::int64_t& upto) {
  std::vector<MadeInstance> made;
  for (const ChangeRecord& change : changes) {
    if (change.state == ChangeState::kOpen) {
      break;
    }
    upto = change.id;
    // What was made for a key stays until it is destroyed by it.
    if (!change.made_for || !change.made_for->key.empty()) {
      continue;
    }
    MIG_ASSIGN_OR_RETURN(const ChangeDetails details, node_.change(change.id));
    for (const RecordedStep& one : details.plan) {
      if (one.step.kind == StepKind::kCreateGpuInstance && one.outcome == "done" && one.assigned) {
        made.push_back(made_by(details, one));
      }
    }
  }
  return made;
}

Result<void> Reclaimer::learn() {
  MIG_ASSIGN_OR_RETURN(std::int64_t upto, leases_.made_upto());
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const std::vector<ChangeRecord> changes,
                         node_.history_after(upto, kChangesAtOnce));
    const std::int64_t before = upto;
    MIG_ASSIGN_OR_RETURN(const std::vector<MadeInstance> made, made_in(changes, upto));
    if (upto == before) {
      break;
    }
    MIG_TRY(leases_.remember_made(made, upto));
  }
  MIG_ASSIGN_OR_RETURN(std::vector<MadeInstance> all, leases_.made());
  for (MadeInstance& made : all) {
    if (made.made_for.lease == 0) {
      MIG_TRY(credit(made));
    }
  }
  return {};
}

// Names the lease that the instance was made for, once it is granted.
Result<void> Reclaimer::credit(MadeInstance& made) {
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> leases, leases_.list(nullptr));
  const auto found = std::find_if(leases.begin(), leases.end(), [&](const lease::Lease& lease) {
    // The instance of a slot is made before there is a request.
    const bool asked = made.made_for.request != 0 ? lease.request == made.made_for.request
                                                  : lease.uid == made.made_for.uid;
    return asked && is_on(lease.instance, made);
  });
  if (found == leases.end()) {
    return {};
  }
  made.made_for.lease = found->id;
  MIG_TRY(leases_.credit_made(made, *found));
  return node_.credit(made.change, found->id);
}

Result<std::unique_ptr<Reclaimer>> Reclaimer::open(node::Node& node) {
  MIG_ASSIGN_OR_RETURN(lease::Leases leases, lease::Leases::open(node.places().leases(), {}));
  return std::unique_ptr<Reclaimer>(new Reclaimer(node, std::move(leases)));
}

std::chrono::milliseconds Reclaimer::period(std::optional<std::int64_t> limit_ms) {
  return std::clamp(std::chrono::milliseconds(limit_ms.value_or(0) / kLooks), kShortest, kLongest);
}

Result<void> Reclaimer::look(const Read& read, std::optional<std::int64_t> limit_ms) {
  MIG_TRY(learn());
  MIG_ASSIGN_OR_RETURN(const std::vector<MadeInstance> all, leases_.made());
  if (all.empty()) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, read());
  Users users;
  MIG_ASSIGN_OR_RETURN(users.leases, leases_.list(nullptr));
  MIG_ASSIGN_OR_RETURN(users.wanted, leases_.wanted());
  MIG_ASSIGN_OR_RETURN(users.slots, node_.slots());
  for (const MadeInstance& made : all) {
    // Without a limit the list is kept as well: the file may be read again.
    MIG_TRY(judge(made, find(made, *now, users), limit_ms.value_or(INT64_MAX)));
  }
  return {};
}

Reclaimer::Found Reclaimer::find(const MadeInstance& made,
                                 const Inventory& now,
                                 const Users& users) {
  const Gpu* gpu = now.find_gpu(made.gpu_uuid);
  if (gpu == nullptr) {
    return Found::kInUse;  // lost for now: whether the instance is there cannot be said
  }
  const GpuInstance* instance = find_instance(*gpu, made);
  if (instance == nullptr) {
    return Found::kGone;
  }
  if (!as_made(*instance) || !who_is_on(*gpu, made.gpu_instance).empty()) {
    return Found::kInUse;
  }
  const bool leased =
      std::any_of(users.leases.begin(), users.leases.end(), [&](const lease::Lease& lease) {
        return is_on(lease.instance, made);
      });
  const bool named =
      std::any_of(users.slots.begin(), users.slots.end(), [&](const node::SlotView& slot) {
        return slot.row.gpu_uuid == made.gpu_uuid &&
               overlaps(made,
                        {static_cast<std::uint32_t>(slot.row.start),
                         static_cast<std::uint32_t>(slot.row.size)});
      });
  const std::vector<Instance> instances = instances_of(now);
  const bool wanted = std::any_of(instances.begin(), instances.end(), [&](const Instance& one) {
    return is_on(one, made) &&
           std::any_of(users.wanted.begin(), users.wanted.end(), [&](const lease::Need& need) {
             return serves(one, need);
           });
  });
  return leased || named || wanted ? Found::kInUse : Found::kIdle;
}

Result<void> Reclaimer::judge(MadeInstance made, Found found, std::int64_t limit_ms) {
  if (found == Found::kGone) {
    return leases_.forget_made(made.change);
  }
  const holders::Moment now = leases_.moment();
  const bool was_idle = made.idle_boot_id == now.boot_id;
  if (found == Found::kInUse) {
    if (made.idle_boot_id.empty()) {
      return {};
    }
    made.idle_boot_id.clear();
    return leases_.keep_made(made);
  }
  if (!was_idle) {
    made.idle_boot_id = now.boot_id;
    made.idle_boot_ms = now.boot_ms;
    return leases_.keep_made(made);
  }
  const std::int64_t idle_ms = now.boot_ms - made.idle_boot_ms;
  if (idle_ms < limit_ms) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const bool ours, still_ours(made));
  return ours ? destroy(made, idle_ms) : leases_.forget_made(made.change);
}

Result<bool> Reclaimer::still_ours(const MadeInstance& made) {
  std::int64_t upto = made.change;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const std::vector<ChangeRecord> changes,
                         node_.history_after(upto, kChangesAtOnce));
    for (const ChangeRecord& change : changes) {
      MIG_ASSIGN_OR_RETURN(const ChangeDetails details, node_.change(change.id));
      if (took_over(details, made)) {
        return false;
      }
      upto = change.id;
    }
    if (changes.empty()) {
      return true;
    }
  }
}

Result<void> Reclaimer::destroy(const MadeInstance& made, std::int64_t idle_ms) {
  Wish wish;
  wish.cause = node::Cause::kReclaim;
  wish.plan = [&](node::Node& on, bool /*around*/) -> Result<Plan> {
    MIG_ASSIGN_OR_RETURN(const Inventory now, on.inventory(node::Age::fresh()));
    const Gpu* gpu = now.find_gpu(made.gpu_uuid);
    MIG_ASSIGN_OR_RETURN(const bool ours, still_ours(made));
    const GpuInstance* instance = gpu == nullptr ? nullptr : find_instance(*gpu, made);
    if (instance == nullptr || !as_made(*instance) || !ours) {
      return fail(ErrorCode::kConflict, "it is not the instance that was made");
    }
    MIG_ASSIGN_OR_RETURN(Plan plan, on.plan_destroy({gpu->index, made.gpu_instance, {}, false}));
    if (plan.blocked()) {
      return fail(ErrorCode::kInUse, "it is in use");
    }
    return plan;
  };
  ChangeOptions options;
  options.allow_reset = false;
  options.command = "lease reclaim";
  options.reason =
      fmt::format("made for {} of tenant {}, idle for {}",
                  made.made_for.lease != 0 ? fmt::format("lease {}", made.made_for.lease)
                                           : fmt::format("request {}", made.made_for.request),
                  made.made_for.tenant,
                  base::span_text(idle_ms));
  ChangeObserver nobody;
  const SignalsLater later;
  const auto done = change(node_, wish, options, nobody);
  // In use after all, or another change is being made: it is looked at again.
  if (!done && done.error().code == ErrorCode::kInUse) {
    MadeInstance used = made;
    used.idle_boot_id.clear();
    return leases_.keep_made(used);
  }
  if (!done && done.error().code == ErrorCode::kConflict) {
    return {};
  }
  // What the driver refuses is tried again after as long.
  std::optional<Error> failure = done ? done->result->failure : std::optional(done.error());
  if (failure) {
    MadeInstance kept = made;
    kept.idle_boot_id.clear();
    MIG_TRY(leases_.keep_made(kept));
    return *std::move(failure);
  }
  return leases_.reclaimed(made, ::geteuid());
}

}  // namespace mig::service
