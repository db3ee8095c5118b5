// SPDX-License-Identifier: Apache-2.0
// nvidia-smi's dialect on NVML: same texts, same exit codes, for the real driver and the simulated
// one. A client of NVML like the manager; it plans nothing and knows nothing of layouts (ADR 0002).
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
  // NVML to load; empty means the driver's own libnvidia-ml.so.1 by the loader's search order.
  std::string library_path;
  // Opens NVML instead of library_path, when set: for a caller that chooses the driver by rules of
  // its own. Called at most once, and not for help or a wrong command line.
  std::function<Result<std::unique_ptr<nvml::Session>>()> open;
  // Not owned. Results and, as nvidia-smi does it, almost all errors go to `out`.
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

// `args` are the words after `smi` (or after argv[0] when called as nvidia-smi). Returns the exit
// code: 0, 2 for an unusable command line, NVML's return code, or 255. Opens and closes NVML
// itself; not for use by two threads at once with the same streams.
int smi_main(const std::vector<std::string>& args, const SmiContext& context);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SMI_H_
