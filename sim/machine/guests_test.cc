// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/guests.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include <grp.h>
#include <signal.h>

#include "sim/machine/process.h"
#include "sim/machine/telemetry.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::on_disk;
using testing::Rig;
using testing::TempDir;

constexpr uid_t kGuest = 65534;

// A process of another user that runs `body` and then waits to be dismissed.
class Guest {
 public:
  template <class Body>
  Guest(uid_t uid, Body&& body) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const bool moved = ::setgroups(0, nullptr) == 0 && ::setgid(uid) == 0 && ::setuid(uid) == 0;
      const char answer = moved ? static_cast<char>('0' + body()) : 'x';
      if (::write(ready[1], &answer, 1) == 1) {
        ::pause();
      }
      ::_exit(0);
    }
    ::close(ready[1]);
    EXPECT_EQ(::read(ready[0], &answer_, 1), 1);
    ::close(ready[0]);
  }

  ~Guest() { end(); }

  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  void end() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = 0;
    }
  }

  pid_t pid() const { return pid_; }

  // '0' = `body` succeeded.
  char answer() const { return answer_; }

 private:
  pid_t pid_ = 0;
  char answer_ = '?';
};

class Guests : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "needs root to become another user";
    }
    Rig rig({"a30-24gb", "a30-24gb"});
    rig.state->options.shared = 1;
    ASSERT_GE(rig.create(14), 0);
    ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
    machine_ = on_disk(dir_, rig);
    Machine::Change change(*machine_);
    std::uint32_t ci = 0;
    for (gi_ = 0; change->gpus[0].gis[gi_].used == 0; ++gi_) {
    }
    const GpuRef gpu{machine_->hardware(), *change, 0};
    const GiProfile& profile = gpu.board().gi_profiles[change->gpus[0].gis[gi_].profile_index];
    ASSERT_EQ(create_ci(gpu, gi_, profile.ci_profiles[profile.ci_profile_count - 1], {}, ci), 0);
    change.commit();
  }

  Instance instance() const { return {0, gi_, 0}; }

  // `body` of a guest that attaches and allocates `bytes`; 0 = success.
  std::function<int()> attaching(std::uint64_t bytes = 0) const {
    return attaching(instance(), bytes);
  }

  std::function<int()> attaching(const Instance& at, std::uint64_t bytes = 0) const {
    return [this, at, bytes] {
      Status status;
      const auto theirs = Machine::open(dir_.path(), status);
      if (theirs == nullptr || theirs->writable()) {
        return 1;
      }
      ProcessIdentity who = this_process();
      who.guest = true;
      Machine::Change change(*theirs);
      std::uint32_t slot = 0;
      if (attach_process(theirs->hardware(), *change, at, who, now_ns(), slot) != Attach::kOk) {
        return 2;
      }
      if (bytes != 0 && !allocate(theirs->hardware(), *change, slot, bytes)) {
        return 3;
      }
      change->processes[slot].rate[kSmActive] = 0.5;
      return change.commit() ? 0 : 4;
    };
  }

  std::string note(std::uint32_t number) const {
    return guests_folder(dir_.path()) + "/" + std::to_string(number);
  }

  // Pids on the instance, as the machine's owner sees them.
  std::vector<std::int32_t> pids() {
    std::vector<std::int32_t> out;
    Machine::Change now(*machine_);
    for (const ProcessState& process : now->processes) {
      if (process.used != 0) {
        out.push_back(process.pid);
      }
    }
    return out;
  }

  const char* broken() {
    Machine::Change now(*machine_);
    return broken_invariant(machine_->hardware(), *now);
  }

  TempDir dir_;
  std::unique_ptr<Machine> machine_;
  std::uint32_t gi_ = 0;
};

TEST_F(Guests, AProcessOfAnotherUserIsOnTheInstanceAndLeavesWithItsEnd) {
  constexpr std::uint64_t kBytes = UINT64_C(100) << 20;
  Guest guest(kGuest, attaching(kBytes));
  ASSERT_EQ(guest.answer(), '0');
  EXPECT_EQ(pids(), std::vector<std::int32_t>{guest.pid()});
  {
    Machine::Change change(*machine_);
    const ProcessState& seen = change->processes[kFirstGuest];
    EXPECT_EQ(seen.memory_bytes, kBytes);
    EXPECT_DOUBLE_EQ(seen.rate[kSmActive], 0.5);
    EXPECT_DOUBLE_EQ(change->gpus[0].gis[gi_].counters.rate[kSmActive], 0.5);
    EXPECT_EQ(destroy_ci({machine_->hardware(), *change, 0}, gi_, 0), 19) << "in use";
  }
  EXPECT_EQ(broken(), nullptr);
  guest.end();
  EXPECT_TRUE(pids().empty());
  EXPECT_NE(::access(note(0).c_str(), F_OK), 0) << "the owner tidies up";
  Machine::Change change(*machine_);
  EXPECT_EQ(destroy_ci({machine_->hardware(), *change, 0}, gi_, 0), 0);
}

TEST_F(Guests, TwoUsersHaveAPlaceEachAndSeeEachOther) {
  Guest one(kGuest, attaching());
  Guest two(4242, attaching());
  ASSERT_EQ(one.answer(), '0');
  ASSERT_EQ(two.answer(), '0');
  EXPECT_EQ(pids(), (std::vector<std::int32_t>{one.pid(), two.pid()}));
  Guest looking(4243, [&] {
    Status status;
    const auto theirs = Machine::open(dir_.path(), status);
    int seen = 0;
    const Machine::View view(*theirs);
    for (const ProcessState& process : view->processes) {
      seen += static_cast<int>(process.used);
    }
    return seen;
  });
  EXPECT_EQ(looking.answer(), '2');
}

TEST_F(Guests, ChangesOfTheMachineByOthersAreNotKept) {
  const std::uint64_t generation = machine_->generation();
  Guest guest(kGuest, [&] {
    Status status;
    const auto theirs = Machine::open(dir_.path(), status);
    Machine::Change change(*theirs);
    int activation = 0;
    set_mig_mode({theirs->hardware(), *change, 1}, 0, activation);
    destroy_ci({theirs->hardware(), *change, 0}, gi_, 0);
    change.commit();
    return 0;
  });
  ASSERT_EQ(guest.answer(), '0');
  const Machine::View view(*machine_);
  EXPECT_EQ(view->gpus[1].mig_current, 1U);
  EXPECT_EQ(view->gpus[0].gis[gi_].cis[0].used, 1U);
  EXPECT_EQ(machine_->generation(), generation);
}

// A valid guest file with one field tampered with, written by the guest's own user.
class Forged : public Guests {
 protected:
  void forge(const std::function<void(std::string&)>& change) {
    Guest guest(kGuest, attaching(UINT64_C(1) << 20));
    ASSERT_EQ(guest.answer(), '0');
    std::ifstream in(note(0), std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    ASSERT_GT(bytes.size(), sizeof(ProcessState));
    change(bytes);
    Guest writer(kGuest, [&] {
      std::ofstream out(note(0), std::ios::binary | std::ios::trunc);
      out << bytes;
      return 0;
    });
    ASSERT_EQ(writer.answer(), '0');
    seen_ = pids();
    EXPECT_EQ(broken(), nullptr);
    Machine::Change now(*machine_);
    guest_ = now->processes[kFirstGuest];
  }

  static ProcessState& process_of(std::string& bytes) {
    return *reinterpret_cast<ProcessState*>(bytes.data() + bytes.size() - sizeof(ProcessState));
  }

  std::vector<std::int32_t> seen_;
  ProcessState guest_;
};

TEST_F(Forged, WhatIsNotANoteIsNothing) {
  forge([](std::string& bytes) { bytes.resize(bytes.size() - 1); });
  EXPECT_TRUE(seen_.empty());
  forge([](std::string& bytes) { bytes[0] = static_cast<char>(bytes[0] + 1); });
  EXPECT_TRUE(seen_.empty());
}

TEST_F(Forged, AnotherUsersProcessCannotBeNamed) {
  forge([](std::string& bytes) {
    process_of(bytes).pid = 1;
    process_of(bytes).start_ticks = 0;
  });
  EXPECT_TRUE(seen_.empty()) << "pid 1 is root's";
}

TEST_F(Forged, AnInstanceThatIsNotThereCannotBeNamed) {
  forge([](std::string& bytes) { process_of(bytes).gpu = 9; });
  EXPECT_TRUE(seen_.empty());
  forge([](std::string& bytes) { process_of(bytes).ci = 200; });
  EXPECT_TRUE(seen_.empty());
  forge([](std::string& bytes) {
    process_of(bytes).gi = kNone;
    process_of(bytes).ci = kNone;
  });
  EXPECT_TRUE(seen_.empty()) << "the GPU is in MIG mode";
}

TEST_F(Forged, MemoryAndRatesAreWhatCanBe) {
  forge([](std::string& bytes) {
    ProcessState& process = process_of(bytes);
    process.memory_bytes = ~UINT64_C(0);
    process.rate[kSmActive] = 1e30;
    process.rate[kDram] = std::nan("");
    process.rate[kTensor] = -1;
    process.wants.sm = 1e9;
    std::memset(process.name, '\033', sizeof(process.name));
    std::memcpy(process.name + 1, "\xC2\x9B", 2);
  });
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_LE(guest_.memory_bytes, UINT64_C(24) << 30);
  EXPECT_EQ(guest_.rate[kSmActive], 1);
  EXPECT_EQ(guest_.rate[kDram], 0);
  EXPECT_EQ(guest_.rate[kTensor], 0);
  EXPECT_EQ(guest_.wants.sm, 1);
  EXPECT_EQ(std::string(guest_.name).find_first_not_of('?'), std::string::npos);
  EXPECT_EQ(guest_.name[sizeof(guest_.name) - 1], '\0');
}

TEST_F(Guests, ALinkIsNoNote) {
  Guest guest(kGuest, [&] { return ::symlink("/etc/passwd", note(0).c_str()) == 0 ? 0 : 1; });
  ASSERT_EQ(guest.answer(), '0');
  EXPECT_TRUE(pids().empty());
  EXPECT_NE(::access(note(0).c_str(), F_OK), 0);
}

TEST_F(Guests, ARebootEndsThemToo) {
  Guest guest(kGuest, attaching());
  ASSERT_EQ(pids().size(), 1U);
  {
    Machine::Change change(*machine_);
    reboot(machine_->hardware(), *change);
    change.commit();
  }
  EXPECT_TRUE(pids().empty());
}

// Without MIG no instance disappears in a reboot: the guest's file is recognised as stale by its
// boot count.
TEST_F(Guests, ARebootEndsThemOnAWholeGpuToo) {
  {
    Machine::Change change(*machine_);
    change->gpus[1].mig_current = change->gpus[1].mig_pending = 0;
    ASSERT_TRUE(change.commit());
  }
  Guest guest(kGuest, attaching(Instance{1, kNone, kNone}));
  ASSERT_EQ(guest.answer(), '0');
  ASSERT_EQ(pids(), std::vector<std::int32_t>{guest.pid()});
  {
    Machine::Change change(*machine_);
    reboot(machine_->hardware(), *change);
    change.commit();
  }
  EXPECT_TRUE(pids().empty());
}

TEST_F(Guests, OneWithoutItsNoteHasLeftThoughItsProcessLives) {
  Guest guest(kGuest, attaching(UINT64_C(1) << 20));
  {
    Machine::Change change(*machine_);  // the owner's transaction records the guest
    ASSERT_TRUE(change.commit());
  }
  ASSERT_EQ(pids(), std::vector<std::int32_t>{guest.pid()});
  ASSERT_EQ(::unlink(note(0).c_str()), 0);
  EXPECT_TRUE(pids().empty());
  EXPECT_EQ(broken(), nullptr);
}

}  // namespace
}  // namespace migsim
