// SPDX-License-Identifier: Apache-2.0
#include "launch/job_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"

namespace mig::launch {
namespace {

class JobLogTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/migctl-log-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    path_ = folder_ + "/1.0.log";
  }

  void TearDown() override {
    ::unlink(path_.c_str());
    ::unlink((path_ + ".1").c_str());
    ::rmdir(folder_.c_str());
  }

  static void write(Result<JobLog>& log, const std::string& text) {
    ASSERT_TRUE(log);
    log->append(text);
  }

  std::string folder_, path_;
};

TEST_F(JobLogTest, WholeLinesWithTheirPrefixAsTheyCome) {
  auto log = JobLog::create(path_);
  ASSERT_TRUE(log);
  LogTail tail(path_, "[2] ");
  write(log, "one\ntw");
  EXPECT_EQ(tail.read(), "[2] one\n");
  EXPECT_EQ(tail.read(), "");
  write(log, "o\n\nthree");
  EXPECT_EQ(tail.read(), "[2] two\n[2] \n");
  EXPECT_EQ(tail.flush(), "[2] three\n");
  EXPECT_EQ(tail.flush(), "");
}

TEST_F(JobLogTest, AProgressBarWithoutLineEndsIsShownAllTheSame) {
  auto log = JobLog::create(path_);
  LogTail tail(path_, "");
  write(log, std::string(70'000, '#'));
  EXPECT_EQ(tail.read().size(), 70'001U);
}

TEST_F(JobLogTest, IsCutAndGoesOnAndTheReaderToo) {
  auto log = JobLog::create(path_, 12);
  LogTail tail(path_, "");
  write(log, "old old ");
  EXPECT_EQ(tail.read(), "");
  write(log, "old\n");
  EXPECT_EQ(*base::read_file(path_, 100), "old old old\n");
  write(log, "new\n");
  EXPECT_EQ(*base::read_file(path_, 100), "new\n");
  EXPECT_EQ(*base::read_file(path_ + ".1", 100), "old old old\n");
  EXPECT_EQ(tail.read(), "old old old\n");
  EXPECT_EQ(tail.read(), "new\n");
  EXPECT_EQ(tail.read(), "");
}

TEST_F(JobLogTest, StaysSmallHoweverMuchIsWrittenAtOnce) {
  auto log = JobLog::create(path_, 1000);
  LogTail tail(path_, "");
  write(log, "first\n");
  EXPECT_EQ(tail.read(), "first\n");
  write(log, std::string(100'000, 'x') + "\nlast\n");
  EXPECT_LE(base::read_file(path_, 10'000)->size(), 1000U);
  EXPECT_EQ(base::read_file(path_ + ".1", 10'000)->size(), 1000U);
  const std::string rest = tail.flush();
  EXPECT_NE(rest.find("a part of the output is missing here"), std::string::npos);
  EXPECT_TRUE(rest.ends_with("\nlast\n")) << rest;
}

TEST_F(JobLogTest, AReaderThatStopsHereStopsHowevermuchComes) {
  auto log = JobLog::create(path_, 10);
  write(log, "one\n");
  LogTail tail(path_, "");
  tail.stop_here();
  write(log, "two\nthree\nfour\n");
  EXPECT_EQ(tail.flush(), "one\n");
}

TEST_F(JobLogTest, GoesOnWithTheFileOfAKeeperThatWasKilled) {
  {
    auto log = JobLog::create(path_, 10);
    write(log, "12345678");
  }
  auto log = JobLog::reopen(path_, 10);
  write(log, "90ab");
  EXPECT_EQ(*base::read_file(path_ + ".1", 100), "1234567890");
  EXPECT_EQ(*base::read_file(path_, 100), "ab");
}

// /dev/full refuses every write.
TEST_F(JobLogTest, WhatCannotBeWrittenIsDroppedAndToldOf) {
  auto log = JobLog::create(path_, 1000);
  ASSERT_TRUE(log);
  const int full = ::open("/dev/full", O_WRONLY);
  const int kept = ::dup(log->fd());
  ::dup2(full, log->fd());
  write(log, "lost");
  write(log, "too");
  ::dup2(kept, log->fd());
  write(log, "again\n");
  EXPECT_EQ(*base::read_file(path_, 1000),
            "\n[migctl: 7 bytes are missing here: No space left on device]\nagain\n");
  ::close(full);
  ::close(kept);
}

TEST_F(JobLogTest, TheLastLinesBeginWhereTheyBegin) {
  auto log = JobLog::create(path_);
  write(log, "a\nbb\nccc\n");
  EXPECT_EQ(*start_of_last_lines(path_, 1), 5);
  EXPECT_EQ(*start_of_last_lines(path_, 2), 2);
  EXPECT_EQ(*start_of_last_lines(path_, 3), 0);
  EXPECT_EQ(*start_of_last_lines(path_, 99), 0);
  EXPECT_EQ(*start_of_last_lines(path_, 0), 9);
  write(log, "dddd");
  EXPECT_EQ(*start_of_last_lines(path_, 1), 9);
  EXPECT_EQ(*start_of_last_lines(path_, 2), 5);
  EXPECT_FALSE(start_of_last_lines(folder_ + "/none", 1));
}

}  // namespace
}  // namespace mig::launch
