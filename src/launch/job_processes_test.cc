// SPDX-License-Identifier: Apache-2.0
#include "launch/job_processes.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "launch/child.h"

namespace mig::launch {
namespace {

using namespace std::chrono_literals;

class JobProcessesTest : public testing::Test {
 protected:
  void SetUp() override {
    row_.supervisor_pid = ::getpid();
    row_.supervisor_start = 77;  // no other test's
  }

  ~JobProcessesTest() override {
    for (const JobProcess& process : processes_of_job(row_, "/proc")) {
      signal_job_process(process, SIGKILL, "/proc");
    }
  }

  // Starts the script as a command of the job; returns its pid.
  int start(const std::string& script) const {
    ChildRequest request;
    request.argv = {"sh", "-c", script};
    request.environment = {{kJobMark, job_mark(row_)}};
    request.own_group = true;
    sigset_t none;
    sigemptyset(&none);
    return start_child(request, none).pid;
  }

  // Waits until the job has so many processes.
  std::vector<JobProcess> processes(std::size_t count) const {
    std::vector<JobProcess> found;
    for (int i = 0; i < 1200; ++i) {
      found = processes_of_job(row_, "/proc");
      if (found.size() == count) {
        break;
      }
      std::this_thread::sleep_for(50ms);
    }
    EXPECT_EQ(found.size(), count);
    return found;
  }

  store::JobRow row_;
};

TEST_F(JobProcessesTest, WhatLeftItsSessionAndItsParentIsFound) {
  const int command = start("setsid sh -c 'sleep 600 & exec sleep 601' & exec sleep 602");
  const auto found = processes(3);
  EXPECT_TRUE(std::all_of(found.begin(), found.end(), [](const JobProcess& process) {
    return process.name == "sleep";
  })) << names_of(found);
  ::kill(command, SIGKILL);
  ::waitpid(command, nullptr, 0);
  for (const JobProcess& process : processes(2)) {
    EXPECT_NE(process.group, command);
    EXPECT_TRUE(signal_job_process(process, SIGKILL, "/proc"));
  }
  EXPECT_TRUE(processes(0).empty());
}

TEST_F(JobProcessesTest, AnotherJobsAreNotItsOwn) {
  const int command = start("exec sleep 600");
  processes(1);
  store::JobRow other = row_;
  other.supervisor_start = 78;
  EXPECT_TRUE(processes_of_job(other, "/proc").empty());
  ::kill(command, SIGKILL);
  ::waitpid(command, nullptr, 0);
  EXPECT_TRUE(processes_of_job(row_, "/proc").empty());
}

// The rank's process counts even where it has cleaned its environment; one of that pid that started
// at another time is another process.
TEST_F(JobProcessesTest, ACommandIsItsPidAndItsStart) {
  const int command = start("exec env -i sleep 600");
  store::JobRankRow rank;
  rank.pid = command;
  row_.ranks.push_back(rank);
  std::vector<JobProcess> marked = processes_of_job(row_, "/proc");
  for (int i = 0; i < 1200 && !marked.empty(); ++i) {
    std::this_thread::sleep_for(50ms);
    marked = processes_of_job(row_, "/proc");
  }
  EXPECT_TRUE(marked.empty());
  JobProcess process{static_cast<std::uint32_t>(command), 1, command, ""};
  EXPECT_TRUE(signal_job_process(process, SIGKILL, "/proc")) << "another process: nothing is done";
  EXPECT_EQ(::kill(command, 0), 0);
  ::kill(command, SIGKILL);
  ::waitpid(command, nullptr, 0);
}

TEST(JobProcesses, ManyAreCounted) {
  std::vector<JobProcess> many;
  for (std::uint32_t pid = 1; pid <= 12; ++pid) {
    many.push_back({pid, 0, 0, pid == 1 ? "sh" : ""});
  }
  const std::string names = names_of(many);
  EXPECT_TRUE(names.starts_with("pid 1 (sh), pid 2, ")) << names;
  EXPECT_TRUE(names.ends_with("pid 10, 2 more")) << names;
}

}  // namespace
}  // namespace mig::launch
