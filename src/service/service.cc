// SPDX-License-Identifier: Apache-2.0
#include "service/service.h"

#include <unistd.h>

#include <utility>

#include <fmt/format.h>

#include "apply/in_use.h"
#include "apply/journal_recorder.h"
#include "apply/last_good.h"
#include "apply/runtime.h"
#include "apply/saved_layout.h"
#include "base/clock.h"
#include "base/proc_root.h"
#include "device/inventory_reader.h"
#include "planner/planner.h"
#include "planner/times.h"
#include "service/driver.h"
#include "service/interrupted.h"
#include "service/requests.h"
#include "service/saved_names.h"
#include "service/slot_creation.h"
#include "service/slot_names.h"

namespace mig::service {
namespace {

class DriverService final : public Service {
 public:
  explicit DriverService(std::unique_ptr<nvml::Session> session) : session_(std::move(session)) {}

  bool simulated() const override { return session_->simulated(); }

  std::string machine_name() const override {
    return session_->simulated() ? session_->control()->machine_name : "";
  }

  void watch(Watch watch) override { watch_ = std::move(watch); }

  void rest() override {
    if (!resting_) {
      session_->stop();
    }
    resting_ = true;
  }

  Result<Inventory> inventory() override {
    MIG_TRY(wake());
    const std::shared_ptr<void> watched = watch_ ? watch_() : nullptr;
    return device::read_inventory(*session_, {base::proc_root(), &facts_});
  }

  Result<Plan> plan(const DesiredLayout& desired, bool around) override {
    MIG_ASSIGN_OR_RETURN(const Look now, look());
    return planned(now, desired, around);
  }

  Result<void> refresh_blockers(Plan& plan) override {
    MIG_ASSIGN_OR_RETURN(const holders::Report report, holders());
    apply::drop_gone(report, plan);
    return {};
  }

  Result<ApplyResult> apply(const Plan& plan, const ApplyOptions& options) override {
    MIG_TRY(wake());
    apply::JournalRecorder journal(apply::journal_path(*session_), options.origin);
    apply::Context context{*session_, base::system_clock(), &journal};
    context.facts = &facts_;
    context.heartbeat = options.heartbeat;
    return apply::apply(context, plan, options);
  }

  Result<Plan> plan_create(const CreateRequest& request) override {
    MIG_ASSIGN_OR_RETURN(const Look now, look());
    MIG_ASSIGN_OR_RETURN(const DesiredLayout desired, desired_create(now.inventory, request));
    return planned(now, desired, true);
  }

  Result<Plan> plan_destroy(const DestroyRequest& request) override {
    MIG_ASSIGN_OR_RETURN(const Look now, look());
    MIG_ASSIGN_OR_RETURN(Plan plan, plan_of_destroy(now.inventory, request));
    apply::add_blockers(now.report, plan);
    planner::set_expected_times(now.inventory, step_times(), plan);
    return plan;
  }

  Result<Plan> plan_mode(const std::vector<GpuIndex>& gpus, bool enable) override {
    MIG_ASSIGN_OR_RETURN(const Look now, look());
    MIG_ASSIGN_OR_RETURN(const DesiredLayout desired, desired_mode(now.inventory, gpus, enable));
    return planned(now, desired, true);
  }

  Result<std::vector<store::ChangeRow>> history(std::int64_t limit) override {
    MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
    if (!journal) {
      return std::vector<store::ChangeRow>();
    }
    return journal->history(limit);
  }

  Result<ChangeRecord> change(std::int64_t id) override {
    MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
    ChangeRecord record;
    MIG_ASSIGN_OR_RETURN(record.change, recorded(journal, id));
    MIG_ASSIGN_OR_RETURN(record.steps, journal->steps(id));
    MIG_ASSIGN_OR_RETURN(record.attempts, journal->attempts(id));
    return record;
  }

  Result<std::optional<store::ChangeRow>> interrupted() override {
    return interrupted_change(*session_);
  }

  Result<apply::Recovery> recover(const std::function<void()>& heartbeat) override {
    MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
    if (!journal) {
      return apply::Recovery{};
    }
    MIG_TRY(wake());
    apply::Context context{*session_, base::system_clock()};
    context.facts = &facts_;
    context.heartbeat = heartbeat;
    return apply::recover(context, *journal);
  }

  Result<Plan> plan_undo(std::optional<std::int64_t> change) override {
    MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
    MIG_ASSIGN_OR_RETURN(const store::ChangeRow row,
                         change ? recorded(journal, *change) : last_applied(journal));
    MIG_ASSIGN_OR_RETURN(const Look now, look());
    MIG_ASSIGN_OR_RETURN(DesiredLayout wish,
                         change ? apply::layout_before(*journal, row, now.inventory)
                                : apply::wish_of(row.before, now.inventory));
    wish.label = fmt::format("before change {}", row.id);
    return planned(now, wish, true);
  }

  Result<Plan> plan_last_good() override {
    MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
    if (!journal) {
      return fail(ErrorCode::kNothingMatched,
                  "no layout is recorded: migctl has not changed this machine yet",
                  "`migctl apply` makes one and records it");
    }
    MIG_ASSIGN_OR_RETURN(const Look now, look());
    MIG_ASSIGN_OR_RETURN(const DesiredLayout wish, apply::last_good(*journal, now.inventory));
    return planned(now, wish, true);
  }

  Result<SlotView> set_slot(const SlotRequest& request) override {
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    MIG_ASSIGN_OR_RETURN(const store::SlotRow row, slot_row(request, now));
    return slot_names().set(row, now);
  }

  Result<std::vector<SlotView>> slots() override {
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    return slot_names().all(now);
  }

  Result<config::SavedNames> saved_names(const Inventory& now) override {
    return service::saved_names(slot_names(), lease_store_path(), now);
  }

  Result<std::vector<std::string>> restore_names(const config::SavedNames& saved) override {
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    return service::restore_names(saved, slot_names(), lease_store_path(), now);
  }

  Result<void> remove_slot(const std::string& name) override { return slot_names().remove(name); }

  Result<SlotView> resolve_slot(const std::string& name) override {
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    auto found = slot_names().resolve(name, now);
    if (found || found.error().code == ErrorCode::kNotFound) {
      return found;
    }
    MIG_ASSIGN_OR_RETURN(const std::vector<SlotView> all, slot_names().all(now));
    for (const SlotView& slot : all) {
      if (slot.row.name == name) {
        return why_not_made(slot, now, std::move(found).error());
      }
    }
    return found;
  }

  Result<holders::Report> holders() override {
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    return holders::find_holders(now, apply::holder_roots(*session_));
  }

  std::string lease_store_path() const override { return apply::lease_store_path(*session_); }

  Result<std::string> runtime_dir() const override { return apply::runtime_dir(*session_); }

  launch::DeviceRoots device_roots() const override {
    const holders::Roots roots = apply::holder_roots(*session_);
    return {roots.dev, roots.driver_proc};
  }

  std::string jobs_dir() const override { return apply::jobs_dir(*session_); }

  Result<launch::RunResult> run(const launch::RunRequest& request) override {
    MIG_ASSIGN_OR_RETURN(const std::string dir, apply::runtime_dir(*session_));
    launch::RunRequest full = request;
    if (session_->simulated()) {
      full.command.environment.emplace_back("MIGSIM_MACHINE", session_->control()->machine_dir);
    }
    const launch::RunPlaces places{dir + "/claims", jobs_dir(), device_roots()};
    full.observer.on_start = [this, &request](const launch::Chosen& chosen, std::uint32_t rank) {
      if (request.observer.on_start) {
        request.observer.on_start(chosen, rank);
      }
      rest();
    };
    return launch::run_job(
        full, [this] { return inventory(); }, places);
  }

 private:
  Result<void> wake() {
    if (resting_) {
      MIG_TRY(session_->renew());
    }
    resting_ = false;
    return {};
  }

  SlotNames slot_names() const { return SlotNames(slots_path(apply::journal_path(*session_))); }

  // The machine, and who uses what of it.
  struct Look {
    Inventory inventory;
    holders::Report report;
  };

  Result<Look> look() {
    MIG_ASSIGN_OR_RETURN(Inventory now, inventory());
    MIG_ASSIGN_OR_RETURN(holders::Report report,
                         holders::find_holders(now, apply::holder_roots(*session_)));
    apply::add_holders(report, now);
    return Look{std::move(now), std::move(report)};
  }

  // How long steps took here; empty where nothing is recorded or the record cannot be read.
  std::vector<planner::StepTime> step_times() {
    constexpr std::int64_t kNewestSteps = 1000;
    std::vector<planner::StepTime> times;
    auto journal = existing_journal();
    if (!journal || !*journal) {
      return times;
    }
    const auto rows = (*journal)->step_times(kNewestSteps);
    for (const store::StepTimeRow& row : rows ? *rows : std::vector<store::StepTimeRow>()) {
      if (const auto kind = apply::kind_of(row.kind)) {
        times.push_back(
            {*kind, row.board, row.driver, static_cast<std::uint32_t>(row.took_us / 1000)});
      }
    }
    return times;
  }

  Result<Plan> planned(const Look& now, const DesiredLayout& desired, bool around) {
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
      // Also when it can never be (the layout, or room beside it): nobody need wait or go for that.
      if (disturbing || disturbing.error().code != ErrorCode::kInUse) {
        plan = std::move(disturbing);
      }
    }
    if (plan) {
      apply::add_blockers(now.report, *plan);
    }
    return plan;
  }

  // The hint names what makes it; where that cannot work as things are, why not.
  static Error why_not_made(const SlotView& slot, const Inventory& now, Error error) {
    if (slot.state == SlotState::kMigOff || !slot.in_the_way.empty()) {
      return error;
    }
    const auto request = slot_request(slot, now);
    if (!request) {
      return error;
    }
    const auto desired = desired_create(now, *request);
    const auto plan = desired ? planner::plan(now, *desired, {}) : Result<Plan>(desired.error());
    if (!plan) {
      error.hint = "it cannot be made beside what is there: " + plan.error().text();
    }
    return error;
  }

  // nullopt: none was ever written; looking must not make one.
  Result<std::optional<store::Journal>> existing_journal() {
    const std::string path = apply::journal_path(*session_);
    if (::access(path.c_str(), F_OK) != 0) {
      return std::optional<store::Journal>();
    }
    MIG_ASSIGN_OR_RETURN(store::Journal journal, store::Journal::open(path));
    return std::optional<store::Journal>(std::move(journal));
  }

  static Result<store::ChangeRow> recorded(std::optional<store::Journal>& journal,
                                           std::int64_t id) {
    std::optional<store::ChangeRow> found;
    if (journal) {
      MIG_ASSIGN_OR_RETURN(found, journal->find(id));
    }
    if (found) {
      return *std::move(found);
    }
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no change {} in the history", id),
                "`migctl history` lists the changes");
  }

  // The newest that was applied and had something to do.
  static Result<store::ChangeRow> last_applied(std::optional<store::Journal>& journal) {
    constexpr std::int64_t kLookBack = 1000;
    std::vector<store::ChangeRow> rows;
    if (journal) {
      MIG_ASSIGN_OR_RETURN(rows, journal->history(kLookBack));
    }
    for (store::ChangeRow& row : rows) {
      if (row.state == store::ChangeState::kApplied && row.steps > 0) {
        return std::move(row);
      }
    }
    return fail(ErrorCode::kNothingMatched,
                "there is no applied change to undo",
                "`migctl history` lists the changes");
  }

  std::unique_ptr<nvml::Session> session_;
  device::FactsOfGpus facts_;
  Watch watch_;
  bool resting_ = false;
};

}  // namespace

Result<std::unique_ptr<Service>> Service::open(const DriverChoice& choice) {
  MIG_ASSIGN_OR_RETURN(auto session, open_driver(choice));
  return std::unique_ptr<Service>(new DriverService(std::move(session)));
}

}  // namespace mig::service
