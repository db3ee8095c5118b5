// SPDX-License-Identifier: Apache-2.0
#include "observe/machine_reader.h"

#include <algorithm>
#include <csignal>
#include <thread>

#include "node/test_machine.h"

namespace mig::observe {
namespace {

using namespace std::chrono_literals;

constexpr const char* kWorkload = MIG_BIN_DIR "/mig-workload";

// A clock of which every reading takes time: as if each call of the driver were slow.
class SlowClock final : public base::Clock {
 public:
  std::chrono::nanoseconds monotonic() override { return now_ += 10ms; }

  std::chrono::nanoseconds wall() override { return now_; }

  void sleep(std::chrono::nanoseconds time) override { now_ += time; }

 private:
  std::chrono::nanoseconds now_{};
};

std::uint64_t sum_of_energy(const GpuSample& gpu) {
  std::uint64_t sum = *gpu.energy_gone_mj + *gpu.energy_unattributed_mj;
  for (const GpuInstanceSample& instance : gpu.instances) {
    sum += *instance.energy_mj;
  }
  return sum;
}

const CollectorHealth& collector(const MachineSample& sample, const std::string& name) {
  static const CollectorHealth kNone;
  const auto found = std::find_if(sample.collectors.begin(),
                                  sample.collectors.end(),
                                  [&](const CollectorHealth& one) { return one.name == name; });
  EXPECT_NE(found, sample.collectors.end()) << name;
  return found == sample.collectors.end() ? kNone : *found;
}

class MachineReaderTest : public node::MachineTest {
 protected:
  void TearDown() override {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      wait(child);
    }
    reader_.reset();
    session_.reset();
    MachineTest::TearDown();
  }

  void watch(base::Clock* clock = nullptr, bool closes = false) {
    auto session = nvml::Session::open(MIG_SIM_LIBRARY_DIR "/libnvidia-ml.so.1");
    ASSERT_TRUE(session) << session.error().text();
    session_ = *std::move(session);
    ReaderSettings settings;
    settings.clock = clock;
    settings.closes_between_ticks = closes;
    reader_ = std::make_unique<MachineReader>(*session_, carried_, settings);
  }

  MachineSample tick() {
    auto sample = reader_->tick();
    EXPECT_TRUE(sample) << sample.error().text();
    return sample ? *std::move(sample) : MachineSample();
  }

  // Ticks until `there`, at least 100 ms apart.
  template <class There>
  MachineSample tick_until(const There& there) {
    const auto until = std::chrono::steady_clock::now() + 60s;
    for (;;) {
      MachineSample sample = tick();
      if (there(sample)) {
        return sample;
      }
      if (std::chrono::steady_clock::now() > until) {
        ADD_FAILURE() << "did not come";
        return sample;
      }
      std::this_thread::sleep_for(110ms);
    }
  }

  void hog(const std::string& kind, const std::string& uuid) {
    children_.push_back(start(kWorkload, {"hog", kind, "--device", uuid, "--seconds", "600"}));
  }

  Carried carried_;
  std::unique_ptr<nvml::Session> session_;
  std::unique_ptr<MachineReader> reader_;
  std::vector<pid_t> children_;
};

TEST_F(MachineReaderTest, TellsWhatIsThere) {
  make("h200-141gb");
  enable_mig();
  create(0, {"3g.71gb", "1g.18gb"});
  watch();
  const MachineSample sample = tick();
  EXPECT_TRUE(sample.simulated);
  EXPECT_EQ(sample.simulated_machine, "lab");
  EXPECT_EQ(sample.tick, 1U);
  ASSERT_EQ(sample.gpus.size(), 1U);
  const GpuSample& gpu = sample.gpus[0];
  ASSERT_EQ(gpu.instances.size(), 2U);
  const GpuInstanceSample& big = gpu.instances[0];
  EXPECT_EQ(big.profile, "3g.71gb");
  EXPECT_EQ(big.sm, 60U);
  EXPECT_EQ(big.memory_total_bytes, 71424ULL << 20U);
  EXPECT_GT(big.memory_used_bytes.value_or(0), 0U);
  EXPECT_NE(big.generation, gpu.instances[1].generation);
  EXPECT_NE(big.generation, 0U);
  EXPECT_EQ(gpu.sm_total, 132U);
  EXPECT_EQ(gpu.sm_allocated, 76U);
  // Four slots are left: three 1g more (3 x 16 SMs), or a 2g (32) twice, or one 3g (60) do not fit
  // beside the 1g: the driver says how many of each, and the best of one kind counts.
  std::uint32_t usable = 0;
  const Inventory now = inventory();
  for (const GpuInstanceProfile& profile : now.gpus[0].profiles) {
    usable = std::max(usable, profile.sm * *profile.remaining);
    const auto room = std::find_if(gpu.room.begin(), gpu.room.end(), [&](const auto& one) {
      return one.profile == profile.name.str();
    });
    ASSERT_NE(room, gpu.room.end()) << profile.name.str();
    EXPECT_EQ(room->free, *profile.remaining) << profile.name.str();
  }
  EXPECT_EQ(gpu.sm_stranded, 132U - 76U - usable);
  EXPECT_GT(gpu.power_watts.value_or(0), 0);
  EXPECT_GT(gpu.sm_clock_hz.value_or(0), 1e8);
  EXPECT_EQ(gpu.gpu_utilization, std::nullopt) << "MIG is on";
  EXPECT_EQ(big.activity.sm, std::nullopt) << "one sample is no interval";
  EXPECT_NE(big.activity_reason, "");
  EXPECT_EQ(sum_of_energy(gpu), *gpu.energy_mj);
  for (const CollectorHealth& one : sample.collectors) {
    EXPECT_TRUE(one.success) << one.name << ": " << one.error;
  }
}

TEST_F(MachineReaderTest, WhereTheDriverIsClosedAfterEachReadingActivityIsUnknownAndSaysWhy) {
  make("1x h200-141gb, 1x a100-sxm4-40gb");
  enable_mig();
  create(0, {"3g.71gb"});
  watch(nullptr, true);
  const MachineSample sample = tick();
  ASSERT_EQ(sample.gpus[0].instances.size(), 1U);
  EXPECT_NE(sample.gpus[0].instances[0].activity_reason.find("--sample 1s"), std::string::npos)
      << sample.gpus[0].instances[0].activity_reason;
}

TEST_F(MachineReaderTest, ActivityAndEnergyGoToTheInstanceThatWorks) {
  make("h200-141gb");
  enable_mig();
  create(0, {"3g.71gb", "3g.71gb"});
  const std::string uuid = inventory().gpus[0].instances[0].compute_instances[0].uuid;
  watch();
  tick();
  std::this_thread::sleep_for(110ms);
  const MachineSample idle = tick();
  EXPECT_EQ(idle.gpus[0].instances[0].activity.sm, 0.0);
  EXPECT_EQ(idle.gpus[0].instances[0].source, ActivitySource::kGpm);
  EXPECT_NE(idle.gpus[0].instances[0].idle_since_ms, std::nullopt);
  hog("tensor", uuid);
  const MachineSample busy = tick_until([](const MachineSample& sample) {
    const auto& instances = sample.gpus[0].instances;
    return instances[0].activity.tensor.value_or(0) > 0.3 &&
           instances[0].power_watts.value_or(0) > 2 * instances[1].power_watts.value_or(1e9);
  });
  const GpuSample& gpu = busy.gpus[0];
  EXPECT_EQ(gpu.instances[1].activity.sm, 0.0);
  EXPECT_EQ(gpu.instances[1].idle_since_ms, idle.gpus[0].instances[1].idle_since_ms);
  EXPECT_EQ(gpu.instances[0].idle_since_ms, std::nullopt);
  EXPECT_EQ(gpu.instances[0].compute_instances[0].activity, gpu.instances[0].activity);
  EXPECT_NEAR(*gpu.activity.sm, *gpu.instances[0].activity.sm * 60 / 132, 1e-9);
  EXPECT_EQ(gpu.energy_method, "sm_dram_weighted");
  EXPECT_GT(*gpu.instances[0].energy_mj, *gpu.instances[1].energy_mj);
  EXPECT_EQ(sum_of_energy(gpu), *gpu.energy_mj);
  ASSERT_EQ(gpu.processes.size(), 1U);
  EXPECT_EQ(gpu.processes[0].pid, static_cast<std::uint32_t>(children_[0]));
  EXPECT_EQ(gpu.processes[0].uid, ::geteuid());
  EXPECT_EQ(gpu.processes[0].gpu_instance, gpu.instances[0].id);
  EXPECT_NE(gpu.processes[0].memory_bytes, std::nullopt);
}

TEST_F(MachineReaderTest, AnAmpereGpuHasNoActivityAndSaysWhy) {
  make("a100-sxm4-40gb");
  enable_mig();
  create(0, {"3g.20gb", "3g.20gb"});
  const std::string uuid = inventory().gpus[0].instances[1].compute_instances[0].uuid;
  hog("compute", uuid);
  watch();
  const MachineSample sample = tick_until([](const MachineSample& now) {
    return now.gpus[0].instances[1].power_watts.value_or(0) >
           now.gpus[0].instances[0].power_watts.value_or(1e9);
  });
  for (const GpuInstanceSample& instance : sample.gpus[0].instances) {
    EXPECT_EQ(instance.source, ActivitySource::kUnknown);
    EXPECT_EQ(instance.activity, Activity());
    EXPECT_NE(instance.activity_reason.find("Hopper"), std::string::npos);
    EXPECT_EQ(instance.idle_since_ms, std::nullopt) << "nobody knows";
  }
  EXPECT_TRUE(collector(sample, "gpm").success) << "that is no failure";
  EXPECT_EQ(sample.gpus[0].energy_method, "slice_share");
  EXPECT_EQ(sum_of_energy(sample.gpus[0]), *sample.gpus[0].energy_mj);
}

TEST_F(MachineReaderTest, AGpuWithoutMigHasActivityAsAWhole) {
  make("h200-141gb");
  hog("dram", inventory().gpus[0].uuid);
  watch();
  const MachineSample sample = tick_until(
      [](const MachineSample& now) { return now.gpus[0].activity.dram.value_or(0) > 0.3; });
  EXPECT_EQ(sample.gpus[0].source, ActivitySource::kGpm);
  EXPECT_NE(sample.gpus[0].gpu_utilization, std::nullopt);
  EXPECT_TRUE(sample.gpus[0].room.empty());
}

TEST_F(MachineReaderTest, AnInstanceMadeAnewIsAnotherOne) {
  make("h200-141gb");
  enable_mig();
  create(0, {"2g.35gb:0", "1g.18gb:4"});
  watch();
  const MachineSample first = tick();
  const auto generation = [](const MachineSample& sample, const std::string& profile) {
    for (const GpuInstanceSample& one : sample.gpus[0].instances) {
      if (one.profile == profile) {
        return one.generation;
      }
    }
    return std::uint64_t{0};
  };
  const Inventory before = inventory();
  ASSERT_EQ(
      migctl({"destroy", "-i", "0", "--gi", std::to_string(before.gpus[0].instances[0].id.value)}),
      0);
  const Inventory between = inventory();
  create(0,
         {before.gpus[0].instances[0].name.str() + ":" +
          std::to_string(before.gpus[0].instances[0].placement.start)});
  // Seen only at both ends, it looks the same; who was told of the end in between knows better.
  reader_->layout_changed();
  EXPECT_EQ(generation(tick(), "1g.18gb"), generation(first, "1g.18gb"));
  for (const InstancePlace& place : vanished_instances(before, between)) {
    carried_.generations.vanished(place);
  }
  const MachineSample second = tick();
  const std::string profile = before.gpus[0].instances[0].name.str();
  EXPECT_GT(generation(second, profile), generation(first, profile));
  EXPECT_EQ(sum_of_energy(second.gpus[0]), *second.gpus[0].energy_mj);
}

TEST_F(MachineReaderTest, AStrangersChangeIsSeenWithinTwoTicks) {
  make("2x h200-141gb");
  enable_mig();
  create(0, {"1g.18gb"});
  create(1, {"1g.18gb"});
  watch();
  tick();
  ASSERT_EQ(migctl({"destroy", "--all", "-i", "1"}), 0);
  tick();
  const MachineSample sample = tick();
  EXPECT_EQ(sample.gpus[0].instances.size(), 1U);
  EXPECT_TRUE(sample.gpus[1].instances.empty());
}

TEST_F(MachineReaderTest, XidsAreCountedByInstance) {
  make("h200-141gb");
  enable_mig();
  create(0, {"1g.18gb"});
  watch();
  tick();
  const std::string gi = std::to_string(inventory().gpus[0].instances[0].id.value);
  inject({"--xid", "31", "--gpu", "0", "--gi", gi, "--ci", "0"});
  inject({"--xid", "31", "--gpu", "0", "--gi", gi, "--ci", "0"});
  inject({"--xid", "48", "--gpu", "0"});
  const MachineSample sample = tick();
  ASSERT_EQ(sample.gpus[0].xids.size(), 2U);
  EXPECT_EQ(sample.gpus[0].xids[0].xid, 31U);
  EXPECT_EQ(sample.gpus[0].xids[0].count, 2U);
  EXPECT_EQ(sample.gpus[0].xids[0].gpu_instance, sample.gpus[0].instances[0].id);
  EXPECT_EQ(sample.gpus[0].xids[0].compute_instance, ComputeInstanceId{0});
  EXPECT_EQ(sample.gpus[0].xids[1].gpu_instance, std::nullopt);
}

TEST_F(MachineReaderTest, WhatFailsIsAbsentAndNamed) {
  make("2x h200-141gb");
  watch();
  tick();
  inject({"--call",
          "nvmlDeviceGetTotalEnergyConsumption",
          "--gpu",
          "1",
          "--fail",
          "NVML_ERROR_UNKNOWN",
          "--repeat",
          "0"});
  const MachineSample sample = tick();
  EXPECT_FALSE(collector(sample, "energy").success);
  EXPECT_NE(collector(sample, "energy").error.find("GPU 1"), std::string::npos);
  EXPECT_TRUE(collector(sample, "board").success);
  inject({"--gpu", "1", "--lost"});
  tick();
  const MachineSample lost = tick();
  ASSERT_EQ(lost.gpus.size(), 1U);
  EXPECT_FALSE(collector(lost, "topology").success);
  EXPECT_NE(collector(lost, "topology").error.find("GPU 1 is left out"), std::string::npos);
}

TEST_F(MachineReaderTest, ASlowDriverIsAskedAboutSomeInstancesInEachTick) {
  make("h200-141gb");
  enable_mig();
  create(0, {"1g.18gb", "1g.18gb", "1g.18gb", "1g.18gb", "1g.18gb", "1g.18gb", "1g.18gb"});
  SlowClock clock;
  watch(&clock);
  tick();
  std::size_t told = 0;
  int ticks = 0;
  for (; told < 7 && ticks < 200; ++ticks) {
    const MachineSample sample = tick();
    std::size_t now = 0;
    for (const GpuInstanceSample& one : sample.gpus[0].instances) {
      now += one.activity.sm ? 1 : 0;
    }
    EXPECT_GE(now, told);
    EXPECT_LE(now, told + 2) << "the budget of a tick: the first saves up most, 20 ms";
    told = now;
  }
  EXPECT_EQ(told, 7U);
  EXPECT_GT(ticks, 1);
}

}  // namespace
}  // namespace mig::observe
