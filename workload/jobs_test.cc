// SPDX-License-Identifier: Apache-2.0
// The jobs on a simulated H200.
#include "workload/jobs.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/machine/machine.h"
#include "sim/machine/telemetry.h"
#include "sim/tools/create.h"

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

  // Runs a job with a backend of its own; the last line it prints.
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

TEST_F(Jobs, InfoAllocatesEightTenths) {
  const auto document = run(run_info, 0);
  EXPECT_EQ(document["device"], "NVIDIA H200");
  EXPECT_EQ(document["sm"], 132);
  EXPECT_EQ(document["allocatedBytes"], 150754820096 / 10 * 8);
}

TEST_F(Jobs, TrainTakesTheTimeThatItPredicts) {
  options.steps = 60;
  const auto document = run(run_train, 0);
  EXPECT_EQ(document["steps"], 60);
  const double step = document["seconds"].get<double>() / 60;
  EXPECT_GE(step, 0.95 * document["predictedStepUs"].get<double>() / 1e6) << "it really sleeps";
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
