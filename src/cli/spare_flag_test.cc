// SPDX-License-Identifier: Apache-2.0
#include "cli/spare_flag.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mig::cli {
namespace {

// Parsed values, "2g.10gb 1" each; or the error.
std::vector<std::string> spare_of(const std::vector<std::string>& values) {
  SpareFlag flag;
  Options options;
  flag.declare(options);
  for (const auto& value : values) {
    EXPECT_TRUE(options.specs()[0].set(value)) << value;
  }
  const auto rooms = flag.read();
  if (!rooms) {
    return {rooms.error().message};
  }
  std::vector<std::string> out;
  for (const auto& room : *rooms) {
    out.push_back(room.profile.str() + " " + std::to_string(room.count));
  }
  return out;
}

using Words = std::vector<std::string>;

TEST(SpareFlag, CountsCommasAndAttributes) {
  EXPECT_EQ(spare_of({}), Words{});
  EXPECT_EQ(spare_of({"2g.10gb", "1g.5gb:2"}), (Words{"2g.10gb 1", "1g.5gb 2"}));
  EXPECT_EQ(spare_of({"2g.10gb,1g.5gb+me:3"}), (Words{"2g.10gb 1", "1g.5gb+me 3"}));
  EXPECT_EQ(spare_of({"1g.24gb+gfx,me:2,2g.48gb"}), (Words{"1g.24gb+gfx,me 2", "2g.48gb 1"}));
}

TEST(SpareFlag, SaysWhatItExpects) {
  EXPECT_EQ(spare_of({"2g.10gb:0"}),
            Words{"--spare \"2g.10gb:0\": PROFILE or PROFILE:N is expected, N from 1 to 448"});
  EXPECT_NE(spare_of({"huge"})[0].find("--spare \"huge\": PROFILE"), std::string::npos);
  EXPECT_EQ(spare_of({"1c.3g.20gb"}),
            Words{"--spare \"1c.3g.20gb\": room is kept for GPU instances"});
}

TEST(SpareFlag, ASavedPlanMustKeepAsMuch) {
  Plan saved;
  const auto profile = ProfileName::parse("2g.10gb").value();
  saved.kept_room = {{{0}, profile, {0, 2}}, {{1}, profile, {4, 2}}};
  const auto check = [&](const std::string& value) {
    SpareFlag flag;
    Options options;
    flag.declare(options);
    EXPECT_TRUE(options.specs()[0].set(value));
    return flag.check_saved(saved);
  };
  EXPECT_TRUE(SpareFlag().check_saved(saved));
  EXPECT_TRUE(check("2g.10gb:2"));
  EXPECT_FALSE(check("2g.10gb:3"));
  EXPECT_FALSE(check("2g.10gb:2,2g.10gb"));
  const auto other = check("1g.5gb");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
  EXPECT_EQ(other.error().message,
            "the saved plan keeps room for 0 x 1g.5gb, and --spare asks for 1");
}

}  // namespace
}  // namespace mig::cli
