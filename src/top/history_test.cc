// SPDX-License-Identifier: Apache-2.0
#include "top/history.h"

#include <cmath>

#include <gtest/gtest.h>

#include "top/braille.h"
#include "top/test_sample.h"

namespace mig::top {
namespace {

MachineSample at(std::int64_t second, double sm, double interval = 1) {
  MachineSample sample = testing::machine(testing::kNoon + second * 1000);
  sample.interval_seconds = interval;
  sample.gpus[0].activity.sm = sm;
  return sample;
}

Minute sm_of(const History& history, const MachineSample& sample) {
  return history.minute(subject_of(sample.gpus[0]), Metric::kSm);
}

TEST(History, NewestOnTheRightAndGapsAreUnknown) {
  History history;
  history.note(at(0, 0.1));
  history.note(at(1, 0.2));
  history.note(at(11, 0.9));
  const Minute minute = sm_of(history, at(11, 0));
  EXPECT_FLOAT_EQ(minute[59], 0.9F);
  EXPECT_TRUE(std::isnan(minute[54]));
  EXPECT_FLOAT_EQ(minute[49], 0.2F);
  EXPECT_FLOAT_EQ(minute[48], 0.1F);
  EXPECT_TRUE(std::isnan(minute[47]));
}

TEST(History, AnIntervalCoversItsSeconds) {
  History history;
  history.note(at(0, 0.1, 5));
  history.note(at(5, 0.5, 5));
  const Minute minute = sm_of(history, at(5, 0));
  for (std::size_t i = 55; i < 60; ++i) {
    EXPECT_FLOAT_EQ(minute[i], 0.5F) << i;
  }
  EXPECT_FLOAT_EQ(minute[54], 0.1F);
}

TEST(History, TheSecondSampleOfASecondCounts) {
  History history;
  history.note(at(0, 0.1));
  MachineSample later = at(0, 0.7);
  later.time_ms += 500;
  history.note(later);
  EXPECT_FLOAT_EQ(sm_of(history, later)[59], 0.7F);
}

TEST(History, UnknownIsNotZero) {
  History history;
  const MachineSample sample = testing::machine();
  history.note(sample);
  EXPECT_TRUE(std::isnan(history.minute(subject_of(sample.gpus[1]), Metric::kSm)[59]));
}

TEST(History, WhoIsGoneIsForgottenAndANewOneStartsEmpty) {
  History history;
  MachineSample sample = testing::machine();
  history.note(sample);
  EXPECT_EQ(history.size(), 7U);
  sample.time_ms += 1000;
  sample.gpus[0].instances[0].generation = 0xB1;
  sample.gpus.pop_back();
  history.note(sample);
  EXPECT_EQ(history.size(), 5U);
  const Minute minute =
      history.minute(subject_of(sample.gpus[0], sample.gpus[0].instances[0]), Metric::kSm);
  EXPECT_FALSE(std::isnan(minute[59]));
  EXPECT_TRUE(std::isnan(minute[58])) << "of the tenant before";
}

TEST(History, AClockThatGoesBackAddsNothing) {
  History history;
  history.note(at(100, 0.5));
  history.note(at(0, 0.9));
  EXPECT_FLOAT_EQ(sm_of(history, at(0, 0))[59], 0.5F);
}

std::string plot(const Minute& minute, int rows, bool unicode) {
  Grid grid(kPlotColumns, rows);
  draw_plot(grid, 0, 0, kPlotColumns, rows, minute, unicode, {});
  return text_of(grid, false);
}

TEST(Braille, LevelsAndUnknown) {
  Minute minute = unknown_minute();
  minute[50] = 0.0F;
  minute[51] = 0.25F;
  minute[52] = 0.5F;
  minute[53] = 0.75F;
  minute[54] = 1.0F;
  minute[55] = 7.0F;
  minute[58] = 0.001F;
  EXPECT_EQ(plot(minute, 1, true), "                         ⣀⣴⣿ ⡀\n");
  EXPECT_EQ(plot(minute, 1, false), "                         .=# .\n");
}

TEST(Braille, SeveralRows) {
  Minute minute = unknown_minute();
  minute[59] = 1.0F;
  minute[58] = 0.5F;
  EXPECT_EQ(plot(minute, 2, true), std::string(29, ' ') + "⢸\n" + std::string(29, ' ') + "⣿\n");
}

TEST(Bar, EighthsAndAscii) {
  const auto bar = [](double ratio, bool unicode) {
    Grid grid(4, 1);
    draw_bar(grid, 0, 0, 4, ratio, unicode, {});
    return line_of(grid, 0);
  };
  EXPECT_EQ(bar(0, true), "····");
  EXPECT_EQ(bar(0.001, true), "▏···");
  EXPECT_EQ(bar(0.5, true), "██··");
  EXPECT_EQ(bar(3, true), "████");
  EXPECT_EQ(bar(0.5, false), "##--");
}

}  // namespace
}  // namespace mig::top
