// SPDX-License-Identifier: Apache-2.0
// Golden tests: documents compared byte by byte. After an intended change: MIG_UPDATE_GOLDENS=1
// wire_test
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "model/testing/test_report.h"
#include "wire/checkup.h"
#include "wire/isolation.h"
#include "wire/jobs.h"
#include "wire/report.h"
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

// Every kind of block; what is long in the sample is shortened.
TEST(Golden, WrittenReport) {
  report::Report sample = report::test_report("\x89PNG");
  for (report::Section& section : sample.sections) {
    for (report::Block& block : section.blocks) {
      if (auto* transcript = std::get_if<report::Transcript>(&block)) {
        transcript->printed.resize(std::min<std::size_t>(transcript->printed.size(), 120));
      } else if (auto* chart = std::get_if<report::LineChart>(&block)) {
        for (report::Line& line : chart->lines) {
          line.points.erase(line.points.begin() + 3, line.points.end());
        }
      } else if (auto* paragraph = std::get_if<report::Paragraph>(&block)) {
        paragraph->text = report::Text(paragraph->text.str().substr(0, 80));
      }
    }
  }
  expect_golden("written_report.json", wire::report_document(sample));
}

// A long transcript keeps its ends, and says how much is missing.
TEST(WrittenReport, ATranscriptIsBounded) {
  report::Report report;
  report.sections = {{"s", "", "s", 1, {}}};
  report.sections[0].add(
      report::Transcript{"x", 0, "begin" + std::string(1'000'000, 'x') + "end", {}, ""});
  const std::string text = report_document(report);
  EXPECT_LT(text.size(), 300'000U);
  EXPECT_NE(text.find("\"bytesLeftOut\": 737864"), std::string::npos) << text.substr(0, 600);
  EXPECT_NE(text.find("\"printed\": \"begin"), std::string::npos);
  EXPECT_NE(text.find("xend\""), std::string::npos);
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

TEST(Golden, Checkup) {
  Checkup checkup;
  checkup.privileged = true;
  checkup.results.push_back({"driver",
                             "The driver loads",
                             Verdict::kOk,
                             "driver 580.159.04",
                             {"library: libnvidia-ml.so.1"},
                             "",
                             {},
                             std::chrono::milliseconds(24)});
  checkup.results.push_back({"mig-pending",
                             "No change of MIG mode is pending",
                             Verdict::kWarning,
                             "GPU 0: MIG is off, and will be on",
                             {"nvmlDeviceGetMigMode of GPU 0: current off, pending on"},
                             "the mode changes with a reset",
                             {"nvidia-smi --gpu-reset -i 0"},
                             std::chrono::milliseconds(1)});
  checkup.results.push_back({"cdi-files", "CDI files can be read", Verdict::kNotHere, "no files"});
  expect_golden("checkup.json", checkup_document(checkup, lab()));
  expect_golden("check_list.json", check_list_document({{"driver", "The driver loads", true}}));
}

TEST(Golden, Isolation) {
  expect_golden("isolation.json", isolation_document(sample::isolation(), lab()));
}

TEST(Golden, ApplyThatWasRolledBack) {
  Plan plan = sample::plan();
  plan.gpus[0].blockers.clear();
  ApplyResult result;
  result.outcome = Outcome::kRolledBack;
  for (const auto& step : plan.steps) {
    result.steps.push_back({step, false, false, 0});
  }
  result.steps[0].done = result.steps[0].undone = true;
  result.steps[0].milliseconds = 104.1237;
  result.failure = Error{ErrorCode::kInUse, "cannot reset GPU 0", "wait", {"apply"}, 19};
  expect_golden("apply_rolled_back.json", apply_document(plan, result, "NVML_ERROR_IN_USE", lab()));
}

TEST(Golden, Assert) {
  expect_golden("assert.json",
                assert_document({"mixed", false, {"GPU 0: 1g.5gb: 2 wanted, 1 there"}}, lab()));
}

ChangeRecord change() {
  ChangeRecord change;
  change.id = 12;
  change.started_ms = 1764140000000;
  change.finished_ms = 1764140001500;
  change.pid = 4120;
  change.user = "alice";
  change.command = "apply -f layouts.yaml -c mixed";
  change.before = R"({"format":1,"gpus":[]})";
  change.after = "not recorded";
  change.state = ChangeState::kRolledBack;
  change.message = "cannot create 3g.20gb on GPU 0";
  change.steps = 2;
  return change;
}

TEST(Golden, History) {
  ChangeRecord open;
  open.id = 13;
  open.started_ms = 1764140002000;
  open.user = "root";
  open.command = "mode enable";
  open.reason = "maintenance";
  open.cause = "lease --create";
  open.made_for = MadeFor{1001, "lab-a", 12, 15};
  expect_golden("history.json", history_document({open, change()}, lab()));
  ChangeDetails details;
  details.change = change();
  const std::vector<Step> steps = sample::plan().steps;
  details.plan.push_back({steps.front(), "undone", ""});
  details.plan.push_back({steps.back(), "failed", "no capacity"});
  expect_golden("history_change.json", history_document(details, lab()));
}

TEST(Golden, Recovery) {
  Recovery recovery;
  recovery.was_open = true;
  recovery.change = 12;
  recovery.command = "apply -f layouts.yaml";
  recovery.result.outcome = Outcome::kStuck;
  recovery.result.failure = Error{ErrorCode::kStuck, "GPU 0 does not answer", "reboot", {}, {}};
  recovery.result.others = {"GPU 1: 1g.5gb at 6:1"};
  expect_golden("recovery_stuck.json", recovery_document(recovery, lab()));
  expect_golden("recovery_nothing.json", recovery_document({}, lab()));
}

TEST(Golden, Holders) {
  HolderReport report;
  report.unreadable_processes = 2;
  Holder process;
  process.pid = 4121;
  process.name = "python";
  process.uid = 1000;
  process.owner = {"jupyter.service", "3f2a", "docker", "1b2c", "17"};
  process.gpu_instance = GpuInstanceId{3};
  process.compute_instance = ComputeInstanceId{0};
  process.evidence = {"driver process list", "/dev/nvidia-caps/nvidia-cap21"};
  Holder module;
  module.kind = HolderKind::kKernelModule;
  module.name = "nvidia_drm";
  module.gpu = GpuIndex{1};
  module.stops = HolderStops::kReset;
  module.evidence = {"/proc/modules: 2 users"};
  report.holders = {process, module};
  const LostGpu lost{GpuIndex{7}, Error{ErrorCode::kDeviceLost, "cannot open GPU 7", "", {}, 15}};
  expect_golden("holders.json", holders_document(report, {lost}, lab()));
}

TEST(Golden, Slots) {
  Slot slot;
  slot.row.name = "train-a";
  slot.row.gpu_uuid = "GPU-1";
  slot.row.pci_bus_id = "00000000:10:00.0";
  slot.row.profile = "1c.3g.20gb";
  slot.row.start = 4;
  slot.row.size = 4;
  slot.row.ci_start = 1;
  slot.row.previous_uuid = "MIG-old";
  slot.row.changed_ms = 1764140000000;
  slot.state = SlotState::kReady;
  slot.gpu = GpuIndex{0};
  slot.uuid = "MIG-new";
  slot.gpu_instance = GpuInstanceId{2};
  slot.compute_instance = ComputeInstanceId{1};
  Slot gone;
  gone.row.name = "train-b";
  gone.row.gpu_uuid = "GPU-2";
  gone.row.profile = "2g.10gb";
  gone.row.size = 2;
  gone.note = "its GPU is not here";
  expect_golden("slots.json", slot_list_document({slot, gone}, lab()));
  expect_golden("slot.json", slot_document(slot, lab()));
}

TEST(Golden, ErrorBeforeADriverWasChosen) {
  const Error error{ErrorCode::kNoDriver, "no driver", "migctl sim create lab", {}, {}};
  expect_golden("error_no_driver.json", error_document(error, "", std::nullopt));
}

TEST(Golden, ErrorOfTheDriver) {
  const Error error{ErrorCode::kInUse, "cannot destroy gi=3", "", {"GPU 0"}, 19};
  expect_golden("error_in_use.json", error_document(error, "NVML_ERROR_IN_USE", lab()));
}

Instance on_gpu(std::uint32_t gpu, std::uint32_t gi, const char* uuid) {
  Instance instance;
  instance.uuid = uuid;
  instance.profile = sample::name("1g.5gb");
  instance.gpu = GpuIndex{gpu};
  instance.gpu_instance = GpuInstanceId{gi};
  return instance;
}

TEST(Golden, Jobs) {
  Job job;
  job.row.id = 12;
  job.row.name = "train-a";
  job.state = JobState::kRunning;
  job.row.command = "python train.py";
  job.row.folder = "/home/alice";
  job.row.created_ms = 1764140000000;
  job.row.started_ms = 1764140001000;
  job.row.detached = job.row.confined = true;
  job.row.supervisor_pid = 4120;
  JobRank rank;
  rank.instance = on_gpu(0, 7, "MIG-1");
  rank.pid = 4121;
  rank.log = "/home/alice/.local/state/migctl/jobs/local/12.0.log";
  job.row.ranks = {rank};
  expect_golden("jobs.json", job_list_document({job}, lab()));
  expect_golden("job_started.json", job_started_document(12, lab()));
}

TEST(Golden, RunAndVersion) {
  JobOutcome outcome;
  outcome.job = 12;
  outcome.exit_code = 3;
  outcome.ranks = {{on_gpu(1, 7, "MIG-1"), 0, 2}, {on_gpu(1, 8, "MIG-2"), 3, 0}};
  expect_golden("run.json", run_document(outcome, lab()));
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
