// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config/spec.h"
#include "model/testing/test_boards.h"

namespace mig::config {
namespace {

using testing::add_instance;
using testing::board;
using testing::inventory;

Gpu t4(std::uint32_t index) {
  Gpu gpu;
  gpu.index = {index};
  gpu.name = "Tesla T4";
  gpu.pci_device_id = 0x1eb810de;
  return gpu;
}

Inventory two_a100() {
  return inventory({board("a100_sxm4_40gb", 0), board("a100_sxm4_40gb", 1)});
}

Result<DesiredLayout> resolve_text(const std::string& entries,
                                   const Inventory& machine,
                                   const std::optional<std::string>& label = std::nullopt) {
  const auto spec = parse_spec("version: v1\nmig-configs:\n" + entries, "f");
  EXPECT_TRUE(spec) << spec.error().message;
  return resolve(spec.value(), label, machine);
}

std::string one(const std::string& devices, const std::string& mig_devices) {
  return "  a:\n  - devices: " + devices +
         "\n    mig-enabled: true\n    mig-devices: " + mig_devices + "\n";
}

// A GPU's desired instances as text: "3g.20gb[1c.3g.20gb 1c.3g.20gb] 1g.5gb[1g.5gb]".
std::string str(const DesiredGpu& gpu) {
  std::string out;
  for (const DesiredInstance& instance : gpu.instances) {
    out += (out.empty() ? "" : " ") + instance.profile.str() + "[";
    for (const ProfileName& compute : instance.compute_instances) {
      out += (out.back() == '[' ? "" : " ") + compute.str();
    }
    out += "]";
  }
  return out;
}

void expect_refused(const Result<DesiredLayout>& result,
                    ErrorCode code,
                    const std::string& message,
                    const std::string& hint) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code);
  EXPECT_EQ(result.error().message, message);
  EXPECT_EQ(result.error().hint, hint);
}

const char* const kTwo =
    "this machine has GPU 0 (NVIDIA A100-SXM4-40GB, 0x20B010DE), GPU 1 (NVIDIA "
    "A100-SXM4-40GB, 0x20B010DE)";

TEST(Resolve, AllAndSome) {
  const auto all = resolve_text(one("all", "{1g.5gb: 2, 3g.20gb: 1}"), two_a100());
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->gpus.size(), 2U);
  EXPECT_EQ(all->label, "a");
  EXPECT_TRUE(all->warnings.empty());
  EXPECT_EQ(str(all->gpus[1]), "1g.5gb[1g.5gb] 1g.5gb[1g.5gb] 3g.20gb[3g.20gb]");
  EXPECT_EQ(all->gpus[0].instances[2].position.str(), "f:6:30");
  const auto some = resolve_text(one("[1]", "{}"), two_a100());
  ASSERT_TRUE(some);
  ASSERT_EQ(some->gpus.size(), 1U);
  EXPECT_EQ(some->gpus[0].gpu, GpuIndex{1});
  EXPECT_TRUE(some->gpus[0].mig_enabled);
}

TEST(Resolve, LaterEntriesWinAndSaySo) {
  const auto layout = resolve_text(
      one("all", "{1g.5gb: 1}") + "  - devices: [1]\n    mig-enabled: false\n", two_a100());
  ASSERT_TRUE(layout);
  EXPECT_TRUE(layout->gpus[0].mig_enabled);
  EXPECT_FALSE(layout->gpus[1].mig_enabled);
  EXPECT_EQ(
      layout->warnings,
      std::vector<std::string>{"f:7:5: GPU 1 (NVIDIA A100-SXM4-40GB) is named by the entry at "
                               "f:4:5 too; the later one counts"});
}

TEST(Resolve, ZeroCountsAreDroppedWithAWarning) {
  const auto layout = resolve_text(one("[0]", "{1g.5gb: 1, 2g.10gb: 0}"), two_a100());
  ASSERT_TRUE(layout);
  EXPECT_EQ(str(layout->gpus[0]), "1g.5gb[1g.5gb]");
  EXPECT_EQ(layout->warnings, std::vector<std::string>{"f:6:30: 2g.10gb: 0 has no effect"});
}

TEST(Resolve, ChoosesTheConfig) {
  const std::string two = one("all", "{}") + "  b:\n  - devices: [0]\n    mig-enabled: false\n";
  EXPECT_EQ(resolve_text(two, two_a100(), "b")->gpus.size(), 1U);
  expect_refused(resolve_text(two, two_a100()),
                 ErrorCode::kUsage,
                 "the layout file holds more than one config and none was selected",
                 "select one: a, b");
  expect_refused(resolve_text(two, two_a100(), "c"),
                 ErrorCode::kNotFound,
                 "the layout file holds no config \"c\"",
                 "did you mean \"a\"? it holds a, b");
  EXPECT_EQ(resolve(Spec{}, std::nullopt, two_a100()).error().code, ErrorCode::kNotFound);
}

TEST(Resolve, NothingMatchedIsAnError) {
  expect_refused(resolve_text(one("[0, 12]", "{}"), two_a100()),
                 ErrorCode::kNothingMatched,
                 "f:4:5: devices names GPU 12, which does not exist",
                 kTwo);
  expect_refused(resolve_text(one("[]", "{}"), two_a100()),
                 ErrorCode::kNothingMatched,
                 "f:4:5: this entry matches no GPU",
                 kTwo);
  expect_refused(resolve_text(one("all\n    device-filter: \"0x233510DE\"", "{}"), two_a100()),
                 ErrorCode::kNothingMatched,
                 "f:3:3: no entry of \"a\" matches a GPU of this machine",
                 kTwo);
  expect_refused(resolve_text(one("all", "{}"), inventory({})),
                 ErrorCode::kNothingMatched,
                 "f:4:5: this entry matches no GPU",
                 "this machine has no GPU");
}

TEST(Resolve, FiltersChooseTheModel) {
  Gpu special = board("h200_141gb", 1);
  special.pci_subsystem_id = 0x18bf10de;
  const Inventory machine = inventory({board("a100_sxm4_40gb", 0), special});
  const std::string text =
      "  a:\n"
      "  - {device-filter: \"0x20B010DE\", devices: all, mig-enabled: true, mig-devices: {7g.40gb: "
      "1}}\n"
      "  - {device-filter: [\"0x233510DE:0x18BF10DE\"], devices: [0, 1], mig-enabled: true, "
      "mig-devices: {7g.141gb: 1}}\n"
      "  - {device-filter: \"0x20B710DE\", devices: [7], mig-enabled: true, mig-devices: {}}\n"
      "  - {device-filter: \"0x233510DE:0x11111111\", devices: all, mig-enabled: false}\n";
  const auto layout = resolve_text(text, machine);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(str(layout->gpus[0]), "7g.40gb[7g.40gb]");
  EXPECT_EQ(str(layout->gpus[1]), "7g.141gb[7g.141gb]");
  EXPECT_EQ(
      layout->warnings,
      (std::vector<std::string>{
          "f:5:5: devices names GPU 0 (NVIDIA A100-SXM4-40GB), which device-filter leaves out "
          "(it is 0x20B010DE)",
          "2 of 4 entries of \"a\" are for other GPUs than this machine has"}));
}

TEST(Resolve, GpusThatCannotDoMig) {
  const Inventory machine = inventory({t4(0), board("a100_sxm4_40gb", 1)});
  const auto all = resolve_text(one("all", "{}"), machine);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->gpus.size(), 1U);
  EXPECT_EQ(all->warnings,
            std::vector<std::string>{"f:4:5: GPU 0 (Tesla T4) cannot do MIG and is left out"});
  Gpu workstation = t4(0);
  workstation.display.pci_class = 0x0300;
  const Inventory desk = inventory({workstation, board("a100_sxm4_40gb", 1)});
  EXPECT_NE(resolve_text(one("all", "{}"), desk)->warnings.at(0).find("its display outputs are on"),
            std::string::npos);
  EXPECT_NE(resolve_text(one("[0, 1]", "{}"), desk).error().hint.find("its display outputs are on"),
            std::string::npos);
  const std::string off = "  a:\n  - devices: [0]\n    mig-enabled: false\n";
  EXPECT_TRUE(resolve_text(off, machine)->gpus.empty()) << "nothing to do, and nothing wrong";
  expect_refused(resolve_text(one("[0, 1]", "{}"), machine),
                 ErrorCode::kNotSupported,
                 "f:4:5: GPU 0 (Tesla T4) cannot do MIG",
                 "leave it out of devices, or set mig-enabled: false for it");
  expect_refused(resolve_text(one("all", "{}"), inventory({t4(0)})),
                 ErrorCode::kNotSupported,
                 "f:4:5: mig-enabled is true, but no GPU that this entry names can do MIG",
                 "this machine has GPU 0 (Tesla T4, 0x1EB810DE)");
}

TEST(Resolve, UnknownProfilesNameTheNearest) {
  expect_refused(resolve_text(one("[0]", "{1g.6gb: 1}"), two_a100()),
                 ErrorCode::kNotSupported,
                 "f:6:19: GPU 0 (NVIDIA A100-SXM4-40GB) has no profile 1g.6gb",
                 "nearest: 1g.5gb, 1g.10gb, 2g.10gb; it has 1g.5gb, 1g.5gb+me, 1g.10gb, 2g.10gb, "
                 "3g.20gb, 4g.20gb, 7g.40gb");
  expect_refused(resolve_text(one("[0]", "{3c.4g.20gb: 1}"), two_a100()),
                 ErrorCode::kNotSupported,
                 "f:6:19: GPU 0 (NVIDIA A100-SXM4-40GB) has no profile 3c.4g.20gb",
                 "nearest: 1c.4g.20gb, 2c.4g.20gb, 4g.20gb; inside it there are 1c.4g.20gb, "
                 "2c.4g.20gb, 4g.20gb");
  Gpu silent = board("a100_sxm4_40gb");
  silent.profiles.clear();
  EXPECT_EQ(resolve_text(one("[0]", "{1g.5gb: 1}"), inventory({silent})).error().code,
            ErrorCode::kNotSupported);
}

TEST(Resolve, ANameThatIsOffByADriversRoundingIsTaken) {
  const Inventory machine = inventory({board("a100_sxm4_80gb")});
  const auto layout = resolve_text(one("all", "{7g.79gb: 1}"), machine);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(str(layout->gpus[0]), "7g.80gb[7g.80gb]");
  EXPECT_EQ(
      layout->warnings,
      std::vector<std::string>{"f:6:19: 7g.79gb is taken as 7g.80gb, its name on GPU 0 (NVIDIA "
                               "A100-SXM4-80GB)"});
  EXPECT_FALSE(resolve_text(one("all", "{7g.40gb: 1}"), machine)) << "another board's size";
}

TEST(Resolve, ComputeInstancesShareAsFewGpuInstancesAsPossible) {
  const auto packed = [](const std::string& devices) {
    const auto layout = resolve_text(one("[0]", devices), two_a100());
    return layout ? str(layout->gpus[0]) : layout.error().message;
  };
  EXPECT_EQ(packed("{1c.3g.20gb: 3}"), "3g.20gb[1c.3g.20gb 1c.3g.20gb 1c.3g.20gb]");
  EXPECT_EQ(packed("{1c.3g.20gb: 4}"),
            "3g.20gb[1c.3g.20gb 1c.3g.20gb 1c.3g.20gb] 3g.20gb[1c.3g.20gb]");
  EXPECT_EQ(packed("{1c.3g.20gb: 2, 2c.3g.20gb: 1, 3g.20gb: 0}"),
            "3g.20gb[2c.3g.20gb 1c.3g.20gb] 3g.20gb[1c.3g.20gb]");
  EXPECT_EQ(packed("{3c.7g.40gb: 1, 2c.7g.40gb: 1, 1c.7g.40gb: 1}"),
            "7g.40gb[3c.7g.40gb 2c.7g.40gb 1c.7g.40gb]");
  EXPECT_EQ(packed("{1c.1g.5gb: 1, 1g.5gb: 1}"), "1g.5gb[1g.5gb] 1g.5gb[1g.5gb]");
}

TEST(Resolve, AGroupingThatIsThereAlreadyStays) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "3g.20gb", 0, {"1c.3g.20gb"});
  add_instance(gpu, "3g.20gb", 4, {"1c.3g.20gb"});
  const auto layout = resolve_text(one("[0]", "{1c.3g.20gb: 2}"), inventory({gpu}));
  ASSERT_TRUE(layout);
  EXPECT_EQ(str(layout->gpus[0]), "3g.20gb[1c.3g.20gb] 3g.20gb[1c.3g.20gb]");
}

TEST(Resolve, ManyMoreThanFitAreThePlannersWord) {
  const auto layout = resolve_text(one("[0]", "{1g.5gb: 1000}"), two_a100());
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->gpus[0].instances.size(), 1000U);
}

TEST(Resolve, AGpuThatCannotBeOpenedIsNeverPassedOver) {
  Inventory machine = two_a100();
  machine.lost = {{GpuIndex{2}, Error{ErrorCode::kDeviceLost, "GPU is lost", {}, {}, 15}}};
  for (const char* devices : {"all", "[0, 2]", "[2]"}) {
    const auto refused = resolve_text(one(devices, "{1g.5gb: 1}"), machine);
    ASSERT_FALSE(refused) << devices;
    EXPECT_EQ(refused.error().code, ErrorCode::kDeviceLost) << devices;
  }
  const auto filtered = resolve_text(
      "  a:\n  - devices: all\n    device-filter: \"0x20B010DE\"\n    mig-enabled: true\n"
      "    mig-devices: {1g.5gb: 1}\n",
      machine);
  ASSERT_FALSE(filtered) << "its board is not known: the filter may mean it";
  EXPECT_EQ(filtered.error().code, ErrorCode::kDeviceLost);
  EXPECT_TRUE(resolve_text(one("[0, 1]", "{1g.5gb: 1}"), machine));
}

}  // namespace
}  // namespace mig::config
