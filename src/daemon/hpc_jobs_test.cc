// SPDX-License-Identifier: Apache-2.0
#include "daemon/hpc_jobs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace mig::daemon {
namespace {

class HpcJobsTest : public testing::Test {
 protected:
  HpcJobsTest() {
    std::string name = testing::TempDir() + "hpc-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }

  ~HpcJobsTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }

  std::string folder_;
};

TEST_F(HpcJobsTest, ReadsFilesOfGpusAndInstances) {
  write("0", "88123\n");
  write("1.9", "88124\n  88125 \r\n\n88124\n");
  const HpcJobs jobs = read_hpc_jobs(folder_);
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs.at({GpuIndex{0}, std::nullopt}), std::vector<std::string>{"88123"});
  EXPECT_EQ(jobs.at({GpuIndex{1}, GpuInstanceId{9}}), (std::vector<std::string>{"88124", "88125"}));
}

TEST_F(HpcJobsTest, PassesOverWhatIsNoJobFile) {
  write("notes.txt", "1\n");
  write("01", "1\n");
  write("1.", "1\n");
  write("2", std::string(5000, 'x'));
  write("3", "");
  ::mkfifo((folder_ + "/4").c_str(), 0600);
  std::filesystem::create_directory(folder_ + "/5");
  write("target", "6\n");
  std::filesystem::create_symlink("target", folder_ + "/6");
  EXPECT_TRUE(read_hpc_jobs(folder_).empty());
  EXPECT_TRUE(read_hpc_jobs(folder_ + "/missing").empty());
}

TEST_F(HpcJobsTest, IsBounded) {
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += std::to_string(i) + "\n";
  }
  write("0", many);
  EXPECT_EQ(read_hpc_jobs(folder_).begin()->second.size(), 16U);
  for (int i = 1; i < 1100; ++i) {
    write("0." + std::to_string(i), "1\n");
  }
  EXPECT_EQ(read_hpc_jobs(folder_).size(), 1024U);
}

}  // namespace
}  // namespace mig::daemon
