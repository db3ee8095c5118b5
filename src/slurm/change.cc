// SPDX-License-Identifier: Apache-2.0
#include "slurm/change.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/file_lock.h"
#include "base/strings.h"
#include "base/units.h"
#include "slurm/conf.h"
#include "slurm/controller.h"
#include "slurm/node_files.h"
#include "slurm/record.h"

namespace mig::slurm {
namespace {

constexpr std::chrono::milliseconds kLook{500};
constexpr std::chrono::seconds kTellAgain{60};
constexpr const char* kReason = "migctl: layout change";
constexpr std::size_t kMostNamed = 5;

std::string jobs_text(const std::vector<QueuedJob>& jobs) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < jobs.size() && i < kMostNamed; ++i) {
    words.push_back(fmt::format("{} ({}, {} left)", jobs[i].id, jobs[i].user, jobs[i].left));
  }
  if (jobs.size() > kMostNamed) {
    words.emplace_back("...");
  }
  return base::printable(base::join(words, ", "));
}

std::string ids_of(const std::vector<QueuedJob>& jobs) {
  std::string ids;
  for (const QueuedJob& job : jobs) {
    ids += job.id + " ";
  }
  return ids;
}

// By a person or a program: not by an earlier change of ours, and not by Slurm itself because of
// the GPUs that this change puts right.
bool drained_by_others(const NodeState& state) {
  return state.has("DRAIN") && !state.has("INVALID_REG") &&
         state.reason.find(kReason) == std::string::npos &&
         state.reason.find("gres/gpu count") == std::string::npos;
}

class Change {
 public:
  Change(Settings settings, node::Node& node, service::ChangeObserver& observer)
      : settings_(std::move(settings)),
        node_(node),
        observer_(observer),
        controller_(settings_),
        path_(record_path(node.places().journal())) {}

  // One change of a Slurm node at a time.
  Result<void> lock() {
    MIG_ASSIGN_OR_RETURN(const std::string folder, node_.places().runtime_dir());
    MIG_ASSIGN_OR_RETURN(auto held,
                         base::FileLock::acquire(folder + "/slurm.lock",
                                                 std::chrono::milliseconds(0),
                                                 base::system_clock(),
                                                 "changing a Slurm node"));
    lock_.emplace(std::move(held));
    return {};
  }

  Result<Switched> apply(const service::Wish& wish, const service::ChangeOptions& options);
  Result<Switched> recover();

 private:
  Result<Files> machine() {
    MIG_ASSIGN_OR_RETURN(const Inventory now, node_.inventory(node::Age::fresh()));
    return files_of_machine(settings_, node_, now);
  }

  Result<void> record(Step step) {
    record_.step = step;
    return write_record(path_, record_);
  }

  void tell(const std::string& line) { observer_.note(line); }

  Result<void> wait_idle(const std::atomic<bool>* stop);
  Result<void> drain(const NodeState& now);
  Result<void> settle(const std::string& gres, const std::string& start_before);
  Result<void> restart(const std::string& gres);
  Result<void> end(const std::string& gres);
  Result<void> layout(const service::Wish& wish, const service::ChangeOptions& options);
  Result<Switched> forward(const service::Wish& wish, const service::ChangeOptions& options);
  Result<Switched> fit();
  Error taken_back(Error cause);
  void tell_of_waiting(const Files& files);

  Settings settings_;
  node::Node& node_;
  service::ChangeObserver& observer_;
  Controller controller_;
  std::string path_;
  Record record_;
  std::optional<std::int64_t> changed_;  // the change of the layout, once it was made
  std::optional<base::FileLock> lock_;
};

Result<void> Change::drain(const NodeState& now) {
  if (now.has("DRAIN")) {
    return {};
  }
  tell(fmt::format("draining node {}", settings_.node));
  return controller_.drain(kReason);
}

Result<void> Change::wait_idle(const std::atomic<bool>* stop) {
  base::Clock& clock = base::system_clock();
  const auto begin = clock.monotonic();
  auto told_at = begin - kTellAgain;
  std::string told;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const NodeState now, controller_.state());
    if (now.idle()) {
      return {};
    }
    MIG_ASSIGN_OR_RETURN(const std::vector<QueuedJob> jobs, controller_.running());
    const auto at = clock.monotonic();
    if (told != ids_of(jobs) || at - told_at >= kTellAgain) {
      told = ids_of(jobs);
      told_at = at;
      tell(fmt::format("waiting for {} on {}: {}",
                       base::counted(jobs.size(), "job"),
                       settings_.node,
                       jobs_text(jobs)));
    }
    if (stop != nullptr && *stop) {
      return fail(ErrorCode::kRolledBack, "stopped while jobs were waited for");
    }
    if (at - begin >= settings_.drain) {
      return fail(ErrorCode::kTimeout,
                  fmt::format("after {} node {} still has {}: {}",
                              base::span_text(settings_.drain.count()),
                              settings_.node,
                              base::counted(jobs.size(), "job"),
                              jobs_text(jobs)),
                  "drain: in /etc/migctl/slurm.yaml, or --drain, says how long to wait");
    }
    clock.sleep(kLook);
  }
}

// Until slurmctld and slurmd agree on these GPUs. `start_before`: slurmd must have been started
// since; "" = need not.
Result<void> Change::settle(const std::string& gres, const std::string& start_before) {
  base::Clock& clock = base::system_clock();
  const auto begin = clock.monotonic();
  for (;;) {
    const auto now = controller_.state();
    const bool started = start_before.empty() ||
                         (now && !now->slurmd_start.empty() && now->slurmd_start != start_before);
    if (now && started && now->fits() && gpus_of(now->gres) == gres) {
      return {};
    }
    if (clock.monotonic() - begin >= settings_.settle) {
      if (!now) {
        return now.error();
      }
      return fail(
          ErrorCode::kTimeout,
          fmt::format("node {} has state {} with {}{}, and should have {}",
                      settings_.node,
                      now->state,
                      now->gres.empty() ? "no GPUs" : now->gres,
                      now->reason.empty() ? "" : " (" + base::printable(now->reason) + ")",
                      gres.empty() ? "none" : gres),
          "the logs of slurmctld and slurmd say why; migctl slurm check compares the files");
    }
    clock.sleep(kLook);
  }
}

// Both, slurmctld first: a slurmd that registers fewer GPUs than slurmctld knows makes the node
// INVAL.
Result<void> Change::restart(const std::string& gres) {
  const auto before = controller_.state();
  tell("restarting slurmctld and slurmd");
  MIG_TRY(controller_.restart_slurmctld());
  MIG_TRY(controller_.restart_slurmd());
  const std::string start = before && !before->slurmd_start.empty() ? before->slurmd_start : "none";
  return settle(gres, start);
}

Result<void> Change::end(const std::string& gres) {
  MIG_TRY(record(Step::kResume));
  if (record_.drained_before) {
    tell(fmt::format("node {} was drained before, and stays so", settings_.node));
    return remove_record(path_);
  }
  MIG_ASSIGN_OR_RETURN(const NodeState now, controller_.state());
  if (now.has("DRAIN")) {
    MIG_TRY(controller_.resume());
  }
  MIG_TRY(settle(gres, ""));
  MIG_ASSIGN_OR_RETURN(const NodeState after, controller_.state());
  if (after.has("DRAIN")) {
    return fail(ErrorCode::kConflict,
                fmt::format("node {} is drained again: {}", settings_.node, after.reason));
  }
  return remove_record(path_);
}

void Change::tell_of_waiting(const Files& files) {
  const auto pending = controller_.pending();
  if (!pending) {
    return;
  }
  for (const QueuedJob& job : *pending) {
    for (const std::string& type : types_asked(job.gres)) {
      const bool there = std::any_of(files.devices.begin(),
                                     files.devices.end(),
                                     [&](const Device& device) { return device.type == type; });
      if (!there) {
        tell(base::printable(
            fmt::format("job {} of {} waits for gpu:{}, which this node does not have now",
                        job.id,
                        job.user,
                        type)));
      }
    }
  }
}

Result<void> Change::layout(const service::Wish& wish, const service::ChangeOptions& options) {
  MIG_TRY(record(Step::kLayout));
  MIG_ASSIGN_OR_RETURN(const service::Changed done,
                       service::change(node_, wish, options, observer_));
  if (!done.result || done.result->outcome == node::Outcome::kUnchanged) {
    return {};
  }
  if (service::went_well(*done.result)) {
    MIG_ASSIGN_OR_RETURN(const auto last, node_.history(1));
    changed_ = last.empty() ? std::nullopt : std::optional(last.front().id);
    return {};
  }
  Error error = done.result->failure.value_or(Error{ErrorCode::kRolledBack, "", {}, {}, {}});
  if (done.result->outcome == node::Outcome::kStuck) {
    error.code = ErrorCode::kStuck;
  } else if (done.result->outcome == node::Outcome::kRolledBack) {
    error.code = ErrorCode::kRolledBack;
  } else {  // applied, and pending until a reset: what is there now is what Slurm is told
    return {};
  }
  return std::move(error).in("changing the layout");
}

Result<Switched> Change::forward(const service::Wish& wish, const service::ChangeOptions& options) {
  MIG_TRY(wait_idle(options.stop));
  MIG_TRY(layout(wish, options));
  MIG_ASSIGN_OR_RETURN(const Files files, machine());
  MIG_ASSIGN_OR_RETURN(const NodeFiles now, read_node_files(settings_));
  MIG_ASSIGN_OR_RETURN(const NodeFiles next, fitted(now, files));
  MIG_TRY(record(Step::kFiles));
  MIG_TRY(write_node_files(now, next));
  MIG_TRY(record(Step::kRestart));
  MIG_TRY(restart(files.gres));
  MIG_TRY(end(files.gres));
  return Switched{settings_.node, "applied", record_.gres_before, files};
}

// Makes files, daemons and node state fit the layout that is there: the one before, with the files
// byte for byte as they were, or another.
Result<Switched> Change::fit() {
  MIG_ASSIGN_OR_RETURN(const Files files, machine());
  MIG_ASSIGN_OR_RETURN(const NodeFiles now, read_node_files(settings_));
  const bool back = record_.healthy_before && files.gres_conf == record_.machine_before;
  NodeFiles next = record_.files;
  std::string gres = record_.gres_before;
  if (!back) {
    MIG_ASSIGN_OR_RETURN(next, fitted(now, files));
    gres = files.gres;
  }
  const auto state = controller_.state();
  const bool restarts = now != next || record_.step == Step::kFiles ||
                        record_.step == Step::kRestart || !state || !state->fits() ||
                        gpus_of(state->gres) != gres;
  if (restarts) {
    if (state && !state->has("DRAIN")) {
      MIG_TRY(drain(*state));
      MIG_TRY(wait_idle(nullptr));
    }
    MIG_TRY(record(Step::kFiles));
    MIG_TRY(write_node_files(now, next));
    MIG_TRY(record(Step::kRestart));
    if (const auto done = restart(gres); !done) {
      // A restart that fails before it has done anything leaves a slurmd that knows the old files.
      if (!back || !settle(gres, "")) {
        return done.error();
      }
      tell("not restarted: " + done.error().text());
    }
  }
  MIG_TRY(end(gres));
  return Switched{settings_.node, back ? "taken_back" : "recovered", record_.gres_before, files};
}

Error Change::taken_back(Error cause) {
  const auto stuck = [&](const Error& why) {
    return Error{ErrorCode::kStuck,
                 fmt::format("{}; and it could not be taken back: {}", cause.text(), why.text()),
                 fmt::format("node {} may be drained; once that is mended: migctl slurm recover",
                             settings_.node),
                 {},
                 {}};
  };
  if (cause.code == ErrorCode::kStuck) {
    return stuck(Error{ErrorCode::kStuck, "the layout is stuck", {}, {}, {}});
  }
  if (changed_) {
    tell("taking the change back: " + cause.text());
    service::ChangeOptions options;
    options.command = "slurm apply";
    options.reason = "Slurm could not follow";
    const auto undone = service::change(node_, service::wish_undo(changed_), options, observer_);
    if (!undone || (undone->result && !service::went_well(*undone->result))) {
      // Still a layout of its own, which the files are made to fit.
      tell("the layout stays: " +
           (undone ? undone->result->failure.value_or(Error{}).text() : undone.error().text()));
    }
  }
  if (const auto done = fit(); !done) {
    return stuck(done.error());
  }
  if (changed_) {
    cause.code = ErrorCode::kRolledBack;
    cause.context.insert(cause.context.begin(), "layout and files are as before");
  }
  return cause;
}

Result<Switched> Change::apply(const service::Wish& wish, const service::ChangeOptions& options) {
  MIG_ASSIGN_OR_RETURN(const std::optional<Record> left, read_record(path_));
  if (left) {
    tell("a change of the Slurm node was cut short; it is recovered first");
    MIG_TRY(recover());
  }
  MIG_ASSIGN_OR_RETURN(const Plan plan, wish.plan(node_, false));
  MIG_ASSIGN_OR_RETURN(const Files before, machine());
  MIG_ASSIGN_OR_RETURN(const NodeFiles files, read_node_files(settings_));
  MIG_ASSIGN_OR_RETURN(const NodeFiles should, fitted(files, before));
  MIG_ASSIGN_OR_RETURN(const NodeState state, controller_.state());
  if (plan.steps.empty() && files == should && state.fits() && gpus_of(state.gres) == before.gres) {
    return Switched{settings_.node, "unchanged", before.gres, before};
  }
  MIG_TRY(writable(files));
  record_ = {};
  record_.node = settings_.node;
  record_.drained_before = drained_by_others(state);
  record_.healthy_before = state.fits();
  record_.gres_before = gpus_of(state.gres);
  record_.machine_before = before.gres_conf;
  record_.files = files;
  MIG_TRY(record(Step::kDrain));
  if (const auto drained = drain(state); !drained) {
    MIG_TRY(remove_record(path_));
    return drained.error();
  }
  auto done = forward(wish, options);
  if (!done) {
    return taken_back(std::move(done).error());
  }
  tell_of_waiting(done->files);
  return done;
}

Result<Switched> Change::recover() {
  MIG_ASSIGN_OR_RETURN(const std::optional<Record> left, read_record(path_));
  if (!left) {
    return Switched{settings_.node, "nothing", "", {}};
  }
  record_ = *left;
  settings_.node = left->node;
  settings_.gres_conf = left->files.gres_path;
  MIG_ASSIGN_OR_RETURN(const auto open, node_.interrupted());
  if (open) {
    const std::shared_ptr<void> guarded = observer_.guard();
    MIG_ASSIGN_OR_RETURN(const auto recovery, node_.recover([this] { observer_.alive(); }));
    if (recovery.result.outcome == node::Outcome::kStuck) {
      Error error = recovery.result.failure.value_or(Error{ErrorCode::kStuck, "", {}, {}, {}});
      error.code = ErrorCode::kStuck;
      return std::move(error).in("recovering the layout");
    }
  }
  auto done = fit();
  if (!done) {
    Error error = std::move(done).error();
    return Error{ErrorCode::kStuck,
                 fmt::format("node {} could not be recovered: {}", settings_.node, error.text()),
                 error.hint.empty() ? "once that is mended: migctl slurm recover" : error.hint,
                 {},
                 {}};
  }
  tell_of_waiting(done->files);
  return done;
}

}  // namespace

Result<Switched> apply(const Settings& settings,
                       node::Node& node,
                       const service::Wish& wish,
                       const service::ChangeOptions& options,
                       service::ChangeObserver& observer) {
  Change change(settings, node, observer);
  MIG_TRY(change.lock());
  return change.apply(wish, options);
}

Result<Switched> recover(const Settings& settings,
                         node::Node& node,
                         service::ChangeObserver& observer) {
  Change change(settings, node, observer);
  MIG_TRY(change.lock());
  return change.recover();
}

Result<Wrote> write_files(const Settings& settings, const Files& files) {
  MIG_ASSIGN_OR_RETURN(const NodeFiles now, read_node_files(settings));
  MIG_ASSIGN_OR_RETURN(const NodeFiles next, fitted(now, files));
  MIG_TRY(write_node_files(now, next));
  return Wrote{next.gres_path, next.conf_path, now != next};
}

}  // namespace mig::slurm
