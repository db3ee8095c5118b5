// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/log.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace mig::kube {
namespace {

TEST(Log, Lines) {
  constexpr std::int64_t kTime = 1'795'993'561'123;
  EXPECT_EQ(log_line(kTime, Weight::kWarning, "no room", false),
            "2026-11-29T23:06:01.123Z warning no room\n");
  EXPECT_EQ(log_line(kTime, Weight::kInfo, "no room", true),
            "{\"time\":\"2026-11-29T23:06:01.123Z\",\"level\":\"info\",\"message\":\"no room\"}\n");
}

TEST(Log, ALineStaysOneLine) {
  const std::string bad = "a\nb\x1b[31m \"c\" \xff";
  const std::string text = log_line(0, Weight::kError, bad, false);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  const std::string json = log_line(0, Weight::kError, bad, true);
  EXPECT_EQ(json.find('\n'), json.size() - 1);
  EXPECT_TRUE(base::parse_json(json, {10'000, "a line"}));
}

TEST(Log, AStateIsToldWhenItBeginsAndWhenItIsOver) {
  Log log(false);
  testing::internal::CaptureStderr();
  log.state("migd", "");
  log.state("migd", "nobody listens");
  log.state("migd", "nobody listens");
  log.state("kubelet", "is away");
  log.state("migd", "");
  log.state("migd", "");
  const std::string text = testing::internal::GetCapturedStderr();
  std::size_t lines = 0;
  for (const char c : text) {
    lines += c == '\n' ? 1 : 0;
  }
  EXPECT_EQ(lines, 3U) << text;
  EXPECT_NE(text.find("migd: works again"), std::string::npos) << text;
}

}  // namespace
}  // namespace mig::kube
