// SPDX-License-Identifier: Apache-2.0
#include "store/places.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace mig::store {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

class PlacesTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/places-XXXXXX";
    ASSERT_NE(::mkdtemp(root_.data()), nullptr);
    for (const char* folder : {"/run", "/tmp", "/user/run", "/machines/lab"}) {
      fs::create_directories(root_ + folder);
    }
    around_.root = root_;
    around_.uid = ::geteuid();
    around_.home = root_ + "/home/u";
    around_.runtime_home = root_ + "/user/run";
  }

  void TearDown() override { fs::remove_all(root_); }

  void touch(const std::string& path) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream file(path);
  }

  // Folders are made and checked as the user who runs the test; `uid` is another one.
  Surroundings as(std::uint32_t uid) const {
    Surroundings around = around_;
    around.uid = uid;
    return around;
  }

  Places real() const { return {{}, around_}; }

  Places lab() const { return {{root_ + "/machines/lab"}, around_}; }

  std::string root_;
  Surroundings around_;
};

TEST_F(PlacesTest, RecordsOfTheRealMachine) {
  EXPECT_EQ(Places({}, as(0)).journal(), root_ + "/var/lib/migctl/journal.db");
  EXPECT_EQ(Places({}, as(0)).leases(), root_ + "/var/lib/migctl/leases.db");
  EXPECT_EQ(Places({}, as(0)).slots(), root_ + "/var/lib/migctl/slots.db");
  EXPECT_EQ(Places({}, as(7)).journal(), root_ + "/home/u/.local/state/migctl/journal.db");
  around_.state_home = "/state";
  EXPECT_EQ(Places({}, as(7)).leases(), "/state/migctl/leases.db");
  EXPECT_EQ(Places({}, as(0)).leases(), root_ + "/var/lib/migctl/leases.db");
  around_.state_dir = "/chosen";
  EXPECT_EQ(Places({}, as(0)).journal(), "/chosen/journal.db");
  EXPECT_EQ(Places({}, as(7)).slots(), "/chosen/slots.db");
}

TEST_F(PlacesTest, RecordsOfASimulatedMachineLieInItsFolder) {
  const std::string dir = root_ + "/machines/lab";
  EXPECT_EQ(lab().journal(), dir + "/journal.db");
  EXPECT_EQ(lab().leases(), dir + "/leases.db");
  EXPECT_EQ(lab().slots(), dir + "/slots.db");
  around_.state_dir = "/chosen";
  EXPECT_EQ(lab().journal(), "/chosen/sim-lab.db");
  EXPECT_EQ(lab().leases(), "/chosen/sim-lab-leases.db");
  EXPECT_EQ(lab().slots(), "/chosen/sim-lab-slots.db");
  EXPECT_EQ(MachineId{"/m/lab//"}.name(), "lab");
  EXPECT_EQ(MachineId{}.name(), "");
}

TEST_F(PlacesTest, JobsAreTheUsersOwn) {
  const std::string dir = root_ + "/machines/lab";
  EXPECT_EQ(lab().jobs(), dir + "/jobs");
  EXPECT_EQ(Places({dir}, as(around_.uid + 1)).jobs(),
            root_ + "/home/u/.local/state/migctl/jobs/sim-lab")
      << "the folder is another user's";
  EXPECT_EQ(Places({}, as(0)).jobs(), root_ + "/var/lib/migctl/jobs") << "is not there yet";
  EXPECT_EQ(Places({}, as(7)).jobs(), root_ + "/home/u/.local/state/migctl/jobs/local");
  around_.state_dir = root_ + "/user";
  EXPECT_EQ(lab().jobs(), root_ + "/user/jobs-sim-lab") << "several machines keep theirs there";
  EXPECT_EQ(real().jobs(), root_ + "/user/jobs");
}

TEST_F(PlacesTest, LocksLieWhereAllWritersMeet) {
  EXPECT_EQ(lab().runtime_dir().value(), root_ + "/machines/lab/run");
  EXPECT_EQ(lab().claims().value(), root_ + "/machines/lab/run/claims");
  EXPECT_EQ(lab().writer_lock().value(), root_ + "/machines/lab/run/writer.lock");
  if (::geteuid() == 0) {
    EXPECT_EQ(real().runtime_dir().value(), root_ + "/run/migctl");
    EXPECT_TRUE(fs::is_directory(root_ + "/run/migctl"));
  }
  // A user without write permission there gets a folder of the user's own, with a check of its
  // owner.
  const auto foreign = Places({}, as(around_.uid + 1)).runtime_dir();
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::kPermission) << "somebody else's folder";
}

TEST_F(PlacesTest, ClaimsInTheUsersRuntimeFolderAreOneMachines) {
  around_.uid = ::geteuid();
  const auto claims = [&](const std::string& dir) { return Places({dir}, around_).claims(); };
  const auto one = claims(root_ + "/elsewhere/none");
  const auto other = claims(root_ + "/further/none");
  ASSERT_TRUE(one && other);
  EXPECT_TRUE(one->starts_with(root_ + "/user/run/migctl/claims-none-")) << *one;
  EXPECT_NE(*one, *other) << "the same name below another root";
  EXPECT_EQ(*one, claims(root_ + "/elsewhere/./none/").value());
  EXPECT_EQ(*claims(root_ + "/machines/lab"), root_ + "/machines/lab/run/claims");
  ASSERT_EQ(::chmod((root_ + "/user/run/migctl").c_str(), 0770), 0);
  EXPECT_FALSE(claims(root_ + "/elsewhere/none")) << "others can write there";
}

TEST_F(PlacesTest, RootAsksNoDaemonInAnothersFolder) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root, to make what belongs to somebody else";
  }
  const std::string socket = root_ + "/machines/lab/run/migd.sock";
  ASSERT_TRUE(lab().runtime_dir());
  EXPECT_EQ(lab().daemon_sockets().front(), socket);
  ASSERT_EQ(::chown((root_ + "/machines/lab/run").c_str(), 4001, 4001), 0);
  for (const std::string& asked : lab().daemon_sockets()) {
    EXPECT_NE(asked, socket);
  }
}

TEST_F(PlacesTest, TheUsersOwnRuntimeFolder) {
  // Pretends not to be root; the folder belongs to the user who runs the test all the same.
  const auto user_dir = [&](const Surroundings& around) {
    return Places({}, around).daemon_sockets();
  };
  fs::create_directories(root_ + "/user/run/migctl");
  EXPECT_EQ(user_dir(around_).back(), root_ + "/user/run/migctl/migd.sock");
  around_.runtime_home = "";
  const std::string in_tmp = root_ + "/tmp/migctl-" + std::to_string(around_.uid);
  EXPECT_EQ(user_dir(around_).size(), 1U) << "is not there";
  fs::create_directories(in_tmp);
  EXPECT_EQ(user_dir(around_).back(), in_tmp + "/migd.sock");
}

TEST_F(PlacesTest, ADaemonListensWhereItsClientsLook) {
  const std::string dir = root_ + "/machines/lab";
  EXPECT_EQ(lab().daemon_socket().value(), dir + "/run/migd.sock");
  EXPECT_EQ(lab().daemon_sockets().front(), dir + "/run/migd.sock");
  EXPECT_EQ(real().daemon_sockets().front(), root_ + "/run/migctl/migd.sock");
  // A user who cannot write to the machine's folder has the socket in a folder of the user's own.
  const std::string shut = root_ + "/machines/none";
  const Places elsewhere({shut}, around_);
  const std::string listens = elsewhere.daemon_socket().value();
  EXPECT_EQ(listens, root_ + "/user/run/migctl/migd-none.sock");
  EXPECT_EQ(elsewhere.daemon_sockets(), (Strings{shut + "/run/migd.sock", listens}));
  EXPECT_EQ(Places({shut + "/"}, around_).daemon_sockets().back(), listens);
}

TEST_F(PlacesTest, AnUnprivilegedDaemonOfTheRealMachineIsFoundByItsUser) {
  const std::uint32_t was = ::geteuid();
  const std::uint32_t user = was == 0 ? 61001 : was;
  for (const char* folder : {"", "/user"}) {
    ASSERT_EQ(::chmod((root_ + folder).c_str(), 0755), 0);
  }
  ASSERT_EQ(::chown((root_ + "/user/run").c_str(), user, static_cast<gid_t>(-1)), 0);
  // Relative paths: the test's temporary folder may lie in a folder that is closed to other users
  // ($TEST_TMPDIR from mkdtemp).
  const fs::path started_in = fs::current_path();
  fs::current_path(root_);
  around_.root = ".";
  around_.runtime_home = "./user/run";
  ASSERT_EQ(::seteuid(user), 0);
  const Places places({}, as(user));
  const auto listens = places.daemon_socket();
  const Strings looked_at = places.daemon_sockets();
  ASSERT_EQ(::seteuid(was), 0);
  fs::current_path(started_in);
  ASSERT_TRUE(listens) << listens.error().text();
  EXPECT_EQ(*listens, "./user/run/migctl/migd.sock");
  EXPECT_EQ(looked_at, (Strings{"./run/migctl/migd.sock", *listens}));
}

TEST_F(PlacesTest, ANamedSocketIsTheOnlyOne) {
  around_.socket = "/x/y.sock";
  EXPECT_EQ(lab().daemon_socket().value(), "/x/y.sock");
  EXPECT_EQ(lab().daemon_sockets(), Strings{"/x/y.sock"});
}

// Security: a user who can write to the folder could impersonate the daemon.
TEST_F(PlacesTest, AFolderThatOthersCanWriteToIsNotLookedAt) {
  const std::string dir = root_ + "/user/run/migctl";
  fs::create_directories(dir);
  EXPECT_EQ(real().daemon_sockets().size(), 2U);
  ASSERT_EQ(::chmod(dir.c_str(), 0777), 0);
  EXPECT_EQ(real().daemon_sockets().size(), 1U);
  ASSERT_EQ(::chmod(dir.c_str(), 0700), 0);
  EXPECT_EQ(Places({}, as(around_.uid + 1)).daemon_sockets().size(), 1U) << "another user's";
  fs::remove_all(dir);
  fs::create_directory_symlink(root_ + "/tmp", dir);
  EXPECT_EQ(real().daemon_sockets().size(), 1U) << "a link leads where its maker wants";
}

TEST_F(PlacesTest, TheFileOfTenants) {
  EXPECT_EQ(tenants_file("", around_), root_ + "/etc/migctl/tenants.yaml");
  around_.tenants = "/t.yaml";
  EXPECT_EQ(tenants_file("", around_), "/t.yaml");
  EXPECT_EQ(tenants_file("/u.yaml", around_), "/u.yaml");
}

TEST_F(PlacesTest, TheFolderOfSimulatedMachines) {
  EXPECT_EQ(machines_root(as(0)), root_ + "/var/lib/migctl/sim");
  EXPECT_EQ(machines_root(as(7)), root_ + "/home/u/.local/state/migctl/sim");
  around_.state_home = "/state";
  EXPECT_EQ(machines_root(as(7)), "/state/migctl/sim");
  around_.shell_machine = "/m/lab";
  EXPECT_EQ(machines_root(around_), "/m");
  around_.machines = "/chosen";
  EXPECT_EQ(machines_root(around_), "/chosen");
  EXPECT_EQ(machine_named("lab", around_).simulated_dir, "/chosen/lab");
  EXPECT_EQ(machine_named("./lab", around_).simulated_dir, "./lab");
}

TEST_F(PlacesTest, TheMachineOfACommandThatNamesNone) {
  around_.machines = root_ + "/machines";
  EXPECT_EQ(machine_of_unnamed(around_), std::nullopt) << "there is none";
  touch(root_ + "/machines/lab/machine.state");
  touch(root_ + "/machines/.new/machine.state");
  EXPECT_EQ(machine_names(around_.machines), Strings{"lab"});
  EXPECT_EQ(machine_of_unnamed(around_), MachineId{root_ + "/machines/lab"});
  touch(root_ + "/machines/two/machine.state");
  EXPECT_EQ(machine_of_unnamed(around_), std::nullopt) << "either of two";
  around_.machine = root_ + "/machines/two";
  EXPECT_EQ(machine_of_unnamed(around_), MachineId{root_ + "/machines/two"});
  touch(root_ + "/dev/nvidiactl");
  EXPECT_EQ(machine_of_unnamed(around_), std::nullopt) << "the loader decides which library it is";
  around_.machine = "";
  EXPECT_EQ(machine_of_unnamed(around_), MachineId{}) << "the real one goes first";
  fs::remove(root_ + "/dev/nvidiactl");
  touch(root_ + "/proc/driver/nvidia/version");
  EXPECT_EQ(machine_of_unnamed(around_), MachineId{});
  around_.shell_machine = root_ + "/machines/lab";
  EXPECT_EQ(machine_of_unnamed(around_), MachineId{root_ + "/machines/lab"})
      << "in `sim shell` the files in /proc are the simulated machine's";
  around_.machine = root_ + "/machines/two";
  EXPECT_EQ(machine_of_unnamed(around_), std::nullopt);
}

}  // namespace
}  // namespace mig::store
