// SPDX-License-Identifier: Apache-2.0
#include "node/node.h"

#include <algorithm>
#include <utility>

#include "apply/in_use.h"
#include "apply/journal_recorder.h"
#include "apply/runtime.h"
#include "base/clock.h"
#include "base/proc_root.h"
#include "holders/open_nodes.h"
#include "node/driver.h"
#include "planner/planner.h"

namespace mig::node {
namespace {

bool needs_free_gpu(const Step& step) {
  return step.kind == StepKind::kResetGpu || step.kind == StepKind::kEnableMig ||
         step.kind == StepKind::kDisableMig;
}

}  // namespace

Result<std::unique_ptr<Node>> Node::open(const DriverChoice& choice) {
  MIG_ASSIGN_OR_RETURN(auto session, open_driver(choice));
  return std::unique_ptr<Node>(new Node(std::move(session)));
}

std::unique_ptr<Node> Node::with_reader(store::MachineId machine,
                                        DriverChoice choice,
                                        ReadElsewhere read) {
  return std::unique_ptr<Node>(new Node(std::move(machine), std::move(choice), std::move(read)));
}

Node::Node(std::unique_ptr<nvml::Session> session)
    : session_(std::move(session)),
      places_(apply::places_of(*session_)),
      handover_(make_handover()) {}

Node::Node(store::MachineId machine, DriverChoice choice, ReadElsewhere read)
    : places_(std::move(machine), store::Surroundings::ours()),
      choice_(std::move(choice)),
      read_elsewhere_(std::move(read)),
      handover_(make_handover()) {}

std::unique_ptr<CdiHandover> Node::make_handover() {
  return std::make_unique<CdiHandover>(
      places_, [this] { return session_ ? session_->library_file() : std::string(); });
}

std::string Node::machine_name() const {
  return session_ && session_->simulated() ? session_->control()->machine_name
                                           : places_.machine().name();
}

std::string Node::machine_dir() const {
  return places_.machine().simulated_dir;
}

Result<void> Node::wake() {
  if (!session_) {
    const std::shared_ptr<void> watched = watch_ ? watch_() : nullptr;
    MIG_ASSIGN_OR_RETURN(session_, open_driver(choice_));
    places_ = apply::places_of(*session_);
  }
  if (resting_) {
    MIG_TRY(session_->renew());
  }
  resting_ = false;
  return {};
}

void Node::rest() {
  if (!resting_ && session_) {
    session_->stop();
  }
  resting_ = true;
  if (kept_) {
    kept_->of_command = false;
  }
}

// nullopt: no other process reads, or not any more.
std::optional<Inventory> Node::read_elsewhere() {
  if (!read_elsewhere_ || session_) {
    return std::nullopt;
  }
  auto now = read_elsewhere_();
  if (now) {
    listeners_.read(*now);
  }
  return now;
}

Result<Versions> Node::versions() {
  if (const auto now = read_elsewhere()) {
    return Versions{now->driver_version, now->nvml_version};
  }
  MIG_TRY(wake());
  return Versions{session_->driver_version(), session_->nvml_version()};
}

Result<Inventory> Node::inventory_again() {
  MIG_TRY(wake());
  const std::shared_ptr<void> watched = watch_ ? watch_() : nullptr;
  MIG_ASSIGN_OR_RETURN(Inventory now, cached_.read(*session_, {base::proc_root(), &facts_}));
  listeners_.read(now);
  tell_cdi(now);
  return now;
}

Result<nvml::Session*> Node::session() {
  MIG_TRY(wake());
  return session_.get();
}

bool Node::has_usual_library() const {
  return session_ &&
         (session_->simulated() || session_->library_path() == nvml::Library::kDefaultName);
}

Result<Inventory> Node::read(device::Depth depth, Cause cause) {
  MIG_TRY(wake());
  const std::shared_ptr<void> watched = watch_ ? watch_() : nullptr;
  MIG_ASSIGN_OR_RETURN(Inventory now,
                       device::read_inventory(*session_, {base::proc_root(), &facts_, depth}));
  listeners_.read(now, cause);
  tell_cdi(now);
  return now;
}

void Node::keep(Inventory now) {
  kept_ = Kept{
      std::make_shared<const Inventory>(std::move(now)), base::system_clock().monotonic(), true};
}

Result<Node::Snapshot> Node::snapshot(Age age) {
  if (kept_ && (age.any() ? kept_->of_command
                          : base::system_clock().monotonic() - kept_->read_at < age.limit())) {
    return kept_->inventory;
  }
  kept_.reset();
  auto elsewhere = read_elsewhere();
  MIG_ASSIGN_OR_RETURN(Inventory now,
                       elsewhere ? Result<Inventory>(*std::move(elsewhere))
                                 : read(device::Depth::kAll, Cause::kDrift));
  keep(std::move(now));
  return kept_->inventory;
}

Result<Inventory> Node::inventory(Age age) {
  MIG_ASSIGN_OR_RETURN(const Snapshot now, snapshot(age));
  return *now;
}

Result<Inventory> Node::inventory_to_show(bool idle_profiles) {
  if (auto now = read_elsewhere()) {
    return *std::move(now);
  }
  return read(idle_profiles ? device::Depth::kShown : device::Depth::kShownWithMig, Cause::kDrift);
}

Result<void> Node::before_outside_change() {
  MIG_TRY(handover_->withdraw_all());
  if (!listeners_.empty()) {
    static_cast<void>(read(device::Depth::kShown, Cause::kDrift));
  }
  return {};
}

// If the machine cannot be read now, the next reading reports the change as drift.
void Node::after_outside_change(Cause cause) {
  forget();
  if (!listeners_.empty()) {
    static_cast<void>(read(device::Depth::kShown, cause));
  }
  warn(renew_cdi());
}

std::vector<std::string> Node::take_warnings() {
  std::vector<std::string> all = listeners_.take_warnings();
  for (std::string& line : std::exchange(warnings_, {})) {
    all.push_back(std::move(line));
  }
  return all;
}

Node::~Node() = default;

Result<Node::Look> Node::look() {
  MIG_ASSIGN_OR_RETURN(Inventory now, inventory());
  MIG_ASSIGN_OR_RETURN(holders::Report report, find_holders(now));
  apply::add_holders(report, now);
  return Look{std::move(now), std::move(report)};
}

Result<holders::Report> Node::holders(Age age) {
  MIG_ASSIGN_OR_RETURN(const Snapshot now, snapshot(age));
  return find_holders(*now);
}

void Node::search_holders_ahead() {
  ahead_ = std::make_unique<holders::SearchAhead>(holder_roots());
}

Result<holders::Report> Node::find_holders(const Inventory& now) {
  const std::unique_ptr<holders::SearchAhead> ahead = std::move(ahead_);
  return holders::find_holders(now, holder_roots(), ahead.get());
}

Result<Plan> Node::planned(const Look& now, const DesiredLayout& desired, bool around) {
  planner::Policy policy;
  policy.history = step_times();
  policy.keep_busy = around;
  auto plan = planner::plan(now.inventory, desired, policy);
  if (!plan && around && plan.error().code == ErrorCode::kInUse) {
    policy.keep_busy = false;
    auto disturbing = planner::plan(now.inventory, desired, policy);
    if (disturbing) {
      disturbing->warnings.push_back(plan.error().text());
    }
    // Also for impossible layouts (or spare room): waiting or evicting would not help.
    if (disturbing || disturbing.error().code != ErrorCode::kInUse) {
      plan = std::move(disturbing);
    }
  }
  if (plan) {
    apply::add_blockers(now.report, *plan);
  }
  return plan;
}

Result<Plan> Node::plan(const DesiredLayout& desired, bool around) {
  MIG_ASSIGN_OR_RETURN(const Look now, look());
  return planned(now, desired, around);
}

Result<void> Node::refresh_blockers(Plan& plan) {
  MIG_ASSIGN_OR_RETURN(const holders::Report report, holders());
  apply::drop_gone(report, plan);
  return {};
}

Result<Plan> Node::plan_create(const CreateRequest& request) {
  MIG_ASSIGN_OR_RETURN(const Look now, look());
  MIG_ASSIGN_OR_RETURN(const DesiredLayout desired,
                       planner::desired_create(now.inventory, request));
  return planned(now, desired, true);
}

Result<Plan> Node::plan_destroy(const DestroyRequest& request) {
  MIG_ASSIGN_OR_RETURN(const Look now, look());
  MIG_ASSIGN_OR_RETURN(Plan plan, planner::plan_of_destroy(now.inventory, request));
  apply::add_blockers(now.report, plan);
  planner::set_expected_times(now.inventory, step_times(), plan);
  return plan;
}

Result<Plan> Node::plan_mode(const std::vector<GpuIndex>& gpus, bool enable) {
  MIG_ASSIGN_OR_RETURN(const Look now, look());
  MIG_ASSIGN_OR_RETURN(const DesiredLayout desired,
                       planner::desired_mode(now.inventory, gpus, enable));
  return planned(now, desired, true);
}

Result<ApplyResult> Node::apply(const Plan& plan, const ApplyOptions& options) {
  MIG_TRY(wake());
  if (let_go_ && std::any_of(plan.steps.begin(), plan.steps.end(), needs_free_gpu)) {
    let_go_();
  }
  apply::JournalRecorder journal(places_.journal(), options.origin);
  apply::AfterChangeRecorder heard(listeners_, options.origin.cause);
  apply::Recorders recorders({&journal, &heard});
  apply::Context context{*session_, base::system_clock(), &recorders};
  context.handover = handover_.get();
  context.facts = &facts_;
  context.heartbeat = options.heartbeat;
  forget();  // refused: the machine was not as the plan assumed
  MIG_ASSIGN_OR_RETURN(ApplyResult result, apply::apply(context, plan, options));
  if (!result.after.gpus.empty()) {
    keep(result.after);
  }
  for (std::string& line : listeners_.take_warnings()) {
    result.warnings.push_back(std::move(line));
  }
  return result;
}

holders::Roots Node::holder_roots() const {
  return apply::holder_roots(places_);
}

}  // namespace mig::node
