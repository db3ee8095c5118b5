// SPDX-License-Identifier: Apache-2.0
#include "model/lease_values.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::lease {

std::string Need::str() const {
  std::vector<std::string> at_least;
  if (min_memory_mib) {
    at_least.push_back(*min_memory_mib % 1024 == 0 ? fmt::format("{} GiB", *min_memory_mib / 1024)
                                                   : fmt::format("{} MiB", *min_memory_mib));
  }
  if (min_sm) {
    at_least.push_back(fmt::format("{} SMs", *min_sm));
  }
  std::string text;
  if (!slot.empty()) {
    text = "slot " + slot;
  } else if (!uuid.empty()) {
    text = uuid;
  } else {
    text = profile ? profile->str() : "an instance";
  }
  if (!at_least.empty()) {
    text += " with at least " + base::join(at_least, " and ");
  }
  if (gpu) {
    text += fmt::format(" on GPU {}", gpu->value);
  } else if (!gpu_uuid.empty()) {
    text += " on " + gpu_uuid;
  }
  if (gpu_instance) {
    text += fmt::format(" gi={}", gpu_instance->value);
  }
  if (compute_instance) {
    text += fmt::format(" ci={}", compute_instance->value);
  }
  return text;
}

std::string Holder::str() const {
  switch (kind) {
    case Kind::kProcess:
      return fmt::format("pid {}", pid);
    case Kind::kUnit:
      return "unit " + unit;
    case Kind::kTime:
      break;
  }
  return "its time limit";
}

}  // namespace mig::lease
