// SPDX-License-Identifier: Apache-2.0
#include "observe/dcgm_source.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/strings.h"
#include "observe/dcgm_watches.h"
#include "observe/gpm.h"
#include "observe/signals_elsewhere.h"
#include "observe/thread_end.h"

namespace mig::observe {
namespace {

using Steady = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

// How long a tick waits for the reading that it began.
constexpr Milliseconds kMoment{250};
// An engine that answers later than this hangs.
constexpr Milliseconds kHung{3000};
// A metric's label too: it must not change from tick to tick.
constexpr const char* kHangs = "the DCGM host engine has not answered for more than 3 s";
constexpr Milliseconds kConnectPatience{2000};
// After a failed attempt to connect: so long, then twice as long each time.
constexpr Milliseconds kAgain{2000};
constexpr Milliseconds kAgainMost{60'000};
constexpr double kUsPerSecond = 1e6;
constexpr const char* kFirst = "activity is known from the second reading on";

std::int64_t unix_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(base::system_clock().wall()).count();
}

// Shared with the thread, which may outlive the source in a hanging call.
struct Shared {
  DcgmSettings settings;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopped = false;
  bool over = false;    // the thread has ended
  bool let_go = false;  // disconnect, until the next want()
  bool connected = false;
  bool was_connected = false;
  std::uint64_t asked = 0, answered = 0;  // readings
  std::map<std::string, std::vector<DcgmSubject>> wanted;
  Milliseconds interval{0};
  std::optional<Steady::time_point> busy_since;  // in a call of libdcgm
  std::map<DcgmSubject, DcgmReading> readings;
  // Why there are no readings. `absent`: there is no library or no host engine.
  std::string problem;
  bool absent = false;
};

class Work {
 public:
  explicit Work(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  void run() {
    std::unique_lock lock(shared_->mutex);
    while (!shared_->stopped) {
      if (std::exchange(shared_->let_go, false)) {
        disconnect(lock);
      } else if (shared_->asked != shared_->answered) {
        answer(lock);
      } else {
        shared_->changed.wait(lock);
      }
    }
    disconnect(lock);
    shared_->over = true;
    shared_->changed.notify_all();
  }

 private:
  // Runs `call` without the lock; meanwhile busy_since tells how long it takes.
  template <class Call>
  auto outside(std::unique_lock<std::mutex>& lock, const Call& call) {
    shared_->busy_since = Steady::now();
    lock.unlock();
    auto result = call();
    lock.lock();
    shared_->busy_since.reset();
    return result;
  }

  void disconnect(std::unique_lock<std::mutex>& lock) {
    shared_->connected = false;
    shared_->readings.clear();
    outside(lock, [&] {
      watches_.reset();
      engine_.reset();
      return true;
    });
  }

  void fail_with(std::unique_lock<std::mutex>& lock, const Error& error) {
    shared_->problem = error.hint.empty() ? error.text() : error.text() + "; " + error.hint;
    shared_->absent = error.code == ErrorCode::kNotFound;
    disconnect(lock);
    pause_ = std::min(std::max(2 * pause_, kAgain), kAgainMost);
    next_ = Steady::now() + pause_;
  }

  void answer(std::unique_lock<std::mutex>& lock) {
    const std::uint64_t asked = shared_->asked;
    read(lock);
    shared_->answered = asked;
    shared_->changed.notify_all();
  }

  void read(std::unique_lock<std::mutex>& lock) {
    if (!engine_) {
      if (Steady::now() < next_) {
        return;
      }
      auto engine = outside(
          lock, [&] { return dcgm::Engine::connect(shared_->settings.engine, kConnectPatience); });
      if (!engine) {
        return fail_with(lock, engine.error());
      }
      engine_ = *std::move(engine);
      watches_ = std::make_unique<DcgmWatches>(*engine_);
      shared_->connected = shared_->was_connected = true;
      pause_ = Milliseconds(0);
    }
    const auto wanted = shared_->wanted;
    const auto interval = shared_->interval;
    auto readings = outside(lock, [&] { return watches_->read(wanted, interval, unix_us()); });
    if (!readings) {
      return fail_with(lock, readings.error());
    }
    if (shared_->let_go) {
      return;
    }
    shared_->readings = std::move(readings->of);
    shared_->problem = readings->problem;
    shared_->absent = false;
  }

  std::shared_ptr<Shared> shared_;
  std::unique_ptr<dcgm::Engine> engine_;
  std::unique_ptr<DcgmWatches> watches_;
  Steady::time_point next_{};  // attempt to connect
  Milliseconds pause_{0};
};

bool knows_anything(const DcgmReading& reading) {
  return reading.at_us != 0;
}

class Threaded final : public DcgmSource {
 public:
  explicit Threaded(const DcgmSettings& settings) : shared_(std::make_shared<Shared>()) {
    shared_->settings = settings;
    const SignalsElsewhere none_there;
    thread_ = std::thread([shared = shared_] { Work(shared).run(); });
    ::pthread_setname_np(thread_.native_handle(), "dcgm");  // seen in `top -H`
  }

  ~Threaded() override { static_cast<void>(stop(Milliseconds::max())); }

  Threaded(const Threaded&) = delete;
  Threaded& operator=(const Threaded&) = delete;
  Threaded(Threaded&&) = delete;
  Threaded& operator=(Threaded&&) = delete;

  void want(const std::vector<const GpuSample*>& gpus, Milliseconds interval) override {
    const std::lock_guard lock(shared_->mutex);
    shared_->wanted.clear();
    for (const GpuSample* gpu : gpus) {
      if (auto subjects = dcgm_subjects(*gpu); !subjects.empty()) {
        shared_->wanted.emplace(gpu->uuid, std::move(subjects));
      }
    }
    shared_->interval = interval;
    if (!shared_->wanted.empty() || shared_->connected) {
      ++shared_->asked;
      shared_->changed.notify_all();
    }
  }

  Result<void> fill(const std::vector<GpuSample*>& gpus) override {
    std::unique_lock lock(shared_->mutex);
    const auto answered = [&] { return shared_->answered == shared_->asked; };
    if (!hangs(Steady::now())) {
      shared_->changed.wait_for(lock, kMoment, answered);
    }
    const std::string why = withdrawn();
    for (GpuSample* gpu : gpus) {
      give(*gpu, why);
    }
    const bool quiet =
        shared_->absent && !shared_->was_connected && shared_->settings.use != DcgmUse::kRequire;
    if (gpus.empty() || quiet) {
      return {};
    }
    const std::string& problem = why.empty() ? shared_->problem : why;
    return problem.empty() ? Result<void>() : fail(ErrorCode::kDriver, problem);
  }

  void let_go() override {
    const std::lock_guard lock(shared_->mutex);
    shared_->let_go = true;
    shared_->readings.clear();
    shared_->changed.notify_all();
  }

  bool stop(Milliseconds patience) override {
    if (!thread_.joinable()) {
      return true;
    }
    std::unique_lock lock(shared_->mutex);
    shared_->stopped = true;
    shared_->changed.notify_all();
    return end_thread(thread_, std::move(lock), shared_->changed, shared_->over, patience);
  }

 private:
  // With the lock, as the rest.
  bool hangs(Steady::time_point now) const {
    return shared_->busy_since && now - *shared_->busy_since > kHung;
  }

  // Why no reading holds now; "" = those that are there do.
  std::string withdrawn() const {
    if (hangs(Steady::now())) {
      return kHangs;
    }
    return shared_->connected ? "" : shared_->problem;
  }

  const DcgmReading* find(const DcgmSubject& subject) const {
    const auto found = shared_->readings.find(subject);
    return found == shared_->readings.end() ? nullptr : &found->second;
  }

  void give(const DcgmSubject& subject, const std::string& why, GpuInstanceSample& out) const {
    const DcgmReading* reading = find(subject);
    if (!why.empty()) {
      out.activity_reason = why;
    } else if (reading == nullptr) {
      out.activity_reason = kFirst;
    } else if (!knows_anything(*reading)) {
      out.activity_reason = reading->reason;
    } else {
      out.source = ActivitySource::kDcgm;
      out.activity = reading->activity;
      out.activity_reason.clear();
      // Over which interval the engine averaged it does not say.
      out.activity_age_seconds =
          std::max(0.0, static_cast<double>(unix_us() - reading->at_us) / kUsPerSecond);
    }
  }

  void give(GpuSample& gpu, const std::string& why) const {
    for (GpuInstanceSample& instance : gpu.instances) {
      DcgmSubject subject{gpu.uuid, instance.id.value, {}, instance.generation};
      give(subject, why, instance);
      for (ComputeInstanceSample& part : instance.compute_instances) {
        subject.compute_instance = part.id.value;
        const DcgmReading* reading = why.empty() ? find(subject) : nullptr;
        if (reading != nullptr && knows_anything(*reading)) {
          part.activity = reading->activity;
        }
      }
    }
    GpuInstanceSample whole;
    give({gpu.uuid, {}, {}, 0}, why, whole);
    if (gpu.mig_current != MigMode::kEnabled) {
      gpu.source = whole.source;
      gpu.activity = whole.activity;
      gpu.activity_reason = whole.activity_reason;
      return;
    }
    if (gpu.instances.empty()) {
      gpu.activity_reason = "the GPU has no instance";
      return;
    }
    gpu.activity = activity_of_all(gpu);
    gpu.activity.pcie_tx_bytes_per_second = whole.activity.pcie_tx_bytes_per_second;
    gpu.activity.pcie_rx_bytes_per_second = whole.activity.pcie_rx_bytes_per_second;
    if (gpu.activity.sm) {
      gpu.source = ActivitySource::kDcgm;
      gpu.activity_reason.clear();
    } else {
      gpu.source = ActivitySource::kUnknown;
      gpu.activity_reason = why.empty() ? kFirst : why;
    }
  }

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace

Result<DcgmSettings> dcgm_settings(const std::string& use, const std::string& engine) {
  DcgmSettings settings{DcgmUse::kOff, engine};
  if (use == "auto") {
    settings.use = DcgmUse::kAuto;
  } else if (use == "require") {
    settings.use = DcgmUse::kRequire;
  } else if (!use.empty() && use != "off") {
    return fail(ErrorCode::kUsage,
                fmt::format("--dcgm-activity={} is none of off, auto, require", base::quoted(use)));
  }
  if (use.empty() && !engine.empty()) {
    return fail(ErrorCode::kUsage,
                fmt::format("--dcgm-engine {} has no effect: activity from DCGM is off",
                            base::quoted(engine)),
                "add --dcgm-activity auto or require (dcgm_activity in migd.yaml); off keeps the "
                "address for later");
  }
  if (const auto address = dcgm::parse_address(engine); !address) {
    return address.error();
  }
  return settings;
}

std::unique_ptr<DcgmSource> DcgmSource::start(const DcgmSettings& settings) {
  return settings.use == DcgmUse::kOff ? nullptr : std::make_unique<Threaded>(settings);
}

}  // namespace mig::observe
