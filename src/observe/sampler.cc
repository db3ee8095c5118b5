// SPDX-License-Identifier: Apache-2.0
#include "observe/sampler.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "base/process_start.h"
#include "base/units.h"
#include "base/unix_time.h"
#include "observe/machine_reader.h"
#include "observe/signals_elsewhere.h"
#include "observe/thread_end.h"
#include "observe/withdrawn.h"

namespace mig::observe {
namespace {

using Steady = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kInterval{1000};
constexpr Milliseconds kIntervalOfClosed{10'000};
constexpr Milliseconds kOpenAgain{2000};  // after a driver that could not be opened
constexpr Milliseconds kLookAgain{200};   // whether a change is over
constexpr Milliseconds kSoon{50};         // after a change of the layout
constexpr std::chrono::seconds kShutAfterLetGo{60};
constexpr std::chrono::seconds kShutForOwn{1};
// A call of the driver hangs when a tick takes so long: three ticks of a second.
constexpr Milliseconds kHung{3000};
constexpr Milliseconds kHungAtLeast{1000};
// A host engine that hangs is not waited for any longer when the sampler ends.
constexpr Milliseconds kDcgmPatience{1000};

// On some boards nobody may have the driver open while the MIG mode changes: those before Hopper.
bool closed_between_ticks(const nvml::Session& session) {
  const nvml::Functions& nvml = session.nvml();
  unsigned count = 0;
  nvml.nvmlDeviceGetCount_v2(&count);
  for (unsigned i = 0; i < count; ++i) {
    nvmlDevice_t device = nullptr;
    unsigned current = 0;
    unsigned pending = 0;
    nvmlDeviceArchitecture_t architecture = NVML_DEVICE_ARCH_UNKNOWN;
    if (nvml.nvmlDeviceGetHandleByIndex_v2(i, &device) == NVML_SUCCESS &&
        nvml.nvmlDeviceGetMigMode(device, &current, &pending) == NVML_SUCCESS &&
        nvml.nvmlDeviceGetArchitecture(device, &architecture) == NVML_SUCCESS &&
        architecture <= NVML_DEVICE_ARCH_AMPERE) {
      return true;
    }
  }
  return false;
}

// Shared with the thread, which may outlive the Sampler in a hanging call.
struct Shared {
  SamplerOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopped = false;
  bool over = false;        // the thread has ended
  bool dcgm_hangs = false;  // its thread was left behind in a call of libdcgm
  bool open = false;        // a session exists, or is being opened
  bool layout_changed = false;
  std::vector<InstancePlace> gone;
  Steady::time_point next{};  // tick
  std::optional<Steady::time_point> tick_since;
  bool hung_told = false;
  Milliseconds interval{kInterval};
  MachineSample last;  // the last sample, without its GPUs
  // Closed for a process that asked, while it lives.
  std::uint32_t shut_for = 0;
  std::optional<std::uint64_t> shut_for_start;
  Steady::time_point shut_until{};
  Carried carried;
};

class Work {
 public:
  explicit Work(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), dcgm_(DcgmSource::start(shared_->options.dcgm)) {}

  void run() {
    std::unique_lock lock(shared_->mutex);
    while (!shared_->stopped) {
      if (asked_to_close()) {
        if (dcgm_) {
          dcgm_->let_go();
        }
        close(lock, "the driver is closed for a change of the machine", true);
        shared_->changed.wait_for(lock, kLookAgain);
        continue;
      }
      if (Steady::now() < shared_->next) {
        shared_->changed.wait_until(lock, shared_->next);
        continue;
      }
      tick(lock);
    }
    lock.unlock();
    reader_.reset();
    session_.reset();
    const bool dcgm_ended = !dcgm_ || dcgm_->stop(kDcgmPatience);
    lock.lock();
    shared_->dcgm_hangs = !dcgm_ended;
    shared_->open = false;
    shared_->over = true;
    shared_->changed.notify_all();
  }

 private:
  bool asked_to_close() const {
    return shared_->shut_for_start && Steady::now() < shared_->shut_until &&
           base::process_start(shared_->options.proc_root, shared_->shut_for) ==
               shared_->shut_for_start;
  }

  void publish(std::unique_lock<std::mutex>& lock, MachineSample sample) {
    shared_->last = without_readings(sample);
    lock.unlock();
    if (shared_->options.on_sample) {
      shared_->options.on_sample(std::move(sample), accounts_of(shared_->carried));
    }
    lock.lock();
  }

  void withdraw(std::unique_lock<std::mutex>& lock, const std::string& why, bool resting) {
    if (std::exchange(withdrawn_, why) != why) {
      MachineSample sample = withdrawn(shared_->last, why, base::unix_ms());
      sample.resting = resting;
      publish(lock, std::move(sample));
    }
  }

  void close(std::unique_lock<std::mutex>& lock, const std::string& why, bool resting) {
    if (session_) {
      lock.unlock();
      reader_.reset();
      session_.reset();
      lock.lock();
    }
    if (shared_->open) {
      shared_->open = false;
      shared_->changed.notify_all();
    }
    if (!why.empty()) {
      withdraw(lock, why, resting);
    }
  }

  void tick(std::unique_lock<std::mutex>& lock) {
    const auto begun = Steady::now();
    if (!session_ && shared_->options.changing) {
      lock.unlock();
      const bool changing = shared_->options.changing();
      lock.lock();
      if (changing) {
        shared_->next = begun + kLookAgain;
        if (begun - due_ > kHung) {
          withdraw(lock, "the driver is closed while the machine is changed", true);
        }
        return;
      }
    }
    shared_->open = true;
    shared_->tick_since = begun;
    const bool all = std::exchange(shared_->layout_changed, false);
    for (const InstancePlace& place : std::exchange(shared_->gone, {})) {
      shared_->carried.generations.vanished(place);
    }
    lock.unlock();
    Result<MachineSample> sample = read(all);
    lock.lock();
    shared_->tick_since.reset();
    shared_->hung_told = false;
    shared_->interval = interval();
    shared_->next = begun + shared_->interval;
    due_ = shared_->next;
    if (shared_->layout_changed) {
      shared_->next = std::min(shared_->next, Steady::now() + kSoon);
    }
    if (!sample) {
      shared_->next = Steady::now() + std::max(shared_->interval, kOpenAgain);
      close(lock, sample.error().text(), false);
      return;
    }
    withdrawn_.clear();
    publish(lock, *std::move(sample));
    if (closes_) {
      close(lock, "", false);
    }
  }

  Milliseconds interval() const {
    return shared_->options.interval.value_or(closes_ ? kIntervalOfClosed : kInterval);
  }

  // Without the lock: nothing here may be waited for.
  Result<MachineSample> read(bool all) {
    if (!session_) {
      shared_->carried.doing.part = "opening the driver";
      MIG_ASSIGN_OR_RETURN(session_, nvml::Session::open(shared_->options.library));
      closes_ = !shared_->options.interval && closed_between_ticks(*session_);
      ReaderSettings settings;
      settings.proc_root = shared_->options.proc_root;
      settings.dcgm = dcgm_.get();
      settings.interval = interval();
      settings.closes_between_ticks = closes_;
      reader_ = std::make_unique<MachineReader>(*session_, shared_->carried, settings);
    }
    if (all) {
      reader_->layout_changed();
    }
    return reader_->tick();
  }

  std::shared_ptr<Shared> shared_;
  std::unique_ptr<DcgmSource> dcgm_;  // outlives the reader
  std::unique_ptr<nvml::Session> session_;
  std::unique_ptr<MachineReader> reader_;
  std::string withdrawn_;                   // what was published last, if it was no reading
  bool closes_ = false;                     // between two ticks
  Steady::time_point due_ = Steady::now();  // the next tick, were it not for a change
};

class Threaded final : public Sampler {
 public:
  explicit Threaded(SamplerOptions options) : shared_(std::make_shared<Shared>()) {
    shared_->options = std::move(options);
    shared_->interval = shared_->options.interval.value_or(kInterval);
    shared_->last = shared_->options.machine;
    restore(shared_->options.accounts, shared_->carried);
    const SignalsElsewhere none_there;
    thread_ = std::thread([shared = shared_] { Work(shared).run(); });
    ::pthread_setname_np(thread_.native_handle(), "sampler");  // seen in `top -H`
  }

  ~Threaded() override { static_cast<void>(stop(Milliseconds::max())); }

  Threaded(const Threaded&) = delete;
  Threaded& operator=(const Threaded&) = delete;
  Threaded(Threaded&&) = delete;
  Threaded& operator=(Threaded&&) = delete;

  bool let_go(std::uint32_t pid, Milliseconds patience) override {
    std::unique_lock lock(shared_->mutex);
    shared_->shut_for = pid;
    shared_->shut_for_start = base::process_start(shared_->options.proc_root, pid);
    // For a change of this process the writer's lock tells how long it lasts.
    const bool own = pid == static_cast<std::uint32_t>(::getpid());
    shared_->shut_until = Steady::now() + (own ? kShutForOwn : kShutAfterLetGo);
    shared_->changed.notify_all();
    return shared_->changed.wait_for(lock, patience, [&] { return !shared_->open; });
  }

  void layout_changed(const std::vector<InstancePlace>& gone) override {
    const std::lock_guard lock(shared_->mutex);
    shared_->layout_changed = true;
    shared_->gone.insert(shared_->gone.end(), gone.begin(), gone.end());
    shared_->next = std::min(shared_->next, Steady::now() + kSoon);
    shared_->changed.notify_all();
  }

  std::optional<MachineSample> check() override {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->tick_since || shared_->hung_told) {
      return std::nullopt;
    }
    const auto since = Steady::now() - *shared_->tick_since;
    if (since < std::clamp(3 * shared_->interval, kHungAtLeast, kHung)) {
      return std::nullopt;
    }
    shared_->hung_told = true;
    const auto ms = std::chrono::duration_cast<Milliseconds>(since).count();
    const Doing& doing = shared_->carried.doing;
    return withdrawn(shared_->last,
                     fmt::format("the driver has not answered for {} ({}, GPU {})",
                                 base::span_text(ms),
                                 doing.part.load(),
                                 doing.gpu.load()),
                     base::unix_ms());
  }

  bool stop(Milliseconds patience) override {
    if (!thread_.joinable()) {
      return true;
    }
    std::unique_lock lock(shared_->mutex);
    shared_->stopped = true;
    shared_->changed.notify_all();
    const bool ended =
        end_thread(thread_, std::move(lock), shared_->changed, shared_->over, patience);
    const std::lock_guard after(shared_->mutex);
    return ended && !shared_->dcgm_hangs;
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Sampler> Sampler::start(SamplerOptions options) {
  return std::make_unique<Threaded>(std::move(options));
}

}  // namespace mig::observe
