// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config/spec.h"
#include "model/testing/test_boards.h"

namespace mig::config {
namespace {

using testing::add_instance;
using testing::board;
using testing::inventory;

Gpu mixed(std::uint32_t index) {
  Gpu gpu = board("a100_sxm4_40gb", index);
  add_instance(gpu, "3g.20gb", 4);
  add_instance(gpu, "2g.10gb", 0);
  add_instance(gpu, "1g.5gb", 2);
  add_instance(gpu, "1g.5gb", 3);
  return gpu;
}

Gpu disabled(const char* key, std::uint32_t index) {
  Gpu gpu = board(key, index);
  gpu.mig_current = gpu.mig_pending = MigMode::kDisabled;
  return gpu;
}

TEST(ExportSpec, OneLayoutForAll) {
  EXPECT_EQ(export_spec(inventory({mixed(0), mixed(1)}), "current", Format::kYaml),
            "version: v1\n"
            "mig-configs:\n"
            "  current:\n"
            "  - devices: all\n"
            "    mig-enabled: true\n"
            "    mig-devices:\n"
            "      1g.5gb: 2\n"
            "      2g.10gb: 1\n"
            "      3g.20gb: 1\n");
}

TEST(ExportSpec, GroupsInFirstSeenOrderWithoutFilterForOneModel) {
  const Inventory machine =
      inventory({disabled("a100_sxm4_40gb", 0), mixed(1), disabled("a100_sxm4_40gb", 2)});
  EXPECT_EQ(export_spec(machine, "x", Format::kYaml),
            "version: v1\n"
            "mig-configs:\n"
            "  x:\n"
            "  - devices: [0, 2]\n"
            "    mig-enabled: false\n"
            "    mig-devices: {}\n"
            "  - devices: [1]\n"
            "    mig-enabled: true\n"
            "    mig-devices:\n"
            "      1g.5gb: 2\n"
            "      2g.10gb: 1\n"
            "      3g.20gb: 1\n");
}

TEST(ExportSpec, FiltersTellModelsApart) {
  const Inventory machine =
      inventory({mixed(0), disabled("h200_141gb", 1), disabled("a30_24gb", 2), mixed(3)});
  EXPECT_EQ(export_spec(machine, "current", Format::kYaml),
            "version: v1\n"
            "mig-configs:\n"
            "  current:\n"
            "  - device-filter: \"0x20B010DE\"\n"
            "    devices: all\n"
            "    mig-enabled: true\n"
            "    mig-devices:\n"
            "      1g.5gb: 2\n"
            "      2g.10gb: 1\n"
            "      3g.20gb: 1\n"
            "  - device-filter: [\"0x20B710DE\", \"0x233510DE\"]\n"
            "    devices: all\n"
            "    mig-enabled: false\n"
            "    mig-devices: {}\n");
  EXPECT_EQ(export_spec(inventory({disabled("h200_141gb", 0), disabled("a30_24gb", 1)}),
                        "current",
                        Format::kYaml),
            "version: v1\n"
            "mig-configs:\n"
            "  current:\n"
            "  - devices: all\n"
            "    mig-enabled: false\n"
            "    mig-devices: {}\n")
      << "one group: no filter";
}

TEST(ExportSpec, Json) {
  const Inventory machine = inventory({mixed(0), disabled("h200_141gb", 1)});
  EXPECT_EQ(export_spec(machine, "current", Format::kJson), R"({
  "version": "v1",
  "mig-configs": {
    "current": [
      {
        "device-filter": "0x20B010DE",
        "devices": "all",
        "mig-enabled": true,
        "mig-devices": {
          "1g.5gb": 2,
          "2g.10gb": 1,
          "3g.20gb": 1
        }
      },
      {
        "device-filter": "0x233510DE",
        "devices": "all",
        "mig-enabled": false,
        "mig-devices": {}
      }
    ]
  }
})");
}

TEST(ExportSpec, CountsComputeInstancesAndSortsNamesNaturally) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "3g.20gb", 4, {"1c.3g.20gb", "1c.3g.20gb"});
  add_instance(gpu, "1g.10gb", 0);
  add_instance(gpu, "1g.5gb", 2);
  add_instance(gpu, "1g.5gb+me", 3);
  EXPECT_EQ(export_spec(inventory({gpu}), "yes", Format::kYaml),
            "version: v1\n"
            "mig-configs:\n"
            "  \"yes\":\n"
            "  - devices: all\n"
            "    mig-enabled: true\n"
            "    mig-devices:\n"
            "      1c.3g.20gb: 2\n"
            "      1g.5gb: 1\n"
            "      1g.5gb+me: 1\n"
            "      1g.10gb: 1\n");
}

TEST(ExportSpec, IsInputAgainAndMeansTheSame) {
  Gpu parts = board("a100_sxm4_40gb", 1);
  add_instance(parts, "3g.20gb", 0, {"1c.3g.20gb"});
  add_instance(parts, "3g.20gb", 4, {"1c.3g.20gb", "1c.3g.20gb"});
  const Inventory machine = inventory({mixed(0), parts, disabled("h200_141gb", 2)});
  for (const Format format : {Format::kYaml, Format::kJson}) {
    for (const std::string label : {"current", "a b", "007", "\"q\"", "x: y", "#", "é\n"}) {
      const std::string text = export_spec(machine, label, format);
      const auto spec = parse_spec(text, "f");
      ASSERT_TRUE(spec) << text << spec.error().message;
      EXPECT_EQ(spec->configs[0].label, label) << text;
      const auto layout = resolve(*spec, label, machine);
      ASSERT_TRUE(layout) << layout.error().message;
      ASSERT_EQ(layout->gpus.size(), 3U);
      EXPECT_EQ(layout->gpus[0].instances.size(), 4U);
      ASSERT_EQ(layout->gpus[1].instances.size(), 2U);
      EXPECT_EQ(layout->gpus[1].instances[0].compute_instances.size(), 1U);
      EXPECT_EQ(layout->gpus[1].instances[1].compute_instances.size(), 2U);
      EXPECT_FALSE(layout->gpus[2].mig_enabled);
    }
  }
}

}  // namespace
}  // namespace mig::config
