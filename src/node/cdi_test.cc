// SPDX-License-Identifier: Apache-2.0
// The CDI file of a Node on a simulated machine: in step after every kind of change, withdrawn
// while one runs, and by whom.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "cdi/keeper.h"
#include "cdi/spec.h"
#include "node/test_machine.h"

namespace mig::node {
namespace {

namespace fs = std::filesystem;

class CdiFileTest : public MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    make("1x a100-sxm4-40gb");
    enable_mig();
    create(0, {"2g.10gb:4", "1g.5gb:0"});
    CdiHandover& handover = **node_->cdi();
    registration_.path = cdi::default_path(handover.roots());
    ASSERT_TRUE(cdi::write_registration(handover.registration_file(), registration_));
    ASSERT_TRUE(node_->renew_cdi());
  }

  std::string file() const {
    std::stringstream text;
    text << std::ifstream(registration_.path).rdbuf();
    return text.str();
  }

  std::string wanted() {
    const auto made = (*node_->cdi())->make(inventory(), registration_);
    return made->spec.devices.empty() ? std::string() : cdi::spec_text(made->spec);
  }

  bool has(const std::string& name) const {
    return file().find("\"name\": \"" + name + "\"") != std::string::npos;
  }

  cdi::Registration registration_;
};

TEST_F(CdiFileTest, ItIsInStepAfterEveryChangeOfThisNode) {
  EXPECT_EQ(file(), wanted());
  create(0, {"1g.5gb:1"});
  EXPECT_EQ(file(), wanted());
  EXPECT_TRUE(has("1g.5gb-1"));
  EXPECT_EQ(must_apply(node_->plan_destroy({})).outcome, Outcome::kApplied);
  EXPECT_FALSE(fs::exists(registration_.path));
  create(0, {"3g.20gb:0"});
  EXPECT_EQ(file(), wanted());
}

TEST_F(CdiFileTest, AFailedChangeLeavesItInStep) {
  const std::string before = file();
  inject({"--call",
          "nvmlDeviceCreateGpuInstanceWithPlacement",
          "--nth",
          "2",
          "--fail",
          "NVML_ERROR_UNKNOWN"});
  const auto plan = plan_create(0, {"1g.5gb:1", "1g.5gb:2"});
  ASSERT_TRUE(plan) << plan.error().text();
  const auto result = node_->apply(*plan, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, Outcome::kRolledBack);
  EXPECT_EQ(file(), wanted());
  EXPECT_EQ(file(), before);
}

TEST_F(CdiFileTest, WhileAChangeRunsWhatItTakesIsNotThere) {
  const auto plan = node_->plan_mode({}, false);
  ASSERT_TRUE(plan);
  std::string during = "not asked";
  ApplyOptions options;
  options.progress = [&](const Step& /*step*/, std::size_t, std::size_t, bool) { during = file(); };
  ASSERT_TRUE(node_->apply(*plan, options));
  EXPECT_EQ(during, "");
  EXPECT_EQ(file(), wanted());
  EXPECT_TRUE(has("0"));
}

TEST_F(CdiFileTest, NvidiaSmisDialectWithdrawsEverythingAndWritesItAgain) {
  ASSERT_TRUE(node_->before_outside_change());
  EXPECT_FALSE(fs::exists(registration_.path));
  node_->after_outside_change(Cause::kSmi);
  EXPECT_EQ(file(), wanted());
}

TEST_F(CdiFileTest, AChangeByAnotherProgramIsWrittenByTheNextReading) {
  ASSERT_TRUE(node_->inventory());
  ASSERT_EQ(migctl({"cdi", "list"}), 0);
  const std::string path = (*node_->cdi())->registration_file();
  fs::rename(path, path + ".away");  // so that the other process keeps no file
  ASSERT_EQ(migctl({"create", "-i", "0", "1g.5gb:2"}), 0);
  fs::rename(path + ".away", path);
  EXPECT_FALSE(has("1g.5gb-1"));
  ASSERT_TRUE(node_->inventory());
  EXPECT_TRUE(has("1g.5gb-1"));
  EXPECT_EQ(file(), wanted());
}

TEST_F(CdiFileTest, ASlotIsADeviceFromItsNamingToItsRemoval) {
  SlotRequest request{"train-a", GpuIndex{0}, *ProfileName::parse("2g.10gb"), 4, {}, {}};
  ASSERT_TRUE(node_->set_slot(request));
  EXPECT_TRUE(has("train-a"));
  ASSERT_TRUE(node_->remove_slot("train-a"));
  EXPECT_FALSE(has("train-a"));
}

TEST_F(CdiFileTest, ABrokenRegistrationStopsAChangeAndSaysWhich) {
  const std::string path = (*node_->cdi())->registration_file();
  std::ofstream(path) << "{";
  const auto plan = plan_create(0, {"1g.5gb:1"});
  ASSERT_TRUE(plan);
  const auto result = node_->apply(*plan, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidInput) << result.error().text();
  EXPECT_EQ(inventory().gpus.at(0).instances.size(), 2U);
  EXPECT_FALSE(*node_->interrupted()) << "the change must be closed in the journal";
}

}  // namespace
}  // namespace mig::node
