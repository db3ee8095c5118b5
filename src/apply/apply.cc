// SPDX-License-Identifier: Apache-2.0
#include "apply/apply.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "apply/executor.h"
#include "apply/expected.h"
#include "apply/layout_diff.h"
#include "apply/preflight.h"
#include "apply/rollback.h"
#include "apply/runtime.h"
#include "apply/settled.h"
#include "apply/step_checks.h"
#include "base/strings.h"
#include "device/inventory_reader.h"

namespace mig::apply {
namespace {

class Run {
 public:
  Run(const Context& context, const Plan& plan, const ApplyOptions& options, Inventory before)
      : context_(context),
        plan_(plan),
        options_(options),
        before_(std::move(before)),
        executor_(context, before_) {}

  Result<ApplyResult> run() {
    for (Step& step : selected_steps(plan_, options_)) {
      result_.steps.push_back({std::move(step), false, false, 0});
    }
    if (context_.recorder != nullptr) {
      MIG_TRY(context_.recorder->begin(plan_, before_));
    }
    if (auto withdrawn = withdraw(); !withdrawn) {
      return finished(std::move(withdrawn).error());
    }
    for (std::size_t i = 0; i < result_.steps.size() && !result_.failure; ++i) {
      if (options_.stop != nullptr && *options_.stop) {
        result_.failure = Error{ErrorCode::kRolledBack, "stopped on request", {}, {}, {}};
      } else {
        do_step(i);
      }
    }
    if (!result_.failure) {
      conclude();
    }
    if (result_.failure && result_.outcome == Outcome::kUnchanged) {
      if (!any_effect()) {
        return finished(std::move(*result_.failure));
      }
      roll_back(context_, plan_, before_, executor_, result_);
    }
    close();
    return std::move(result_);
  }

 private:
  // No call changed the machine: returns the first step's error.
  Error finished(Error error) {
    result_.outcome = Outcome::kUnchanged;
    result_.failure = std::move(error);
    close();
    return *std::move(result_.failure);
  }

  Result<void> withdraw() {
    if (context_.handover == nullptr || result_.steps.empty()) {
      return {};
    }
    MIG_TRY(context_.handover->withdraw(plan_, before_, false));
    withdrawn_ = true;
    return {};
  }

  // Before the end of the record: where this process dies in between, recover() does it.
  void renew() {
    if (!withdrawn_) {
      return;
    }
    withdrawn_ = false;
    auto now = result_.after.gpus.empty()
                   ? device::read_inventory(context_.session, {context_.proc_root, context_.facts})
                   : Result<Inventory>(result_.after);
    if (auto renewed = context_.handover->renew(now ? &*now : nullptr); !renewed) {
      result_.warnings.push_back(renewed.error().text());
    }
  }

  // Writes the end of the record. If the write fails, the change stays open in the journal and the
  // result says so.
  void close() {
    renew();
    if (context_.recorder == nullptr) {
      return;
    }
    auto noted = context_.recorder->finish(result_);
    if (noted) {
      return;
    }
    if (!result_.failure) {
      result_.failure = std::move(noted).error().in("done, but its end cannot be recorded");
      result_.failure->hint += "; then `migctl recover` closes the record";
      return;
    }
    result_.failure->message +=
        "; and its end cannot be recorded (" + noted.error().message + "): run `migctl recover`";
  }

  bool any_effect() const {
    return std::any_of(result_.steps.begin(), result_.steps.end(), [](const StepReport& report) {
      return report.done;
    });
  }

  bool resets_later(std::size_t from, const std::string& uuid) const {
    return options_.allow_reset &&
           std::any_of(result_.steps.begin() + static_cast<std::ptrdiff_t>(from),
                       result_.steps.end(),
                       [&](const StepReport& report) {
                         return report.step.kind == StepKind::kResetGpu &&
                                report.step.gpu_uuid == uuid;
                       });
  }

  void do_step(std::size_t i) {
    StepReport& report = result_.steps[i];
    const std::string& uuid = report.step.gpu_uuid;
    if (report.step.kind == StepKind::kResetGpu && !options_.allow_reset &&
        active_.count(uuid) == 0) {
      waiting_.emplace(uuid, waits(report.step));
    }
    if (waiting_.count(uuid) != 0) {
      return;
    }
    // An Ampere driver resets an idle GPU as part of the mode change: a second reset is skipped.
    if (report.step.kind == StepKind::kResetGpu && active_.count(uuid) != 0) {
      report.done = true;
      if (auto noted = executor_.pass_over(report.step, i); !noted) {
        result_.failure = std::move(noted).error();
      }
      return;
    }
    const auto tell = [&](bool done) {
      if (options_.progress) {
        options_.progress(report.step, i, result_.steps.size(), done);
      }
    };
    tell(false);
    const auto start = context_.clock.monotonic();
    StepResult done = executor_.run(report.step, i, Direction::kDo);
    report.milliseconds =
        std::chrono::duration<double, std::milli>(context_.clock.monotonic() - start).count();
    report.done = done.effect;
    // In a VM (GPU pass-through) a reset is not supported and the mode stays pending until the VM
    // reboots.
    if (done.failure && report.step.kind == StepKind::kResetGpu &&
        done.failure->code == ErrorCode::kNotSupported) {
      waiting_.emplace(uuid, waits(report.step, done.failure));
      return;
    }
    result_.failure = std::move(done.failure);
    if (result_.failure) {
      return;
    }
    if (is_mode_step(report.step.kind) && !done.pending) {
      active_.insert(uuid);
    }
    if (done.pending && !resets_later(i + 1, uuid)) {
      waiting_.emplace(uuid, waits(report.step, done.activation));
    }
    tell(true);
  }

  static Error waits(const Step& step, const std::optional<Error>& why = std::nullopt) {
    return Error{
        ErrorCode::kResetRequired,
        fmt::format("the MIG mode of GPU {} is set but pending: it becomes current when the GPU is "
                    "reset{}",
                    step.gpu.value,
                    why ? " (" + why->message + ")" : ""),
        why && why->code == ErrorCode::kNotSupported
            ? "this machine cannot reset the GPU (a VM that it is passed through to): reboot the "
              "machine, then repeat this command"
            : fmt::format("end what holds the GPU and reset it (migctl smi --gpu-reset -i {}), or "
                          "reboot the machine; then repeat this command",
                          step.gpu.value),
        {},
        why ? why->nvml : std::nullopt};
  }

  // Verifies the end state as a whole (each step was verified already). The outcome stays
  // kUnchanged if the requested state is not there.
  void conclude() {
    std::vector<Difference> differ;
    const Inventory wanted = expected();
    // Without steps, the reading under the lock is the end state.
    auto now = result_.steps.empty() ? Result<Inventory>(before_)
                                     : read_settled(context_, [&](const Inventory& seen) {
                                         differ = layout_diff(settled_part(), wanted, seen);
                                         return differ.empty();
                                       });
    const bool lacks = std::any_of(differ.begin(), differ.end(), [](const Difference& one) {
      return one.kind != Difference::Kind::kExtra;
    });
    if (now && lacks) {
      result_.failure = Error{ErrorCode::kConflict,
                              "done step by step, but in the end " + texts_of(differ),
                              "another program changed the GPU meanwhile: plan again",
                              {},
                              {}};
      return;
    }
    result_.outcome = result_.steps.empty() ? Outcome::kUnchanged : Outcome::kApplied;
    if (!now) {
      result_.failure = std::move(now).error().in("applied, but the machine cannot be read");
      return;
    }
    result_.after = *std::move(now);
    if (!waiting_.empty()) {
      result_.failure = waiting_.begin()->second;
    } else if (!differ.empty()) {
      result_.failure =
          Error{ErrorCode::kConflict,
                "applied, but another program changed the GPU meanwhile: " + texts_of(differ) +
                    ", which is not of the plan",
                "it stays; migctl list shows it",
                {},
                {}};
    }
  }

  Inventory expected() const {
    std::vector<Step> steps;
    for (const StepReport& report : result_.steps) {
      steps.push_back(report.step);
    }
    return after_steps(before_, steps);
  }

  // The plan's GPUs that do not wait for a reset.
  Plan settled_part() const {
    Plan part;
    for (const GpuPlan& gpu : plan_.gpus) {
      if (waiting_.count(gpu.uuid) == 0) {
        part.gpus.push_back(gpu);
      }
    }
    return part;
  }

  static std::string texts_of(const std::vector<Difference>& differ) {
    std::vector<std::string> texts;
    texts.reserve(differ.size());
    for (const Difference& one : differ) {
      texts.push_back(one.what);
    }
    return base::join(texts, "; ");
  }

  const Context& context_;
  const Plan& plan_;
  const ApplyOptions& options_;
  const Inventory before_;
  Executor executor_;
  ApplyResult result_;
  std::map<std::string, Error> waiting_;  // GPUs whose new mode is pending until a reset
  std::set<std::string> active_;          // GPUs whose new mode is active without a reset
  bool withdrawn_ = false;
};

}  // namespace

Result<ApplyResult> apply(const Context& context, const Plan& plan, const ApplyOptions& options) {
  MIG_ASSIGN_OR_RETURN(const std::string path, places_of(context.session).writer_lock());
  MIG_ASSIGN_OR_RETURN(const base::FileLock lock,
                       lock_writer(path, context.clock, options.origin.command));
  MIG_ASSIGN_OR_RETURN(Inventory now,
                       device::read_inventory(context.session, {context.proc_root, context.facts}));
  MIG_TRY(preflight(plan, now, options));
  return Run(context, plan, options, std::move(now)).run();
}

}  // namespace mig::apply
