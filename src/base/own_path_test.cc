// SPDX-License-Identifier: Apache-2.0
#include "base/own_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.h"

namespace mig::base {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kStranger = 4001;
constexpr uid_t kOther = 4002;

std::string content(const std::string& path) {
  return read_file(path, 1 << 16).value_or("(unreadable)");
}

// root beside a stranger: the folder, mode 0755 and root's, has tmp/ as /tmp is, and mine/ of the
// stranger.
class OwnPath : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "needs root, to make what belongs to somebody else";
    }
    std::string pattern = ::testing::TempDir() + "mig_own_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
    ASSERT_EQ(::mkdir(path("tmp").c_str(), 0755), 0);
    ASSERT_EQ(::chmod(path("tmp").c_str(), 01777), 0);
    ASSERT_EQ(::mkdir(path("mine").c_str(), 0755), 0);
    give("mine");
    ASSERT_TRUE(write_file_atomic(path("precious"), "precious"));
    ::unsetenv("SUDO_UID");
  }

  void TearDown() override {
    EXPECT_EQ(::seteuid(0), 0);
    ::unsetenv("SUDO_UID");
    fs::remove_all(folder_);
  }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  void give(const std::string& name, uid_t to = kStranger) const {
    ASSERT_EQ(::lchown(path(name).c_str(), to, to), 0);
  }

  void link(const std::string& target, const std::string& name, uid_t owner) const {
    fs::create_symlink(target, path(name));
    give(name, owner);
  }

  void refused(const std::string& name, const std::string& why) const {
    const auto done = write_file_atomic(path(name), "new");
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(done.error().code, ErrorCode::kPermission) << done.error().message;
    EXPECT_NE(done.error().message.find(why), std::string::npos) << done.error().message;
    EXPECT_NE(done.error().message.find("belongs to uid 4001"), std::string::npos)
        << done.error().message;
  }

  std::string folder_;
};

TEST_F(OwnPath, AForeignLinkIsFollowedNowhere) {
  link(path("precious"), "tmp/file", kStranger);
  refused("tmp/file", "the link " + path("tmp/file"));
  link(folder_, "tmp/folder", kStranger);
  refused("tmp/folder/precious", "the link " + path("tmp/folder"));
  link(path("missing"), "tmp/dangling", kStranger);
  refused("tmp/dangling", "the link");
  // A link of root's that leads to one of the stranger's.
  link("tmp/file", "chain", 0);
  refused("chain", "the link " + path("tmp/file"));
  EXPECT_EQ(content(path("precious")), "precious");
  EXPECT_FALSE(fs::exists(path("missing")));
}

TEST_F(OwnPath, LinksOfRootsGoOn) {
  link("tmp", "private", 0);
  ASSERT_TRUE(write_file_atomic(path("private/a"), "a"));
  EXPECT_EQ(content(path("tmp/a")), "a");
  link("../precious", "tmp/mine", 0);
  ASSERT_TRUE(write_file_atomic(path("tmp/mine"), "through it"));
  EXPECT_TRUE(fs::is_symlink(path("tmp/mine")));
  EXPECT_EQ(content(path("precious")), "through it");
  ASSERT_TRUE(write_file_atomic(path("tmp/../tmp/./b"), "b"));
  EXPECT_EQ(content(path("tmp/b")), "b");
  link("loop", "loop", 0);
  EXPECT_FALSE(write_file_atomic(path("loop"), "for ever"));
}

TEST_F(OwnPath, RootEntersNoFolderOfAnother) {
  refused("mine/new", "the folder " + path("mine"));
  link("../mine", "tmp/way", 0);
  refused("tmp/way/new", "the folder");
  ASSERT_EQ(::mkdir(path("mine/roots").c_str(), 0755), 0);
  refused("mine/roots/new", "the folder " + path("mine"));
  EXPECT_FALSE(make_own_folders(path("mine/a/b"), 0700));
  EXPECT_FALSE(fs::exists(path("mine/a")));
  EXPECT_FALSE(fs::exists(path("mine/new")));
}

TEST_F(OwnPath, WhoCalledSudoIsNoStranger) {
  ::setenv("SUDO_UID", "4002", 1);
  refused("mine/new", "the folder");
  ::setenv("SUDO_UID", "4001", 1);
  EXPECT_TRUE(write_file_atomic(path("mine/new"), "new"));
  for (const char* text : {"", "4001x", "-1", "4294967295", "04001"}) {
    ::setenv("SUDO_UID", text, 1);
    EXPECT_FALSE(write_file_atomic(path("mine/other"), "new")) << text;
  }
}

TEST_F(OwnPath, AForeignFileInAStickyFolderIsNotReplaced) {
  ASSERT_TRUE(write_file_atomic(path("tmp/theirs"), "theirs"));
  give("tmp/theirs");
  refused("tmp/theirs", "the file " + path("tmp/theirs"));
  EXPECT_EQ(content(path("tmp/theirs")), "theirs");
  ASSERT_EQ(::mkfifo(path("tmp/pipe").c_str(), 0666), 0);
  give("tmp/pipe");
  refused("tmp/pipe", "the file " + path("tmp/pipe"));
  // In root's own folder only root can have placed it.
  ASSERT_TRUE(write_file_atomic(path("given"), "old"));
  give("given");
  EXPECT_TRUE(write_file_atomic(path("given"), "new"));
}

// A team's folder: its members replace each other's files, but nobody is led elsewhere.
TEST_F(OwnPath, AnOrdinaryUserMayWriteIntoAColleaguesFolder) {
  ASSERT_EQ(::chmod(path("mine").c_str(), 0777), 0);
  ASSERT_TRUE(::chown(path("precious").c_str(), kOther, kOther) == 0);
  link(path("precious"), "mine/link", kStranger);
  ASSERT_EQ(::seteuid(kOther), 0);
  EXPECT_TRUE(write_file_atomic(path("mine/a"), "a"));
  const auto led = write_file_atomic(path("mine/link"), "new");
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(led);
  EXPECT_EQ(led.error().code, ErrorCode::kPermission);
  EXPECT_EQ(content(path("precious")), "precious");
}

TEST_F(OwnPath, AFileThatIsWrittenIntoIsOursAndHasOneName) {
  ASSERT_TRUE(open_own_file(path("tmp/lock"), O_RDWR | O_CREAT, 0600));
  ASSERT_TRUE(open_own_file(path("tmp/lock"), O_RDWR | O_CREAT, 0600));
  fs::create_hard_link(path("precious"), path("tmp/hard"));
  const auto hard = open_own_file(path("tmp/hard"), O_RDWR | O_CREAT | O_TRUNC, 0600);
  ASSERT_FALSE(hard);
  EXPECT_NE(hard.error().message.find("hard links"), std::string::npos);
  give("tmp/lock");
  EXPECT_FALSE(open_own_file(path("tmp/lock"), O_RDWR, 0600));
  // Whoever may write to the folder, its owner included.
  ASSERT_TRUE(write_file_atomic(path("given"), "old"));
  give("given");
  EXPECT_FALSE(open_own_file(path("given"), O_RDWR, 0600));
  EXPECT_FALSE(open_own_file(path("tmp"), O_RDONLY, 0600));
  EXPECT_EQ(content(path("precious")), "precious");
}

TEST_F(OwnPath, AFileThatGivesRightsIsNobodyElsesToChange) {
  EXPECT_TRUE(only_trusted_write(path("precious")));
  EXPECT_TRUE(only_trusted_write(path("missing/too")));
  ASSERT_EQ(::chmod(path("precious").c_str(), 0646), 0);
  const auto open = only_trusted_write(path("precious"));
  ASSERT_FALSE(open);
  EXPECT_NE(open.error().message.find("everybody can write"), std::string::npos);
  ASSERT_EQ(::chmod(path("precious").c_str(), 0664), 0);
  EXPECT_TRUE(only_trusted_write(path("precious"))) << "the group is root's choice";
  link("precious", "link", kStranger);
  EXPECT_FALSE(only_trusted_write(path("link")));
  give("precious");
  EXPECT_FALSE(only_trusted_write(path("precious")));
  ASSERT_TRUE(write_file_atomic(path("tmp/rights"), "rights"));
  EXPECT_TRUE(only_trusted_write(path("tmp/rights")));
  EXPECT_FALSE(only_trusted_write(path("mine/rights")));
}

TEST_F(OwnPath, FoldersForALibraryThatTakesPaths) {
  ASSERT_TRUE(make_own_folders(path("state/deep"), 0700));

  struct stat info {};

  ASSERT_EQ(::stat(path("state/deep").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  ASSERT_TRUE(make_own_folders(path("state/deep"), 0700));
  ASSERT_TRUE(make_own_folders(path("tmp/x"), 0700));
  ASSERT_EQ(::mkdir(path("open").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path("open").c_str(), 0777), 0);
  EXPECT_FALSE(make_own_folders(path("open/x"), 0700)) << "everybody can exchange what is in it";
  EXPECT_FALSE(make_own_folders(path("precious/x"), 0700));
}

// The stranger exchanges a folder of its own, a link to it, and back, while root writes: nothing
// arrives where the link leads.
TEST_F(OwnPath, AFolderThatIsExchangedWhileRootWrites) {
  ASSERT_EQ(::mkdir(path("secret").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path("mine").c_str(), 0777), 0);
  std::atomic<bool> stop = false;
  std::atomic<int> flips = 0;
  std::thread stranger([&] {
    const std::string here = path("tmp/race");
    const std::string target = path("secret");
    // By lchown, since the uid is this process's; the renames are what the stranger's would be.
    for (int i = 0; !stop; ++i) {
      const std::string made = path("mine/made");
      std::error_code ignored;
      fs::remove_all(here, ignored);
      if (i % 2 == 0) {
        fs::create_symlink(target, made, ignored);
      } else {
        fs::create_directory(made, ignored);
      }
      static_cast<void>(::lchown(made.c_str(), kStranger, kStranger));
      fs::rename(made, here, ignored);
      ++flips;
    }
  });
  int refusals = 0;
  for (int i = 0; i < 3000 || flips < 200; ++i) {
    refusals += write_file_atomic(path("tmp/race/out"), "text") ? 0 : 1;
  }
  stop = true;
  stranger.join();
  EXPECT_TRUE(fs::is_empty(path("secret")));
  EXPECT_GT(refusals, 0);
}

TEST(GivenDescriptors, AreWrittenToAsTheyAre) {
  std::string pattern = ::testing::TempDir() + "mig_given_XXXXXX";
  const Fd file(::mkstemp(pattern.data()));
  ASSERT_TRUE(file.valid());
  ASSERT_TRUE(write_all(file.get(), "it", "before "));
  ASSERT_TRUE(write_file_atomic("/dev/fd/" + std::to_string(file.get()), "after"));
  ASSERT_TRUE(write_file_atomic("/proc/self/fd/" + std::to_string(file.get()), "!"));
  EXPECT_EQ(content(pattern), "before after!");
  EXPECT_FALSE(write_file_atomic("/dev/fd/9999", "text"));
  EXPECT_FALSE(write_file_atomic("/dev/fd/x", "text"));
  ::unlink(pattern.c_str());
}

}  // namespace
}  // namespace mig::base
