// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

namespace mig::base {
namespace {

TEST(Process, APipeCarriesAndIsNotInherited) {
  const auto pipe = make_pipe();
  ASSERT_TRUE(pipe) << pipe.error().text();
  ASSERT_EQ(::write(pipe->write.get(), "x", 1), 1);
  char got = 0;
  ASSERT_EQ(::read(pipe->read.get(), &got, 1), 1);
  EXPECT_EQ(got, 'x');
  for (const int end : {pipe->read.get(), pipe->write.get()}) {
    EXPECT_NE(::fcntl(end, F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(Process, AnExecArrayEndsWithANullPointer) {
  const std::vector<std::string> words = {"sleep", "1 0"};
  const std::vector<char*> array = exec_array(words);
  ASSERT_EQ(array.size(), 3U);
  EXPECT_STREQ(array[0], "sleep");
  EXPECT_STREQ(array[1], "1 0");
  EXPECT_EQ(array[2], nullptr);
  EXPECT_EQ(exec_array({}).size(), 1U);
}

TEST(Process, WhatIsAddedReplacesOursAndWhatIsUnsetIsGone) {
  ::setenv("MIG_TEST_ONE", "1", 1);
  ::setenv("MIG_TEST_TWO", "2", 1);
  ::setenv("MIG_TEST_TWO_MORE", "3", 1);
  const std::vector<std::string> all =
      environment_with({{"MIG_TEST_ONE", "a=b"}, {"MIG_TEST_NEW", ""}}, {"MIG_TEST_TWO"});
  const auto times = [&](const std::string& text) {
    return std::count(all.begin(), all.end(), text);
  };
  EXPECT_EQ(times("MIG_TEST_ONE=a=b"), 1);
  EXPECT_EQ(times("MIG_TEST_ONE=1"), 0);
  EXPECT_EQ(times("MIG_TEST_TWO=2"), 0);
  EXPECT_EQ(times("MIG_TEST_TWO_MORE=3"), 1);
  EXPECT_EQ(times("MIG_TEST_NEW="), 1);
}

}  // namespace
}  // namespace mig::base
