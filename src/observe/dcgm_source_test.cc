// SPDX-License-Identifier: Apache-2.0
// On the tests' own libdcgm.so.4 and host engine (sim/dcgm), which were written from the published
// headers: that it works with NVIDIA's is not shown here.
#include "observe/dcgm_source.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "node/test_machine.h"
#include "observe/machine_reader.h"

namespace mig::observe {
namespace {

using namespace std::chrono_literals;

constexpr const char* kHostEngine = MIG_DCGM_DIR "/hostengine";
constexpr const char* kHogProgram = MIG_BIN_DIR "/mig-workload";

class DcgmSourceTest : public node::MachineTest {
 protected:
  void TearDown() override {
    reader_.reset();
    session_.reset();
    if (source_) {
      fault("");
      EXPECT_TRUE(source_->stop(60s));
    }
    source_.reset();
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      wait(child);
    }
    MachineTest::TearDown();
  }

  void a100(const std::vector<std::string>& profiles) {
    make("a100-sxm4-40gb");
    enable_mig();
    create(0, profiles);
    node_->rest();
  }

  pid_t run(const std::string& program, const std::vector<std::string>& words) {
    ::setenv("MIGSIM_MACHINE", (root_ + "/lab").c_str(), 1);
    children_.push_back(start(program, words));
    ::unsetenv("MIGSIM_MACHINE");
    return children_.back();
  }

  void start_engine() {
    engine_ = run(kHostEngine, {socket(), root_});
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (!std::filesystem::exists(socket())) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::sleep_for(10ms);
    }
  }

  void end_engine() {
    ::kill(engine_, SIGKILL);
    wait(engine_);
    std::erase(children_, engine_);
    std::filesystem::remove(socket());
  }

  void hog(const std::string& kind, std::size_t instance, std::size_t part = 0) {
    const Inventory now = inventory();
    node_->rest();
    const auto& parts = now.gpus[0].instances[instance].compute_instances;
    run(kHogProgram, {"hog", kind, "--device", parts[part].uuid, "--seconds", "600"});
  }

  void fault(const std::string& word) const {
    std::ofstream(root_ + "/fault.new") << word << "\n";
    std::filesystem::rename(root_ + "/fault.new", root_ + "/fault");
  }

  std::string report() const {
    std::ifstream in(root_ + "/report");
    std::string line;
    std::getline(in, line);
    return line;
  }

  void report_until(const std::string& words) const {
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (report().find(words) == std::string::npos) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << report();
      std::this_thread::sleep_for(20ms);
    }
  }

  void watch(DcgmUse use = DcgmUse::kAuto) {
    source_ = DcgmSource::start({use, socket()});
    auto session = nvml::Session::open(MIG_SIM_LIBRARY_DIR "/libnvidia-ml.so.1");
    ASSERT_TRUE(session) << session.error().text();
    session_ = *std::move(session);
    ReaderSettings settings;
    settings.dcgm = source_.get();
    settings.interval = 100ms;
    reader_ = std::make_unique<MachineReader>(*session_, carried_, settings);
  }

  MachineSample tick() {
    auto sample = reader_->tick();
    EXPECT_TRUE(sample) << sample.error().text();
    return sample ? *std::move(sample) : MachineSample();
  }

  template <class There>
  MachineSample tick_until(const There& there) {
    const auto until = std::chrono::steady_clock::now() + 60s;
    for (;;) {
      MachineSample sample = tick();
      if (there(sample.gpus[0])) {
        return sample;
      }
      if (std::chrono::steady_clock::now() > until) {
        ADD_FAILURE() << "did not come; " << sample.gpus[0].instances[0].activity_reason << "; "
                      << report();
        return sample;
      }
      std::this_thread::sleep_for(50ms);
    }
  }

  static std::string error_of(const MachineSample& sample) {
    for (const CollectorHealth& one : sample.collectors) {
      if (one.name == "dcgm") {
        EXPECT_EQ(one.success, one.error.empty());
        return one.error;
      }
    }
    return "no collector dcgm";
  }

  // Until each instance's activity is unknown for a reason with `words`.
  MachineSample tick_until_unknown(const std::string& words) {
    return tick_until([&](const GpuSample& gpu) {
      return std::all_of(gpu.instances.begin(), gpu.instances.end(), [&](const auto& one) {
        return one.source == ActivitySource::kUnknown && one.activity == Activity() &&
               one.activity_reason.find(words) != std::string::npos;
      });
    });
  }

  MachineSample tick_until_known() {
    return tick_until([](const GpuSample& gpu) {
      return std::all_of(gpu.instances.begin(), gpu.instances.end(), [](const auto& one) {
        return one.source == ActivitySource::kDcgm && one.activity.sm;
      });
    });
  }

  std::string socket() const { return root_ + "/he.sock"; }

  Carried carried_;
  pid_t engine_ = -1;
  std::unique_ptr<DcgmSource> source_;
  std::unique_ptr<nvml::Session> session_;
  std::unique_ptr<MachineReader> reader_;
  std::vector<pid_t> children_;
};

TEST(DcgmSettings, AreChecked) {
  EXPECT_EQ(dcgm_settings("", "")->use, DcgmUse::kOff);
  EXPECT_EQ(dcgm_settings("require", "/run/he.sock")->use, DcgmUse::kRequire);
  EXPECT_EQ(dcgm_settings("", "/run/he.sock").error().code, ErrorCode::kUsage)
      << "an address without a use of it";
  EXPECT_EQ(dcgm_settings("off", "/run/he.sock")->use, DcgmUse::kOff) << "said to be for later";
  EXPECT_EQ(dcgm_settings("yes", "").error().code, ErrorCode::kUsage);
  EXPECT_EQ(dcgm_settings("auto", "node7:5555").error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(DcgmSource::start({}), nullptr);
}

TEST_F(DcgmSourceTest, TellsWhatEachInstanceOfAnA100Does) {
  a100({"1g.5gb", "1g.5gb", "1g.5gb", "1g.5gb", "1g.5gb", "1g.5gb", "1g.5gb"});
  start_engine();
  hog("tensor", 1);
  hog("dram", 4);
  watch();
  const MachineSample sample = tick_until([](const GpuSample& gpu) {
    return gpu.instances[1].activity.tensor.value_or(0) > 0.3 &&
           gpu.instances[4].activity.dram.value_or(0) > 0.5 && gpu.activity.sm;
  });
  const GpuSample& gpu = sample.gpus[0];
  for (std::size_t i = 0; i < gpu.instances.size(); ++i) {
    const GpuInstanceSample& one = gpu.instances[i];
    EXPECT_EQ(one.source, ActivitySource::kDcgm);
    EXPECT_EQ(one.activity_reason, "");
    EXPECT_LT(*one.activity_age_seconds, 60);
    EXPECT_EQ(one.activity_seconds, std::nullopt) << "the engine does not tell its interval";
    EXPECT_EQ(one.activity.pcie_tx_bytes_per_second, std::nullopt) << "the GPU's, not its own";
    ASSERT_EQ(one.compute_instances.size(), 1U);
    EXPECT_EQ(one.compute_instances[0].activity, one.activity);
    if (i != 1 && i != 4) {
      EXPECT_EQ(one.activity.sm, 0.0) << i;
    }
  }
  EXPECT_EQ(gpu.source, ActivitySource::kDcgm);
  EXPECT_TRUE(gpu.activity.pcie_tx_bytes_per_second);
  EXPECT_EQ(error_of(sample), "");
  // GPU and GPU instances; the compute instances are these instances.
  report_until("entities 8 watches 2 ");
}

TEST_F(DcgmSourceTest, ComputeInstancesOfOneGpuInstanceAreToldApart) {
  make("a100-sxm4-40gb");
  enable_mig();
  node_->rest();
  ASSERT_EQ(migctl({"create", "1c.3g.20gb:4"}), 0);
  ASSERT_EQ(migctl({"create", "1c.3g.20gb:4/1"}), 0);
  ASSERT_EQ(inventory().gpus[0].instances.size(), 1U);
  start_engine();
  hog("tensor", 0, 1);
  watch();
  const MachineSample sample = tick_until([](const GpuSample& gpu) {
    const auto& parts = gpu.instances[0].compute_instances;
    return parts.size() == 2 && parts[0].activity && parts[1].activity &&
           parts[1].activity->tensor.value_or(0) > 0.3 && gpu.instances[0].activity.tensor > 0.05;
  });
  const GpuInstanceSample& instance = sample.gpus[0].instances[0];
  EXPECT_EQ(instance.compute_instances[0].activity->tensor, 0.0);
  EXPECT_LT(*instance.activity.tensor, *instance.compute_instances[1].activity->tensor);
  for (const ComputeInstanceSample& part : instance.compute_instances) {
    EXPECT_EQ(part.activity->dram, std::nullopt) << "memory is the GPU instance's";
  }
  EXPECT_TRUE(instance.activity.dram);
}

TEST_F(DcgmSourceTest, AChangeOfTheLayoutEndsTheOldWatchesAndBeginsNew) {
  a100({"1g.5gb", "1g.5gb"});
  start_engine();
  watch();
  tick_until_known();
  report_until("entities 3 ");
  ASSERT_EQ(migctl({"destroy", "--all"}), 0);
  ASSERT_EQ(migctl({"create", "3g.20gb"}), 0);
  reader_->layout_changed();
  tick_until([](const GpuSample& gpu) {
    return gpu.instances.size() == 1 && gpu.instances[0].source == ActivitySource::kDcgm;
  });
  report_until("entities 2 watches 2 groups 4");
  ASSERT_EQ(migctl({"destroy", "--all"}), 0);
  reader_->layout_changed();
  const MachineSample sample = tick_until([&](const GpuSample& gpu) {
    return gpu.instances.empty() && report().find("entities 0 ") != std::string::npos;
  });
  EXPECT_EQ(sample.gpus[0].source, ActivitySource::kUnknown);
  EXPECT_EQ(sample.gpus[0].activity_reason, "the GPU has no instance");
}

TEST_F(DcgmSourceTest, AnInstanceMadeAgainAtItsPlaceDoesNotInheritValues) {
  a100({"1g.5gb"});
  start_engine();
  hog("tensor", 0);
  watch();
  const auto generation = tick_until([](const GpuSample& gpu) {
                            return gpu.instances[0].activity.tensor.value_or(0) > 0.3;
                          })
                              .gpus[0]
                              .instances[0]
                              .generation;
  ::kill(children_.back(), SIGKILL);
  wait(children_.back());
  children_.pop_back();
  carried_.generations.vanished(
      {inventory().gpus[0].uuid, inventory().gpus[0].instances[0].id.value});
  node_->rest();
  const MachineSample first = tick_until([&](const GpuSample& gpu) {
    return gpu.instances[0].generation != generation && gpu.instances[0].activity.sm;
  });
  EXPECT_LT(*first.gpus[0].instances[0].activity.tensor, 0.3);
}

TEST_F(DcgmSourceTest, WithoutAnEngineActivityIsUnknownAndThatIsNoTroubleUnlessRequired) {
  a100({"1g.5gb"});
  watch();
  MachineSample sample = tick_until_unknown("no DCGM host engine listens at " + socket());
  EXPECT_EQ(error_of(sample), "");
  source_.reset();
  watch(DcgmUse::kRequire);
  sample = tick_until_unknown("no DCGM host engine listens");
  EXPECT_NE(error_of(sample), "");
}

TEST_F(DcgmSourceTest, AnEngineThatDiesTakesItsReadingsAlongAndIsFoundAgain) {
  a100({"1g.5gb", "2g.10gb"});
  start_engine();
  watch();
  tick_until_known();
  end_engine();
  const MachineSample sample = tick_until_unknown("");
  EXPECT_NE(error_of(sample), "") << "it was there";
  start_engine();
  EXPECT_EQ(error_of(tick_until_known()), "");
}

TEST_F(DcgmSourceTest, AnEngineThatHangsHoldsUpNoTickAndIsWithdrawn) {
  a100({"1g.5gb"});
  start_engine();
  watch();
  tick_until_known();
  fault("hang");
  const MachineSample sample = tick_until_unknown("has not answered for ");
  EXPECT_NE(error_of(sample).find("the DCGM host engine has not answered"), std::string::npos);
  EXPECT_TRUE(sample.gpus[0].power_watts) << "the rest of the tick is read";
  EXPECT_FALSE(source_->stop(10ms)) << "its thread is left behind";
}

TEST_F(DcgmSourceTest, WhatTheEngineDoesNotKnowIsUnknown) {
  a100({"1g.5gb"});
  start_engine();
  watch();
  tick_until_known();
  for (const auto& [word, reason] : {std::pair{"blank", "has no value"},
                                     {"not_supported", "not supported"},
                                     {"stale", "older than three intervals"}}) {
    fault(word);
    EXPECT_EQ(error_of(tick_until_unknown(reason)), "") << word;
    fault("");
    tick_until_known();
  }
}

TEST_F(DcgmSourceTest, ARefusalIsToldAndTriedAgain) {
  a100({"1g.5gb"});
  start_engine();
  fault("refuse");
  watch();
  EXPECT_NE(error_of(tick_until_unknown("does not run as root")), "");
  report_until("watches 0 groups 0");  // nothing is left of the attempt
  fault("in_use");
  tick_until_unknown("counters are in use");
  fault("");
  EXPECT_EQ(error_of(tick_until_known()), "");
}

TEST_F(DcgmSourceTest, LettingGoEndsAllWatches) {
  a100({"1g.5gb"});
  start_engine();
  watch();
  tick_until_known();
  source_->let_go();
  report_until("connections 0 entities 0 watches 0 groups 0");
  tick_until_known();
}

}  // namespace
}  // namespace mig::observe
