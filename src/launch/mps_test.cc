// SPDX-License-Identifier: Apache-2.0
// With a stub of nvidia-cuda-mps-control: a script that records its input.
#include "launch/mps.h"

#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

namespace fs = std::filesystem;

class MpsControl : public testing::Test {
 protected:
  MpsControl() {
    char name[] = "/tmp/mps-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    write(R"(#!/bin/sh
pipe=$CUDA_MPS_PIPE_DIRECTORY
if [ "$1" = -f ]; then
  echo "$$ $CUDA_VISIBLE_DEVICES ${CUDA_MPS_ACTIVE_THREAD_PERCENTAGE-none}" > )" +
          folder_ + R"(/daemon
  touch "$pipe/control"
  while [ -e "$pipe/control" ]; do sleep 0.02; done
  exit 0
fi
read -r words
case $words in
  get_server_list) echo 41 ;;
  "get_client_list 41") echo 100; echo 200 ;;
  quit*) rm "$pipe/control" ;;
esac
)");
  }

  ~MpsControl() override { fs::remove_all(folder_); }

  void write(const std::string& script) const {
    std::ofstream(control()) << script;
    ::chmod(control().c_str(), 0700);
  }

  std::string control() const { return folder_ + "/nvidia-cuda-mps-control"; }

  std::string folder_;
};

TEST_F(MpsControl, IsPrivateAndGoesWithItsValue) {
  std::string pipes;
  int pid = 0;
  {
    ::setenv("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", "3", 1);
    const auto mps = Mps::start(control(), "GPU-1");
    ::unsetenv("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE");
    ASSERT_TRUE(mps) << mps.error().text();
    EXPECT_EQ(*mps->clients(), (std::vector<int>{100, 200}));
    pipes = mps->environment().at(0).second;
    EXPECT_EQ(mps->environment().at(0).first, "CUDA_MPS_PIPE_DIRECTORY");
    EXPECT_LT(pipes.size(), 40U) << "a socket's path is short";

    struct stat facts {};

    ASSERT_EQ(::stat(fs::path(pipes).parent_path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0700U);
    std::string device;
    std::string percentage;
    std::ifstream(folder_ + "/daemon") >> pid >> device >> percentage;
    EXPECT_EQ(device, "GPU-1");
    EXPECT_EQ(percentage, "none") << "a limit of ours would be everybody's";
  }
  EXPECT_FALSE(fs::exists(fs::path(pipes).parent_path()));
  ASSERT_GT(pid, 0);
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(MpsControl, SomebodyElsesIsNoticed) {
  ::setenv("CUDA_MPS_PIPE_DIRECTORY", folder_.c_str(), 1);
  EXPECT_FALSE(mps_daemon_of_others());
  std::ofstream(folder_ + "/control") << "";
  EXPECT_TRUE(mps_daemon_of_others());
  ::unsetenv("CUDA_MPS_PIPE_DIRECTORY");
}

TEST_F(MpsControl, ADaemonThatEndsAtOnceIsSaid) {
  write("#!/bin/sh\necho 'no such device' >&2; exit 1\n");
  const auto mps = Mps::start(control(), "GPU-1");
  ASSERT_FALSE(mps);
  EXPECT_EQ(mps.error().code, ErrorCode::kDriver);
  EXPECT_NE(mps.error().message.find("no such device"), std::string::npos);
}

TEST_F(MpsControl, IsFoundInThePath) {
  const std::string before = ::getenv("PATH");
  ::setenv("PATH", (folder_ + ":" + before).c_str(), 1);
  EXPECT_EQ(find_mps_control(), control());
  ::setenv("PATH", before.c_str(), 1);
  EXPECT_NE(find_mps_control(), control());
}

}  // namespace
}  // namespace mig::launch
