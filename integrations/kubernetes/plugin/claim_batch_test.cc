// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/claim_batch.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace mig::kube {
namespace {

constexpr auto kNever = std::chrono::system_clock::time_point::max();

std::vector<ClaimRef> claims(std::size_t count) {
  std::vector<ClaimRef> made;
  for (std::size_t i = 0; i < count; ++i) {
    made.push_back({"team", "claim-" + std::to_string(i), "uid-" + std::to_string(i)});
  }
  return made;
}

TEST(ClaimBatch, EachClaimGetsItsOwnAnswer) {
  std::atomic<int> calls{0};
  const auto errors = for_each_claim(claims(100), kNever, [&](std::size_t i) -> Result<void> {
    ++calls;
    if (i == 13) {
      return fail(ErrorCode::kNoCapacity, "no room");
    }
    if (i == 14) {
      throw std::runtime_error("a bug");
    }
    if (i == 15) {
      throw 15;  // NOLINT: whatever a library throws
    }
    return {};
  });
  ASSERT_EQ(errors.size(), 100U);
  EXPECT_EQ(calls, 100);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    EXPECT_EQ(errors[i].has_value(), i >= 13 && i <= 15) << i;
  }
  EXPECT_EQ(errors[13]->code, ErrorCode::kNoCapacity);
  EXPECT_EQ(errors[14]->code, ErrorCode::kInternal);
  EXPECT_NE(errors[14]->message.find("a bug"), std::string::npos);
}

// Each ends when both have begun.
TEST(ClaimBatch, AClaimDoesNotWaitForAnother) {
  std::atomic<int> begun{0};
  const auto errors = for_each_claim(claims(2), kNever, [&](std::size_t) -> Result<void> {
    ++begun;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (begun < 2) {
      if (std::chrono::steady_clock::now() > give_up) {
        return fail(ErrorCode::kTimeout, "the other is not begun");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
  });
  EXPECT_FALSE(errors[0]);
  EXPECT_FALSE(errors[1]);
}

TEST(ClaimBatch, WhatComesAfterTheDeadlineIsNotBegun) {
  int calls = 0;
  const auto errors =
      for_each_claim(claims(3), std::chrono::system_clock::now(), [&](std::size_t) -> Result<void> {
        ++calls;
        return {};
      });
  EXPECT_EQ(calls, 0);
  for (const auto& error : errors) {
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, ErrorCode::kTimeout);
  }
}

TEST(ClaimBatch, NamesThatNoObjectHasAreRefused) {
  const auto refused = [](std::string name_space, std::string name, std::string uid) {
    return !check_claim({std::move(name_space), std::move(name), std::move(uid)});
  };
  EXPECT_FALSE(refused("team", "train", "3b0c9a52-1f7e-4a60-9d55-0c8a7f2f6e11"));
  EXPECT_TRUE(refused("", "train", "u"));
  EXPECT_TRUE(refused("team", "", "u"));
  EXPECT_TRUE(refused("team", "train", ""));
  EXPECT_TRUE(refused("../x", "train", "u"));
  EXPECT_TRUE(refused("team", "a/b", "u"));
  EXPECT_TRUE(refused("team", "train", "../../etc"));
  EXPECT_TRUE(refused("team", "train", std::string("u\n", 2)));
  EXPECT_TRUE(refused("team", std::string(254, 'a'), "u"));
  EXPECT_TRUE(refused("team", "train", std::string(129, 'u')));
}

}  // namespace
}  // namespace mig::kube
