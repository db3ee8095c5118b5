// SPDX-License-Identifier: Apache-2.0
// mig-workload: programs that run on a GPU or MIG instance.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "workload/cuda_jobs.h"
#include "workload/jobs.h"
#include "workload/stop.h"

namespace {

using workload::Options;

using Job = int (*)(workload::Backend&, const Options&, std::FILE*);

struct Call {
  Options options;
  workload::CudaOptions cuda;
  std::string precision = "fp32";
  std::string model = "job";
  std::string backend = "auto";
  const char* name = "";
  Job job = nullptr;
};

CLI::App* add_job(CLI::App& app, Call& call, const char* name, const char* what, Job job) {
  CLI::App* command = app.add_subcommand(name, what);
  command->add_flag("--json", call.options.json, "print one line of JSON at the end");
  command->add_option("--device", call.options.device, "as in CUDA_VISIBLE_DEVICES, and before it");
  command
      ->add_option(
          "--backend",
          call.backend,
          "simulated, cuda, or auto: simulated where MIGSIM_MACHINE is set or no CUDA device "
          "is visible (auto)")
      ->check(CLI::IsMember({"auto", "simulated", "cuda"}));
  command->add_flag("--announce",
                    call.options.announce,
                    "print one line of JSON when the work on the device begins");
  command->add_option("--name", call.options.name, "what the job calls itself (0)");
  command->callback([&call, name, job] {
    call.name = name;
    call.job = job;
  });
  return command;
}

void add_jobs(CLI::App& app, Call& call) {
  Options& options = call.options;
  add_job(app,
          call,
          "info",
          "print what the instance shows and allocate 80 % of its memory",
          workload::run_info)
      ->add_flag("--look-only", options.look_only, "allocate nothing");
  CLI::App* train = add_job(
      app, call, "train", "train one of the lab's models with Adam", workload::run_train);
  CLI::Option* steps = train->add_option("--steps", options.steps, "how many steps (1000)")
                           ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40U));
  train->add_option("--seconds", options.seconds, "train for so long instead")
      ->check(CLI::Range(0.001, 1e7))
      ->excludes(steps);
  train->add_option("--precision", call.precision, "fp32, tf32 or bf16 (fp32)")
      ->check(CLI::IsMember({"fp32", "tf32", "bf16"}));
  train
      ->add_option("--model",
                   call.model,
                   "job (1024-4096-4096-1024), small (1024-2048-1024), medium (2048-4096-2048) or "
                   "large (4096-8192-4096) (job)")
      ->check(CLI::IsMember({"job", "small", "medium", "large"}));
  train->add_option("--batch", options.batch, "samples per step (128)")
      ->check(CLI::Range(1U, 1U << 20U));
  train->add_flag(
      "!--no-graph", call.cuda.graph, "CUDA: launch each kernel by itself, not as one graph");
  train->add_flag("--step-times",
                  options.time_steps,
                  "p50 and p99 of a step; on CUDA it then waits after each");
  train->add_flag("--own-kernels", call.cuda.own_kernels, "CUDA: do without cuBLASLt (fp32)");
  train->add_option("--every", options.every, "steps between progress lines (100)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40U));
  CLI::App* oom = add_job(app,
                          call,
                          "oom",
                          "ask for more memory than the instance has; done when it is refused",
                          workload::run_oom);
  oom->add_option("--bytes", options.bytes, "how much (all of it and 1 MiB)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 60U));
}

void add_loads(CLI::App& app, Call& call) {
  CLI::App* fault = add_job(app, call, "fault", "break something on purpose", workload::run_fault);
  fault->add_option("kind", call.options.kind, "what")
      ->required()
      ->check(CLI::IsMember(workload::cuda_fault_names()));
  fault->add_option("--seconds", call.options.seconds, "for how long, where it lasts (5)")
      ->check(CLI::Range(0.001, 1e5));
  CLI::App* hog =
      add_job(app, call, "hog", "keep one resource of the device busy", workload::run_hog);
  hog->add_option("kind", call.options.kind, "which")
      ->required()
      ->check(CLI::IsMember(workload::cuda_hog_names()));
  hog->add_option("--seconds", call.options.seconds, "for how long (10)")
      ->check(CLI::Range(0.001, 1e5));
  add_job(app,
          call,
          "bench",
          "what the device moves, computes and starts per second",
          workload::run_bench)
      ->add_option("--seconds", call.options.seconds, "for all six measurements together (6)")
      ->check(CLI::Range(0.001, 1e5));
  add_job(app, call, "check", "hold training against float64 on the CPU (CUDA only)", nullptr);
}

// On CUDA every job has a function of its own, as the whole loop runs on the device.
int run_on_cuda(Call& call) {
  const std::string_view name = call.name;
  call.options.simulated = false;
  if (!call.options.device.empty()) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
    setenv("CUDA_VISIBLE_DEVICES", call.options.device.c_str(), 1);
  }
  if (name == "info") {
    return workload::run_cuda_info(call.options, stdout);
  }
  if (name == "train") {
    return workload::run_cuda_train(call.options, call.cuda, stdout);
  }
  if (name == "oom") {
    return workload::run_cuda_oom(call.options, stdout);
  }
  if (name == "fault") {
    return workload::run_cuda_fault(call.options, stdout);
  }
  if (name == "hog") {
    return workload::run_cuda_hog(call.options, stdout);
  }
  if (name == "bench") {
    return workload::run_cuda_bench(call.options, stdout);
  }
  return workload::run_cuda_check(call.options, stdout);
}

bool wants_cuda(const Call& call) {
  if (call.backend != "auto") {
    return call.backend == "cuda";
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
  return call.job == nullptr || (getenv("MIGSIM_MACHINE") == nullptr && workload::cuda_available());
}

const char* const kExitCodes =
    "Exit codes: 0 done (oom: refused), 1 oom was granted, 2 wrong arguments, 3 no device,\n"
    "4 out of memory, 5 device lost, 6 faulted (Xid), 7 speed not known, 8 internal,\n"
    "130 or 143 stopped by SIGINT or SIGTERM (results so far are printed).";

int run(int argc, char** argv) {
  Call call;
  CLI::App app("Programs that run on a GPU or MIG instance, real or simulated", "mig-workload");
  app.footer(kExitCodes);
  app.require_subcommand(1);
  add_jobs(app, call);
  add_loads(app, call);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(workload::Outcome::kUsage);
  }
  call.options.precision = *workload::parse_precision(call.precision);
  call.options.model = workload::model_named(call.model);
  workload::catch_stop_signals();
  if (wants_cuda(call)) {
    return run_on_cuda(call);
  }
  if (call.job == nullptr) {
    const workload::Result no{workload::Outcome::kUsage, "this needs a real GPU: --backend cuda"};
    return workload::report_failure(call.name, call.options, no, stdout);
  }
  std::unique_ptr<workload::Backend> backend;
  if (const workload::Result result = workload::open_simulated(call.options.device, backend);
      !result.ok()) {
    return workload::report_failure(call.name, call.options, result, stdout);
  }
  return call.job(*backend, call.options, stdout);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mig-workload: error: %s\n", error.what());
    return static_cast<int>(workload::Outcome::kInternal);
  }
}
