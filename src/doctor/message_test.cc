// SPDX-License-Identifier: Apache-2.0
#include "doctor/message.h"

#include <gtest/gtest.h>

namespace mig::doctor {
namespace {

Message sample() {
  Message message;
  message.finding = {Verdict::kWarning, "found", {"a", ""}, "because", {"mend it"}};
  message.machine_dir = "/m/lab";
  return message;
}

TEST(Message, ComesBackByteByByte) {
  const std::string bytes = encode(sample()) + encode({});
  std::string received;
  std::vector<Message> messages;
  bool broken = false;
  for (const char byte : bytes) {
    received += byte;
    if (auto taken = take(received, broken)) {
      messages.push_back(*std::move(taken));
    }
    ASSERT_FALSE(broken);
  }
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].finding.verdict, Verdict::kWarning);
  EXPECT_EQ(messages[0].finding.found, "found");
  EXPECT_EQ(messages[0].finding.evidence, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(messages[0].finding.cause, "because");
  EXPECT_EQ(messages[0].finding.mend, std::vector<std::string>{"mend it"});
  EXPECT_EQ(messages[0].machine_dir, "/m/lab");
  EXPECT_TRUE(received.empty());
}

// The sender is a process in which a driver's library runs: it may have written anything.
TEST(Message, NonsenseIsBroken) {
  std::string huge(16, '\xff');
  bool broken = false;
  EXPECT_FALSE(take(huge, broken));
  EXPECT_TRUE(broken);
  std::string wrong = encode(sample());
  wrong[8] = '\x63';  // verdict
  broken = false;
  static_cast<void>(take(wrong, broken));
  EXPECT_TRUE(broken);
  std::string cut = encode(sample());
  cut[16] = '\x7f';  // length of `found`, beyond the message
  broken = false;
  static_cast<void>(take(cut, broken));
  EXPECT_TRUE(broken);
}

TEST(Message, MuchIsCut) {
  Message message;
  message.finding.evidence.assign(100000, std::string(5000, 'x'));
  message.finding.found.assign(1U << 22U, 'y');
  std::string bytes = encode(message);
  ASSERT_LT(bytes.size(), kMostMessage);
  bool broken = false;
  const auto taken = take(bytes, broken);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->finding.evidence.back(), "and 99960 more");
}

TEST(Finding, VerdictsOnlyRise) {
  Finding finding;
  finding.raise(Verdict::kWarning);
  finding.raise(Verdict::kNote);
  EXPECT_EQ(finding.verdict, Verdict::kWarning);
  finding.raise(Verdict::kProblem);
  EXPECT_EQ(finding.verdict, Verdict::kProblem);
}

}  // namespace
}  // namespace mig::doctor
