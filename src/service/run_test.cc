// SPDX-License-Identifier: Apache-2.0
// Jobs on instances of a simulated machine: busy ones, chosen ones, and safety of running work.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "node/test_machine.h"
#include "service/run_job.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;

class RunTest : public node::MachineTest {
 protected:
  void SetUp() override {
    node::MachineTest::SetUp();
    make("1x a100-sxm4-40gb");
    enable_mig();
    create(0, {"3g.20gb:4", "1g.5gb:0"});
  }

  // A training on `profile`, visible to the driver.
  pid_t train(const std::string& profile) {
    const pid_t child = start(MIG_BIN_DIR "/migctl",
                              {"--sim",
                               "lab",
                               "run",
                               "--profile",
                               profile,
                               "--",
                               MIG_BIN_DIR "/mig-workload",
                               "train",
                               "--seconds",
                               "60"});
    for (int i = 0; i < 1200 && inventory().gpus[0].processes.empty(); ++i) {
      std::this_thread::sleep_for(50ms);
    }
    return child;
  }

  static void stop(pid_t child) {
    ::kill(child, SIGTERM);
    wait(child);
  }

  launch::RunRequest job(const std::string& profile, const std::string& script) {
    launch::RunRequest request;
    if (!profile.empty()) {
      request.where.selection.profile = *ProfileName::parse(profile);
    }
    request.command.argv = {"sh", "-c", script};
    return request;
  }
};

TEST_F(RunTest, TheCommandSeesItsInstanceAndItsExitCodeComesBack) {
  const std::string out = root_ + "/seen";
  const auto result =
      run_job(*node_,
              job("1g.5gb",
                  "printf '%s %s %s' \"$CUDA_VISIBLE_DEVICES\" \"$NVIDIA_VISIBLE_DEVICES\" "
                  "\"$MIGSIM_MACHINE\" >" +
                      out + "; exit 5"));
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->end.exit_code(), 5);
  std::ifstream file(out);
  std::string cuda;
  std::string nvidia;
  std::string machine;
  file >> cuda >> nvidia >> machine;
  EXPECT_EQ(cuda, result->instances.at(0).uuid);
  EXPECT_EQ(nvidia, cuda);
  EXPECT_EQ(machine, root_ + "/lab");
  EXPECT_EQ(result->instances.at(0).profile.str(), "1g.5gb");
}

// Of two processes, as each supervises its job by signals and reaps all of its children.
TEST_F(RunTest, TwoAtOnceNeverGetTheSameInstance) {
  std::vector<pid_t> runs;
  for (int i = 0; i < 2; ++i) {
    // Each job waits until the other runs.
    const std::string script = fmt::format(
        "cd {} && printf %s \"$CUDA_VISIBLE_DEVICES\" >uuid{} && : >up{} && "
        "for i in $(seq 600); do [ -e up0 ] && [ -e up1 ] && exit 0; sleep 0.05; done; exit 9",
        root_,
        i,
        i);
    runs.push_back(start(MIG_BIN_DIR "/migctl", {"--sim", "lab", "run", "--", "sh", "-c", script}));
  }
  for (const pid_t run : runs) {
    EXPECT_EQ(wait(run), 0) << "9: the other has not run meanwhile";
  }
  std::vector<std::string> uuids(2);
  for (std::size_t i = 0; i < 2; ++i) {
    std::ifstream(fmt::format("{}/uuid{}", root_, i)) >> uuids[i];
    EXPECT_FALSE(uuids[i].empty());
  }
  EXPECT_NE(uuids[0], uuids[1]);
}

TEST_F(RunTest, WhenAllAreBusyTheHolderIsNamed) {
  const pid_t busy = train("1g.5gb");
  const auto refused = run_job(*node_, job("1g.5gb", "true"));
  stop(busy);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInUse);
  EXPECT_NE(refused.error().message.find("mig-workload"), std::string::npos)
      << refused.error().message;
}

TEST_F(RunTest, AnInstanceInUseIsNotDestroyed) {
  const auto early = node_->plan_destroy({});  // planned before the process started
  const pid_t busy = train("3g.20gb");
  const std::string before = shape(0);
  ASSERT_TRUE(early);
  const auto late = node_->plan_destroy({});
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->blocked());
  for (const auto& plan : {early, late}) {
    const auto result = node_->apply(*plan, {});
    if (result) {
      EXPECT_EQ(result->outcome, node::Outcome::kRolledBack);
      EXPECT_EQ(result->failure->code, ErrorCode::kInUse) << result->failure->text();
    } else {
      EXPECT_EQ(result.error().code, ErrorCode::kInUse) << result.error().text();
    }
    EXPECT_EQ(shape(0), before);
  }
  stop(busy);
  must_apply(node_->plan_destroy({}));
}

// A layout that does not fit even an empty machine must not be reported as in use.
TEST_F(RunTest, WhatCanNeverBeIsNotSaidToBeInUse) {
  const pid_t busy = train("1g.5gb");
  DesiredInstance whole;
  whole.profile = *ProfileName::parse("7g.40gb");
  whole.compute_instances = {whole.profile};
  DesiredLayout layout{"x", {{GpuIndex{0}, true, {whole}, {}}}, {}, {}};
  const auto possible = node_->plan(layout);
  layout.spare = {{*ProfileName::parse("1g.5gb"), 1}};
  const auto never = node_->plan(layout);
  stop(busy);
  ASSERT_TRUE(possible) << possible.error().text();
  EXPECT_TRUE(possible->blocked());
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, ErrorCode::kNoCapacity) << never.error().text();
}

TEST_F(RunTest, WaitsForOneToComeFree) {
  const pid_t busy = train("1g.5gb");
  launch::RunRequest request = job("1g.5gb", "true");
  request.where.wait = 20s;
  bool waited = false;
  request.observer.on_wait = [&](const std::string&) {
    waited = true;
    ::kill(busy, SIGTERM);
  };
  const auto result = run_job(*node_, request);
  wait(busy);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_TRUE(waited);
  EXPECT_EQ(result->end.exit_code(), 0);
}

}  // namespace
}  // namespace mig::service
