// SPDX-License-Identifier: Apache-2.0
#include "service/migrate.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apply/in_use.h"
#include "apply/migration.h"
#include "base/strings.h"
#include "service/user_hook.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenDrainLooks = 200ms;
constexpr auto kHookTime = 10min;

// A compute instance whose work moves, with its successor.
struct Switch {
  apply::Move move;
  GpuInstanceId to;
  std::string old_uuid, new_uuid, profile;
};

class Mover {
 public:
  Mover(node::Node& node, const MigrateOptions& options, base::Clock& clock)
      : node_(node), options_(options), clock_(clock) {}

  // Executes the moves, then the layout change.
  Result<int> run(const apply::Migration& migration) {
    MIG_TRY(move(migration));
    auto code = options_.layout();
    const int stuck_code = error_info(ErrorCode::kStuck).exit_code;
    if (!stop_wanted() || (code && (*code == 0 || *code == stuck_code))) {
      return code;
    }
    const Error back = take_back(code ? stopped("the layout was applied") : code.error());
    if (!code) {
      return back;
    }
    tell(back.text());  // the outcome of the layout change has been reported
    return back.code == ErrorCode::kStuck ? stuck_code : *code;
  }

 private:
  Result<void> move(const apply::Migration& migration) {
    MIG_ASSIGN_OR_RETURN(const Plan plan, node_.plan(migration.beside));
    tell(fmt::format("making {} beside what runs",
                     base::counted(migration.moves.size(), "successor")));
    MIG_ASSIGN_OR_RETURN(const node::ApplyResult made, options_.apply(plan, "room to move", false));
    if (made.outcome != node::Outcome::kApplied || made.failure) {
      return not_made(made);
    }
    MIG_ASSIGN_OR_RETURN(const std::vector<store::ChangeRow> last, node_.history(1));
    if (!last.empty()) {
      change_ = last.front().id;
    }
    auto moved = switch_all(migration.moves);
    if (moved) {
      return {};
    }
    return take_back(std::move(moved).error());
  }

  static Error not_made(const node::ApplyResult& made) {
    Error error = made.failure.value_or(
        Error{ErrorCode::kInternal, "the successors were not made", {}, {}, {}});
    if (made.outcome == node::Outcome::kRolledBack) {
      error.code = ErrorCode::kRolledBack;
    }
    if (made.outcome == node::Outcome::kStuck) {
      error.code = ErrorCode::kStuck;
    }
    return error;
  }

  bool stop_wanted() const { return options_.stop != nullptr && *options_.stop; }

  static Error stopped(const std::string& before) {
    return Error{ErrorCode::kRolledBack, "stopped on request before " + before, {}, {}, {}};
  }

  void tell(const std::string& line) const {
    if (options_.tell) {
      options_.tell(line);
    }
  }

  Result<void> switch_all(const std::vector<apply::Move>& moves) {
    MIG_ASSIGN_OR_RETURN(const std::vector<Switch> all, pairs(moves));
    for (const Switch& one : all) {
      if (stop_wanted()) {
        return stopped("all work was switched over");
      }
      tell(fmt::format("switching {} from {} to {}", one.profile, one.old_uuid, one.new_uuid));
      switched_.push_back(one);  // also when the hook fails half-way
      MIG_TRY(hook(one, "switch"));
    }
    return drain(moves);
  }

  // Finds the successors in a new reading, as a health check. A successor that is absent, has no
  // UUID of its own or is in use already fails.
  Result<std::vector<Switch>> pairs(const std::vector<apply::Move>& moves) {
    MIG_ASSIGN_OR_RETURN(const Inventory now, node_.inventory());
    std::vector<Switch> out;
    for (const apply::Move& move : moves) {
      const Gpu* gpu = now.find_gpu(move.to_gpu);
      const auto& instances = gpu != nullptr ? gpu->instances : std::vector<GpuInstance>();
      const auto to = std::find_if(instances.begin(), instances.end(), [&](const GpuInstance& i) {
        return i.placement == move.to && i.name == move.from.name;
      });
      const bool healthy = to != instances.end() && !gpu->in_use(to->id) &&
                           to->compute_instances.size() == move.from.compute_instances.size() &&
                           std::all_of(to->compute_instances.begin(),
                                       to->compute_instances.end(),
                                       [](const auto& c) { return !c.uuid.empty(); });
      if (!healthy) {
        return fail(ErrorCode::kDriver,
                    fmt::format("the successor of {} at {}:{} on GPU {} is not fit for use",
                                move.from.name.str(),
                                move.to.start,
                                move.to.size,
                                move.to_gpu.value),
                    "migctl list and migctl holders show what is there");
      }
      for (std::size_t i = 0; i < to->compute_instances.size(); ++i) {
        out.push_back({move,
                       to->id,
                       move.from.compute_instances[i].uuid,
                       to->compute_instances[i].uuid,
                       to->compute_instances[i].name.str()});
      }
    }
    return out;
  }

  Result<void> hook(const Switch& one, const std::string& step) {
    const bool back = step == "back";
    const auto text = [](std::uint32_t value) { return fmt::format("{}", value); };
    const auto old_gpu = back ? one.move.to_gpu : one.move.from_gpu;
    const auto new_gpu = back ? one.move.from_gpu : one.move.to_gpu;
    const auto old_gi = back ? one.to : one.move.from.id;
    const auto new_gi = back ? one.move.from.id : one.to;
    std::string output;
    auto done = run_user_hook({"migrate", options_.hook, kHookTime, back ? nullptr : options_.stop},
                              {{"MIGCTL_STEP", step},
                               {"MIGCTL_OLD_UUID", back ? one.new_uuid : one.old_uuid},
                               {"MIGCTL_NEW_UUID", back ? one.old_uuid : one.new_uuid},
                               {"MIGCTL_PROFILE", one.profile},
                               {"MIGCTL_OLD_GPU", text(old_gpu.value)},
                               {"MIGCTL_NEW_GPU", text(new_gpu.value)},
                               {"MIGCTL_OLD_GPU_INSTANCE", text(old_gi.value)},
                               {"MIGCTL_NEW_GPU_INSTANCE", text(new_gi.value)}},
                              output);
    if (!output.empty()) {
      tell("migrate hook: " + output.substr(0, output.find_last_not_of('\n') + 1));
    }
    return done;
  }

  // Processes that remain on these instances, in words; "" = none.
  Result<std::string> still_there(
      const std::vector<std::pair<GpuIndex, GpuInstanceId>>& instances) {
    MIG_ASSIGN_OR_RETURN(const holders::Report report, node_.holders());
    std::vector<std::string> who;
    for (const holders::Holder& holder : report.holders) {
      for (const auto& [gpu, instance] : instances) {
        if (holder.gpu == gpu && holder.gpu_instance == instance) {
          who.push_back(holder.str());
        }
      }
    }
    return base::join(who, "; ");
  }

  // A rollback ignores stop requests.
  Result<void> empty_by(const std::vector<std::pair<GpuIndex, GpuInstanceId>>& instances,
                        const char* what,
                        bool may_stop) {
    const auto deadline = clock_.monotonic() + options_.drain;
    for (bool first = true;; first = false) {
      MIG_ASSIGN_OR_RETURN(const std::string who, still_there(instances));
      if (who.empty()) {
        return {};
      }
      if (may_stop && stop_wanted()) {
        return stopped(fmt::format("{} was empty: {}", what, who));
      }
      if (clock_.monotonic() >= deadline) {
        return fail(
            ErrorCode::kTimeout,
            fmt::format("{} did not drain within {} ms: {}", what, options_.drain.count(), who),
            "the hook is to end what ran there; --drain gives it longer");
      }
      if (first) {
        tell("draining: " + who);
      }
      clock_.sleep(kBetweenDrainLooks);
    }
  }

  Result<void> drain(const std::vector<apply::Move>& moves) {
    std::vector<std::pair<GpuIndex, GpuInstanceId>> old;
    old.reserve(moves.size());
    for (const apply::Move& move : moves) {
      old.emplace_back(move.from_gpu, move.from.id);
    }
    return empty_by(old, "the old instance", true);
  }

  // Moves the work back, then destroys the successors; returns `why` in any case.
  Error take_back(Error why) {
    tell("taking the move back: " + why.text());
    std::vector<std::pair<GpuIndex, GpuInstanceId>> successors;
    const std::vector<Switch> last_first(switched_.rbegin(), switched_.rend());
    for (const Switch& one : last_first) {
      successors.emplace_back(one.move.to_gpu, one.to);
      if (auto back = hook(one, "back"); !back) {
        return stuck(std::move(why), back.error());
      }
    }
    if (auto left = empty_by(successors, "the successor", false); !left) {
      return stuck(std::move(why), left.error());
    }
    auto plan = node_.plan_undo(change_);
    if (!plan) {
      return stuck(std::move(why), plan.error());
    }
    auto undone = options_.apply(*plan, "move taken back", true);
    if (!undone) {
      return stuck(std::move(why), undone.error());
    }
    if (undone->failure) {
      return stuck(std::move(why), *undone->failure);
    }
    why.message += "; the move was taken back, and the layout is as it was";
    return why;
  }

  static Error stuck(Error why, const Error& back) {
    why.code = ErrorCode::kStuck;
    why.message += "; and taking it back failed: " + back.text();
    why.hint =
        "old and new instances are both there: see migctl list and migctl holders; "
        "`migctl undo` removes the new ones when nobody uses them";
    return why;
  }

  node::Node& node_;
  const MigrateOptions& options_;
  base::Clock& clock_;
  std::optional<std::int64_t> change_;  // id of the change that made the successors
  std::vector<Switch> switched_;
};

// An empty migration: the plan runs as it is.
Result<apply::Migration> needed_moves(node::Node& node, const DesiredLayout& desired) {
  MIG_ASSIGN_OR_RETURN(const Plan plan, node.plan(desired));
  if (!plan.blocked()) {
    return apply::Migration{};
  }
  MIG_ASSIGN_OR_RETURN(Inventory now, node.inventory());
  MIG_ASSIGN_OR_RETURN(const holders::Report report, node.holders());
  apply::add_holders(report, now);
  return apply::plan_migration(now, desired, plan);
}

}  // namespace

Result<int> move_work(node::Node& node,
                      const DesiredLayout& desired,
                      const MigrateOptions& options,
                      base::Clock& clock) {
  MIG_ASSIGN_OR_RETURN(const apply::Migration migration, needed_moves(node, desired));
  if (migration.moves.empty()) {
    return options.layout();
  }
  return Mover(node, options, clock).run(migration);
}

Result<std::vector<std::string>> describe_moves(node::Node& node, const DesiredLayout& desired) {
  MIG_ASSIGN_OR_RETURN(const apply::Migration migration, needed_moves(node, desired));
  std::vector<std::string> lines;
  for (const apply::Move& move : migration.moves) {
    lines.push_back(fmt::format("would move {} gi={} from GPU {} at {}:{} to GPU {} at {}:{}",
                                move.from.name.str(),
                                move.from.id.value,
                                move.from_gpu.value,
                                move.from.placement.start,
                                move.from.placement.size,
                                move.to_gpu.value,
                                move.to.start,
                                move.to.size));
  }
  return lines;
}

}  // namespace mig::service
