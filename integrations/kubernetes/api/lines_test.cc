// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/lines.h"

#include <vector>

#include <gtest/gtest.h>

#include "kubernetes/api/backoff.h"

namespace mig::kube {
namespace {

using Texts = std::vector<std::string>;

TEST(Lines, HoweverTheBytesAreCut) {
  const std::string text = "one\r\n\ntwo\nthree and no end";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    Texts seen;
    Lines lines(100, [&](std::string_view line) {
      seen.emplace_back(line);
      return true;
    });
    for (std::size_t at = 0; at < text.size(); at += step) {
      EXPECT_TRUE(lines.feed(std::string_view(text).substr(at, step)));
    }
    EXPECT_EQ(seen, (Texts{"one", "", "two"})) << step;
  }
}

TEST(Lines, TooLongAndEnough) {
  Lines lines(4, [](std::string_view line) { return line != "stop"; });
  EXPECT_TRUE(lines.feed("1234\n12"));
  EXPECT_FALSE(lines.feed("345"));
  EXPECT_TRUE(lines.too_long());
  Lines other(4, [](std::string_view line) { return line != "stop"; });
  EXPECT_FALSE(other.feed("go\nstop\ngo\n"));
  EXPECT_FALSE(other.too_long());
}

TEST(ServerEvents, FieldsCommentsAndEnds) {
  ServerEvents events;
  Texts seen;
  for (const char* line : {"retry: 2000",
                           "",
                           ": beat",
                           "",
                           "id: a-1",
                           "event: layout",
                           "data: {\"x\":",
                           "data:1}",
                           "",
                           "data",
                           "",
                           "id: a-2",
                           "",
                           "nothing: x",
                           "event: lost",
                           ""}) {
    if (events.line(line)) {
      seen.push_back(events.event().id + "|" + events.event().type + "|" + events.event().data);
    }
  }
  EXPECT_EQ(seen, (Texts{"a-1|layout|{\"x\":\n1}", "a-1||"}));
  EXPECT_EQ(events.last_id(), "a-2");
  events.line("data: half");
  events.reconnected();
  EXPECT_FALSE(events.line(""));
}

TEST(Backoff, GrowsToItsLimitAndBeginsAnew) {
  Pace pace;
  Backoff backoff(pace, 7);
  std::int64_t whole = 500;
  for (int i = 0; i < 12; ++i) {
    const std::int64_t pause = backoff.pause().count();
    EXPECT_GE(pause, whole / 2);
    EXPECT_LE(pause, whole);
    whole = std::min<std::int64_t>(whole * 2, 30'000);
  }
  backoff.reset();
  EXPECT_LE(backoff.pause().count(), 500);
}

TEST(Backoff, TwoNodesDoNotComeAtOnce) {
  Pace pace;
  Backoff one(pace, 1);
  Backoff two(pace, 2);
  int same = 0;
  for (int i = 0; i < 20; ++i) {
    same += one.pause() == two.pause() ? 1 : 0;
  }
  EXPECT_LT(same, 5);
}

}  // namespace
}  // namespace mig::kube
