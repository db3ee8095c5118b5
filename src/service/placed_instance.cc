// SPDX-License-Identifier: Apache-2.0
#include "service/placed_instance.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "node/interrupted.h"
#include "service/cdi.h"
#include "service/change.h"
#include "service/signals_later.h"

namespace mig::service {
namespace {

// Commands whose open change may be ended without asking anybody: each is one instance that was
// being made or destroyed for somebody who will ask again.
constexpr std::array<std::string_view, 4> kOwnCommands = {
    "POST /v1/instances", "DELETE /v1/instances", "lease --create", "lease reclaim"};

Result<void> recover_own(node::Node& node) {
  MIG_ASSIGN_OR_RETURN(const auto cut_short, node.interrupted());
  if (!cut_short) {
    return {};
  }
  const bool own = std::any_of(kOwnCommands.begin(), kOwnCommands.end(), [&](auto command) {
    return cut_short->command.starts_with(command);
  });
  if (!own) {
    return fail(ErrorCode::kConflict, node::cut_short_text(*cut_short));
  }
  MIG_ASSIGN_OR_RETURN(apply::Recovery done, node.recover([] {}));
  if (done.result.outcome == node::Outcome::kStuck && done.result.failure) {
    return std::move(*done.result.failure).in("recovering a change that was cut short");
  }
  return {};
}

const GpuInstance* made_on(const Inventory& now, const node::Node::MadeForKey& record) {
  const MadeInstance& made = record.made;
  const Gpu* gpu = now.find_gpu(made.gpu_uuid);
  if (gpu == nullptr) {
    return nullptr;
  }
  const auto found =
      std::find_if(gpu->instances.begin(), gpu->instances.end(), [&](const GpuInstance& one) {
        return one.placement == Placement{made.start, made.size} &&
               one.name.str() == made.profile && (!record.id_known || one.id == made.gpu_instance);
      });
  return found == gpu->instances.end() ? nullptr : &*found;
}

// Who has the instance, in words; "" = nobody.
std::string holders_of(node::Node& node, const Gpu& gpu, GpuInstanceId instance) {
  std::vector<std::string> who;
  const auto report = node.holders(node::Age::of_command());
  for (const holders::Holder& holder : report ? report->holders : std::vector<holders::Holder>()) {
    if (holder.gpu == gpu.index && holder.gpu_instance == instance) {
      who.push_back(holder.who());
    }
  }
  return base::join(who, ", ");
}

// One try: what is there already, or a change.
class Placing {
 public:
  Placing(node::Node& node,
          const PlacedRequest& request,
          const MadeFor& made_for,
          const std::string& command)
      : node_(node), request_(request), made_for_(made_for), command_(command) {}

  // True: another program is changing the machine, so the failure is worth another try.
  bool again() const { return again_; }

  Result<Placed> run() {
    again_ = false;
    MIG_TRY(recover_own(node_));
    MIG_ASSIGN_OR_RETURN(now_, node_.snapshot(node::Age::fresh()));
    MIG_TRY(find_place());
    MIG_ASSIGN_OR_RETURN(const auto record, node_.made_for_key(made_for_.key));
    const GpuInstance* own = record ? made_on(*now_, *record) : nullptr;
    if (!request_.uuid.empty()) {
      return that_one(own);
    }
    if (own != nullptr) {
      MIG_TRY(check_same(*record));
      if (!own->compute_instances.empty()) {
        return there(*own, true);
      }
    } else if (const GpuInstance* other = in_the_way()) {
      const bool same = other->placement == placement_ && other->name == request_.profile &&
                        other->compute_instances.size() == 1;
      return same && request_.existing ? there(*other, false) : taken(*other);
    }
    return make();
  }

 private:
  Result<void> find_place() {
    gpu_ = now_->find_gpu(request_.gpu_uuid);
    if (gpu_ == nullptr) {
      return fail(ErrorCode::kNothingMatched,
                  fmt::format("there is no GPU {}", base::quoted(request_.gpu_uuid)),
                  "migctl list shows them");
    }
    if (gpu_->mig_current != MigMode::kEnabled) {
      return fail(ErrorCode::kNotSupported,
                  fmt::format("MIG is off on GPU {}: there can be no instance", gpu_->index.value),
                  fmt::format("an admin enables it: migctl mode enable {}", gpu_->index.value));
    }
    const GpuInstanceProfile* profile = gpu_->find_profile(request_.profile);
    if (profile == nullptr) {
      return fail(ErrorCode::kNothingMatched,
                  fmt::format("GPU {} ({}) has no profile {}",
                              gpu_->index.value,
                              gpu_->name,
                              request_.profile.str()),
                  "migctl profiles lists them");
    }
    for (const Placement& one : profile->placements) {
      if (one.start == request_.start) {
        placement_ = one;
        return {};
      }
    }
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{} cannot begin at slot {} of GPU {}",
                            request_.profile.str(),
                            request_.start,
                            gpu_->index.value),
                "migctl placements lists where it can");
  }

  Result<void> check_same(const node::Node::MadeForKey& record) const {
    const MadeInstance& made = record.made;
    if (made.gpu_uuid == gpu_->uuid && Placement{made.start, made.size} == placement_ &&
        made.profile == request_.profile.str()) {
      return {};
    }
    return fail(ErrorCode::kConflict,
                fmt::format("the key has a {} at slot {} of {} already: change {}",
                            made.profile,
                            made.start,
                            made.gpu_uuid,
                            made.change),
                "another instance needs another key");
  }

  // The instance that was asked for by its UUID.
  Result<Placed> that_one(const GpuInstance* own) {
    const GpuInstance* at = in_the_way();
    const bool same = at != nullptr && at->placement == placement_ &&
                      at->name == request_.profile && at->compute_instances.size() == 1 &&
                      at->compute_instances.front().uuid == request_.uuid;
    if (!same) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{} is not at slot {} of GPU {} (any more)",
                              base::quoted(request_.uuid),
                              request_.start,
                              gpu_->index.value),
                  "migctl list shows what is there");
    }
    return there(*at, at == own);
  }

  const GpuInstance* in_the_way() const {
    const auto found = std::find_if(
        gpu_->instances.begin(), gpu_->instances.end(), [&](const GpuInstance& instance) {
          return instance.placement.overlaps(placement_);
        });
    return found == gpu_->instances.end() ? nullptr : &*found;
  }

  Error taken(const GpuInstance& other) {
    const std::string who = holders_of(node_, *gpu_, other.id);
    return Error{
        ErrorCode::kConflict,
        fmt::format("cannot create {} on GPU {} at slot {}: {} gi={} is at slots {}-{}{}",
                    request_.profile.str(),
                    gpu_->index.value,
                    request_.start,
                    other.name.str(),
                    other.id.value,
                    other.placement.start,
                    other.placement.start + other.placement.size - 1,
                    who.empty() ? ", used by nobody" : ", used by " + who),
        "migctl list and migctl lease list show what is there; nothing is destroyed for it",
        {},
        {}};
  }

  Result<Placed> there(const GpuInstance& instance, bool made) {
    const ComputeInstance& compute = instance.compute_instances.front();
    Placed out;
    out.placed.instance = instance_of(*gpu_, instance, compute);
    out.placed.placement = instance.placement;
    out.placed.made = made;
    if (compute.uuid.empty()) {
      return fail(ErrorCode::kDriver,
                  fmt::format("the driver tells no UUID of gi={} ci={} on GPU {}",
                              instance.id.value,
                              compute.id.value,
                              gpu_->index.value));
    }
    const CdiName cdi = cdi_name(node_, compute.uuid);
    out.placed.cdi_device = cdi.device;
    out.placed.cdi_missing = cdi.missing;
    out.who = who_is_on(*gpu_, instance.id, compute.id);
    out.now = now_;
    return out;
  }

  // The plan, if it makes this instance and does nothing else.
  Result<Plan> plan(node::Node& on) const {
    DesiredInstance wanted;
    wanted.profile = request_.profile;
    wanted.compute_instances = {request_.compute.value_or(request_.profile)};
    wanted.placement = placement_;
    MIG_ASSIGN_OR_RETURN(Plan plan, on.plan_create({gpu_->index, {wanted}, {}}));
    if (plan.blocked()) {
      return fail(ErrorCode::kInUse, blockers_text(plan));
    }
    const bool only_this = std::all_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
      return (step.kind == StepKind::kCreateGpuInstance ||
              step.kind == StepKind::kCreateComputeInstance) &&
             step.gpu_uuid == gpu_->uuid && step.gpu_placement == placement_;
    });
    if (!only_this || plan.steps.empty()) {
      return fail(ErrorCode::kConflict,
                  "the machine has changed meanwhile: something else would have to be done too",
                  "try again");
    }
    return plan;
  }

  Result<Placed> make() {
    Wish wish;
    wish.cause = node::Cause::kCreate;
    wish.plan = [this](node::Node& on, bool /*around*/) { return plan(on); };
    ChangeOptions options;
    options.allow_reset = false;
    options.command = command_;
    options.reason = request_.reason;
    options.made_for = made_for_;
    ChangeObserver nobody;
    const SignalsLater later;
    auto done = change(node_, wish, options, nobody);
    if (!done) {
      again_ = done.error().code == ErrorCode::kConflict;
      return std::move(done).error();
    }
    if (done->result->failure) {
      return *std::move(done->result->failure);
    }
    now_ = std::make_shared<const Inventory>(std::move(done->result->after));
    gpu_ = now_->find_gpu(request_.gpu_uuid);
    const GpuInstance* made = gpu_ == nullptr ? nullptr : in_the_way();
    if (made == nullptr || made->placement != placement_ || made->compute_instances.empty()) {
      return fail(ErrorCode::kConflict, "the instance went as soon as it was made", "try again");
    }
    MIG_ASSIGN_OR_RETURN(Placed placed, there(*made, true));
    placed.fresh = true;
    return placed;
  }

  node::Node& node_;
  const PlacedRequest& request_;
  const MadeFor& made_for_;
  const std::string& command_;
  node::Node::Snapshot now_;
  const Gpu* gpu_ = nullptr;
  Placement placement_;
  bool again_ = false;
};

// The GPU instance that is to go.
struct Target {
  const Gpu* gpu = nullptr;
  const GpuInstance* instance = nullptr;
};

Target find_target(const Inventory& now, const std::string& uuid) {
  for (const Gpu& gpu : now.gpus) {
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        if (compute.uuid == uuid) {
          return {&gpu, &instance};
        }
      }
    }
  }
  return {};
}

Result<Target> target_of(node::Node& node,
                         const Inventory& now,
                         const std::string& uuid,
                         const std::optional<std::string>& key) {
  Target target = find_target(now, uuid);
  if (key) {
    MIG_ASSIGN_OR_RETURN(const auto record, node.made_for_key(*key));
    const GpuInstance* own = record ? made_on(now, *record) : nullptr;
    if (own == nullptr) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("nothing is there that was made for that key, or a layout took it "
                              "over since{}",
                              target.instance == nullptr ? "" : ": " + uuid + " is another's"),
                  "migctl history tells what was made for whom; migctl destroy destroys any");
    }
    if (target.instance != nullptr && target.instance != own) {
      return fail(
          ErrorCode::kConflict,
          fmt::format("{} is another instance than the one that was made for that key", uuid));
    }
    // Without its compute instance: an earlier try stopped in between.
    target = {now.find_gpu(record->made.gpu_uuid), own};
  }
  if (target.instance == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no instance {}", base::quoted(uuid)),
                "migctl list shows them");
  }
  if (target.instance->compute_instances.size() > 1) {
    return fail(ErrorCode::kConflict,
                fmt::format("gi={} on GPU {} has {} compute instances: not all are {}",
                            target.instance->id.value,
                            target.gpu->index.value,
                            target.instance->compute_instances.size(),
                            uuid),
                "migctl destroy destroys a single one");
  }
  return target;
}

}  // namespace

Result<Placed> place_instance(node::Node& node,
                              const PlacedRequest& request,
                              const MadeFor& made_for,
                              const std::string& command,
                              bool& again) {
  Placing placing(node, request, made_for, command);
  auto done = placing.run();
  again = placing.again();
  return done;
}

Result<void> destroy_placed(node::Node& node,
                            const std::string& uuid,
                            const std::optional<std::string>& key,
                            const std::string& command,
                            bool& again) {
  again = false;
  MIG_TRY(recover_own(node));
  MIG_ASSIGN_OR_RETURN(const node::Node::Snapshot now, node.snapshot(node::Age::fresh()));
  MIG_ASSIGN_OR_RETURN(const Target target, target_of(node, *now, uuid, key));
  Wish wish;
  wish.cause = node::Cause::kDestroy;
  wish.plan = [&](node::Node& on, bool /*around*/) -> Result<Plan> {
    MIG_ASSIGN_OR_RETURN(Plan plan,
                         on.plan_destroy({target.gpu->index, target.instance->id, {}, false}));
    if (plan.blocked()) {
      return fail(ErrorCode::kInUse,
                  fmt::format("{} is in use: {}", uuid, blockers_text(plan)),
                  "it can go when they are gone: migctl holders, migctl lease list");
    }
    return plan;
  };
  ChangeOptions options;
  options.allow_reset = false;
  options.command = command;
  ChangeObserver nobody;
  const SignalsLater later;
  auto done = change(node, wish, options, nobody);
  if (!done) {
    again = done.error().code == ErrorCode::kConflict;
    return std::move(done).error();
  }
  return done->result->failure ? Result<void>(*std::move(done->result->failure)) : Result<void>();
}

}  // namespace mig::service
