// SPDX-License-Identifier: Apache-2.0
// The jobs on a simulated H200.
#include "workload/jobs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/machine/machine.h"
#include "sim/machine/telemetry.h"
#include "sim/tools/create.h"
#include "workload/loads.h"

namespace fs = std::filesystem;

namespace workload {
namespace {

using JobFunction = int (*)(Backend&, const Options&, std::FILE*);

class Jobs : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/workload-jobs-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    root = folder;
    setenv("MIGSIM_ROOT", folder, 1);
    unsetenv("CUDA_VISIBLE_DEVICES");
    migsim::MachineSpec spec;
    spec.name = "lab";
    spec.gpus = "1x h200-141gb";
    std::string dir;
    const migsim::Problem problem = migsim::create_machine(spec, dir);
    ASSERT_TRUE(problem.ok()) << problem.message;
    setenv("MIGSIM_MACHINE", dir.c_str(), 1);
    migsim::Status status;
    machine = migsim::Machine::open(dir, status);
    ASSERT_NE(machine, nullptr);
    options.json = true;
  }

  void TearDown() override { fs::remove_all(root); }

  // Runs a job with its own backend; returns the last line printed.
  nlohmann::json run(JobFunction job, int expected) {
    std::unique_ptr<Backend> backend;
    const Result opened = open_simulated(options.device, backend);
    EXPECT_TRUE(opened.ok()) << opened.message;
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* out = open_memstream(&text, &size);
    EXPECT_EQ(job(*backend, options, out), expected);
    std::fclose(out);
    nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
    std::free(text);
    EXPECT_TRUE(document.is_object());
    EXPECT_EQ(document.value("simulated", false), true);
    EXPECT_EQ(document.value("exitCode", -1), expected);
    return document;
  }

  fs::path root;
  std::unique_ptr<migsim::Machine> machine;
  Options options;
};

// Another process that puts `demand` on the device during this object's lifetime.
class Neighbour {
 public:
  explicit Neighbour(const Demand& demand) {
    int ready[2] = {-1, -1};
    EXPECT_EQ(pipe(ready), 0);
    child_ = fork();
    if (child_ == 0) {
      std::unique_ptr<Backend> backend;
      const bool good = open_simulated("", backend).ok() && backend->want(demand).ok();
      _exit(write(ready[1], good ? "y" : "n", 1) == 1 ? pause() : 1);
    }
    char answer = 0;
    EXPECT_EQ(read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    close(ready[0]);
    close(ready[1]);
  }

  ~Neighbour() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;

 private:
  pid_t child_ = 0;
};

TEST_F(Jobs, InfoAllocatesEightTenths) {
  const auto document = run(run_info, 0);
  EXPECT_EQ(document["device"], "NVIDIA H200");
  EXPECT_EQ(document["sm"], 132);
  EXPECT_EQ(document["allocatedBytes"], 150754820096 / 10 * 8);
}

TEST_F(Jobs, TrainTakesTheTimeThatItPredicts) {
  options.steps = 60;
  const auto begin = std::chrono::steady_clock::now();
  const auto document = run(run_train, 0);
  const std::chrono::duration<double> lasted = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(document["steps"], 60);
  const double seconds = document["seconds"].get<double>();
  EXPECT_NEAR(seconds / 60, document["predictedStepUs"].get<double>() / 1e6, 1e-9);
  EXPECT_GE(lasted.count(), seconds) << "it really sleeps";
}

// Simulated time is independent of host load: a late host does not lengthen the device's step.
TEST_F(Jobs, ABusyHostMakesNoDeviceSlower) {
  std::unique_ptr<Backend> backend;
  ASSERT_TRUE(open_simulated("", backend).ok());
  std::chrono::nanoseconds step{};
  ASSERT_TRUE(backend->prepare(step_work(128, Precision::kFp32), step).ok());
  const auto begin = backend->now();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(backend->run_step().ok());
    std::this_thread::sleep_for(3 * step);
  }
  EXPECT_EQ(backend->now() - begin, 20 * step);
}

TEST_F(Jobs, TrainStopsAfterItsTime) {
  options.seconds = 0.2;
  const auto document = run(run_train, 0);
  EXPECT_GE(document["seconds"].get<double>(), 0.2);
  EXPECT_GT(document["steps"].get<int>(), 0);
}

TEST_F(Jobs, TrainIsSeenByTheMachine) {
  std::unique_ptr<Backend> backend;
  ASSERT_TRUE(open_simulated("", backend).ok());
  std::chrono::nanoseconds step{};
  const StepWork work = step_work(128, Precision::kFp32);
  ASSERT_TRUE(backend->allocate(work.bytes_held).ok());
  ASSERT_TRUE(backend->prepare(work, step).ok());
  {
    const migsim::Machine::View view(*machine);
    EXPECT_GT(migsim::gpu_utilization(*view, 0), 0U);
    EXPECT_EQ(migsim::memory_use(machine->hardware(), *view, 0, migsim::kNone)->used,
              work.bytes_held);
    EXPECT_GT(*migsim::power_mw(machine->hardware(), *view, 0), 124629U);
  }
  backend.reset();
  const migsim::Machine::View view(*machine);
  EXPECT_EQ(migsim::gpu_utilization(*view, 0), 0U);
  EXPECT_EQ(migsim::memory_use(machine->hardware(), *view, 0, migsim::kNone)->used, 0U);
}

TEST_F(Jobs, OomIsDoneWhenRefused) {
  const auto document = run(run_oom, 0);
  EXPECT_EQ(document["granted"], false);
  EXPECT_EQ(document["requestedBytes"], 150754820096 + (1 << 20));
  options.bytes = 1 << 20;
  EXPECT_EQ(run(run_oom, 1)["granted"], true);
}

TEST_F(Jobs, ATrainingBesideAHogTakesItsTurns) {
  options.seconds = 0.25;
  options.time_steps = true;
  const double alone = run(run_train, 0)["stepMsP50"];
  Demand all;
  all.sm = 1;
  const Neighbour hog(all);
  const auto beside = run(run_train, 0);
  const StepTime step =
      *predict(step_work(options.batch, options.precision), {67000, 494500, 989500, 4800, 0});
  EXPECT_GT(beside["stepMsP50"].get<double>() / alone, 1 + 0.8 * step.busy);
  EXPECT_GE(beside["stepMsP99"].get<double>(), beside["stepMsP50"].get<double>());
}

// The context ends with the fault; the driver reports Xid 31.
TEST_F(Jobs, FaultsAreRaised) {
  options.kind = "illegal-address";
  auto document = run(run_fault, 0);
  EXPECT_EQ(document["raised"], true);
  EXPECT_NE(document["report"].get<std::string>().find("CUDA_ERROR_ILLEGAL_ADDRESS"),
            std::string::npos);
  const auto last_xid = [&] {
    const migsim::Machine::View view(*machine);
    return view->events[view->event_sequence % migsim::kMaxEvents].data;
  };
  EXPECT_EQ(last_xid(), 31U);
  options.kind = "trap";
  EXPECT_EQ(run(run_fault, 0)["raised"], true);
  EXPECT_EQ(last_xid(), 13U);
  options.seconds = 0.1;
  options.kind = "context-storm";
  EXPECT_GE(run(run_fault, 0)["rounds"], 1);
  options.kind = "endless-kernel";
  EXPECT_EQ(run(run_fault, 0)["raised"], true);
  EXPECT_EQ(last_xid(), 13U) << "no error: it only never ends";
  options.kind = "rain";
  EXPECT_EQ(run(run_fault, 2)["job"], "fault");
}

TEST_F(Jobs, HogsReachTheDataSheetAlone) {
  options.seconds = 0.1;
  options.kind = "dram";
  const auto document = run(run_hog, 0);
  EXPECT_NEAR(document["perSecond"].get<double>(), 4800, 1);
  EXPECT_EQ(document["unit"], "GB/s");
  options.kind = "rain";
  EXPECT_EQ(run(run_hog, 2)["job"], "hog");
}

// All but less than the smallest piece; another process then gets none, and after it all again.
TEST_F(Jobs, AMemoryHogHoldsAllThatIsFree) {
  options.kind = "memory";
  options.seconds = 0.05;
  const auto free = run(run_info, 0)["memoryFreeBytes"].get<double>();
  const auto document = run(run_hog, 0);
  EXPECT_EQ(document["unit"], "GB held");
  EXPECT_NEAR(document["perSecond"].get<double>(), free / 1e9, 0.0022);
  std::unique_ptr<Backend> backend;
  ASSERT_TRUE(open_simulated("", backend).ok());
  double bytes = 0;
  Outcome beside = Outcome::kDone;
  const auto look = [&] {
    std::unique_ptr<Backend> other;
    ASSERT_TRUE(open_simulated("", other).ok());
    beside = other->allocate(UINT64_C(4) << 20U).outcome;
  };
  ASSERT_TRUE(hold_memory(*backend, look, 0, bytes).ok());
  EXPECT_EQ(beside, Outcome::kOutOfMemory);
  backend.reset();
  look();
  EXPECT_EQ(beside, Outcome::kDone);
}

TEST_F(Jobs, BarriersTakeTurnsAsAnyKernel) {
  options.kind = "membar";
  options.seconds = 0.05;
  const auto document = run(run_hog, 0);
  EXPECT_EQ(document["unit"], "barriers/s");
  EXPECT_EQ(load_of(cuda::Hog::kBarriers, {})->demand.sm, 1);
  EXPECT_EQ(load_of(cuda::Hog::kBarriers, {})->demand.dram, 0);
}

// Held back for longer than its steps take: its clock begins with the end of stdin.
TEST_F(Jobs, ATrainingThatIsHeldBeginsWhenStdinEnds) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  const int before = dup(STDIN_FILENO);
  ASSERT_EQ(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  const auto begin = std::chrono::steady_clock::now();
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    close(ends[1]);
  });
  options.hold = true;
  options.seconds = 0.2;
  const auto document = run(run_train, 0);
  release.join();
  const std::chrono::duration<double> lasted = std::chrono::steady_clock::now() - begin;
  if (before >= 0) {
    dup2(before, STDIN_FILENO);
    close(before);
  }
  close(ends[0]);
  EXPECT_GE(lasted.count(), 0.5) << "its 0.2 s begin after the 0.3 s";
  EXPECT_LT(document["seconds"].get<double>(), 0.25) << "the time held is no time of the device";
}

TEST_F(Jobs, BenchKnowsWhatTheBoardFileKnows) {
  options.seconds = 0.06;
  const auto document = run(run_bench, 0);
  EXPECT_NEAR(document["dramCopyGbPerS"].get<double>(), 4800, 1);
  EXPECT_NEAR(document["fp32TflopPerS"].get<double>(), 67, 0.1);
  EXPECT_NEAR(document["bf16TflopPerS"].get<double>(), 989.5, 0.5);
}

TEST_F(Jobs, TwoCopiesShareTheLink) {
  options.kind = "pcie";
  options.seconds = 0.1;
  const double alone = run(run_hog, 0)["perSecond"];
  Demand copies;
  copies.pcie_in = 1e15;
  const Neighbour other(copies);
  EXPECT_NEAR(run(run_hog, 0)["perSecond"].get<double>() / alone, 0.5, 0.01);
}

TEST_F(Jobs, InfoMayOnlyLook) {
  options.look_only = true;
  EXPECT_EQ(run(run_info, 0)["allocatedBytes"], 0);
}

TEST_F(Jobs, TooMuchForTheDevice) {
  options.batch = 1 << 20;
  EXPECT_EQ(run(run_train, 4)["job"], "train");
}

TEST_F(Jobs, NoDevice) {
  std::unique_ptr<Backend> backend;
  EXPECT_EQ(open_simulated("MIG-00000000-0000-5000-8000-000000000000", backend).outcome,
            Outcome::kNoDevice);
  EXPECT_EQ(open_simulated("7", backend).outcome, Outcome::kNoDevice);
}

TEST_F(Jobs, LostDeviceEndsTheTraining) {
  std::unique_ptr<Backend> backend;
  ASSERT_TRUE(open_simulated("", backend).ok());
  {
    migsim::Machine::Change change(*machine);
    change->gpus[0].lost = 1;
    change.commit();
  }
  std::chrono::nanoseconds step{};
  EXPECT_EQ(backend->prepare(step_work(1, Precision::kFp32), step).outcome, Outcome::kDeviceLost);
}

}  // namespace
}  // namespace workload
