// SPDX-License-Identifier: Apache-2.0
// Changes left open in the journal by a crash, with the machine as the crash left it.
#include "apply/recover.h"

#include <gtest/gtest.h>

#include "apply/executor.h"
#include "apply/test_machine.h"

namespace mig::apply {
namespace {

using Way = store::Direction;

template <class Id>
std::optional<std::int64_t> number_of(const std::optional<Id>& id) {
  return id ? std::optional<std::int64_t>(id->value) : std::nullopt;
}

class RecoverTest : public ApplyMachineTest {
 protected:
  void SetUp() override {
    ApplyMachineTest::SetUp();
    make("1x a100-sxm4-40gb");
    must_have({});
  }

  // Simulates a crash after the first `done` steps of `plan`, of which the first `recorded` have
  // recorded results. Returns the change's id.
  std::int64_t cut_short(const Plan& plan, std::size_t done, std::size_t recorded) {
    const Inventory before = look();
    store::Journal into = journal();
    const std::int64_t change = open_change(into, plan, before);
    const Context around = context();
    Executor executor(around, before);
    for (std::size_t i = 0; i < done; ++i) {
      Step step = plan.steps[i];
      const std::int64_t attempt = *into.intend(change, static_cast<std::int64_t>(i), Way::kDo);
      const StepResult result = executor.run(step, i, Direction::kDo);
      EXPECT_FALSE(result.failure) << result.failure->text();
      if (i >= recorded) {
        continue;
      }
      EXPECT_TRUE(into.record(
          attempt, true, "", number_of(step.gpu_instance), number_of(step.compute_instance)));
    }
    return change;
  }

  std::string state_of(std::int64_t change) {
    return store::name_of((*journal().find(change))->state);
  }
};

TEST_F(RecoverTest, WithoutAnOpenChangeThereIsNothingToDo) {
  EXPECT_FALSE(must_recover().was_open);
}

TEST_F(RecoverTest, ACompleteChangeIsClosedAsApplied) {
  const Plan plan = plan_for({"3g.20gb:4", "1g.5gb:0"});
  const std::int64_t change = cut_short(plan, 4, 4);
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kApplied);
  EXPECT_EQ(state_of(change), "applied");
  EXPECT_EQ(shape(), "MIG 0:1 1g.5gb[1g.5gb] 4:4 3g.20gb[3g.20gb]");
  EXPECT_FALSE((*journal().find(change))->after.empty()) << "good for the next boot";
}

// The last call was made and its result not recorded: the machine's state decides.
TEST_F(RecoverTest, AllDoneAndTheLastNotRecordedIsAppliedToo) {
  cut_short(plan_for({"1g.5gb:0"}), 2, 1);
  EXPECT_EQ(must_recover().result.outcome, Outcome::kApplied);
  EXPECT_EQ(shape(), "MIG 0:1 1g.5gb[1g.5gb]");
}

// An Ampere resets itself with the mode change. Older journals lack that reset.
TEST_F(RecoverTest, AModeChangeWhoseResetWasNeverRecordedIsApplied) {
  ASSERT_TRUE(carry_out(plan_for({}, false)));
  const Plan plan = plan_for({});
  ASSERT_EQ(plan.steps.at(1).kind, StepKind::kResetGpu);
  cut_short(plan, 1, 1);
  EXPECT_EQ(must_recover().result.outcome, Outcome::kApplied);
  EXPECT_EQ(shape(), "MIG");
}

TEST_F(RecoverTest, AnIncompleteChangeIsTakenBack) {
  must_have({"3g.20gb:4"});
  const std::int64_t change = cut_short(plan_for({"1g.5gb:0", "1g.5gb:1"}), 3, 2);
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kRolledBack);
  EXPECT_FALSE(recovery.rebuilt);
  EXPECT_EQ(state_of(change), "rolled_back");
  EXPECT_EQ(shape(), "MIG 4:4 3g.20gb[3g.20gb]");
}

// A compute instance whose id was not recorded is found by its placement.
TEST_F(RecoverTest, AComputeInstanceWhoseIdWasNotRecordedIsFoundByItsPlace) {
  cut_short(plan_for({"1g.5gb:0", "1g.5gb:1", "1g.5gb:2"}), 4, 3);
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kRolledBack) << recovery.result.failure->text();
  EXPECT_EQ(shape(), "MIG");
}

// Destroys only, none executed: nothing wanted is missing, but what should be gone is there.
TEST_F(RecoverTest, ADestroyThatNeverHappenedIsNotApplied) {
  must_have({"1g.5gb:0"});
  cut_short(plan_for({}), 0, 0);
  EXPECT_EQ(must_recover().result.outcome, Outcome::kRolledBack);
  EXPECT_EQ(shape(), "MIG 0:1 1g.5gb[1g.5gb]");
}

// A rollback had begun: everything is still there, but recovery must go on undoing.
TEST_F(RecoverTest, WhereGoingBackHadBegunItIsGoneOnWith) {
  const std::int64_t change = cut_short(plan_for({"1g.5gb:0"}), 2, 2);
  store::Journal into = journal();
  ASSERT_TRUE(into.intend(change, 1, Way::kUndo));
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kRolledBack);
  EXPECT_EQ(shape(), "MIG");
}

// A step was undone, and an equal instance exists again: made by another program.
TEST_F(RecoverTest, WhatWasUndoneIsNotUndoneAgain) {
  const Plan plan = plan_for({"1g.5gb:0", "1g.5gb:1"});
  const std::int64_t change = cut_short(plan, 2, 2);
  stranger_destroys(look().gpus[0].instances.at(0).id.value);
  store::Journal into = journal();
  for (const std::int64_t sequence : {1, 0}) {
    const auto attempt = into.intend(change, sequence, Way::kUndo);
    ASSERT_TRUE(into.record(*attempt, true, "", std::nullopt, std::nullopt));
  }
  stranger_creates("1g.5gb:0");
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kRolledBack);
  EXPECT_EQ(shape(), "MIG 0:1 1g.5gb[1g.5gb]") << "it is not ours";
  EXPECT_EQ(recovery.result.others.size(), 1U);
}

// The driver refused a create because another program had just created the same instance.
TEST_F(RecoverTest, WhatTheDriverRefusedIsAnothers) {
  const Plan plan = plan_for({"1g.5gb:0", "1g.5gb:1"});
  const std::int64_t change = cut_short(plan, 2, 2);
  stranger_creates("1g.5gb:1", false);
  store::Journal into = journal();
  const auto attempt = into.intend(change, 2, Way::kDo);
  ASSERT_TRUE(into.record(*attempt, false, "Insufficient Resources", std::nullopt, std::nullopt));
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kRolledBack);
  EXPECT_EQ(shape(), "MIG 1:1 1g.5gb[]");
}

TEST_F(RecoverTest, IdleInstancesOfOthersStayAndAreNamed) {
  must_have({"3g.20gb:4"});
  cut_short(plan_for({"3g.20gb:4", "2g.10gb:0"}), 1, 0);
  stranger_creates("1g.5gb:2");
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kRolledBack) << recovery.result.failure->text();
  EXPECT_EQ(shape(), "MIG 2:1 1g.5gb[1g.5gb] 4:4 3g.20gb[3g.20gb]");
  ASSERT_EQ(recovery.result.others.size(), 1U);
  EXPECT_NE(recovery.result.others[0].find("1g.5gb at 2:1"), std::string::npos);
}

TEST_F(RecoverTest, OthersInThePlaceOfWhatWasThereAreNamedAndStay) {
  must_have({"7g.40gb:0"});
  cut_short(plan_for({"3g.20gb:0", "3g.20gb:4"}), 2, 2);
  ASSERT_EQ(shape(), "MIG");
  stranger_creates("2g.10gb:0");
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kStuck);
  EXPECT_NE(recovery.result.failure->message.find("lacks 7g.40gb at 0:8 (in its place: 2g.10gb"),
            std::string::npos)
      << recovery.result.failure->message;
  EXPECT_NE(recovery.result.failure->hint.find("migctl undo --change"), std::string::npos);
  EXPECT_EQ(shape(), "MIG 0:2 2g.10gb[2g.10gb]");
}

TEST_F(RecoverTest, WhatSomebodyFinishedByHandIsApplied) {
  must_have({"7g.40gb:0"});
  cut_short(plan_for({"3g.20gb:0", "3g.20gb:4"}), 2, 2);
  stranger_creates("3g.20gb:0");
  stranger_creates("3g.20gb:4");
  EXPECT_EQ(must_recover().result.outcome, Outcome::kApplied);
}

TEST_F(RecoverTest, AModeThatSomebodySwitchedOffStaysOff) {
  must_have({"7g.40gb:0"});
  cut_short(plan_for({"3g.20gb:0", "3g.20gb:4"}), 2, 2);
  stranger_sets_mode(false);
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kStuck);
  EXPECT_EQ(shape(), "MIG off");
  EXPECT_NE(recovery.result.failure->message.find("MIG is off on GPU 0"), std::string::npos);
}

TEST_F(RecoverTest, WhatARebootTookIsMadeAgain) {
  must_have({"3g.20gb:4"});
  cut_short(plan_for({"3g.20gb:4", "1g.5gb:0", "1g.5gb:1"}), 3, 3);
  ASSERT_EQ(migctl({"sim", "reboot", "lab"}), 0);
  ASSERT_TRUE(session_->renew());
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kRolledBack);
  EXPECT_TRUE(recovery.rebuilt);
  EXPECT_EQ(shape(), "MIG 4:4 3g.20gb[3g.20gb]");
}

// A Hopper loses its mode in a reboot too.
TEST_F(RecoverTest, TheModeThatAHopperForgotComesBackWithItsInstances) {
  TearDown();
  ApplyMachineTest::SetUp();
  make("1x h100-sxm5-80gb");
  must_have({"3g.40gb:4"});
  cut_short(plan_for({"3g.40gb:4", "1g.10gb:0", "1g.10gb:1"}), 3, 3);
  ASSERT_EQ(migctl({"sim", "reboot", "lab"}), 0);
  ASSERT_TRUE(session_->renew());
  ASSERT_EQ(shape(), "MIG off");
  EXPECT_EQ(must_recover().result.outcome, Outcome::kRolledBack);
  EXPECT_EQ(shape(), "MIG 4:4 3g.40gb[3g.40gb]");
}

TEST_F(RecoverTest, AModeThatWasPendingIsPendingAgain) {
  TearDown();
  ApplyMachineTest::SetUp();
  make("1x a100-sxm4-40gb", {"--vm"});
  stranger_sets_mode(true);
  cut_short(plan_for({}), 1, 0);
  EXPECT_EQ(must_recover().result.outcome, Outcome::kRolledBack);
  EXPECT_EQ(modes(), "disabled/enabled");
}

// The pending mode became current by a reboot: that was requested.
TEST_F(RecoverTest, AModeThatARebootMadeCurrentStays) {
  TearDown();
  ApplyMachineTest::SetUp();
  make("1x a100-sxm4-40gb", {"--vm"});
  stranger_sets_mode(true);
  cut_short(plan_for({"1g.5gb:0"}), 1, 1);
  stranger_.reset();
  session_.reset();
  ASSERT_EQ(migctl({"sim", "reboot", "lab"}), 0);
  reopen();
  EXPECT_EQ(must_recover().result.outcome, Outcome::kRolledBack);
  EXPECT_EQ(modes(), "enabled/enabled");
}

TEST_F(RecoverTest, ALostGpuIsToldAndTheRecordClosed) {
  const std::int64_t change = cut_short(plan_for({"1g.5gb:0", "1g.5gb:1"}), 2, 2);
  inject({"--lost", "--gpu", "0"});
  const Recovery recovery = must_recover();
  EXPECT_EQ(recovery.result.outcome, Outcome::kStuck) << "never said to be as before";
  EXPECT_NE(recovery.result.failure->message.find("GPU 0 does not answer"), std::string::npos);
  EXPECT_NE(recovery.result.failure->message.find("GPU is lost"), std::string::npos)
      << recovery.result.failure->message;
  EXPECT_EQ(state_of(change), "stuck");
}

}  // namespace
}  // namespace mig::apply
