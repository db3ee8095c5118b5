// SPDX-License-Identifier: Apache-2.0
// The simulated device: memory and activity are reported to the machine, time is slept. Its clock
// follows the model alone, so that a busy host lengthens a job but never slows the device.
#include <algorithm>
#include <cerrno>
#include <ctime>

#include "sim/client/migsim.h"
#include "workload/backend.h"
#include "workload/roofline.h"
#include "workload/stop.h"

namespace workload {

namespace {

using std::chrono::nanoseconds;

// Period of the check that the device still exists; also the longest delay of a stop.
constexpr nanoseconds kReportEvery = std::chrono::milliseconds(100);

// How far the device's clock may lag behind the host's and still catch up: covers a busy host. A
// process that was stopped longer resumes where it was.
constexpr nanoseconds kMostBehind = std::chrono::seconds(2);

// Model: large matrix products use about a quarter of an SM's warp slots.
constexpr double kOccupancyWhileBusy = 0.25;

Outcome outcome_of(migsim_result result) {
  switch (result) {
    case MIGSIM_OK:
      return Outcome::kDone;
    case MIGSIM_NO_MACHINE:
    case MIGSIM_NO_DEVICE:
      return Outcome::kNoDevice;
    case MIGSIM_OUT_OF_MEMORY:
      return Outcome::kOutOfMemory;
    case MIGSIM_DEVICE_LOST:
      return Outcome::kDeviceLost;
    case MIGSIM_FAULTED:
      return Outcome::kFaulted;
    case MIGSIM_INVALID:
    case MIGSIM_LIMIT:
      break;
  }
  return Outcome::kInternal;
}

nanoseconds monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

void sleep_until(nanoseconds when) {
  const timespec at{static_cast<time_t>(when.count() / 1000000000), when.count() % 1000000000};
  while (!stop_requested() &&
         clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

class Simulated final : public Backend {
 public:
  explicit Simulated(migsim_context* context) : context_(context) {}

  ~Simulated() override { migsim_detach(context_); }

  Simulated(const Simulated&) = delete;
  Simulated& operator=(const Simulated&) = delete;

  Result info(DeviceInfo& out) override {
    migsim_device device{};
    const migsim_result result = migsim_get_device(context_, &device);
    if (result == MIGSIM_OK) {
      out = {device.name,
             device.uuid,
             device.sm_count,
             device.memory_total,
             device.memory_free,
             device.cc_major,
             device.cc_minor,
             true};
    }
    return checked(result);
  }

  Result allocate(std::uint64_t bytes) override {
    std::uint64_t allocation = 0;
    return checked(migsim_alloc(context_, bytes, &allocation));
  }

  Result prepare(const StepWork& work, nanoseconds& step) override {
    migsim_device device{};
    if (Result result = checked(migsim_get_device(context_, &device)); !result.ok()) {
      return result;
    }
    time_ = predict(work, speed_of(device));
    if (!time_) {
      return {Outcome::kUnknownSpeed,
              std::string("nobody knows how fast ") + device.name + " is at " +
                  precision_name(work.precision) + " (its board file says null)"};
    }
    step = time_->total;
    demand_ = {};
    demand_.sm = time_->busy;
    demand_.dram = time_->dram;
    (work.precision == Precision::kFp32 ? demand_.fp32 : demand_.tensor) = time_->compute;
    begun_ = monotonic_now() - now_;
    if (Result result = want(demand_); !result.ok()) {
      return result;
    }
    return look_around();
  }

  // A step takes the model's time on the device's clock, and at least that on the host's. After a
  // delay on the host the next steps run without a pause until both clocks agree again.
  Result run_step() override {
    now_ += step_;
    begun_ = std::max(begun_, monotonic_now() - now_ - kMostBehind);
    sleep_until(begun_ + now_);
    return monotonic_now() - reported_ < kReportEvery ? Result{} : look_around();
  }

  nanoseconds now() const override { return now_; }

  Result speed(Speed& out) override {
    migsim_device device{};
    Result result = checked(migsim_get_device(context_, &device));
    if (result.ok()) {
      out = speed_of(device);
    }
    return result;
  }

  Result want(const Demand& alone) override {
    const migsim_activity activity = activity_of(alone);
    return checked(migsim_want(context_, &activity));
  }

  Result slowdown(Slowdown& out) override {
    migsim_contention others{};
    Result result = checked(migsim_get_contention(context_, &others));
    if (result.ok()) {
      out = {others.engine, others.dram, others.pcie_rx};
    }
    return result;
  }

  Result use(const Demand& now) override {
    const migsim_activity activity = activity_of(now);
    return checked(migsim_report(context_, &activity));
  }

  Result raise_xid(std::uint32_t xid) override { return checked(migsim_raise_xid(context_, xid)); }

 private:
  static Speed speed_of(const migsim_device& device) {
    return {device.fp32_gflops,
            device.tf32_gflops,
            device.bf16_gflops,
            device.dram_gb_per_s,
            device.pcie_gb_per_s};
  }

  static migsim_activity activity_of(const Demand& demand) {
    migsim_activity activity{};
    activity.sm_active = demand.sm;
    activity.sm_occupancy = kOccupancyWhileBusy * demand.sm;
    activity.tensor = demand.tensor;
    activity.fp32 = demand.fp32;
    activity.dram = demand.dram;
    activity.pcie_rx = demand.pcie_in;
    return activity;
  }

  // Updates the contention: processes come and go, and the next steps take the resulting time.
  Result look_around() {
    reported_ = monotonic_now();
    Slowdown others;
    if (Result result = slowdown(others); !result.ok()) {
      return result;
    }
    step_ = beside(*time_, others);
    const double got =
        static_cast<double>(time_->total.count()) / static_cast<double>(step_.count());
    return use({got * demand_.sm, got * demand_.tensor, got * demand_.fp32, got * demand_.dram, 0});
  }

  Result checked(migsim_result result) const {
    if (result == MIGSIM_OK) {
      return {};
    }
    return {outcome_of(result), migsim_message(context_)};
  }

  migsim_context* context_;
  std::optional<StepTime> time_;  // time of an uncontended step
  Demand demand_;
  nanoseconds step_{}, reported_{};
  nanoseconds now_{};    // the device's clock
  nanoseconds begun_{};  // host time at which the device's clock was 0
};

}  // namespace

Result open_simulated(const std::string& visible, std::unique_ptr<Backend>& out) {
  migsim_context* context = nullptr;
  const migsim_result result = migsim_attach(visible.empty() ? nullptr : visible.c_str(), &context);
  if (result != MIGSIM_OK) {
    return {outcome_of(result), migsim_message(nullptr)};
  }
  out = std::make_unique<Simulated>(context);
  return {};
}

}  // namespace workload
