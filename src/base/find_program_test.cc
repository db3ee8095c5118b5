// SPDX-License-Identifier: Apache-2.0
#include "base/find_program.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace mig::base {
namespace {

class FindProgram : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "find-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    const char* path = ::getenv("PATH");
    before_ = path == nullptr ? "" : path;
    for (const char* folder : {"a", "b"}) {
      std::filesystem::create_directory(root_ + "/" + folder);
    }
    ::setenv("PATH", (root_ + "/a:" + root_ + "/b").c_str(), 1);
  }

  void TearDown() override {
    ::setenv("PATH", before_.c_str(), 1);
    std::filesystem::remove_all(root_);
  }

  void make(const std::string& file, mode_t mode) const {
    std::ofstream(root_ + "/" + file) << "#!/bin/sh\n";
    ::chmod((root_ + "/" + file).c_str(), mode);
  }

  std::string root_, before_;
};

TEST_F(FindProgram, TheFirstThatMayRunAndIsAFile) {
  make("a/tool", 0644);
  make("b/tool", 0755);
  EXPECT_EQ(find_program("tool"), root_ + "/b/tool");
  std::filesystem::create_directory(root_ + "/a/other");
  make("b/other", 0755);
  EXPECT_EQ(find_program("other"), root_ + "/b/other") << "a folder is no program";
  EXPECT_EQ(find_program("none"), "");
  EXPECT_EQ(find_program(""), "");
}

TEST_F(FindProgram, NoRelativeFolder) {
  make("a/tool", 0755);
  const std::filesystem::path here = std::filesystem::current_path();
  std::filesystem::current_path(root_ + "/a");
  for (const char* path : {".", "", "::", "../a"}) {
    ::setenv("PATH", path, 1);
    EXPECT_EQ(find_program("tool"), "") << path;
  }
  std::filesystem::current_path(here);
}

TEST_F(FindProgram, FurtherFoldersComeLast) {
  make("b/tool", 0755);
  ::setenv("PATH", (root_ + "/a").c_str(), 1);
  EXPECT_EQ(find_program("tool", root_ + "/b"), root_ + "/b/tool");
  make("a/tool", 0755);
  EXPECT_EQ(find_program("tool", root_ + "/b"), root_ + "/a/tool");
}

TEST_F(FindProgram, APathIsItself) {
  EXPECT_EQ(find_program("./x/tool"), "./x/tool");
}

TEST_F(FindProgram, TheErrorNamesIt) {
  const auto path = program_path("no-such");
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::kNotFound);
  EXPECT_NE(path.error().message.find("no-such"), std::string::npos);
}

TEST(ProgramBesideUs, ThisTestIsBesideItself) {
  const std::string self = own_program();
  const std::string name = std::filesystem::path(self).filename().string();
  EXPECT_EQ(program_beside_us(name), self);
  EXPECT_EQ(program_beside_us("no-such-program"), "");
}

}  // namespace
}  // namespace mig::base
