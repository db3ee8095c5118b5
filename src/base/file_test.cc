// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/file_lock.h"
#include "base/process_start.h"

namespace mig::base {
namespace {

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "mig_base_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

TEST_F(Files, AtomicWriteReplacesAndLeavesNothingBeside) {
  ASSERT_TRUE(write_file_atomic(path("a"), "one", 0640));
  ASSERT_TRUE(write_file_atomic(path("a"), "two", 0640));
  EXPECT_EQ(read_file(path("a"), 10).value(), "two");
  struct stat status = {};
  ASSERT_EQ(::stat(path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
  const auto entries = std::distance(std::filesystem::directory_iterator(folder_), {});
  EXPECT_EQ(entries, 1);
}

TEST_F(Files, AtomicWriteKeepsLinksAndWritesIntoWhatIsNoFile) {
  ASSERT_TRUE(write_file_atomic(path("real"), "old"));
  std::filesystem::create_symlink("real", path("link"));
  ASSERT_TRUE(write_file_atomic(path("link"), "new"));
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
  EXPECT_EQ(*read_file(path("real"), 10), "new");

  // A FIFO stands for /dev/null: run as root, a faulty rename over the real one would harm the
  // host.
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const Fd reader(::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK));
  ASSERT_TRUE(reader.valid());
  ASSERT_TRUE(write_file_atomic(path("pipe"), "text"));
  char got[8] = {};
  EXPECT_EQ(::read(reader.get(), got, sizeof got), 4);
  EXPECT_STREQ(got, "text");
  EXPECT_TRUE(std::filesystem::is_fifo(path("pipe")));
}

TEST_F(Files, AtomicWriteThatFailsLeavesTheOldState) {
  ASSERT_EQ(::mkdir(path("dir").c_str(), 0755), 0);
  EXPECT_FALSE(write_file_atomic(path("dir"), "text"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  const auto missing = write_file_atomic(path("no/such/file"), "text");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

// A process that has the old file open reads it to its end, and a full disk loses nothing.
TEST_F(Files, AtomicWriteNeverShowsHalfAFile) {
  ASSERT_TRUE(write_file_atomic(path("a"), "old text"));
  const Fd reader(::open(path("a").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(write_file_atomic(path("a"), "new text"));
  EXPECT_EQ(read_all(reader.get(), "a", 100).value(), "old text");

  struct rlimit before {};

  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit four = {4, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &four), 0);
  const auto full = write_file_atomic(path("a"), "newer text");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_FALSE(full);
  EXPECT_EQ(read_file(path("a"), 100).value(), "new text");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(Files, OnlyWhatKilledWritersLeftIsRemoved) {
  const std::string left = path("x.conf.0123456789ab");
  const std::vector<std::string> others = {path("x.conf"),
                                           path("x.conf.0123456789a"),
                                           path("x.conf.0123456789abc"),
                                           path("x.conf.0123456789aX"),
                                           path("x.confs.0123456789ab"),
                                           path("y.conf.0123456789ab")};
  std::ofstream(left) << "half";
  for (const auto& other : others) {
    std::ofstream(other) << "whole";
  }
  ASSERT_TRUE(remove_temporaries(path("x.conf")));
  EXPECT_FALSE(std::filesystem::exists(left));
  for (const auto& other : others) {
    EXPECT_TRUE(std::filesystem::exists(other)) << other;
  }
  EXPECT_TRUE(remove_temporaries(path("x.conf"))) << "nothing left";
  EXPECT_TRUE(remove_temporaries(path("no/such/folder/x.conf")));
}

TEST_F(Files, ReadStopsAtTheLimit) {
  ASSERT_TRUE(write_file_atomic(path("a"), std::string(1000, 'x')));
  EXPECT_EQ(read_file(path("a"), 1000).value().size(), 1000U);
  const auto refused = read_file(path("a"), 999);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  const auto endless = read_file("/dev/zero", 1 << 20);
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().code, ErrorCode::kTooLarge);
}

// A pipe has no size to check before reading.
TEST_F(Files, ReadOfAPipeStopsAtTheLimit) {
  for (const std::size_t limit : {99U, 100U}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    ASSERT_TRUE(write_all(writer.get(), "pipe", std::string(100, 'x')));
    writer.reset();
    const auto text = read_all(reader.get(), "pipe", limit);
    ASSERT_EQ(static_cast<bool>(text), limit == 100);
    EXPECT_TRUE(text || text.error().code == ErrorCode::kTooLarge);
  }
}

TEST_F(Files, ReadErrorsSayWhichFileAndWhy) {
  const auto missing = read_file(path("none"), 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "cannot open " + path("none") + ": No such file or directory");
  const auto folder = read_file(folder_, 1 << 20);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kIo);
}

TEST_F(Files, FdMovesAndClosesOnce) {
  auto fd = open_file(path("a"), O_CREAT | O_RDWR);
  ASSERT_TRUE(fd);
  const int number = fd->get();
  Fd other = std::move(*fd);
  EXPECT_EQ(other.get(), number);
  other = Fd();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST_F(Files, LockNamesItsHolderAndDiesWithIt) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::acquire(path("lock"), {}, system_clock());
    const char byte = lock ? 'y' : 'n';
    (void)!::write(ready[1], &byte, 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');

  ManualClock clock;
  const auto refused = FileLock::acquire(path("lock"), std::chrono::seconds(2), clock);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_NE(refused.error().message.find("pid " + std::to_string(child)), std::string::npos)
      << refused.error().message;
  EXPECT_GE(clock.monotonic(), std::chrono::seconds(2)) << "it waited as long as it was told";
  EXPECT_EQ(FileLock::holder(path("lock")), child);

  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::acquire(path("lock"), {}, clock));
  EXPECT_TRUE(FileLock::acquire(path("lock"), {}, clock)) << "released when it went out of scope";
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(Files, WhoLooksAtALockTakesNothing) {
  EXPECT_EQ(FileLock::locked(path("lock")), std::nullopt) << "no file, no answer";
  {
    const auto lock = FileLock::acquire(path("lock"), {}, system_clock());
    ASSERT_TRUE(lock);
    EXPECT_EQ(FileLock::locked(path("lock")), true);
    EXPECT_EQ(FileLock::locked(path("lock")), true);
  }
  EXPECT_EQ(FileLock::locked(path("lock")), false);
  EXPECT_TRUE(FileLock::acquire(path("lock"), {}, system_clock()));
}

TEST(ProcessStart, OneNumberAndItsStartAreOneProcess) {
  const auto start = process_start("/proc", ::getpid());
  ASSERT_TRUE(start);
  EXPECT_EQ(process_start("/proc", ::getpid()), start);
  EXPECT_FALSE(process_start("/proc", 0));
  EXPECT_FALSE(process_start("/nowhere", ::getpid()));
  EXPECT_EQ(boot_id("/proc").size(), 36U);
  EXPECT_EQ(boot_id("/nowhere"), "");
}

TEST(ProcessStart, WhoHasEndedHasNoneThoughNobodyReapedIt) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(process_start("/proc", child));
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace mig::base
