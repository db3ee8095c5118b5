// SPDX-License-Identifier: Apache-2.0
#include "service/search_budget.h"

#include <gtest/gtest.h>

namespace mig::service {
namespace {

using namespace std::chrono_literals;

TEST(SearchBudget, AUserWhoSearchesAllTheTimeGetsATwentiethOfIt) {
  SearchBudget budget;
  constexpr auto kSearch = 50ms;
  SearchBudget::Time now = 1000h;
  SearchBudget::Time searched{0};
  for (const auto end = now + 100s; now < end; now += 1ms) {
    if (budget.may_search(7, now)) {
      now += kSearch;
      searched += kSearch;
      budget.took(7, now, kSearch);
    }
  }
  EXPECT_GE(searched, 5s) << "a twentieth";
  EXPECT_LE(searched, 5s + SearchBudget::kMost + 2 * kSearch);
}

TEST(SearchBudget, OthersAndRootSearchMeanwhile) {
  SearchBudget budget;
  const SearchBudget::Time now = 1000h;
  budget.took(7, now, 2s);
  budget.took(0, now, 1h);
  const auto refused = budget.may_search(7, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoCapacity);
  EXPECT_NE(refused.error().hint.find("20 s"), std::string::npos) << refused.error().hint;
  EXPECT_TRUE(budget.may_search(8, now));
  EXPECT_TRUE(budget.may_search(0, now));
  EXPECT_FALSE(budget.may_search(7, now + 19s));
  EXPECT_TRUE(budget.may_search(7, now + 21s));
}

}  // namespace
}  // namespace mig::service
