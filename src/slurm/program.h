// SPDX-License-Identifier: Apache-2.0
// Inside of slurm/: runs Slurm's programs, without a shell and with a time limit.
#ifndef MIGCTL_SLURM_PROGRAM_H_
#define MIGCTL_SLURM_PROGRAM_H_

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "mig/result.h"

namespace mig::slurm {

struct Settings;

struct ProgramEnd {
  int exit_code = 0;
  bool timed_out = false;
  std::string output;  // both streams

  std::string last_line() const;
};

struct ProgramLimits {
  std::chrono::milliseconds timeout{std::chrono::seconds(60)};
  const std::atomic<bool>* stop = nullptr;
};

// In this process's environment with SLURM_CONF. kNotFound for a program that is not there.
Result<ProgramEnd> run_program(const std::vector<std::string>& argv,
                               const Settings& settings,
                               const ProgramLimits& limits);

// What a Slurm program's failure means: which daemon does not answer, what it does not know.
Error program_error(const std::string& doing,
                    const std::vector<std::string>& argv,
                    const ProgramEnd& end,
                    const std::string& node);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_PROGRAM_H_
