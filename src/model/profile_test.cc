// SPDX-License-Identifier: Apache-2.0
#include "mig/profile.h"

#include <gtest/gtest.h>

namespace mig {
namespace {

struct Good {
  const char* text;
  std::uint32_t compute, slices, gb;
  const char* attributes;
  const char* printed;
};

TEST(ProfileName, ReadsEveryWrittenForm) {
  const Good table[] = {
      {"1g.5gb", 1, 1, 5, "", "1g.5gb"},
      {"1c.1g.5gb", 1, 1, 5, "", "1g.5gb"},
      {"3c.3g.20gb", 3, 3, 20, "", "3g.20gb"},
      {"1c.3g.20gb", 1, 3, 20, "", "1c.3g.20gb"},
      {"1g.10gb+me", 1, 1, 10, "+me", "1g.10gb+me"},
      {"1g.24gb+me.all", 1, 1, 24, "+me.all", "1g.24gb+me.all"},
      {"1g.24gb-me", 1, 1, 24, "-me", "1g.24gb-me"},
      {"1c.2g.12gb+me", 1, 2, 12, "+me", "1c.2g.12gb+me"},
      {"2g.48gb+me,gfx", 2, 2, 48, "+gfx,me", "2g.48gb+gfx,me"},
      {"MIG 7g.141gb", 7, 7, 141, "", "7g.141gb"},
      {"1c.2g.20gb@26sm", 1, 2, 20, "", "1c.2g.20gb@26sm"},
      {"1c.1g.20gb@16sm", 1, 1, 20, "", "1g.20gb@16sm"},
      {"1g.20gb+me@16sm", 1, 1, 20, "+me", "1g.20gb+me@16sm"},
      {"7g.40gb@ci8", 7, 7, 40, "", "7g.40gb@ci8"},
      {"1g.20gb@ci0", 1, 1, 20, "", "1g.20gb@ci0"},
  };
  for (const Good& row : table) {
    const auto name = ProfileName::parse(row.text);
    ASSERT_TRUE(name) << row.text << ": " << name.error().message;
    EXPECT_EQ(name->compute_slices, row.compute) << row.text;
    EXPECT_EQ(name->gpu_slices, row.slices) << row.text;
    EXPECT_EQ(name->memory_gb, row.gb) << row.text;
    EXPECT_EQ(name->attributes, row.attributes) << row.text;
    EXPECT_EQ(name->str(), row.printed);
    EXPECT_EQ(ProfileName::parse(name->str()).value(), *name);
  }
}

TEST(ProfileName, RefusesEverythingElse) {
  for (const char* text : {"",
                           " ",
                           "1g",
                           "g.5gb",
                           "1g.5",
                           "1g.gb",
                           "0g.5gb",
                           "1g.0gb",
                           "01g.5gb",
                           "1g.05gb",
                           "1g.5GB",
                           " 1g.5gb",
                           "1g.5gb ",
                           "1g.5gb+",
                           "1g.5gb-",
                           "1g.5gb+me-gfx",
                           "1g.5gb-me+gfx",
                           "1g.5gb+me,me",
                           "1g.5gb+.me",
                           "1g.5gb+me.",
                           "1g.5gb+1me",
                           "1g.5gb+m e",
                           "1g.5gb+me,",
                           "+1g.5gb",
                           "-1g.5gb",
                           "4c.3g.20gb",
                           "c.3g.20gb",
                           "1c.",
                           "1g.5gbx",
                           "1g.5gb me",
                           "100g.5gb",
                           "1g.99999gb",
                           "99999999999999999999g.5gb",
                           "MIG",
                           "MIG  1g.5gb",
                           "mig 1g.5gb",
                           "1g.20gb@",
                           "1g.20gb@26",
                           "1g.20gb@sm",
                           "1g.20gb@0sm",
                           "1g.20gb@026sm",
                           "1g.20gb@26SM",
                           "1g.20gb@26sm+me",
                           "1g.20gb@26sm@ci7",
                           "1g.20gb@10000sm",
                           "1g.20gb@ci",
                           "1g.20gb@ci100",
                           "1g.20gb@ci-1",
                           "1g.20gb @26sm",
                           "@26sm",
                           "1c.1c.3g.20gb"}) {
    const auto name = ProfileName::parse(text);
    EXPECT_FALSE(name) << text;
    if (!name) {
      EXPECT_EQ(name.error().code, ErrorCode::kInvalidInput);
      EXPECT_NE(name.error().message.find("is not a MIG profile: "), std::string::npos);
      EXPECT_FALSE(name.error().hint.empty());
    }
  }
}

TEST(ProfileName, GpuInstancePartHasNoComputePart) {
  const ProfileName name = ProfileName::parse("1c.3g.20gb").value();
  EXPECT_FALSE(name.full_size());
  EXPECT_EQ(name.gpu_instance(), ProfileName::parse("3g.20gb").value());
  EXPECT_TRUE(name.gpu_instance().full_size());
}

TEST(Placement, OverlapIsHalfOpen) {
  EXPECT_TRUE((Placement{0, 4}.overlaps({3, 1})));
  EXPECT_TRUE((Placement{3, 1}.overlaps({0, 4})));
  EXPECT_FALSE((Placement{0, 4}.overlaps({4, 4})));
  EXPECT_FALSE((Placement{2, 0}.overlaps({0, 4}))) << "an empty run holds nothing";
}

}  // namespace
}  // namespace mig
