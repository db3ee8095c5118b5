// SPDX-License-Identifier: Apache-2.0
#include "launch/claim.h"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "launch/supervise.h"

namespace mig::launch {
namespace {

class ClaimTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/claims-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }

  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string dir_;
};

TEST_F(ClaimTest, OneAtATimePerInstanceAndTheHolderIsNamed) {
  auto first = Claim::take(dir_, "MIG-a");
  ASSERT_TRUE(first);
  first->set_holder(4121);
  const auto second = Claim::take(dir_, "MIG-a");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  EXPECT_NE(second.error().message.find("4121"), std::string::npos);
  EXPECT_TRUE(Claim::take(dir_, "MIG-b"));
}

TEST_F(ClaimTest, EndsWithItsLastHolder) {
  { ASSERT_TRUE(Claim::take(dir_, "MIG-a")); }
  EXPECT_TRUE(Claim::take(dir_, "MIG-a"));
}

TEST_F(ClaimTest, OlderNamesWithSlashesStayInTheFolder) {
  ASSERT_TRUE(Claim::take(dir_, "MIG-GPU-x/../../7/0"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_),
                          std::filesystem::directory_iterator()),
            1);
}

TEST_F(ClaimTest, TheCommandHoldsItEvenWhenWeAreGone) {
  std::optional<Claim> claim = *Claim::take(dir_, "MIG-a");
  SuperviseRequest job;
  ChildRequest& request = job.ranks.emplace_back();
  // A grandchild survives with the descriptor, as after a SIGKILL of this process.
  const std::string file = dir_ + "/grandchild";
  request.argv = {"sh", "-c", "sleep 600 & echo $! >" + file};
  request.inherit_fd = claim->fd();
  ASSERT_EQ(supervise(job).exit_code(), 0);
  claim.reset();
  EXPECT_FALSE(Claim::take(dir_, "MIG-a"));
  pid_t grandchild = 0;
  std::ifstream(file) >> grandchild;
  ASSERT_GT(grandchild, 0);
  ::kill(grandchild, SIGKILL);
  for (int i = 0; i < 1000 && !Claim::take(dir_, "MIG-a"); ++i) {
    ::usleep(50'000);
  }
  EXPECT_TRUE(Claim::take(dir_, "MIG-a"));
}

// In /tmp anybody can be first to make the folder, or leave a link of its name.
TEST_F(ClaimTest, TheFolderIsOneThatOnlyItsUserCanWriteTo) {
  const std::string folder = dir_ + "/claims";
  const auto refused = [&] {
    const auto taken = Claim::take(folder, "MIG-a");
    return !taken && taken.error().code == ErrorCode::kPermission;
  };
  ASSERT_TRUE(Claim::take(folder, "MIG-a"));
  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  EXPECT_TRUE(refused());
  ASSERT_EQ(::chmod(folder.c_str(), 0700), 0);
  EXPECT_TRUE(Claim::take(folder, "MIG-a"));
  std::filesystem::rename(folder, dir_ + "/real");
  std::filesystem::create_directory_symlink(dir_ + "/real", folder);
  EXPECT_TRUE(refused());
  std::filesystem::remove(folder);
  if (::geteuid() == 0) {
    ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
    ASSERT_EQ(::chown(folder.c_str(), 4001, 4001), 0);
    EXPECT_TRUE(refused());
  }
}

}  // namespace
}  // namespace mig::launch
