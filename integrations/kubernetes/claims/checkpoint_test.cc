// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/claims/checkpoint.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"

namespace mig::kube {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/claims-XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/checkpoint.json";
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  static ClaimRecords some() {
    ClaimRecord record;
    record.claim = {"default", "two", "c1"};
    record.state = ClaimState::kUnpreparing;
    DeviceRecord device;
    device.device = {"gpu/small", "node-1", "gpu-0-mig-1g-5gb-3", "s1"};
    device.key = key_of(record.claim, device.device);
    device.gpu_uuid = "GPU-0";
    device.profile = "1g.5gb";
    device.start = 3;
    device.uuid = "MIG-1";
    device.cdi = "nvidia.com/gpu=MIG-1";
    device.lease = 12;
    device.made = true;
    record.devices = {device, DeviceRecord{}};
    return {{"c1", record}, {"c2", {{"default", "none", "c2"}, ClaimState::kPreparing, {}}}};
  }

  void put(const std::string& text) const { std::ofstream(path_) << text; }

  std::string text() const { return *base::read_file(path_, 1U << 20U); }

  // The file is not understood, for that reason, and stays as it is.
  void refused(const std::string& text_of_file, const std::string& why) const {
    put(text_of_file);
    const auto read = read_checkpoint(path_);
    ASSERT_FALSE(read) << text_of_file;
    EXPECT_NE(read.error().message.find(why), std::string::npos) << read.error().message;
    EXPECT_NE(read.error().message.find(path_), std::string::npos);
    EXPECT_EQ(text(), text_of_file);
  }

  std::string folder_, path_;
};

TEST_F(CheckpointTest, IsReadAsItWasWritten) {
  EXPECT_TRUE(read_checkpoint(path_)->empty()) << "no file, no claims";
  ASSERT_TRUE(write_checkpoint(path_, some()));
  const auto read = read_checkpoint(path_);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, some());

  struct stat info {};

  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(CheckpointTest, WhatIsNotUnderstoodIsSaidAndLeft) {
  const std::string good = checkpoint_text(some());
  refused("", path_);
  refused(good.substr(0, good.size() / 2), path_);
  std::string changed = good;
  changed.replace(changed.find("MIG-1"), 5, "MIG-2");
  refused(changed, "damaged");
  std::string later = good;
  later.replace(later.find("\"version\": 1"), 12, "\"version\": 2");
  refused(later, "later mig-kubelet");
  std::string state = good;
  state.replace(state.find("unpreparing"), 11, "resting");
  refused(state, "state");
}

TEST(ClaimRefs, HaveNamesOfKubernetes) {
  EXPECT_EQ(shown_name({std::string(63, 'n'), std::string(253, 'c'), "u"}).size(), 180U);
  EXPECT_FALSE(check_ref({"default", "c", "../x"}));
  EXPECT_FALSE(check_ref({"default", "", "u"}));
  EXPECT_TRUE(check_ref({"default", "c", "0a-1"}));
}

}  // namespace
}  // namespace mig::kube
