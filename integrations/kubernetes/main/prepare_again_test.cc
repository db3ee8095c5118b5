// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/prepare_again.h"

#include <gtest/gtest.h>

namespace mig::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Time passes by pauses and attempts only.
struct Scene {
  explicit Scene(ErrorCode with) : code(with) {}

  PrepareAgain::Calls calls() {
    return {.once = [this]() -> PrepareAgain::Prepared {
              now += of_attempt;
              if (++attempts >= succeeds_at) {
                return std::vector<PreparedDevice>();
              }
              return fail(code, "the machine says no");
            },
            .pause =
                [this](milliseconds pause) {
                  now += pause;
                  in_pause();
                  return false;
                },
            .on_again = [](const Error&) {},
            .now = [this] { return now; }};
  }

  ErrorCode code;
  int attempts = 0;
  int succeeds_at = 100;
  milliseconds of_attempt{10};
  std::chrono::steady_clock::time_point now;
  std::function<void()> in_pause = [] {};
};

TEST(PrepareAgain, AFailureThatMayPassIsTriedAgain) {
  PrepareAgain again;
  Scene scene(ErrorCode::kDriver);
  scene.succeeds_at = 3;
  EXPECT_TRUE(again.run("u", scene.calls()));
  EXPECT_EQ(scene.attempts, 3);

  Scene never(ErrorCode::kDriver);
  EXPECT_FALSE(again.run("u", never.calls()));
  EXPECT_EQ(never.attempts, 4);

  Scene lasting(ErrorCode::kInvalidInput);
  EXPECT_FALSE(again.run("u", lasting.calls()));
  EXPECT_EQ(lasting.attempts, 1);
}

TEST(PrepareAgain, NoAttemptBeginsWhenTheKubeletMayHaveGivenTheCallUp) {
  PrepareAgain again;
  Scene slow(ErrorCode::kTimeout);
  slow.of_attempt = seconds(30);
  EXPECT_FALSE(again.run("u", slow.calls()));
  EXPECT_EQ(slow.attempts, 1);

  Scene paused(ErrorCode::kTimeout);  // the whole machine was
  paused.in_pause = [&] { paused.now += seconds(60); };
  EXPECT_FALSE(again.run("u", paused.calls()));
  EXPECT_EQ(paused.attempts, 1);
}

TEST(PrepareAgain, AClaimThatIsUnpreparedMeanwhileIsNotMadeAnew) {
  PrepareAgain again;
  Scene scene(ErrorCode::kConflict);
  scene.succeeds_at = 2;
  scene.in_pause = [&] { again.give_up("u"); };
  EXPECT_FALSE(again.run("u", scene.calls()));
  EXPECT_EQ(scene.attempts, 1);

  Scene other(ErrorCode::kConflict);
  other.succeeds_at = 2;
  other.in_pause = [&] { again.give_up("another claim"); };
  EXPECT_TRUE(again.run("u", other.calls())) << "and an earlier end of u is forgotten";
}

}  // namespace
}  // namespace mig::kube
