// SPDX-License-Identifier: Apache-2.0
// The columns of `nvidia-smi dmon -s`, in groups of one letter each.
#ifndef MIGCTL_SMI_DMON_COLUMNS_H_
#define MIGCTL_SMI_DMON_COLUMNS_H_

#include <optional>
#include <span>

#include "smi/run.h"

namespace mig::smi {

// Violation counters count since the driver's start; a column shows the increase since the previous
// line.
struct DmonPast {
  std::optional<nvmlViolationTime_t> power, thermal;
};

struct DmonColumn {
  char group;
  const char* name;
  const char* unit;
  std::optional<unsigned long long> (*read)(const Run& run, const Gpu& gpu, DmonPast* past);
};

std::span<const DmonColumn> dmon_columns();

}  // namespace mig::smi

#endif  // MIGCTL_SMI_DMON_COLUMNS_H_
