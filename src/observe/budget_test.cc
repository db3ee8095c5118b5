// SPDX-License-Identifier: Apache-2.0
#include "observe/budget.h"

#include <gtest/gtest.h>

namespace mig::observe {
namespace {

using namespace std::chrono_literals;

// How many calls that take `each` are made in so many ticks of a second.
int calls(Budget& budget, std::chrono::nanoseconds each, int ticks) {
  std::chrono::nanoseconds now = 100s;
  int made = 0;
  for (int tick = 0; tick < ticks; ++tick, now += 1s) {
    budget.tick(now);
    for (int waiting = 8; waiting > 0 && budget.has_left(); --waiting) {
      budget.spend(each);
      ++made;
    }
  }
  return made;
}

TEST(Budget, QuickCallsAreAllMade) {
  Budget budget(0.0035, 10ms);
  EXPECT_EQ(calls(budget, 20us, 100), 800);
}

TEST(Budget, SlowCallsHaveTheirShareOfTheTime) {
  Budget budget(0.0035, 10ms);
  const int made = calls(budget, 3300us, 1000);
  EXPECT_NEAR(made * 3.3, 1000 * 3.5, 20) << "milliseconds";
}

TEST(Budget, ACallThatIsSlowerThanATickMayBeIsPaidBack) {
  Budget budget(0.0035, 10ms);
  const int made = calls(budget, 1s, 10'000);
  EXPECT_NEAR(made, 35, 2);
}

TEST(Budget, WhatIsNotUsedIsSavedForOneTickOnly) {
  Budget budget(0.5, 10ms);
  budget.tick(0s);
  budget.tick(3600s);
  budget.spend(10ms);
  EXPECT_FALSE(budget.has_left());
}

}  // namespace
}  // namespace mig::observe
