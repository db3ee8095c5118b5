// SPDX-License-Identifier: Apache-2.0
#include "launch/workload_result.h"

#include <nlohmann/json.hpp>

namespace mig::launch {
namespace {

using Json = nlohmann::json;

std::optional<double> number(const Json& document, const char* name) {
  const auto member = document.find(name);
  return member != document.end() && member->is_number() ? std::optional(member->get<double>())
                                                         : std::nullopt;
}

template <class Whole>
std::optional<Whole> whole(const Json& document, const char* name) {
  const auto member = document.find(name);
  return member != document.end() && member->is_number_unsigned()
             ? std::optional(member->get<Whole>())
             : std::nullopt;
}

std::string_view last_line(std::string_view text) {
  while (!text.empty() && text.back() == '\n') {
    text.remove_suffix(1);
  }
  const auto before = text.rfind('\n');
  return before == std::string_view::npos ? text : text.substr(before + 1);
}

}  // namespace

std::optional<WorkloadResult> workload_result(std::string_view output) {
  const Json document = Json::parse(last_line(output), nullptr, false);
  if (!document.is_object()) {
    return std::nullopt;
  }
  const auto kind = document.find("kind");
  if (kind == document.end() || *kind != "WorkloadResult") {
    return std::nullopt;
  }
  WorkloadResult result;
  if (const auto error = document.find("error"); error != document.end() && error->is_string()) {
    result.error = error->get<std::string>();
  }
  result.steps_per_second = number(document, "stepsPerSecond");
  result.step_ms_p50 = number(document, "stepMsP50");
  result.step_ms_p99 = number(document, "stepMsP99");
  result.sm = whole<std::uint32_t>(document, "sm");
  result.memory_total_bytes = whole<std::uint64_t>(document, "memoryTotalBytes");
  result.memory_free_bytes = whole<std::uint64_t>(document, "memoryFreeBytes");
  result.memory_held_bytes = whole<std::uint64_t>(document, "memoryHeldBytes");
  return result;
}

}  // namespace mig::launch
