// SPDX-License-Identifier: Apache-2.0
// What a lease lives by: its process or its unit.
#include "holders/lease_life.h"

#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "holders/test_processes.h"
#include "holders/unit.h"

namespace mig::holders {
namespace {

// Pids and start times repeat after a reboot.
TEST_F(HoldersTest, AProcessOfAnEarlierBootHoldsNoLease) {
  process(31, "first", {});
  store::LeaseRow lease;
  lease.holder = LeaseHolder::process(31, 310);
  lease.boot_id = "this";
  const LifeRoots roots{root_ + "/proc", root_ + "/cgroup", nullptr};
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kLive);
  EXPECT_EQ(life_of(lease, {5000, 1000, "next"}, roots), Life::kDead);
  lease.holder.start_ticks = 311;
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kDead);
}

// As an engine makes its cgroup, in that of its lease.
TEST_F(HoldersTest, AContainerKeepsItsLeaseWhenItsClientHasEnded) {
  const std::string cgroup = root_ + "/cgroup/migctl/node/containers-12";
  const std::string container = "/cgroup/migctl/node/containers-12/libpod-" + std::string(64, 'a');
  std::filesystem::create_directories(root_ + container);
  std::filesystem::create_directories(cgroup + "/conmon");
  store::LeaseRow lease;
  lease.holder = LeaseHolder::process(31, 310);
  lease.heir = LeaseHolder::process(32, 320);
  lease.boot_id = "this";
  lease.cgroup = cgroup;
  const LifeRoots roots{root_ + "/proc", root_ + "/cgroup", nullptr};
  write("/cgroup/migctl/node/containers-12/conmon/cgroup.procs", "40\n");
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kDead) << "the monitor is no member";
  write(container + "/cgroup.procs", "41\n");
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kLive);
  EXPECT_EQ(life_of(lease, {5000, 1000, "next"}, roots), Life::kDead);
  lease.limit_ms = 100;
  lease.granted_boot_ms = 0;
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kExpired);
  lease.limit_ms.reset();
  lease.cgroup = root_ + "/cgroup/migctl/node/lease-12";  // a command's: its folders are its own
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kDead);
}

class UnitTest : public HoldersTest {
 protected:
  // A cgroup of v2 with a process in it.
  void unit(const std::string& path, bool populated = true) {
    std::filesystem::create_directories(root_ + "/cgroup" + path);
    write("/cgroup" + path + "/cgroup.events",
          populated ? "populated 1\nfrozen 0\n" : "populated 0\nfrozen 0\n");
  }

  Result<UnitCgroup> find_for(std::uint32_t uid, const std::string& name) {
    return find_unit(root_ + "/cgroup", name, uid);
  }

  ErrorCode refusal(std::uint32_t uid, const std::string& name) {
    const auto found = find_for(uid, name);
    return found ? ErrorCode::kInternal : found.error().code;
  }
};

// systemd keeps the cgroup of a failed unit: its members are what counts.
TEST_F(UnitTest, HoldsItsLeaseWhileAProcessIsInIt) {
  unit("/system.slice/train.service");
  const auto found = find_for(0, "train.service");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, "/system.slice/train.service");
  EXPECT_TRUE(unit_lives(root_ + "/cgroup", *found));
  store::LeaseRow lease;
  lease.holder = LeaseHolder::of_unit("train.service");
  lease.holder.cgroup = found->path;
  lease.holder.cgroup_inode = found->inode;
  const LifeRoots roots{root_ + "/proc", root_ + "/cgroup", nullptr};
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kLive);
  unit("/system.slice/train.service", false);
  EXPECT_EQ(refusal(0, "train.service"), ErrorCode::kNotFound);
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kDead);
  // cgroup v1 has no cgroup.events file.
  const std::string first_version = "/cgroup/devices/system.slice/old.service";
  std::filesystem::create_directories(root_ + first_version);
  write(first_version + "/cgroup.procs", "31\n");
  EXPECT_TRUE(find_for(0, "old.service"));
  write(first_version + "/cgroup.procs", "");
  EXPECT_FALSE(find_for(0, "old.service"));
}

TEST_F(UnitTest, EachUserHasItsOwnOfAName) {
  unit("/user.slice/user-1001.slice/user@1001.service/app.slice/jupyter.service");
  unit("/user.slice/user-1002.slice/user@1002.service/app.slice/jupyter.service");
  EXPECT_NE(find_for(1001, "jupyter.service")->path.find("user-1001"), std::string::npos);
  EXPECT_NE(find_for(1002, "jupyter.service")->path.find("user-1002"), std::string::npos);
  EXPECT_EQ(refusal(1003, "jupyter.service"), ErrorCode::kNotFound);
  EXPECT_EQ(refusal(0, "jupyter.service"), ErrorCode::kConflict) << "which one, root has to say";
  unit("/system.slice/jupyter.service");
  EXPECT_EQ(find_for(0, "jupyter.service")->path, "/system.slice/jupyter.service");
  const bool root = ::geteuid() == 0;
  EXPECT_EQ(refusal(1003, "jupyter.service"), ErrorCode::kPermission) << "the system's";
  if (root) {
    ASSERT_EQ(::chown((root_ + "/cgroup/system.slice/jupyter.service").c_str(), 1003, 1003), 0);
    EXPECT_EQ(find_for(1003, "jupyter.service")->path, "/system.slice/jupyter.service");
    EXPECT_NE(find_for(1001, "jupyter.service")->path.find("user-1001"), std::string::npos);
  }
}

TEST_F(UnitTest, IsFoundAtItsUsualPlaceWithoutASearch) {
  const auto usual = [&](std::uint32_t uid) {
    return unit_at_usual_place(root_ + "/cgroup", "jupyter.service", uid);
  };
  const std::string slice = "/user.slice/user-1001.slice";
  unit(slice + "/user@1001.service/app.slice/deeper.slice/jupyter.service");
  EXPECT_FALSE(usual(1001)) << "that takes a search";
  EXPECT_TRUE(find_for(1001, "jupyter.service"));
  for (const char* place : {"",
                            "/user@1001.service",
                            "/user@1001.service/background.slice",
                            "/user@1001.service/session.slice",
                            "/user@1001.service/app.slice"}) {
    const std::string path = slice + place + "/jupyter.service";
    unit(path);
    EXPECT_EQ(usual(1001), find_for(1001, "jupyter.service").value()) << place;
    EXPECT_EQ(usual(1001)->path, path);
  }
  EXPECT_FALSE(usual(1002)) << "another user's";
  EXPECT_FALSE(usual(0)) << "a user's";
  unit("/system.slice/jupyter.service");
  EXPECT_EQ(usual(0)->path, "/system.slice/jupyter.service");
  EXPECT_FALSE(usual(1002)) << "whose it is, the search finds out";
  unit("/system.slice/jupyter.service", false);
  EXPECT_FALSE(usual(0)) << "it has no process";
}

// In a delegated cgroup a user makes folders of any name.
TEST_F(UnitTest, NobodyMakesAUnitOfAnotherUsers) {
  const std::string mine = "/user.slice/user-1001.slice/user@1001.service";
  unit(mine + "/user-1002.slice/train.service");
  unit(mine + "/system.slice/nvidia-persistenced.service");
  EXPECT_EQ(refusal(1002, "train.service"), ErrorCode::kNotFound);
  EXPECT_TRUE(find_for(1001, "train.service"));
  unit("/system.slice/other/nvidia-persistenced.service");
  EXPECT_EQ(find_for(0, "nvidia-persistenced.service")->path,
            "/system.slice/other/nvidia-persistenced.service");
}

TEST_F(UnitTest, OneThatWasMadeAnewHoldsNothing) {
  unit("/system.slice/train.service");
  const UnitCgroup first = find_for(0, "train.service").value();
  std::filesystem::rename(root_ + "/cgroup/system.slice/train.service",
                          root_ + "/cgroup/system.slice/gone");
  unit("/system.slice/train.service");
  EXPECT_FALSE(unit_lives(root_ + "/cgroup", first));
  EXPECT_TRUE(unit_lives(root_ + "/cgroup", find_for(0, "train.service").value()));
}

TEST_F(UnitTest, TheRecordOfAnOlderVersionHasTheNameOnly) {
  unit("/user.slice/user-1001.slice/user@1001.service/train.service");
  store::LeaseRow lease;
  lease.uid = 1001;
  lease.holder = LeaseHolder::of_unit("train.service");
  std::map<std::string, std::string> cache;
  const LifeRoots roots{root_ + "/proc", root_ + "/cgroup", &cache};
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kLive);
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kLive);
  lease.uid = 1002;
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kDead) << "another user's";
}

TEST_F(UnitTest, ANameLeadsNowhere) {
  unit("/system.slice/train.service");
  std::filesystem::create_directory_symlink(root_ + "/cgroup/system.slice",
                                            root_ + "/cgroup/other.service");
  for (const char* name : {"",
                           ".service",
                           "../system.slice/train.service",
                           "system.slice/train.service",
                           "train",
                           "train.service\n",
                           "tr\x1b.service",
                           "..",
                           "a b.service"}) {
    EXPECT_EQ(refusal(0, name), ErrorCode::kInvalidInput) << name;
  }
  EXPECT_EQ(refusal(0, "other.service"), ErrorCode::kNotFound) << "a link";
  for (const char* name :
       {"train.service", "run-u17.scope", "getty@tty1.service", "a\\x2db.service"}) {
    EXPECT_TRUE(is_unit_name(name)) << name;
  }
  EXPECT_FALSE(is_unit_name(std::string(260, 'a') + ".service"));
}

}  // namespace
}  // namespace mig::holders
