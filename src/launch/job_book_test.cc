// SPDX-License-Identifier: Apache-2.0
#include "launch/job_book.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

class JobBookTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/migctl-book-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A job with a log of so many bytes.
  std::int64_t job(JobBook& book, bool ended, std::size_t bytes) const {
    store::JobRow row;
    row.logged = true;
    EXPECT_TRUE(book.begin(row));
    if (ended) {
      row.finished_ms = 1;
      EXPECT_TRUE(book.update(row));
    }
    std::ofstream(book.log_path(row.id, 0)) << std::string(bytes, 'x');
    std::ofstream(book.log_path(row.id, 0) + ".1") << std::string(bytes, 'x');
    return row.id;
  }

  static bool kept(const JobBook& book, std::int64_t job) {
    return std::filesystem::exists(book.log_path(job, 0)) ||
           std::filesystem::exists(book.log_path(job, 0) + ".1");
  }

  std::string folder_;
};

TEST_F(JobBookTest, LogsOfTheOldestEndedJobsGoWhenAllAreTooLarge) {
  auto book = JobBook::open(folder_);
  ASSERT_TRUE(book);
  const std::int64_t live = job(*book, false, 100);
  const std::int64_t oldest = job(*book, true, 100);
  const std::int64_t older = job(*book, true, 100);
  const std::int64_t newest = job(*book, true, 100);
  book->limit_logs(800);
  EXPECT_TRUE(kept(*book, oldest));
  book->limit_logs(500);
  EXPECT_TRUE(kept(*book, live));
  EXPECT_FALSE(kept(*book, oldest));
  EXPECT_TRUE(kept(*book, older));
  book->limit_logs(400);
  EXPECT_FALSE(kept(*book, older));
  EXPECT_TRUE(kept(*book, newest));
  book->limit_logs(1);
  EXPECT_TRUE(kept(*book, live)) << "its keeper still writes there";
  EXPECT_FALSE(kept(*book, newest));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/jobs.db"));
}

}  // namespace
}  // namespace mig::launch
