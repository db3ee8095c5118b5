// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/call.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>

#include <grp.h>
#include <sched.h>
#include <signal.h>

#include "abi/nvml.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::on_disk;
using testing::Rig;
using testing::TempDir;

// The trace file is opened once per process, so the variable is set before any test runs.
class TraceFile : public ::testing::Environment {
 public:
  TraceFile() { ::setenv("MIGSIM_TRACE", path().c_str(), 1); }

  void TearDown() override { std::filesystem::remove(path()); }

  static std::string path() {
    static const std::string path = "/tmp/migsim-trace-" + std::to_string(::getpid());
    return path;
  }
};

// NOLINTNEXTLINE(cert-err58-cpp): gtest owns and runs it
const ::testing::Environment* const kTraceFile = ::testing::AddGlobalTestEnvironment(new TraceFile);

constexpr const char* kCreate = "nvmlDeviceCreateGpuInstance";
constexpr const char* kRead = "nvmlDeviceGetMigMode";

Fault fault(const char* function, FaultAction action, std::int32_t code = 0) {
  Fault made;
  made.used = 1;
  std::snprintf(made.function, sizeof(made.function), "%s", function);
  made.action = action;
  made.code = code;
  return made;
}

void inject(Machine& machine, const Fault& made) {
  Machine::Change change(machine);
  change->faults[0] = made;
  change.commit();
}

int call(Machine& machine, const char* function, std::uint32_t gpu) {
  const int code = begin_call(machine, function, gpu);
  end_call(machine, function, gpu, code);
  return code;
}

// How a child process ends that makes the call: its exit status, or minus the signal's number.
int child_ends(Machine& machine, const char* function) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int code = begin_call(machine, function, 0);
    {
      Machine::Change change(machine);
      ++change->gpus[0].ecc_corrected;  // stands for the change that a real call makes
      change.commit();
    }
    end_call(machine, function, 0, code);
    ::_exit(code);
  }
  int how = 0;
  EXPECT_EQ(::waitpid(child, &how, 0), child);
  return WIFSIGNALED(how) ? -WTERMSIG(how) : WEXITSTATUS(how);
}

double ms(const std::function<void()>& what) {
  const auto begin = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

TEST(Call, FailsOnTheNthAndNRepeats) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a30-24gb", "a30-24gb"}));
  Fault made = fault(kCreate, FaultAction::kFail, NVML_ERROR_INSUFFICIENT_RESOURCES);
  made.gpu = 1;
  made.nth = 2;
  made.repeat = 2;
  inject(*machine, made);
  EXPECT_EQ(call(*machine, kCreate, 0), NVML_SUCCESS) << "another GPU";
  EXPECT_EQ(call(*machine, kRead, 1), NVML_SUCCESS) << "another function";
  EXPECT_EQ(call(*machine, kCreate, 1), NVML_SUCCESS);
  EXPECT_EQ(call(*machine, kCreate, 1), NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(call(*machine, kCreate, 1), NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(call(*machine, kCreate, 1), NVML_SUCCESS);
  EXPECT_EQ((*Machine::View(*machine)).faults[0].seen, 4U);
  EXPECT_EQ(machine->calls(), 6U);
}

TEST(Call, AnyFunctionForEver) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a30-24gb"}));
  Fault made = fault("*", FaultAction::kFail, NVML_ERROR_UNKNOWN);
  made.repeat = 0;
  inject(*machine, made);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(call(*machine, kRead, 0), NVML_ERROR_UNKNOWN);
  }
  inject(*machine, Fault{});
  EXPECT_EQ(call(*machine, kRead, 0), NVML_SUCCESS);
}

TEST(Call, LostGpuStaysLostAndOthersWork) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a30-24gb", "a30-24gb"}));
  inject(*machine, fault(kCreate, FaultAction::kGpuLost));
  EXPECT_EQ(call(*machine, kCreate, 1), NVML_ERROR_GPU_IS_LOST);
  EXPECT_EQ(call(*machine, kRead, 1), NVML_ERROR_GPU_IS_LOST);
  EXPECT_EQ(call(*machine, kRead, 0), NVML_SUCCESS);
  EXPECT_EQ(call(*machine, "nvmlDeviceGetCount_v2", kNone), NVML_SUCCESS);
  {
    const Machine::View view(*machine);
    EXPECT_EQ(view->events[1].data, 79U);
    EXPECT_EQ(view->events[1].gpu, 1U);
  }
  {
    Machine::Change change(*machine);
    reboot(machine->hardware(), *change);
    change.commit();
  }
  EXPECT_EQ(call(*machine, kRead, 1), NVML_SUCCESS);
}

TEST(Call, XidIsAnEventOfTheInstanceAndTheCallGoesOn) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a30-24gb"}));
  Fault made = fault(kRead, FaultAction::kXid, 31);
  made.gi = 3;
  made.ci = 0;
  inject(*machine, made);
  EXPECT_EQ(call(*machine, kRead, 0), NVML_SUCCESS);
  EXPECT_EQ(call(*machine, kRead, 0), NVML_SUCCESS);
  const Machine::View view(*machine);
  EXPECT_EQ(view->event_sequence, 1U);
  const Event& event = view->events[1];
  EXPECT_EQ(event.type, static_cast<std::uint64_t>(nvmlEventTypeXidCriticalError));
  EXPECT_EQ(event.data, 31U);
  EXPECT_EQ(event.gi, 3U);
  EXPECT_EQ(event.ci, 0U);
}

TEST(Call, KillsBeforeOrAfterTheWork) {
  for (const bool before : {true, false}) {
    const TempDir dir;
    const auto machine = on_disk(dir, Rig({"a30-24gb"}));
    inject(*machine, fault(kRead, before ? FaultAction::kKillBefore : FaultAction::kKillAfter));
    EXPECT_EQ(child_ends(*machine, kRead), -SIGKILL);
    EXPECT_EQ((*Machine::View(*machine)).gpus[0].ecc_corrected, before ? 0U : 1U);
    EXPECT_EQ(child_ends(*machine, kRead), 0) << "fires once";
  }
}

TEST(Call, HangsOutsideTheLock) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a30-24gb"}));
  Fault made = fault(kRead, FaultAction::kHang);
  inject(*machine, made);  // for ever
  const pid_t child = ::fork();
  if (child == 0) {
    begin_call(*machine, kRead, 0);
    ::_exit(0);
  }
  while ((*Machine::View(*machine)).faults[0].seen == 0) {
  }
  call(*machine, kRead, 0);  // the read returns while the other call hangs
  int how = 0;
  EXPECT_EQ(::waitpid(child, &how, WNOHANG), 0) << "it still hangs";
  ::kill(child, SIGKILL);
  ::waitpid(child, &how, 0);
  made.hang_ms = 30;
  inject(*machine, made);
  EXPECT_GE(ms([&] { call(*machine, kRead, 0); }), 30);
}

TEST(Call, LatencyIsTheHardwaresScaled) {
  const TempDir dir;
  Rig rig({"a30-24gb"});
  rig.state->options.latency_permille = 100;
  const auto machine = on_disk(dir, rig);
  EXPECT_GE(default_latency_ns(kCreate), 100'000'000U);
  EXPECT_EQ(default_latency_ns(kRead), 0U);
  EXPECT_GE(ms([&] { call(*machine, kCreate, 0); }), 14);
  {
    Machine::Change change(*machine);
    std::snprintf(change->latencies[3].function, sizeof(Latency::function), "%s", kRead);
    change->latencies[3].ns = 200'000'000;
    change.commit();
  }
  EXPECT_GE(ms([&] { call(*machine, kRead, 0); }), 20);
  {
    Machine::Change change(*machine);
    change->options.latency_permille = 0;
    std::snprintf(change->latencies[3].function, sizeof(Latency::function), "%s", kCreate);
    change->latencies[3].ns = 3'600'000'000'000;
    change.commit();
  }
  EXPECT_LT(ms([&] { call(*machine, kCreate, 0); }), 60'000) << "an hour would be 0 of it";
}

// Another thread holds the machine's lock throughout: a read must return all the same.
TEST(Call, ReadsTakeNoLock) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a30-24gb"}));
  const Machine::View holding(*machine);
  EXPECT_EQ(call(*machine, kRead, 0), NVML_SUCCESS);
}

TEST(Call, TraceHasOneLinePerCall) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a30-24gb"}));
  end_call(*machine, "traced_on_gpu", 3, NVML_SUCCESS);
  end_call(*machine, "traced_on_none", kNone, NVML_ERROR_UNKNOWN);
  std::ifstream trace(TraceFile::path());
  std::vector<std::string> lines;
  for (std::string line; std::getline(trace, line);) {
    if (line.find("traced_on") != line.npos) {
      const std::size_t ns_end = line.find(' ');
      EXPECT_GT(std::stoull(line), 0U);
      lines.push_back(line.substr(ns_end + 1));
    }
  }
  const std::string pid = std::to_string(::getpid());
  EXPECT_EQ(lines,
            (std::vector<std::string>{pid + " traced_on_gpu 3 0", pid + " traced_on_none - 999"}));
}

// Runs `body` in a child process as user nobody; the child's exit code is the result of `body`.
template <class Body>
int as_nobody(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(::setgroups(0, nullptr) == 0 && ::setgid(65534) == 0 && ::setuid(65534) == 0 ? body()
                                                                                         : 99);
  }
  int how = 0;
  EXPECT_EQ(::waitpid(child, &how, 0), child);
  return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

std::unique_ptr<Machine> shared_machine(const TempDir& dir) {
  Rig rig({"a30-24gb"});
  rig.state->options.shared = 1;
  EXPECT_EQ(::chmod(dir.path().c_str(), 0755), 0);
  return on_disk(dir, rig);
}

TEST(Call, TheOwnerMayChangeTheMachineAndNobodyElse) {
  const TempDir dir;
  const auto machine = shared_machine(dir);
  EXPECT_TRUE(is_admin(*machine));
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become another user";
  }
  EXPECT_EQ(as_nobody([&] {
              Status status;
              const auto theirs = Machine::open(dir.path(), status);
              return theirs == nullptr ? 1 : is_admin(*theirs) ? 2 : 0;
            }),
            0);
}

// uid 0 inside a user namespace has the rights of the uid that it is mapped to outside.
TEST(Call, RootOfAUserNamespaceIsNotRootOfTheMachine) {
  const TempDir dir;
  const auto machine = shared_machine(dir);
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become another user";
  }
  const int how = as_nobody([&] {
    // After a change of uid the process is not dumpable, and the kernel refuses it its own uid
    // maps.
    if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0 || ::unshare(CLONE_NEWUSER) != 0) {
      return 77;
    }
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << "0 65534 1";
    if (::geteuid() != 0) {
      return 77;
    }
    Status status;
    const auto theirs = Machine::open(dir.path(), status);
    return theirs == nullptr ? 1 : is_admin(*theirs) || theirs->writable() ? 2 : 0;
  });
  if (how == 77) {
    GTEST_SKIP() << "no user namespaces here";
  }
  EXPECT_EQ(how, 0);
}

TEST(Call, TheOwnerCanPlayAUserWithoutRights) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a30-24gb"}));
  ASSERT_EQ(::setenv("MIGSIM_AS_USER", "1", 1), 0);
  EXPECT_FALSE(is_admin(*machine));
  EXPECT_TRUE(machine->writable());
  ::unsetenv("MIGSIM_AS_USER");
  EXPECT_TRUE(is_admin(*machine));
}

}  // namespace
}  // namespace migsim
