// SPDX-License-Identifier: Apache-2.0
// The journal's content after a change, and the conditions that prevent a change from beginning.
#include "apply/journal_recorder.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "apply/liveness.h"
#include "base/proc_root.h"
#include "base/process_start.h"

namespace mig::apply {
namespace {

class JournalRecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "recorderXXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/journal.db";
    Gpu gpu;
    gpu.uuid = "GPU-a";
    gpu.name = "NVIDIA A100";
    gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
    before_.gpus = {gpu};
    before_.driver_version = "580.1";
    Step step;
    step.kind = StepKind::kCreateGpuInstance;
    step.gpu_uuid = "GPU-a";
    step.profile = *ProfileName::parse("1g.5gb");
    step.gpu_placement = {0, 1};
    plan_.steps = {step, step};
    plan_.gpus.resize(1);
    plan_.gpus[0].uuid = "GPU-a";
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  store::Journal journal() { return *store::Journal::open(path_); }

  // State that the journal records for a change with this outcome.
  store::ChangeState ended(Outcome outcome, bool failed) {
    JournalRecorder recorder(path_, {"test", ""});
    EXPECT_TRUE(recorder.begin(plan_, before_));
    ApplyResult result;
    result.outcome = outcome;
    result.after = before_;
    if (failed) {
      result.failure = Error{ErrorCode::kDriver, "why", {}, {}, {}};
    }
    EXPECT_TRUE(recorder.finish(result));
    return (*journal().find(*recorder.number()))->state;
  }

  std::string folder_, path_;
  Inventory before_;
  Plan plan_;
};

TEST_F(JournalRecorderTest, EachEndHasItsName) {
  EXPECT_EQ(ended(Outcome::kApplied, false), store::ChangeState::kApplied);
  EXPECT_EQ(ended(Outcome::kApplied, true), store::ChangeState::kApplied) << "as far as it goes";
  EXPECT_EQ(ended(Outcome::kRolledBack, true), store::ChangeState::kRolledBack);
  EXPECT_EQ(ended(Outcome::kStuck, true), store::ChangeState::kStuck);
  EXPECT_EQ(ended(Outcome::kUnchanged, false), store::ChangeState::kApplied);
  EXPECT_EQ(ended(Outcome::kUnchanged, true), store::ChangeState::kRolledBack);
}

TEST_F(JournalRecorderTest, TheWholeChangeIsWrittenBeforeTheFirstCall) {
  JournalRecorder recorder(path_, {"apply -f x", "because"});
  ASSERT_TRUE(recorder.begin(plan_, before_));
  const auto open = *journal().open_change();
  ASSERT_TRUE(open);
  EXPECT_EQ(open->command, "apply -f x");
  EXPECT_EQ(open->reason, "because");
  EXPECT_EQ(open->driver, "580.1");
  EXPECT_NE(open->before.find("GPU-a"), std::string::npos);
  EXPECT_EQ(open->pid, ::getpid());
  EXPECT_EQ(open->boot_id, base::boot_id("/proc"));
  EXPECT_EQ(open->start_ticks,
            static_cast<std::int64_t>(*base::process_start("/proc", ::getpid())));
  const auto steps = *journal().steps(open->id);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].board, "NVIDIA A100");
  EXPECT_EQ(steps[1].sequence, 1);
}

TEST_F(JournalRecorderTest, IntentComesBeforeTheCallAndItsResultWithIdsAndTimeAfter) {
  JournalRecorder recorder(path_, {"test", ""});
  ASSERT_TRUE(recorder.begin(plan_, before_));
  Step step = plan_.steps[1];
  const Call call{step, 1, Direction::kDo};
  ASSERT_TRUE(recorder.before_call(call));
  auto attempts = *journal().attempts(*recorder.number());
  ASSERT_EQ(attempts.size(), 1U);
  EXPECT_FALSE(attempts[0].finished);
  EXPECT_EQ(attempts[0].sequence, 1);
  EXPECT_EQ(attempts[0].direction, store::Direction::kDo);
  step.gpu_instance = GpuInstanceId{9};
  ASSERT_TRUE(recorder.after_call(call, nullptr));
  const Error refused{ErrorCode::kInUse, "no", {}, {}, {}};
  const Call undo{step, 0, Direction::kUndo};
  ASSERT_TRUE(recorder.before_call(undo));
  ASSERT_TRUE(recorder.after_call(undo, &refused));
  attempts = *journal().attempts(*recorder.number());
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_TRUE(attempts[0].finished && attempts[0].succeeded);
  EXPECT_EQ(attempts[0].gpu_instance, 9);
  EXPECT_TRUE(attempts[0].took_us);
  EXPECT_EQ(attempts[1].direction, store::Direction::kUndo);
  EXPECT_TRUE(attempts[1].finished);
  EXPECT_FALSE(attempts[1].succeeded);
  EXPECT_EQ(attempts[1].message, "no");
}

TEST_F(JournalRecorderTest, ADamagedJournalKeepsAChangeFromBeginning) {
  {
    store::Journal into = journal();
    store::ChangeRow change;
    std::vector<store::StepRow> rows(400, row_of(plan_.steps[0], 0));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].sequence = static_cast<std::int64_t>(i);
    }
    const auto id = into.begin(change, rows);
    ASSERT_TRUE(id);
    ASSERT_TRUE(into.finish(*id, store::ChangeState::kApplied, "", "{}"));
  }
  const auto size = std::filesystem::file_size(path_);
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size - 2 * 4096));
    file << std::string(4096, '\x5a');
  }
  JournalRecorder recorder(path_, {"test", ""});
  const auto begun = recorder.begin(plan_, before_);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, ErrorCode::kIo);
}

TEST_F(JournalRecorderTest, WhoLooksSeesThatSomebodyIsAtWork) {
  JournalRecorder recorder(path_, {"test", ""});
  ASSERT_TRUE(recorder.begin(plan_, before_));
  store::ChangeRow open = **journal().open_change();
  EXPECT_TRUE(being_carried_out(open, path_));
  open.pid = 1;  // the lock decides, whatever pid is recorded
  EXPECT_TRUE(being_carried_out(open, path_));
  JournalRecorder second(path_, {"another", ""});
  const auto refused = second.begin(plan_, before_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_NE(refused.error().message.find("`test`"), std::string::npos) << refused.error().message;
  ApplyResult result;
  ASSERT_TRUE(recorder.finish(result));
  EXPECT_FALSE(being_carried_out(open, path_));
}

TEST_F(JournalRecorderTest, APidAloneProvesNothing) {
  store::ChangeRow change;
  change.pid = ::getpid();
  change.boot_id = base::boot_id("/proc");
  const auto start = static_cast<std::int64_t>(*base::process_start("/proc", ::getpid()));
  EXPECT_FALSE(being_carried_out(change, path_)) << "no start is recorded";
  change.start_ticks = start + 1;
  EXPECT_FALSE(being_carried_out(change, path_)) << "the number is another's by now";
  change.start_ticks = start;
  EXPECT_TRUE(being_carried_out(change, path_)) << "no lock to look at, and it is that process";
  change.boot_id = "00000000-0000-0000-0000-000000000001";
  EXPECT_FALSE(being_carried_out(change, path_)) << "of another boot";
  change.boot_id = base::boot_id("/proc");
  { std::ofstream(writer_lock_of(path_)) << "1\n"; }
  EXPECT_FALSE(being_carried_out(change, path_)) << "nobody holds the lock: that decides";
}

TEST(JournalSteps, ComeBackAsTheyWereWritten) {
  for (const StepKind kind : {StepKind::kDestroyComputeInstance,
                              StepKind::kDestroyGpuInstance,
                              StepKind::kDisableMig,
                              StepKind::kEnableMig,
                              StepKind::kResetGpu,
                              StepKind::kCreateGpuInstance,
                              StepKind::kCreateComputeInstance}) {
    Step step;
    step.kind = kind;
    step.gpu = GpuIndex{3};
    step.gpu_uuid = "GPU-a";
    step.gpu_placement = {4, 4};
    step.profile_id = {9};
    if (kind != StepKind::kDisableMig && kind != StepKind::kEnableMig &&
        kind != StepKind::kResetGpu) {
      step.profile = *ProfileName::parse("3g.20gb");
    }
    step.ci_placement = Placement{1, 2};
    step.gpu_instance = GpuInstanceId{0};
    const auto back = mig::apply::step_of(row_of(step, 0));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(back->kind, kind);
    EXPECT_EQ(back->gpu.value, 3U);
    EXPECT_EQ(back->profile, step.profile);
    EXPECT_EQ(back->gpu_placement, step.gpu_placement);
    EXPECT_EQ(back->ci_placement, step.ci_placement);
    EXPECT_EQ(back->gpu_instance, step.gpu_instance);
    EXPECT_EQ(back->compute_instance, std::nullopt);
  }
  store::StepRow unknown;
  unknown.kind = "dance";
  EXPECT_FALSE(mig::apply::step_of(unknown));
}

}  // namespace
}  // namespace mig::apply
