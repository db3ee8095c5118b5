// SPDX-License-Identifier: Apache-2.0
#include "config/generate.h"

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"

namespace mig::config {
namespace {

using testing::board;
using testing::inventory;

TEST(GenerateSpec, OneModelNeedsNoFilter) {
  Gpu gpu = board("a100_sxm4_40gb");
  gpu.mig_current = gpu.mig_pending = MigMode::kDisabled;
  const auto text = generate_spec(inventory({gpu, board("a100_sxm4_40gb", 1)}), Format::kYaml);
  ASSERT_TRUE(text) << text.error().text();
  EXPECT_EQ(text->find("device-filter"), std::string::npos);
  EXPECT_NE(text->find("version: v1\n"
                       "mig-configs:\n"
                       "  all-1g.5gb:\n"
                       "  - devices: all\n"
                       "    mig-enabled: true\n"
                       "    mig-devices:\n"
                       "      1g.5gb: 7\n"
                       "  all-1g.5gb.me:\n"
                       "  - devices: all\n"
                       "    mig-enabled: true\n"
                       "    mig-devices:\n"
                       "      1g.5gb+me: 1\n"
                       "  all-1g.10gb:\n"),
            std::string::npos)
      << *text;
  EXPECT_NE(text->find("  all-balanced:\n"
                       "  - devices: all\n"
                       "    mig-enabled: true\n"
                       "    mig-devices:\n"
                       "      1g.5gb: 2\n"
                       "      2g.10gb: 1\n"
                       "      3g.20gb: 1\n"
                       "  all-disabled:\n"
                       "  - devices: all\n"
                       "    mig-enabled: false\n"
                       "    mig-devices: {}\n"
                       "  all-enabled:\n"
                       "  - devices: all\n"
                       "    mig-enabled: true\n"
                       "    mig-devices: {}\n"),
            std::string::npos)
      << *text;
}

TEST(GenerateSpec, SeveralModelsAreFiltered) {
  const auto text =
      generate_spec(inventory({board("a100_sxm4_40gb"), board("a30_24gb", 1)}), Format::kJson);
  ASSERT_TRUE(text) << text.error().text();
  EXPECT_NE(text->find(R"("all-4g.24gb": [
      {
        "device-filter": [
          "0x20B710DE"
        ],
        "devices": "all",
        "mig-enabled": true,
        "mig-devices": {
          "4g.24gb": 1
        }
      }
    ])"),
            std::string::npos)
      << *text;
  EXPECT_NE(text->find(R"("1g.6gb": 2,
          "2g.12gb": 1)"),
            std::string::npos)
      << "all-balanced of a board with four slices\n"
      << *text;
}

// The generated file is a layout file that this machine accepts.
TEST(GenerateSpec, EveryConfigOfEveryBoardResolves) {
  for (const std::string& key : testing::board_keys()) {
    const Inventory machine = inventory({board(key), board("a100_sxm4_40gb", 1)});
    for (const Format format : {Format::kYaml, Format::kJson}) {
      const auto text = generate_spec(machine, format);
      ASSERT_TRUE(text) << key;
      const auto spec = parse_spec(*text, key);
      ASSERT_TRUE(spec) << spec.error().text() << *text;
      ASSERT_GE(spec->configs.size(), 5U);
      for (const SpecConfig& config : spec->configs) {
        const auto layout = resolve(*spec, config.label, machine);
        EXPECT_TRUE(layout) << key << " " << config.label << ": " << layout.error().text();
      }
    }
  }
}

TEST(GenerateSpec, NothingToGenerateIsAnError) {
  Gpu gpu = board("a100_sxm4_40gb");
  gpu.profiles.clear();
  EXPECT_EQ(generate_spec(inventory({gpu}), Format::kYaml).error().code, ErrorCode::kNotSupported);
  gpu.mig_current = MigMode::kUnsupported;
  EXPECT_EQ(generate_spec(inventory({gpu}), Format::kYaml).error().code, ErrorCode::kNotSupported);
}

// A driver that overstates the maximum of a profile must not lead to an impossible layout.
TEST(GenerateSpec, ACountIsNoMoreThanThereIsRoomFor) {
  Gpu gpu = board("a30_24gb");
  for (GpuInstanceProfile& profile : gpu.profiles) {
    profile.max_count = 7;
  }
  const auto text = generate_spec(inventory({gpu}), Format::kYaml);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("      1g.6gb: 4\n"), std::string::npos) << *text;
  EXPECT_NE(text->find("      2g.12gb: 2\n"), std::string::npos) << *text;
}

}  // namespace
}  // namespace mig::config
