// SPDX-License-Identifier: Apache-2.0
// nvidia-smi's dialect on NVML: same texts, same exit codes, for the real driver and the simulated
// one. A plain client of NVML without plans or layouts (ADR 0002).
//
//   mig::smi::SmiContext context;
//   context.out = stdout;
//   context.err = stderr;
//   return mig::smi::smi_main({"mig", "-lgip"}, context);
#ifndef MIGCTL_SMI_SMI_H_
#define MIGCTL_SMI_SMI_H_

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "nvml/session.h"

namespace mig::smi {

struct SmiContext {
  // NVML library to load; empty = libnvidia-ml.so.1 by the loader's search order.
  std::string library_path;
  // Opens NVML in place of library_path, when set, for a caller with its own choice of driver.
  // Called at most once, and not for help or an invalid command line.
  std::function<Result<std::shared_ptr<nvml::Session>>()> open;
  // Called before the first driver call that changes modes or instances (mig -cgi, -cci, -dci,
  // -dgi; -mig; -r), for after-change events and for what must be taken back first. On an error the
  // command changes nothing, prints it to `err` and returns 255. May be empty.
  std::function<Result<void>()> before_change = {};
  // Not owned. Results go to `out`, and so do almost all errors, as with nvidia-smi.
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

// `args` are the words after `smi` (or after argv[0] when called as nvidia-smi). Returns the exit
// code: 0, 2 for an invalid command line, NVML's return code, or 255. Opens and closes NVML itself;
// not thread-safe for shared streams.
int smi_main(const std::vector<std::string>& args, const SmiContext& context);

// True when the command line is a single, quick reading that prints to `out` only: no change, loop,
// file, help, or table of everything. For a caller that runs it on behalf of another process. False
// when in doubt.
bool only_reads(const std::vector<std::string>& args);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SMI_H_
