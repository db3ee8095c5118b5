// SPDX-License-Identifier: Apache-2.0
#include "apply/executor.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "apply/in_use.h"
#include "apply/step_checks.h"

namespace mig::apply {
namespace {

using namespace std::chrono_literals;

// Eventual consistency: a GPU after a reset, and MIG devices after a create, were seen to appear
// late.
constexpr int kReads = 40;
constexpr auto kBetweenReads = 50ms;
constexpr int kPassingTries = 20;
constexpr auto kBetweenTries = 250ms;
// Number of failed reads in a row before a change is undone because of them.
constexpr int kFailedReads = 3;

MigMode mode_after(const Step& step) {
  return step.kind == StepKind::kEnableMig ? MigMode::kEnabled : MigMode::kDisabled;
}

Error gone(const Step& step, const std::string& what) {
  return Error{ErrorCode::kConflict,
               fmt::format("cannot {}: {}", step.str(), what),
               "another program changed the GPU: look with migctl list and plan again",
               {},
               {}};
}

// True for errors that a driver may return although the operation was executed, and for an instance
// that was created but not found again (kConflict).
bool may_have_worked(const Error& error) {
  return error.code == ErrorCode::kTimeout || error.code == ErrorCode::kDriver ||
         error.code == ErrorCode::kConflict;
}

bool may_pass(const Error& error) {
  return error.code != ErrorCode::kPermission && error.code != ErrorCode::kNotSupported &&
         error.code != ErrorCode::kNotFound;
}

// Takes over the id of an instance that the step created although its call failed.
void adopt(const device::LayoutReading& before, const device::LayoutReading& now, Step& step) {
  const GpuInstance* instance = find_gpu_instance(now, step);
  if (instance == nullptr) {
    return;
  }
  const GpuInstance* was = find_gpu_instance(before, step);
  if (step.kind == StepKind::kCreateGpuInstance && was == nullptr) {
    step.gpu_instance = instance->id;
  }
  if (step.kind != StepKind::kCreateComputeInstance || step.compute_instance) {
    return;
  }
  for (const ComputeInstance& compute : instance->compute_instances) {
    Step probe = step;
    probe.compute_instance = compute.id;
    if (was == nullptr || find_compute_instance(*was, probe) == nullptr) {
      step.compute_instance = compute.id;
    }
  }
}

}  // namespace

Result<const device::GpuHandle*> Executor::handle(const std::string& uuid) {
  auto found = handles_.find(uuid);
  if (found == handles_.end() || !context_.session.use(found->second.raw)) {
    MIG_ASSIGN_OR_RETURN(device::GpuHandle fresh, device::find_gpu(context_.session, uuid));
    if (context_.facts != nullptr) {
      fresh.facts = context_.facts->of(uuid, context_.session.epoch());
    }
    found = handles_.insert_or_assign(uuid, std::move(fresh)).first;
  }
  return &found->second;
}

Result<device::LayoutReading> Executor::read(const Step& step) {
  device::LayoutScope scope;
  scope.processes = false;
  return read(step, scope);
}

Result<device::LayoutReading> Executor::read(const Step& step, const device::LayoutScope& scope) {
  const Gpu* gpu = before_.find_gpu(step.gpu_uuid);
  if (gpu == nullptr) {
    return gone(step, "the GPU is not there");
  }
  int failed = 0;
  for (int i = 1;; ++i) {
    auto raw = handle(step.gpu_uuid);
    auto now =
        raw ? device::read_layout(context_.session, **raw, gpu->profiles, scope, context_.proc_root)
            : Result<device::LayoutReading>(std::move(raw).error());
    if (now || !may_pass(now.error()) || i == kReads) {
      return now;
    }
    if (now.error().code != ErrorCode::kConflict && ++failed == kFailedReads) {
      return now;
    }
    context_.clock.sleep(kBetweenReads);
  }
}

// Reads only the step's GPU instance or, while its id is unknown, the instances of its profile.
device::LayoutScope Executor::scope_of(const Step& step) const {
  device::LayoutScope scope;
  scope.processes = false;
  if (is_mode_step(step.kind) || step.kind == StepKind::kResetGpu) {
    scope.instances = false;
    return scope;
  }
  scope.gpu_instance = step.gpu_instance;
  const Gpu* gpu = before_.find_gpu(step.gpu_uuid);
  if (scope.gpu_instance || gpu == nullptr) {
    return scope;
  }
  for (const GpuInstanceProfile& profile : gpu->profiles) {
    if (profile.name == step.profile.gpu_instance()) {
      scope.profile = profile.id;
    }
  }
  return scope;
}

// Resolves the step's object to current ids. Ids are reused, so a destroy (in a plan or in its
// undo) must match the step's profile and placement too.
Result<void> Executor::prepare(Step& step, const device::LayoutReading& now) {
  if (is_mode_step(step.kind) || step.kind == StepKind::kResetGpu) {
    return nobody_uses(step, now);
  }
  if (step.kind == StepKind::kCreateGpuInstance) {
    return {};
  }
  const GpuInstance* instance = find_gpu_instance(now, step);
  if (instance == nullptr) {
    return gone(step, "the GPU instance is not there");
  }
  if (instance->placement != step.gpu_placement || instance->name != step.profile.gpu_instance()) {
    return gone(step,
                fmt::format("GPU instance {} is now {} at {}:{}",
                            instance->id.value,
                            instance->name.str(),
                            instance->placement.start,
                            instance->placement.size));
  }
  step.gpu_instance = instance->id;
  if (step.kind == StepKind::kDestroyComputeInstance) {
    const ComputeInstance* compute = find_compute_instance(*instance, step);
    if (compute == nullptr) {
      return gone(step, "the compute instance is not there");
    }
    if (!is_compute_of(*compute, step)) {
      return gone(
          step,
          fmt::format("compute instance {} is now {}", compute->id.value, compute->name.str()));
    }
    step.ci_placement = compute->placement;
  }
  return nobody_uses(step, now);
}

// Check directly before the driver call: finds processes that came since the plan was made. The
// remaining race ends in the driver's IN_USE.
Result<void> Executor::nobody_uses(const Step& step, const device::LayoutReading& now) const {
  // Cancelling a pending mode touches nothing that a client could hold.
  if (is_mode_step(step.kind) && now.current == mode_after(step)) {
    return {};
  }
  const Gpu* gpu = before_.find_gpu(step.gpu_uuid);
  const bool resetless = gpu != nullptr && gpu->architecture != Architecture::kAmpere;
  MIG_TRY(check_holders(now, step, resetless));
  if (is_create(step.kind)) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const holders::Report report,
                       holders::find_open_nodes(before_, holder_roots(context_.session)));
  return check_open_nodes(report, step, resetless);
}

// A short-lived client (another command reading the GPU) blocks for a moment only: retry.
bool Executor::worth_another_try(const Step& step, int tries) {
  if (tries >= kPassingTries) {
    return false;
  }
  const auto report = holders::find_open_nodes(before_, holder_roots(context_.session));
  if (!report || !only_passing(*report, step.gpu)) {
    return false;
  }
  context_.clock.sleep(kBetweenTries);
  return true;
}

Result<void> Executor::change_mode(const Step& step, StepResult& result) {
  const bool enable = step.kind == StepKind::kEnableMig;
  const MigMode wanted = mode_after(step);
  MIG_ASSIGN_OR_RETURN(const device::GpuHandle* gpu, handle(step.gpu_uuid));
  MIG_ASSIGN_OR_RETURN(device::ModeChange change,
                       device::set_mig_mode(context_.session, *gpu, enable));
  for (int i = 0; change.activation && change.activation->code == ErrorCode::kInUse &&
                  worth_another_try(step, i);
       ++i) {
    MIG_ASSIGN_OR_RETURN(change, device::set_mig_mode(context_.session, *gpu, enable));
  }
  result.activation = std::move(change.activation);
  MigMode current = change.current;
  MigMode pending = change.pending;
  if (current == MigMode::kUnsupported) {
    MIG_ASSIGN_OR_RETURN(const device::LayoutReading now, read(step, scope_of(step)));
    current = now.current;
    pending = now.pending;
  }
  for (int i = 0; current != wanted && !result.activation && i < kReads; ++i) {
    context_.clock.sleep(kBetweenReads);
    MIG_ASSIGN_OR_RETURN(const device::LayoutReading now, read(step, scope_of(step)));
    current = now.current;
    pending = now.pending;
    if (pending == wanted && i >= 2) {
      break;  // the mode is pending, not late
    }
  }
  if (current == wanted && pending == wanted) {
    return {};
  }
  if (pending == wanted) {
    result.pending = true;
    return {};
  }
  if (result.activation) {
    return *result.activation;
  }
  return fail(ErrorCode::kDriver,
              fmt::format("cannot {}: the driver reported success, but the mode did not change",
                          step.str()),
              "end everything that holds the GPU and try again, or reset it");
}

Result<void> Executor::reset(const Step& step) {
  MIG_ASSIGN_OR_RETURN(const device::GpuHandle* gpu, handle(step.gpu_uuid));
  const device::GpuHandle copy = *gpu;  // copy: handles_ becomes stale below
  for (int i = 0;; ++i) {
    auto done = device::reset_gpu(context_.session, copy);
    if (done || done.error().code != ErrorCode::kInUse || !worth_another_try(step, i)) {
      return done;
    }
  }
}

Result<void> Executor::call(Step& step, StepResult& result) {
  if (is_mode_step(step.kind)) {
    return change_mode(step, result);
  }
  if (step.kind == StepKind::kResetGpu) {
    return reset(step);
  }
  MIG_ASSIGN_OR_RETURN(const device::GpuHandle* gpu, handle(step.gpu_uuid));
  nvml::Session& session = context_.session;
  switch (step.kind) {
    case StepKind::kDestroyComputeInstance:
      return device::destroy_compute_instance(
          session, *gpu, *step.gpu_instance, *step.compute_instance);
    case StepKind::kDestroyGpuInstance:
      return device::destroy_gpu_instance(session, *gpu, *step.gpu_instance);
    case StepKind::kCreateGpuInstance: {
      MIG_ASSIGN_OR_RETURN(step.gpu_instance,
                           device::create_gpu_instance(
                               session, *gpu, step.profile, step.profile_id, step.gpu_placement));
      return {};
    }
    default: {
      MIG_ASSIGN_OR_RETURN(step.compute_instance,
                           device::create_compute_instance(
                               session, *gpu, *step.gpu_instance, step.profile, step.ci_placement));
      return {};
    }
  }
}

Result<void> Executor::verify(Step& step) {
  for (int i = 0; i < kReads; ++i) {
    MIG_ASSIGN_OR_RETURN(const device::LayoutReading now, read(step, scope_of(step)));
    if (holds(now, step)) {
      return {};
    }
    forget(step);
    context_.clock.sleep(kBetweenReads);
  }
  return fail(
      ErrorCode::kDriver,
      fmt::format("cannot {}: the driver reported success, but reading back does not show it",
                  step.str()),
      "look with migctl list");
}

// Drops the GPU's cached facts, which may be the cause of a failure (a profile that the driver once
// failed to report).
void Executor::forget(const Step& step) {
  if (const auto found = handles_.find(step.gpu_uuid); found != handles_.end()) {
    found->second.facts->compute_profiles.clear();
  }
}

// Compares the driver's result with a read-back; result.effect tells whether the machine changed.
Result<void> Executor::judge(Step& step,
                             const device::LayoutReading& before,
                             Result<void> called,
                             StepResult& result) {
  result.effect = true;
  if (called) {
    return verify(step);
  }
  auto now = read(step, scope_of(step));
  if (!now) {
    return called;  // unknown: the rollback reads again
  }
  // A definite refusal changed nothing, so a matching instance may be another program's. For modes
  // the read-back is decisive: no other program sets the same mode by chance.
  result.effect = false;
  if (may_have_worked(called.error()) || is_mode_step(step.kind)) {
    adopt(before, *now, step);
    result.effect = holds(*now, step) && !holds(before, step);
  }
  return result.effect ? Result<void>() : std::move(called);
}

Result<void> Executor::pass_over(const Step& step, std::size_t index) {
  if (context_.recorder == nullptr) {
    return {};
  }
  const Call record{step, index, Direction::kDo};
  MIG_TRY(context_.recorder->before_call(record));
  return context_.recorder->after_call(record, nullptr);
}

StepResult Executor::run(Step& step, std::size_t index, Direction direction) {
  StepResult result;
  const auto stop = [&](Error error) {
    result.failure = std::move(error);
    return result;
  };
  // Holders are looked up anew for each destroy; a create cannot harm a process.
  device::LayoutScope scope = scope_of(step);
  scope.processes = !is_create(step.kind);
  auto before = read(step, scope);
  if (!before) {
    return stop(std::move(before).error());
  }
  if (auto ready = prepare(step, *before); !ready) {
    return stop(std::move(ready).error());
  }
  const Call record{step, index, direction};
  if (context_.recorder != nullptr) {
    // Write-ahead: no change without a prior record. An undo is covered by the change's record:
    // recovery compares with the machine, so a full disk must not prevent a rollback.
    if (auto noted = context_.recorder->before_call(record);
        !noted && direction == Direction::kDo) {
      return stop(std::move(noted).error());
    }
  }
  if (context_.heartbeat) {
    context_.heartbeat();
  }
  auto called = call(step, result);
  if (context_.heartbeat) {
    context_.heartbeat();
  }
  auto outcome = judge(step, *before, std::move(called), result);
  if (!outcome) {
    result.failure = std::move(outcome).error();
    name_holders(before_, context_.session, step, *result.failure);
  }
  if (context_.recorder != nullptr) {
    auto noted = context_.recorder->after_call(record, result.failure ? &*result.failure : nullptr);
    if (!noted && !result.failure && direction == Direction::kDo) {
      result.failure = std::move(noted).error();
    }
  }
  return result;
}

}  // namespace mig::apply
