// SPDX-License-Identifier: Apache-2.0
// Inside of cli/: options of `run`, and the request that they form.
#ifndef MIGCTL_CLI_RUN_OPTIONS_H_
#define MIGCTL_CLI_RUN_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "mig/result.h"

#include "cli/options.h"
#include "service/run_job.h"

namespace mig::cli {

class RunOptions {
 public:
  enum class Job { kProgram, kContainer };

  explicit RunOptions(Job job) : job_(job) {}

  void declare(Options& options);

  // Everything except GPU and slot, which need the machine. kUsage names the option.
  Result<void> fill(service::RunRequest& request) const;

  std::string slot, gpu, wait, priority;
  bool preempt = false;
  bool linger = false;
  bool detach = false;

 private:
  void declare_program(Options& options);
  void declare_instance(Options& options);
  void declare_job(Options& options);
  Result<void> fill_selection(service::RunRequest& request) const;
  Result<void> fill_job(service::RunRequest& request) const;

  Job job_;
  std::string profile_, uuid_, memory_, name_;
  std::string restart_ = "no", time_, grace_, devices_, ranks_, compat_ = "uuid";
  std::optional<std::uint32_t> gpu_instance_, compute_instance_, sms_, shared_, count_;
  bool create_ = false, every_ = false, log_ = false;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RUN_OPTIONS_H_
