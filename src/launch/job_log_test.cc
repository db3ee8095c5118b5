// SPDX-License-Identifier: Apache-2.0
#include "launch/job_log.h"

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

  static void write(const JobLog& log, const std::string& text) {
    ASSERT_TRUE(base::write_all(log.fd(), log.path(), text));
  }

  std::string folder_, path_;
};

TEST_F(JobLogTest, WholeLinesWithTheirPrefixAsTheyCome) {
  const auto log = JobLog::create(path_);
  ASSERT_TRUE(log);
  LogTail tail(path_, "[2] ");
  write(*log, "one\ntw");
  EXPECT_EQ(tail.read(), "[2] one\n");
  EXPECT_EQ(tail.read(), "");
  write(*log, "o\n\nthree");
  EXPECT_EQ(tail.read(), "[2] two\n[2] \n");
  EXPECT_EQ(tail.flush(), "[2] three\n");
  EXPECT_EQ(tail.flush(), "");
}

TEST_F(JobLogTest, AProgressBarWithoutLineEndsIsShownAllTheSame) {
  const auto log = JobLog::create(path_);
  LogTail tail(path_, "");
  write(*log, std::string(70'000, '#'));
  EXPECT_EQ(tail.read().size(), 70'001U);
}

TEST_F(JobLogTest, IsCutAndGoesOnAndTheReaderToo) {
  const auto log = JobLog::create(path_);
  LogTail tail(path_, "");
  write(*log, "old old old\n");
  EXPECT_EQ(tail.read(), "old old old\n");
  log->keep_small(100);
  EXPECT_EQ(*base::read_file(path_, 100), "old old old\n");
  log->keep_small(5);
  EXPECT_EQ(*base::read_file(path_, 100), "");
  EXPECT_EQ(*base::read_file(path_ + ".1", 100), "old old old\n");
  write(*log, "new\n");
  EXPECT_EQ(*base::read_file(path_, 100), "new\n");
  EXPECT_EQ(tail.read(), "new\n");
}

TEST_F(JobLogTest, TheLastLinesBeginWhereTheyBegin) {
  const auto log = JobLog::create(path_);
  write(*log, "a\nbb\nccc\n");
  EXPECT_EQ(*start_of_last_lines(path_, 1), 5);
  EXPECT_EQ(*start_of_last_lines(path_, 2), 2);
  EXPECT_EQ(*start_of_last_lines(path_, 3), 0);
  EXPECT_EQ(*start_of_last_lines(path_, 99), 0);
  EXPECT_EQ(*start_of_last_lines(path_, 0), 9);
  write(*log, "dddd");
  EXPECT_EQ(*start_of_last_lines(path_, 1), 9);
  EXPECT_EQ(*start_of_last_lines(path_, 2), 5);
  EXPECT_FALSE(start_of_last_lines(folder_ + "/none", 1));
}

}  // namespace
}  // namespace mig::launch
