// SPDX-License-Identifier: Apache-2.0
#include "service/rightsize_stage.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "launch/workload_result.h"
#include "model/instance.h"
#include "node/node.h"
#include "service/change.h"
#include "service/signals_later.h"

namespace mig::service {
namespace {

using launch::Worker;
using rightsize::How;
using rightsize::Share;
using rightsize::Size;
using std::chrono::milliseconds;

constexpr milliseconds kStageLookTakes{60000};
constexpr milliseconds kStageEndTakes{15000};
constexpr const char* kStageCommand = "rightsize --create";
constexpr double kHogSeconds = 4 * 3600;  // its end, should this process be killed

const Size* size_of(const std::vector<Size>& sizes, const std::string& profile) {
  const auto at = std::find_if(
      sizes.begin(), sizes.end(), [&](const Size& size) { return size.profile == profile; });
  return at == sizes.end() ? nullptr : &*at;
}

Result<void> change_now(node::Node& node, const Wish& wish) {
  ChangeOptions options;
  options.allow_reset = false;
  options.command = kStageCommand;
  options.reason = "for a measurement";
  ChangeObserver nobody;
  const SignalsLater later;
  MIG_ASSIGN_OR_RETURN(const Changed done, change(node, wish, options, nobody));
  if (done.result && done.result->failure) {
    return *done.result->failure;
  }
  return {};
}

Wish not_blocked(Wish wish) {
  const auto plan = wish.plan;
  wish.plan = [plan](node::Node& node, bool around) -> Result<Plan> {
    MIG_ASSIGN_OR_RETURN(Plan made, plan(node, around));
    if (made.blocked()) {
      return fail(ErrorCode::kInUse, "others are in the way");
    }
    return made;
  };
  return wish;
}

// Makes an instance of the profile on a GPU that has none.
Result<RightsizePlace> make_instance(node::Node& node, const RightsizePlace& place) {
  MIG_ASSIGN_OR_RETURN(const ProfileName profile, ProfileName::parse(place.profile));
  MIG_ASSIGN_OR_RETURN(const Inventory before, node.inventory(node::Age::fresh()));
  const Gpu* gpu = before.find_gpu(place.gpu);
  if (gpu == nullptr || !gpu->instances.empty()) {
    return fail(ErrorCode::kConflict,
                fmt::format("GPU {} got an instance by somebody else meanwhile", place.gpu.value));
  }
  DesiredInstance wanted;
  wanted.profile = profile;
  wanted.compute_instances = {profile};
  node::Node::CreateRequest request;
  request.gpu = place.gpu;
  request.instances = {wanted};
  MIG_TRY(change_now(node, not_blocked(wish_create(request))));
  MIG_ASSIGN_OR_RETURN(const Inventory after, node.inventory(node::Age::fresh()));
  for (const Instance& one : instances_of(after)) {
    if (one.gpu == place.gpu && one.profile == profile) {
      RightsizePlace made = place;
      made.uuid = one.uuid;
      made.label = one.str();
      made.gpu_instance = one.gpu_instance;
      return made;
    }
  }
  return fail(ErrorCode::kConflict, "the instance that was made is not there");
}

}  // namespace

struct RightsizeStage::State {
  StageSettings settings;
  RightsizePlace place;
  bool made = false;
  std::shared_ptr<void> lease;
  std::optional<launch::Mps> mps;
  std::string percentage;
  std::uint32_t sm = 0, whole_sm = 0;  // with MPS

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() { static_cast<void>(end()); }

  Result<void> end() {
    mps.reset();
    lease.reset();
    if (!std::exchange(made, false)) {
      return {};
    }
    node::Node::DestroyRequest request;
    request.gpu = place.gpu;
    request.gpu_instance = place.gpu_instance;
    return change_now(*settings.node, not_blocked(wish_destroy(request)));
  }

  // Multiprocessors that a client of our MPS server sees with this limit.
  Result<std::uint32_t> look(const std::string& limit) const {
    launch::WorkerRequest worker;
    worker.argv = {settings.workload, "info", "--look-only", "--json", "--backend", "cuda"};
    worker.environment = mps->environment();
    worker.unset = {"CUDA_VISIBLE_DEVICES",
                    "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE",
                    "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT"};
    if (!limit.empty()) {
      worker.environment.emplace_back("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", limit);
    }
    MIG_ASSIGN_OR_RETURN(Worker program, Worker::start(worker));
    static_cast<void>(program.wait(kStageLookTakes, settings.stop));
    program.stop(kStageEndTakes);
    const auto result = launch::workload_result(program.output());
    if (program.exit_code() != 0 || !result || !result->sm || *result->sm == 0) {
      return fail(ErrorCode::kDriver,
                  "mig-workload info under MPS failed: " +
                      (result && !result->error.empty() ? result->error : program.errors()));
    }
    return *result->sm;
  }

  // The smallest multiple of half a multiprocessor that gives enough: 12.12 % of 132 gives 14.
  Result<void> limit_to(std::uint32_t wanted) {
    MIG_ASSIGN_OR_RETURN(whole_sm, look(""));
    for (std::uint32_t half = 2 * wanted; half <= 2 * whole_sm; ++half) {
      percentage = fmt::format("{:.2f}", std::min(100.0, 50.0 * half / whole_sm));
      MIG_ASSIGN_OR_RETURN(sm, look(percentage));
      if (sm >= wanted || (settings.stop != nullptr && *settings.stop)) {
        return {};
      }
    }
    return fail(ErrorCode::kDriver,
                fmt::format("MPS gives no {} of the {} multiprocessors", wanted, whole_sm));
  }
};

RightsizeStage::RightsizeStage(std::unique_ptr<State> state) : state_(std::move(state)) {}

RightsizeStage::~RightsizeStage() = default;
RightsizeStage::RightsizeStage(RightsizeStage&&) noexcept = default;

Result<RightsizeStage> RightsizeStage::on(const StageSettings& settings,
                                          const RightsizePlace& place) {
  auto state = std::make_unique<State>();
  state->settings = settings;
  state->place = place;
  if (place.uuid.empty()) {
    MIG_ASSIGN_OR_RETURN(state->place, make_instance(*settings.node, place));
    state->made = true;
  }
  if (!state->place.profile.empty() && settings.lease) {
    MIG_ASSIGN_OR_RETURN(state->lease, settings.lease(state->place.uuid));
  }
  return RightsizeStage(std::move(state));
}

Result<RightsizeStage> RightsizeStage::limited(const StageSettings& settings,
                                               const RightsizePlace& place,
                                               std::uint32_t sm) {
  if (settings.simulated) {
    return fail(ErrorCode::kNotSupported,
                "the simulated machine has no MPS, so a share of the GPU needs MIG",
                "migctl mode enable, then migctl rightsize --create");
  }
  const std::string control = launch::find_mps_control();
  if (control.empty()) {
    return fail(ErrorCode::kNotSupported,
                "there is no nvidia-cuda-mps-control here, so a share of the GPU needs MIG",
                "migctl mode enable, then migctl rightsize --create");
  }
  auto state = std::make_unique<State>();
  state->settings = settings;
  state->place = place;
  MIG_ASSIGN_OR_RETURN(launch::Mps mps, launch::Mps::start(control, place.uuid));
  state->mps = std::move(mps);
  MIG_TRY(state->limit_to(sm));
  return RightsizeStage(std::move(state));
}

rightsize::Run RightsizeStage::blank() const {
  const RightsizePlace& place = state_->place;
  rightsize::Run run;
  run.profile = place.profile;
  run.place = place.label;
  const std::vector<Size> sizes = rightsize::sizes_of(state_->settings.places->gpu);
  if (const Size* size = size_of(sizes, place.profile)) {
    run.how = How::kInstance;
    run.share = size->share;
    run.sm = size->sm;
    return run;
  }
  if (state_->mps) {
    run.how = How::kMps;
    run.sm = state_->sm;
    run.mps_percentage = state_->percentage;
    run.mps_member = false;
    run.place += fmt::format(", {} of {} multiprocessors by MPS", state_->sm, state_->whole_sm);
    // Of what MIG gives in all, which on an A100 is less than the GPU has.
    const double most = sizes.empty() ? state_->whole_sm : sizes.back().sm;
    run.share = {state_->sm / most, 1};
  }
  return run;
}

double RightsizeStage::whole_share() const {
  const std::vector<Size> sizes = rightsize::sizes_of(state_->settings.places->gpu);
  return sizes.empty() || state_->whole_sm == 0
             ? 1
             : static_cast<double>(state_->whole_sm) / sizes.back().sm;
}

void RightsizeStage::give(MeasureRequest& request) const {
  request.mps = state_->mps ? &*state_->mps : nullptr;
  if (!state_->mps) {
    request.environment.emplace_back("CUDA_VISIBLE_DEVICES", state_->place.uuid);
    if (launch::mps_daemon_of_others()) {
      request.environment.emplace_back("CUDA_MPS_PIPE_DIRECTORY", "/dev/null");
    }
    return;
  }
  for (auto& variable : state_->mps->environment()) {
    request.environment.push_back(std::move(variable));
  }
  request.environment.emplace_back("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", state_->percentage);
  request.unset = {"CUDA_VISIBLE_DEVICES", "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT"};
}

Result<Meter> RightsizeStage::meter() const {
  return Meter::of(
      *state_->settings.node, state_->place.gpu, state_->place.gpu_instance, state_->place.uuid);
}

Result<Worker> RightsizeStage::start_hog() const {
  const double left = 100.0 * (1 - static_cast<double>(state_->sm) / state_->whole_sm);
  launch::WorkerRequest worker;
  worker.argv = {state_->settings.workload,
                 "hog",
                 "dram",
                 "--json",
                 "--announce",
                 "--seconds",
                 fmt::format("{:.0f}", kHogSeconds),
                 "--backend",
                 "cuda"};
  worker.environment = state_->mps->environment();
  worker.environment.emplace_back("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", fmt::format("{:.2f}", left));
  worker.unset = {"CUDA_VISIBLE_DEVICES", "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT"};
  MIG_ASSIGN_OR_RETURN(Worker hog, Worker::start(worker));
  if (!hog.wait_output("WorkloadStarted", kStageLookTakes, state_->settings.stop)) {
    return fail(ErrorCode::kDriver, "the memory stream did not start: " + hog.errors());
  }
  return hog;
}

Result<void> RightsizeStage::end() {
  return state_->end();
}

}  // namespace mig::service
