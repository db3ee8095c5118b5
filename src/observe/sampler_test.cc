// SPDX-License-Identifier: Apache-2.0
#include "observe/sampler.h"

#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>

#include "base/proc_root.h"
#include "node/test_machine.h"

namespace mig::observe {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 60s;

class SamplerTest : public node::MachineTest {
 protected:
  void TearDown() override {
    sampler_.reset();
    MachineTest::TearDown();
  }

  void sample_every(std::optional<std::chrono::milliseconds> interval) {
    node_->rest();
    SamplerOptions options;
    options.library = MIG_SIM_LIBRARY_DIR "/libnvidia-ml.so.1";
    options.interval = interval;
    options.proc_root = base::proc_root();
    options.machine.simulated = true;
    options.machine.simulated_machine = "lab";
    options.changing = [this] { return changing_.load(); };
    options.on_sample = [this](MachineSample sample, const Accounts&) {
      const std::lock_guard lock(mutex_);
      samples_.push_back(std::move(sample));
      came_.notify_all();
    };
    sampler_ = Sampler::start(std::move(options));
  }

  MachineSample next() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, kLong, [&] { return !samples_.empty(); })) {
      ADD_FAILURE() << "no sample came";
      return {};
    }
    MachineSample sample = std::move(samples_.front());
    samples_.pop_front();
    return sample;
  }

  MachineSample next_with(bool readings) {
    for (;;) {
      MachineSample sample = next();
      if (HasFailure() || sample.withdrawn.empty() == readings) {
        return sample;
      }
    }
  }

  std::atomic<bool> changing_{false};
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<MachineSample> samples_;
  std::unique_ptr<Sampler> sampler_;
};

TEST_F(SamplerTest, TicksGoOn) {
  make("h200-141gb");
  sample_every(100ms);
  EXPECT_EQ(next().tick, 1U);
  const MachineSample second = next();
  EXPECT_EQ(second.tick, 2U);
  EXPECT_EQ(second.gpus.size(), 1U);
  EXPECT_GT(second.interval_seconds, 0.05);  // of two moments, each a little late
  EXPECT_EQ(sampler_->check(), std::nullopt);
  EXPECT_TRUE(sampler_->stop(60s));
}

TEST_F(SamplerTest, LetsGoForAProcessAndGoesOnAfterItsEnd) {
  make("h200-141gb");
  sample_every(100ms);
  next_with(true);
  const pid_t asker = start("/bin/sleep", {"600"});
  EXPECT_TRUE(sampler_->let_go(static_cast<std::uint32_t>(asker), 30s));
  const MachineSample none = next_with(false);
  EXPECT_TRUE(none.gpus.empty());
  EXPECT_TRUE(none.simulated);
  EXPECT_EQ(none.withdrawn, "the driver is closed for a change of the machine");
  ASSERT_FALSE(none.collectors.empty());
  EXPECT_FALSE(none.collectors.front().success);
  // The process has ended, but a change is still under way.
  changing_ = true;
  ::kill(asker, SIGKILL);
  wait(asker);
  EXPECT_TRUE(sampler_->let_go(1U << 30U, 1s)) << "there is no such process: still closed";
  changing_ = false;
  EXPECT_EQ(next_with(true).gpus.size(), 1U);
}

// Where a mode change needs the GPU closed, only a tick has it open.
TEST_F(SamplerTest, AnAmpereGpuIsClosedBetweenTicks) {
  make("a100-sxm4-40gb");
  sample_every(std::nullopt);
  next_with(true);
  EXPECT_TRUE(sampler_->stop(60s) && migctl({"mode", "enable", "--direct"}) == 0);
  sample_every(std::nullopt);
  next_with(true);
  // Its driver is closed as soon as the sample is out; the next tick comes in ten seconds.
  const auto until = std::chrono::steady_clock::now() + kLong;
  int code = 1;
  while (code != 0 && std::chrono::steady_clock::now() < until) {
    code = migctl({"mode", "disable", "--direct"});
  }
  EXPECT_EQ(code, 0);
  EXPECT_EQ(inventory().gpus[0].mig_current, MigMode::kDisabled);
}

TEST_F(SamplerTest, ADriverThatHangsWithdrawsTheReadings) {
  make("h200-141gb");
  sample_every(200ms);
  next_with(true);
  inject({"--call", "nvmlDeviceGetPowerUsage", "--hang", "4s"});
  const auto until = std::chrono::steady_clock::now() + kLong;
  std::optional<MachineSample> withdrawn;
  while (!withdrawn && std::chrono::steady_clock::now() < until) {
    withdrawn = sampler_->check();
    ::usleep(10'000);
  }
  ASSERT_TRUE(withdrawn);
  EXPECT_TRUE(withdrawn->gpus.empty());
  EXPECT_NE(withdrawn->withdrawn.find("has not answered for"), std::string::npos);
  EXPECT_NE(withdrawn->withdrawn.find("board"), std::string::npos) << withdrawn->withdrawn;
  EXPECT_EQ(sampler_->check(), std::nullopt) << "told once";
  {
    const std::lock_guard lock(mutex_);
    samples_.clear();
  }
  EXPECT_EQ(next_with(true).gpus.size(), 1U) << "it answered, late";
}

TEST_F(SamplerTest, ADriverThatTellsNothingIsSaidAndOpenedAgain) {
  make("h200-141gb");
  inject({"--call", "nvmlDeviceGetCount_v2", "--fail", "NVML_ERROR_DRIVER_NOT_LOADED"});
  sample_every(100ms);
  const MachineSample none = next();
  EXPECT_NE(none.withdrawn.find("Driver Not Loaded"), std::string::npos) << none.withdrawn;
  EXPECT_EQ(next_with(true).gpus.size(), 1U);
}

}  // namespace
}  // namespace mig::observe
