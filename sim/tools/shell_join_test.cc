// SPDX-License-Identifier: Apache-2.0
// Each test runs in a child process with a mount namespace of its own; its messages go to a file.
#include "sim/tools/shell_join.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <sched.h>

#include "sim/tools/shell_programs.h"

namespace fs = std::filesystem;

namespace migsim {
namespace {

using Names = std::set<std::string>;

constexpr int kNoNamespace = 77;

Names names_in(const fs::path& folder) {
  Names names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename());
  }
  return names;
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

class JoinTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/migsim-join-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    root = folder;
    write(root / "host/cat", "host cat");
    write(root / "host/nvidia_old/version", "1");
    write(root / "host/sub/x", "host x");
    fs::create_symlink("cat", root / "host/kitten");
    write(root / "ours/nvidia/version", "2");
    write(root / "ours/sub/y", "our y");
    write(root / "ours/cat", "our cat");
    fs::create_directories(root / "scratch");
  }

  void TearDown() override { fs::remove_all(root); }

  // Runs the body in a mount namespace of a child process; the child passes the expectations'
  // result.
  void in_namespace(const std::function<void(Mounter&)>& body) {
    const pid_t child = fork();
    if (child == 0) {
      if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        _exit(kNoNamespace);
      }
      Mounter mounter;
      mounter.make_private();
      mounter.tmpfs((root / "scratch").string(), "mode=0755");
      body(mounter);
      if (!mounter.ok()) {
        std::fprintf(stderr, "%s\n", mounter.problem().message.c_str());
      }
      _exit(HasFailure() || !mounter.ok() ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WEXITSTATUS(status) == kNoNamespace) {
      GTEST_SKIP() << "this host allows no mount namespace";
    }
    EXPECT_EQ(status, 0);
  }

  Join join(const std::string& hidden = "") const {
    return {(root / "host").string(), (root / "ours").string(), hidden};
  }

  fs::path root;
};

TEST_F(JoinTest, ShowsBothAndOursWhereBothHaveAFile) {
  in_namespace([&](Mounter& mounter) {
    join_folder(mounter, join("nvidia"), (root / "scratch/staged").string());
    EXPECT_EQ(names_in(root / "host"), Names({"cat", "kitten", "nvidia", "sub"}));
    EXPECT_EQ(names_in(root / "host/sub"), Names({"x", "y"}));
    EXPECT_EQ(read(root / "host/cat"), "our cat");
    EXPECT_EQ(read(root / "host/kitten"), "our cat");
    EXPECT_TRUE(fs::is_symlink(root / "host/kitten"));
    EXPECT_EQ(read(root / "host/sub/x"), "host x");
    write(root / "host/new", "lost");
  });
  EXPECT_EQ(names_in(root / "host"), Names({"cat", "kitten", "nvidia_old", "sub"}));
  EXPECT_EQ(read(root / "host/cat"), "host cat");
}

TEST_F(JoinTest, AFailureLeavesTheFolderAsItWas) {
  in_namespace([&](Mounter& mounter) {
    Mounter other;
    join_folder(other, {(root / "host").string(), (root / "none").string()}, "/proc/no/such");
    EXPECT_FALSE(other.ok());
    EXPECT_EQ(names_in(root / "host"), Names({"cat", "kitten", "nvidia_old", "sub"}));
    static_cast<void>(mounter);
  });
}

// Container runtimes bind single files into /usr/bin; an overlay would show the files underneath.
TEST_F(JoinTest, NoOverlayHidesAMount) {
  in_namespace([&](Mounter& mounter) {
    mounter.bind((root / "ours/sub").string(), (root / "host/sub").string());
    EXPECT_FALSE(overlay_folder(join()));
    join_folder(mounter, join(), (root / "scratch/staged").string());
    EXPECT_EQ(names_in(root / "host/sub"), Names({"y"}));
  });
}

TEST_F(JoinTest, AnOverlayShowsBothAndCannotBeWritten) {
  const auto odd = root / "a,b:c\\d";
  fs::copy(root / "ours", odd, fs::copy_options::recursive);
  in_namespace([&](Mounter& mounter) {
    static_cast<void>(mounter);
    // An overlay of plain paths shows whether this host has overlays at all.
    fs::create_directories(root / "plain");
    if (!overlay_folder({(root / "plain").string(), (root / "ours").string()})) {
      std::fprintf(stderr, "no overlay on this host: not looked at\n");
      return;
    }
    ASSERT_TRUE(overlay_folder({(root / "host").string(), odd.string()}));
    EXPECT_EQ(read(root / "host/cat"), "our cat");
    EXPECT_EQ(names_in(root / "host/sub"), Names({"x", "y"}));
    EXPECT_FALSE(std::ofstream(root / "host/new").is_open());
  });
}

TEST_F(JoinTest, TheLoadersListSaysWhereElseALibraryIs) {
  const std::string list(
      "glibc\0junk\0libnvidia-ml.so.1\0/opt/driver/libnvidia-ml.so.1\0"
      "/opt/driver/libnvidia-ml.so.1x\0/usr/lib64/libnvidia-ml.so.1\0",
      127);
  write(root / "cache", list);
  const std::vector<std::string> places = library_places((root / "cache").string());
  EXPECT_EQ(std::count(places.begin(), places.end(), "/opt/driver/libnvidia-ml.so.1"), 1);
  EXPECT_EQ(std::count(places.begin(), places.end(), "/usr/lib64/libnvidia-ml.so.1"), 1);
  EXPECT_EQ(places.size(), library_places("/no/such/file").size() + 1);
}

}  // namespace
}  // namespace migsim
