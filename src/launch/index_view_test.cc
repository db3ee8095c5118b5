// SPDX-License-Identifier: Apache-2.0
#include "launch/index_view.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "launch/ranks.h"

namespace mig::launch {
namespace {

Instance instance() {
  Instance chosen;
  chosen.uuid = "MIG-1";
  chosen.profile = *ProfileName::parse("1g.5gb");
  return chosen;
}

std::map<std::string, std::string> told(const char* library_path) {
  Environment environment = rank_environment(instance(), {});
  show_as_index(environment, instance(), {"/view", "/usr/lib/libnvidia-ml.so.1"}, library_path);
  std::map<std::string, std::string> out(environment.begin(), environment.end());
  EXPECT_EQ(out.size(), environment.size()) << "a variable stands there twice";
  return out;
}

TEST(IndexView, TheCommandGetsTheIndexAndTheViewsLibraryFirst) {
  auto seen = told("/opt/lib:/usr/lib");
  EXPECT_EQ(seen["CUDA_VISIBLE_DEVICES"], "0");
  EXPECT_EQ(seen["NVIDIA_VISIBLE_DEVICES"], "MIG-1");  // for engines that it starts
  EXPECT_EQ(seen["LD_LIBRARY_PATH"], "/view:/opt/lib:/usr/lib");
  EXPECT_EQ(seen["MIGCTL_COMPAT_UUID"], "MIG-1");
  EXPECT_EQ(seen["MIGCTL_COMPAT_NVML"], "/usr/lib/libnvidia-ml.so.1");
  // An empty element would be the working folder.
  EXPECT_EQ(told(nullptr)["LD_LIBRARY_PATH"], "/view");
  EXPECT_EQ(told("")["LD_LIBRARY_PATH"], "/view");
}

TEST(IndexView, WhatIsMissingIsSaid) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("index-view-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string driver = folder / "driver.so";
  std::ofstream(driver).put('x');
  const IndexView view{folder, driver};
  EXPECT_EQ(check(view).error().code, ErrorCode::kNotFound);
  EXPECT_NE(check(view).error().hint.find("compat_nvml"), std::string::npos);
  std::ofstream(folder / "libnvidia-ml.so.1").put('x');
  EXPECT_TRUE(check(view));
  EXPECT_EQ(check({folder, "libnvidia-ml.so.1"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(check({folder, folder / "gone.so"}).error().code, ErrorCode::kNotFound);
  ::setenv("MIGCTL_COMPAT_UUID", "MIG-1", 1);
  EXPECT_EQ(check(view).error().code, ErrorCode::kConflict);
  ::unsetenv("MIGCTL_COMPAT_UUID");
  std::filesystem::remove_all(folder);
}

TEST(IndexView, ProgramsThatRefuseUuidsGetAHint) {
  EXPECT_NE(index_hint({"/usr/bin/vllm", "serve"}).find("--compat index"), std::string::npos);
  EXPECT_NE(index_hint({"ray", "start"}).find("ray#12413"), std::string::npos);
  EXPECT_EQ(index_hint({"python", "train.py"}), "");
}

}  // namespace
}  // namespace mig::launch
