// SPDX-License-Identifier: Apache-2.0
#include "planner/refusal_names.h"

#include <algorithm>
#include <regex>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace mig::planner::refusal {

std::vector<std::string> split(const std::string& text, const std::string& by) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth == 0 && text.compare(i, by.size(), by) == 0) {
      parts.emplace_back();
      i += by.size() - 1;
    } else {
      parts.back() += text[i];
    }
  }
  return parts;
}

Names parse(const std::string& text, const std::string& by) {
  static const std::regex kForm(
      R"re((?:(\d+) x )?(\S+)( \(.*\)| without compute instances)?( gi=\d+)?(?: at slots? (\d+)(?:-(\d+))?)?)re");
  Names out;
  if (text == "nothing") {
    return out;
  }
  for (const std::string& part : split(text, by)) {
    std::smatch match;
    EXPECT_TRUE(std::regex_match(part, match, kForm)) << part;
    Named one;
    one.shape = match[2].str() + match[3].str();
    const ProfileName name = ProfileName::parse(match[2].str()).value();
    one.wish.profile = name.gpu_instance();
    if (match[3].str().starts_with(" (")) {
      const std::string inside = match[3].str();
      for (const std::string& compute : split(inside.substr(2, inside.size() - 3), " + ")) {
        one.wish.compute_instances.push_back(ProfileName::parse(compute).value());
      }
    } else if (!match[3].matched) {
      one.wish.compute_instances = {name};
    }
    if (match[5].matched) {
      const auto first = static_cast<std::uint32_t>(std::stoul(match[5].str()));
      const auto last =
          match[6].matched ? static_cast<std::uint32_t>(std::stoul(match[6].str())) : first;
      one.place = one.wish.placement = Placement{first, last - first + 1};
    }
    const std::size_t count = match[1].matched ? std::stoul(match[1].str()) : 1;
    out.insert(out.end(), count, one);
  }
  return out;
}

std::string shape_of(const DesiredInstance& wish) {
  if (wish.compute_instances.empty()) {
    return wish.profile.str() + " without compute instances";
  }
  if (wish.compute_instances.size() == 1) {
    return wish.compute_instances[0].full_size() ? wish.profile.str()
                                                 : wish.compute_instances[0].str();
  }
  std::vector<std::string> inside;
  for (const ProfileName& compute : wish.compute_instances) {
    inside.push_back(compute.str());
  }
  std::sort(inside.rbegin(), inside.rend());
  return wish.profile.str() + " (" + base::join(inside, " + ") + ")";
}

std::size_t count_of(const Names& names, const std::string& profile) {
  return static_cast<std::size_t>(std::count_if(names.begin(), names.end(), [&](const Named& one) {
    return one.wish.profile.str() == profile;
  }));
}

namespace {

TEST(RefusalNames, AreReadBackFromTheirWords) {
  const Names names = parse("2 x 1c.3g.20gb at slots 4-7 + 1g.5gb gi=7 at slot 0");
  ASSERT_EQ(names.size(), 3U);
  EXPECT_EQ(names[0].shape, "1c.3g.20gb");
  EXPECT_EQ(names[1].place, (Placement{4, 4}));
  EXPECT_EQ(names[2].place, (Placement{0, 1}));
  EXPECT_EQ(count_of(names, "3g.20gb"), 2U);
  EXPECT_TRUE(parse("nothing").empty());
  const Names cut = parse("3g.20gb (2c.3g.20gb + 1c.3g.20gb)");
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_EQ(shape_of(cut[0].wish), "3g.20gb (2c.3g.20gb + 1c.3g.20gb)");
}

}  // namespace
}  // namespace mig::planner::refusal
