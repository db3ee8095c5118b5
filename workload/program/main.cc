// SPDX-License-Identifier: Apache-2.0
// mig-workload: programs that run on a GPU or MIG instance.
#include <memory>

#include <CLI/CLI.hpp>

#include "workload/jobs.h"
#include "workload/stop.h"

namespace {

using workload::Options;

using Job = int (*)(workload::Backend&, const Options&, std::FILE*);

struct Call {
  Options options;
  std::string precision = "fp32";
  const char* name = "";
  Job job = nullptr;
};

CLI::App* add_job(CLI::App& app, Call& call, const char* name, const char* what, Job job) {
  CLI::App* command = app.add_subcommand(name, what);
  command->add_flag("--json", call.options.json, "print one line of JSON at the end");
  command->add_option("--device", call.options.device, "as in CUDA_VISIBLE_DEVICES, and before it");
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
          workload::run_info);
  CLI::App* train = add_job(
      app, call, "train", "train the lab's model (1024-4096-4096-1024, Adam)", workload::run_train);
  CLI::Option* steps = train->add_option("--steps", options.steps, "how many steps (1000)")
                           ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40U));
  train->add_option("--seconds", options.seconds, "train for so long instead")
      ->check(CLI::Range(0.001, 1e7))
      ->excludes(steps);
  train->add_option("--precision", call.precision, "fp32, tf32 or bf16 (fp32)")
      ->check(CLI::IsMember({"fp32", "tf32", "bf16"}));
  train->add_option("--batch", options.batch, "samples per step (128)")
      ->check(CLI::Range(1U, 1U << 20U));
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

const char* const kExitCodes =
    "Exit codes: 0 done (oom: refused), 1 oom was granted, 2 wrong arguments, 3 no device,\n"
    "4 out of memory, 5 device lost, 6 faulted (Xid), 7 speed not known, 8 internal,\n"
    "130 or 143 stopped by SIGINT or SIGTERM (results so far are printed).";

}  // namespace

int main(int argc, char** argv) {
  Call call;
  CLI::App app("Programs that run on a GPU or MIG instance, here a simulated one", "mig-workload");
  app.footer(kExitCodes);
  app.require_subcommand(1);
  add_jobs(app, call);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(workload::Outcome::kUsage);
  }
  call.options.precision = *workload::parse_precision(call.precision);
  workload::catch_stop_signals();
  std::unique_ptr<workload::Backend> backend;
  if (const workload::Result result = workload::open_simulated(call.options.device, backend);
      !result.ok()) {
    return workload::report_failure(call.name, call.options, result, stdout);
  }
  return call.job(*backend, call.options, stdout);
}
