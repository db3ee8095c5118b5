// SPDX-License-Identifier: Apache-2.0
// What a job's features and a task's files say; the whole with a real Slurm is in tests/slurm.
#include "slurm/job_layout.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "slurm/gres.h"

namespace mig::slurm {
namespace {

namespace fs = std::filesystem;

TEST(JobLayout, IsNamedByOneFeature) {
  EXPECT_EQ(layout_asked("mig-7x1g").value(), "7x1g");
  EXPECT_EQ(layout_asked("fast&mig-all-1g.18gb&(rack1|rack2)*2").error().code,
            ErrorCode::kInvalidInput)
      << "alternatives: which one the job got is not told";
  EXPECT_EQ(layout_asked("fast&mig-all-1g.18gb").value(), "all-1g.18gb");
  EXPECT_EQ(layout_asked("fast,mig-x_2").value(), "x_2");
  for (const char* none : {"", "fast", "mig-", "migx", "a&b|c"}) {
    EXPECT_EQ(layout_asked(none).value(), std::nullopt) << none;
  }
  for (const char* open : {"mig-a|mig-b", "[mig-a|b]", "mig-a&mig-b"}) {
    EXPECT_EQ(layout_asked(open).error().code, ErrorCode::kInvalidInput) << open;
  }
}

class TaskOfLayout : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "joblayoutXXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    settings_.node = "gpu01";
    settings_.job_state = pattern;
    job_.id = "7";
  }

  void TearDown() override { fs::remove_all(settings_.job_state); }

  void write(const std::string& text) const {
    std::ofstream(settings_.job_state + "/7.conf") << text;
  }

  std::string two_devices() const {
    std::vector<Device> devices(2);
    for (std::uint32_t i = 0; i < 2; ++i) {
      devices[i].index = i;
      devices[i].type = "1g.18gb";
      devices[i].uuid = i == 0 ? "MIG-a" : "MIG-b";
      devices[i].gpu_instance = GpuInstanceId{i + 1};
      devices[i].compute_instance = ComputeInstanceId{0};
      devices[i].files = {"/dev/nvidia0"};
    }
    Naming naming;
    naming.node = "gpu01";
    return block_text(devices, naming);
  }

  Settings settings_;
  JobWords job_;
};

TEST_F(TaskOfLayout, OneTaskHasAllAndEachOfSeveralItsOwn) {
  EXPECT_EQ(task_of_layout(settings_, job_).value(), std::nullopt) << "a job without a layout";
  write(two_devices());
  EXPECT_EQ(task_of_layout(settings_, job_).value()->lines,
            "export CUDA_VISIBLE_DEVICES=MIG-a,MIG-b\nexport NVIDIA_VISIBLE_DEVICES=MIG-a,MIG-b\n");
  job_.local_tasks = 3;
  for (const auto& [task, uuid] :
       {std::pair(0U, "=MIG-a\n"), std::pair(1U, "=MIG-b\n"), std::pair(2U, "=MIG-a\n")}) {
    job_.local_task = task;
    EXPECT_NE(task_of_layout(settings_, job_).value()->lines.find(uuid), std::string::npos) << task;
  }
}

TEST_F(TaskOfLayout, ARefusedJobIsToldWhyOnOneLine) {
  const Error why{ErrorCode::kInvalidInput, "no\nroom", "ask for less", {}, {}};
  ASSERT_TRUE(refuse_job(settings_, job_, why));
  const auto told = task_of_layout(settings_, job_).value();
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->refused);
  EXPECT_TRUE(told->lines.starts_with("print migctl: "));
  EXPECT_EQ(std::count(told->lines.begin(), told->lines.end(), '\n'), 1) << told->lines;
  EXPECT_NE(told->lines.find("ask for less"), std::string::npos);
}

TEST_F(TaskOfLayout, AFileThatIsNotOursIsAnError) {
  write("something");
  EXPECT_EQ(task_of_layout(settings_, job_).error().code, ErrorCode::kInvalidInput);
}

TEST(JobWords, AreReadFromSlurmsVariables) {
  const auto job = parse_job({{"SLURM_JOB_ID", "9"},
                              {"SLURM_JOB_CONSTRAINTS", "mig-a"},
                              {"SLURM_LOCALID", "2"},
                              {"SLURM_STEP_TASKS_PER_NODE", "4(x2),1"}});
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->constraints, "mig-a");
  EXPECT_EQ(job->local_task, 2U);
  EXPECT_EQ(job->local_tasks, 4U);
  EXPECT_EQ(parse_job({{"SLURM_JOB_ID", "9"}})->local_tasks, 1U);
}

}  // namespace
}  // namespace mig::slurm
