// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/machine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstring>
#include <fstream>
#include <thread>

#include <pwd.h>

#include "sim/machine/mapping.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::on_disk;
using testing::Rig;
using testing::TempDir;

std::string open_error(const std::string& dir) {
  Status status;
  EXPECT_EQ(Machine::open(dir, status), nullptr);
  EXPECT_FALSE(status.ok());
  return status.error;
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != text.npos;
}

void patch(const std::string& path, std::size_t at, const void* data, std::size_t size) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::pwrite(fd, data, size, static_cast<off_t>(at)), static_cast<ssize_t>(size));
  ::close(fd);
}

int create_7g(Machine& machine) {
  Machine::Change change(machine);
  const GpuRef gpu{machine.hardware(), *change, 0};
  std::uint32_t id = 0;
  const int code = create_gi(gpu, *find_gi_profile_by_id(gpu.board(), 0), {}, id);
  change.commit();
  return code;
}

TEST(MachineFile, ChangeIsSeenByAllOnlyAfterCommit) {
  const TempDir dir;
  const Rig rig({"a100-sxm4-40gb", "h200-141gb"});
  const auto machine = on_disk(dir, rig);
  Status status;
  const auto other = Machine::open(dir.path(), status);
  ASSERT_NE(other, nullptr) << status.error;
  {
    Machine::Change change(*machine);
    change->gpus[1].persistence = 1;
  }
  EXPECT_EQ((*Machine::View(*other)).gpus[1].persistence, 0U) << "not committed";
  {
    Machine::Change change(*machine);
    EXPECT_EQ(change->gpus[1].persistence, 0U) << "left over from the change that was dropped";
    change->gpus[1].persistence = 1;
    change.commit();
  }
  EXPECT_EQ((*Machine::View(*other)).gpus[1].persistence, 1U);
  ASSERT_EQ(create_7g(*other), 0);
  EXPECT_EQ((*Machine::View(*machine)).gpus[0].gis[0].used, 1U);
  EXPECT_EQ(machine->generation(), other->generation());
  EXPECT_EQ(machine->dir(), dir.path());
  EXPECT_EQ(machine->hardware().owner_uid, ::geteuid());
}

TEST(MachineFile, IsPrivateUnlessShared) {
  for (const bool shared : {false, true}) {
    const TempDir dir;
    Rig rig({"a30-24gb"});
    rig.state->options.shared = shared ? 1 : 0;
    on_disk(dir, rig);

    struct stat status {};

    ASSERT_EQ(::stat(dir.file("machine.state").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, shared ? 0644U : 0600U) << "nobody but the owner writes";
  }
}

TEST(MachineFile, AStateThatOthersCanWriteIsNotMapped) {
  const TempDir dir;
  on_disk(dir, Rig({"a30-24gb"}));
  for (const mode_t mode : {0666U, 0620U, 0602U}) {
    ASSERT_EQ(::chmod(dir.file("machine.state").c_str(), mode), 0);
    Status status;
    EXPECT_EQ(Machine::open(dir.path(), status), nullptr) << std::oct << mode;
    EXPECT_NE(status.error.find("others can write to it"), std::string::npos) << status.error;
  }
  ASSERT_EQ(::chmod(dir.file("machine.state").c_str(), 0644), 0);
  Status status;
  EXPECT_NE(Machine::open(dir.path(), status), nullptr) << status.error;
}

// The owner of a file can write it at any moment, whatever the mode says.
TEST(MachineFile, RootMapsNoStateOfAnotherUser) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root";
  }
  const TempDir dir;
  on_disk(dir, Rig({"a30-24gb"}));
  ASSERT_EQ(::chown(dir.file("machine.state").c_str(), 65534, 65534), 0);
  Status status;
  EXPECT_EQ(Machine::open(dir.path(), status), nullptr);
  EXPECT_NE(status.error.find("it belongs to nobody"), std::string::npos) << status.error;
  EXPECT_NE(status.error.find("sudo -u"), std::string::npos) << status.error;
}

TEST(MachineFile, OtherUsersLearnWhoseItIs) {
  const passwd* nobody = ::getpwnam("nobody");
  if (::geteuid() != 0 || nobody == nullptr) {
    GTEST_SKIP() << "needs root to become another user";
  }
  const TempDir dir;
  on_disk(dir, Rig({"a30-24gb"}));
  ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Status status;
    const bool refused = ::setuid(nobody->pw_uid) == 0 &&
                         Machine::open(dir.path(), status) == nullptr &&
                         has(status.error, "belongs to root and is not shared");
    ::_exit(refused ? 0 : 1);
  }
  int how = 0;
  ASSERT_EQ(::waitpid(child, &how, 0), child);
  EXPECT_EQ(how, 0);
}

TEST(MachineFile, CreationNeverReplacesAndLeavesNothingBehind) {
  const TempDir dir;
  const Rig rig({"a30-24gb"});
  on_disk(dir, rig);
  const Status again = Machine::create(dir.path(), *rig.hardware, *rig.state);
  EXPECT_TRUE(has(again.error, "it exists")) << again.error;
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    ++files;
  }
  EXPECT_EQ(files, 1U);
}

TEST(MachineFile, CreationRefusesSymbolicLinksAndMissingFolders) {
  const TempDir dir;
  const Rig rig({"a30-24gb"});
  const auto error = [&](const std::string& where) {
    return Machine::create(where, *rig.hardware, *rig.state).error;
  };
  ASSERT_EQ(::symlink("/tmp", dir.file("link").c_str()), 0);
  EXPECT_TRUE(has(error(dir.file("link")), "no symbolic link"));
  EXPECT_TRUE(has(error(dir.file("missing")), "must exist"));
  ASSERT_EQ(::symlink(dir.file("target").c_str(), dir.file("machine.state").c_str()), 0);
  EXPECT_TRUE(has(error(dir.path()), "it exists"));
  EXPECT_FALSE(std::filesystem::exists(dir.file("target")));
  EXPECT_TRUE(has(open_error(dir.path()), "symbolic link"));
}

TEST(MachineFile, CreationRefusesABrokenState) {
  const TempDir dir;
  const Rig rig({"a30-24gb"});
  rig.state->gpus[0].mig_current = 7;
  const Status status = Machine::create(dir.path(), *rig.hardware, *rig.state);
  EXPECT_TRUE(has(status.error, "neither on nor off")) << status.error;
}

TEST(MachineFile, WrongFilesAreNamedForWhatTheyAre) {
  const TempDir dir;
  EXPECT_TRUE(has(open_error(dir.path()), "there is none"));
  const std::string path = dir.file("machine.state");
  std::ofstream(path) << "gpus:\n  - a100\n";
  EXPECT_TRUE(has(open_error(dir.path()), "not a simulated machine's"));
  std::ofstream(path) << std::string(100000, 'x');
  EXPECT_TRUE(has(open_error(dir.path()), "not a simulated machine's"));
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(has(open_error(dir.path()), "not a regular file"));
}

TEST(MachineFile, OtherVersionsAreNamed) {
  const TempDir dir;
  on_disk(dir, Rig({"a30-24gb"}));
  const std::string path = dir.file("machine.state");
  std::uint32_t version = kFormatVersion - 1;
  patch(path, offsetof(Header, version), &version, sizeof(version));
  const std::string ours = "; this one has format " + std::to_string(kFormatVersion) + ")";
  EXPECT_TRUE(has(open_error(dir.path()),
                  ("an older migctl (format " + std::to_string(version) + ours).c_str()));
  version = kFormatVersion + 1;
  patch(path, offsetof(Header, version), &version, sizeof(version));
  EXPECT_TRUE(has(open_error(dir.path()),
                  ("a newer migctl (format " + std::to_string(version) + ours).c_str()));
  version = kFormatVersion;
  patch(path, offsetof(Header, version), &version, sizeof(version));
  const std::uint64_t size = sizeof(State) + 8;
  patch(path, offsetof(Header, state_size), &size, sizeof(size));
  EXPECT_TRUE(has(open_error(dir.path()), "differently built"));
}

TEST(MachineFile, TruncationIsNoticed) {
  const TempDir dir;
  on_disk(dir, Rig({"a30-24gb"}));
  ASSERT_EQ(::truncate(dir.file("machine.state").c_str(), kFileSize - 1), 0);
  EXPECT_TRUE(has(open_error(dir.path()), "truncated"));
}

TEST(MachineFile, RebootOfTheHostRebootsTheMachineAndFreesItsLock) {
  const TempDir dir;
  const Rig rig({"a100-sxm4-40gb"});
  ASSERT_EQ(create_7g(*on_disk(dir, rig)), 0);
  // A mutex locked before the host's boot by a process that no longer exists.
  const std::string path = dir.file("machine.state");
  pthread_mutex_t held;
  std::memset(&held, 0xA5, sizeof(held));
  patch(path, offsetof(Header, lock), &held, sizeof(held));
  const char before[40] = "00000000-0000-4000-8000-000000000000";
  patch(path, offsetof(Header, boot_id), before, sizeof(before));
  Status status;
  const auto machine = Machine::open(dir.path(), status);
  ASSERT_NE(machine, nullptr) << status.error;
  const Machine::View view(*machine);
  EXPECT_EQ(view->boot_count, 1U);
  EXPECT_EQ(view->gpus[0].gis[0].used, 0U);
  EXPECT_EQ(view->gpus[0].mig_current, 1U) << "Ampere keeps its mode";
}

TEST(MachineFile, DamageFoundAfterARebootIsSaid) {
  const TempDir dir;
  on_disk(dir, Rig({"a100-sxm4-40gb"}));
  const std::string path = dir.file("machine.state");
  const char before[40] = "00000000-0000-4000-8000-000000000000";
  patch(path, offsetof(Header, boot_id), before, sizeof(before));
  const std::uint32_t nonsense = 77;
  for (std::size_t image = 0; image < 2; ++image) {
    patch(path,
          kStateAt + image * kStateStride + offsetof(State, gpus) + offsetof(GpuState, board),
          &nonsense,
          sizeof(nonsense));
  }
  EXPECT_TRUE(has(open_error(dir.path()), "damaged (GPU of an unknown board)"));
}

TEST(MachineFind, EnvironmentThenTheOnlyOne) {
  const TempDir root;
  ::setenv("MIGSIM_ROOT", root.path().c_str(), 1);
  ::unsetenv("MIGSIM_MACHINE");
  EXPECT_EQ(Machine::default_root(), root.path());
  Status status;
  EXPECT_EQ(Machine::find(status), "");
  EXPECT_TRUE(has(status.error, "migctl sim create")) << status.error;
  for (const char* name : {"lab", "night"}) {
    std::filesystem::create_directory(root.file(name));
    std::ofstream(root.file(name) + "/machine.state") << "x";
    if (std::string(name) == "lab") {
      EXPECT_EQ(Machine::find(status), root.file("lab"));
      EXPECT_TRUE(status.ok());
    }
  }
  EXPECT_EQ(Machine::find(status), "");
  EXPECT_TRUE(has(status.error, ": lab night;")) << status.error;
  ::setenv("MIGSIM_MACHINE", "/some/where", 1);
  EXPECT_EQ(Machine::find(status), "/some/where");
  ::unsetenv("MIGSIM_MACHINE");
  ::unsetenv("MIGSIM_ROOT");
}

TEST(MachineThreads, ThreadsAndForkedChildrenTakeTurns) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a30-24gb"}));
  const auto count = [&] {
    for (int i = 0; i < 500; ++i) {
      Machine::Change change(*machine);
      ++change->gpus[0].ecc_corrected;
      change.commit();
    }
  };
  const pid_t child = ::fork();
  if (child == 0) {
    count();
    ::_exit(0);
  }
  { const std::jthread one(count), two(count); }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ((*Machine::View(*machine)).gpus[0].ecc_corrected, 1500U);
}

}  // namespace
}  // namespace migsim
