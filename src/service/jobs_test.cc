// SPDX-License-Identifier: Apache-2.0
// The record of a user's jobs on a simulated machine: output that is kept, and ending of jobs.
#include "service/jobs.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "node/test_machine.h"
#include "service/run_job.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;

class JobsTest : public node::MachineTest {
 protected:
  void SetUp() override {
    node::MachineTest::SetUp();
    make("1x a100-sxm4-40gb");
    enable_mig();
    create(0, {"3g.20gb:4", "1g.5gb:0"});
  }

  // Runs a job to its end; returns its number as a word.
  std::string run(const std::string& script, bool log, std::uint32_t count = 1) {
    RunRequest request;
    request.command.argv = {"sh", "-c", script};
    request.command.log = log;
    request.where.count = count;
    const auto result = run_job(*node_, request);
    EXPECT_TRUE(result) << result.error().text();
    return result ? std::to_string(result->job) : "";
  }

  // A job of another process, named `name`, whose command runs.
  pid_t start_job(const std::string& name, const std::string& script) {
    const std::string mark = root_ + "/up-" + name;
    const pid_t child = start(MIG_BIN_DIR "/migctl",
                              {"--sim",
                               "lab",
                               "run",
                               "--name",
                               name,
                               "--",
                               "sh",
                               "-c",
                               script + "; : >" + mark + "; while :; do sleep 0.05; done"});
    for (int i = 0; i < 1200 && !std::filesystem::exists(mark); ++i) {
      std::this_thread::sleep_for(50ms);
    }
    EXPECT_TRUE(std::filesystem::exists(mark));
    return child;
  }

  Result<std::string> output_of(const std::string& word, const JobOutputChoice& choice = {}) {
    std::string all;
    MIG_TRY(read_job_output(*node_, word, choice, [&](const std::string& text) { all += text; }));
    return all;
  }
};

TEST_F(JobsTest, KeptOutputIsReadWholeOrItsLastLines) {
  const std::string job = run("echo one; echo two; printf three", true);
  EXPECT_EQ(output_of(job).value_or(""), "one\ntwo\nthree\n");
  EXPECT_EQ(output_of(job, {{}, 2, false}).value_or(""), "two\nthree\n");
  // Following a job that has ended ends by itself.
  EXPECT_EQ(output_of(job, {{}, {}, true}).value_or(""), "one\ntwo\nthree\n");
}

TEST_F(JobsTest, LinesOfSeveralRanksAreTold) {
  const std::string job = run("echo $MIGCTL_RANK", true, 2);
  EXPECT_EQ(output_of(job).value_or(""), "[0] 0\n[1] 1\n");
  EXPECT_EQ(output_of(job, {1, {}, false}).value_or(""), "1\n");
  const auto none = output_of(job, {2, {}, false});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_NE(none.error().hint.find("0 to 1"), std::string::npos) << none.error().text();
}

TEST_F(JobsTest, OutputThatWasNotKeptIsNotFound) {
  const auto none = output_of(run("true", false));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNothingMatched) << none.error().text();
}

TEST_F(JobsTest, AWrongWordStopsNothing) {
  const pid_t child = start_job("right", ":");
  const auto refused = stop_jobs(*node_, {"right", "wrong"}, 10s, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound) << refused.error().text();
  EXPECT_EQ(list_jobs(*node_, false).value_or(std::vector<Job>()).size(), 1U);

  std::vector<std::string> ended;
  StopObserver observer;
  observer.on_end = [&](const Job& job) { ended.push_back(job.row.name); };
  const auto stopped = stop_jobs(*node_, {"right"}, 10s, observer);
  EXPECT_TRUE(stopped) << stopped.error().text();
  EXPECT_EQ(ended, std::vector<std::string>{"right"});
  wait(child);
  EXPECT_TRUE(list_jobs(*node_, false).value_or(std::vector<Job>(1)).empty());
  EXPECT_EQ(list_jobs(*node_, true).value_or(std::vector<Job>()).size(), 1U);
}

TEST_F(JobsTest, WhatIgnoresSigtermIsKilledAfterTheGrace) {
  const pid_t child = start_job("deaf", "trap '' TERM");
  int killed = 0;
  StopObserver observer;
  observer.on_kill = [&](const Job&) { ++killed; };
  // Shorter than the grace of the job's own supervisor.
  const auto stopped = stop_jobs(*node_, {"deaf"}, 100ms, observer);
  EXPECT_TRUE(stopped) << stopped.error().text();
  EXPECT_EQ(killed, 1);
  wait(child);
}

}  // namespace
}  // namespace mig::service
