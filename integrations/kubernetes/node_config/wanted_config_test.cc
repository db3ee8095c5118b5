// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/wanted_config.h"

#include <gtest/gtest.h>

namespace mig::kube {
namespace {

constexpr const char* kText =
    "version: v1\nmig-configs:\n  all-disabled:\n  - {devices: all, mig-enabled: false}\n"
    "  all-1g.5gb:\n  - devices: all\n    mig-enabled: true\n    mig-devices: {1g.5gb: 7}\n";

TEST(ConfigMap, HasAKey) {
  const base::Json map = {{"data", {{"config.yaml", kText}}}};
  EXPECT_EQ(config_text(map, "ns/c").value_or(""), kText);
  for (const char* other : {"{}",
                            "[]",
                            R"({"data":null})",
                            R"({"data":{"config.yml":""}})",
                            R"({"data":{"config.yaml":7}})"}) {
    const auto text = config_text(base::Json::parse(other), "ns/c");
    ASSERT_FALSE(text) << other;
    EXPECT_EQ(text.error().message, "ConfigMap ns/c has no key config.yaml");
  }
}

TEST(Config, AnErrorHasItsPlace) {
  EXPECT_TRUE(check_config(kText, "all-1g.5gb", "ns/c"));
  const auto wrong =
      check_config("version: v1\nmig-configs:\n  a:\n  - device: all\n", "a", "ns/c");
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().message.starts_with("ConfigMap ns/c config.yaml:4:5: "))
      << wrong.error().message;
  EXPECT_FALSE(check_config("", "a", "ns/c"));
  EXPECT_FALSE(check_config("a: [", "a", "ns/c"));
}

TEST(Config, AnUnknownNameListsWhatThereIs) {
  const auto unknown = check_config(kText, "all-1g.5g", "ns/c");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(unknown.error().message,
            "ConfigMap ns/c has no config \"all-1g.5g\"; there are: all-disabled, all-1g.5gb");
  EXPECT_EQ(unknown.error().hint, "did you mean all-1g.5gb?");
}

}  // namespace
}  // namespace mig::kube
