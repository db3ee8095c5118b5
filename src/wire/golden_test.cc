// SPDX-License-Identifier: Apache-2.0
// Documents held still, byte by byte. After a wanted change: MIG_UPDATE_GOLDENS=1 wire_test
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "wire/isolation.h"
#include "wire/jobs.h"
#include "wire/testdata/isolation_sample.h"
#include "wire/testdata/sample.h"
#include "wire/wire.h"

namespace mig::wire {
namespace {

void expect_golden(const std::string& file, const std::string& text) {
  const std::string path = std::string(MIG_WIRE_TESTDATA) + "/" + file;
  if (std::getenv("MIG_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path) << text;
  }
  std::ifstream stream(path);
  ASSERT_TRUE(stream) << path;
  std::ostringstream golden;
  golden << stream.rdbuf();
  EXPECT_EQ(golden.str(), text) << path;
}

Source lab() {
  return {true, "lab"};
}

TEST(Golden, Inventory) {
  expect_golden("inventory.json", inventory_document(sample::inventory()));
}

TEST(Golden, InventoryOfHardwareThatHidesInstances) {
  Inventory inventory = sample::inventory();
  inventory.simulated = false;
  inventory.gpus.resize(1);
  inventory.gpus[0].instances_complete = false;
  inventory.gpus[0].instances[1].placement = {};
  inventory.gpus[0].memory_total_mib.reset();
  inventory.gpus[0].memory_slices = 0;
  inventory.gpus[0].compute_slices = 0;
  inventory.warnings = {"GPU 7 is left out: it is lost"};
  expect_golden("inventory_unprivileged.json", inventory_document(inventory));
  expect_golden("placements_unprivileged.json", placement_list_document(inventory));
}

TEST(Golden, Profiles) {
  Inventory inventory = sample::inventory();
  inventory.gpus.resize(1);
  ComputeInstanceProfile compute;
  compute.name = sample::name("1c.3g.20gb");
  compute.slices = 1;
  compute.max_count = 3;
  inventory.gpus[0].profiles[2].compute_profiles = {compute};
  inventory.gpus[0].profiles[2].compute_profiles_derived = true;
  expect_golden("profiles.json", profile_list_document(inventory));
}

TEST(Golden, Placements) {
  expect_golden("placements.json", placement_list_document(sample::inventory()));
}

TEST(Golden, Plan) {
  expect_golden("plan.json", plan_document(sample::plan(), lab()));
}

TEST(Golden, Isolation) {
  expect_golden("isolation.json", isolation_document(sample::isolation(), lab()));
}

TEST(Golden, ApplyThatWasRolledBack) {
  ApplyReport report;
  report.outcome = "rolled_back";
  report.plan = sample::plan();
  report.plan.gpus[0].blockers.clear();
  for (const auto& step : report.plan.steps) {
    report.steps.push_back({step, false, false, 0});
  }
  report.steps[0].done = report.steps[0].undone = true;
  report.steps[0].milliseconds = 104.1237;
  report.failure = Error{ErrorCode::kInUse, "cannot reset GPU 0", "wait", {"apply"}, 19};
  report.failure_nvml_name = "NVML_ERROR_IN_USE";
  expect_golden("apply_rolled_back.json", apply_document(report, lab()));
}

TEST(Golden, Assert) {
  expect_golden("assert.json",
                assert_document({"mixed", false, {"GPU 0: 1g.5gb: 2 wanted, 1 there"}}, lab()));
}

TEST(Golden, ErrorBeforeADriverWasChosen) {
  const Error error{ErrorCode::kNoDriver, "no driver", "migctl sim create lab", {}, {}};
  expect_golden("error_no_driver.json", error_document(error, "", std::nullopt));
}

TEST(Golden, ErrorOfTheDriver) {
  const Error error{ErrorCode::kInUse, "cannot destroy gi=3", "", {"GPU 0"}, 19};
  expect_golden("error_in_use.json", error_document(error, "NVML_ERROR_IN_USE", lab()));
}

TEST(Golden, Jobs) {
  JobEntry job;
  job.id = 12;
  job.name = "train-a";
  job.state = "running";
  job.command = "python train.py";
  job.folder = "/home/alice";
  job.created_ms = 1764140000000;
  job.started_ms = 1764140001000;
  job.detached = job.confined = true;
  job.supervisor_pid = 4120;
  JobEntry::Rank rank;
  rank.uuid = "MIG-1";
  rank.profile = "1g.5gb";
  rank.gpu_instance = GpuInstanceId{7};
  rank.pid = 4121;
  rank.log = "/home/alice/.local/state/migctl/jobs/local/12.0.log";
  job.ranks = {rank};
  expect_golden("jobs.json", job_list_document({job}, lab()));
  expect_golden("job_started.json", job_started_document(12, lab()));
}

TEST(Golden, RunAndVersion) {
  RunReport report;
  report.job = 12;
  report.exit_code = 3;
  report.ranks = {{"MIG-1", "1g.5gb", GpuIndex{1}, GpuInstanceId{7}, ComputeInstanceId{0}, 0, 2},
                  {"MIG-2", "1g.5gb", GpuIndex{1}, GpuInstanceId{8}, ComputeInstanceId{0}, 3, 0}};
  expect_golden("run.json", run_document(report, lab()));
  expect_golden("version.json",
                version_document({"0.1.0", "", "", "no driver"}, Source{false, ""}));
}

TEST(Documents, NamesOfProcessesThatAreNotTextDoNotBreakTheDocument) {
  Inventory inventory = sample::inventory();
  inventory.gpus[0].processes[0].name = "bad\xff name\n";
  const std::string text = inventory_document(inventory);
  EXPECT_NE(text.find("bad\xEF\xBF\xBD name\\n"), std::string::npos);
}

}  // namespace
}  // namespace mig::wire
