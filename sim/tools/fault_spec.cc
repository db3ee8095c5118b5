// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/fault_spec.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <initializer_list>

#include "abi/nvml.h"
#include "sim/tools/functions.h"
#include "sim/tools/nearest.h"

namespace migsim {

namespace {

struct CodeName {
  std::string_view name;  // without NVML_ERROR_
  int code;
};

constexpr CodeName kCodes[] = {
    {"UNINITIALIZED", NVML_ERROR_UNINITIALIZED},
    {"INVALID_ARGUMENT", NVML_ERROR_INVALID_ARGUMENT},
    {"NOT_SUPPORTED", NVML_ERROR_NOT_SUPPORTED},
    {"NO_PERMISSION", NVML_ERROR_NO_PERMISSION},
    {"NOT_FOUND", NVML_ERROR_NOT_FOUND},
    {"INSUFFICIENT_SIZE", NVML_ERROR_INSUFFICIENT_SIZE},
    {"INSUFFICIENT_POWER", NVML_ERROR_INSUFFICIENT_POWER},
    {"DRIVER_NOT_LOADED", NVML_ERROR_DRIVER_NOT_LOADED},
    {"TIMEOUT", NVML_ERROR_TIMEOUT},
    {"IRQ_ISSUE", NVML_ERROR_IRQ_ISSUE},
    {"LIBRARY_NOT_FOUND", NVML_ERROR_LIBRARY_NOT_FOUND},
    {"FUNCTION_NOT_FOUND", NVML_ERROR_FUNCTION_NOT_FOUND},
    {"CORRUPTED_INFOROM", NVML_ERROR_CORRUPTED_INFOROM},
    {"GPU_IS_LOST", NVML_ERROR_GPU_IS_LOST},
    {"RESET_REQUIRED", NVML_ERROR_RESET_REQUIRED},
    {"OPERATING_SYSTEM", NVML_ERROR_OPERATING_SYSTEM},
    {"LIB_RM_VERSION_MISMATCH", NVML_ERROR_LIB_RM_VERSION_MISMATCH},
    {"IN_USE", NVML_ERROR_IN_USE},
    {"MEMORY", NVML_ERROR_MEMORY},
    {"NO_DATA", NVML_ERROR_NO_DATA},
    {"INSUFFICIENT_RESOURCES", NVML_ERROR_INSUFFICIENT_RESOURCES},
    {"ARGUMENT_VERSION_MISMATCH", NVML_ERROR_ARGUMENT_VERSION_MISMATCH},
    {"NOT_READY", NVML_ERROR_NOT_READY},
    {"GPU_NOT_FOUND", NVML_ERROR_GPU_NOT_FOUND},
    {"INVALID_STATE", NVML_ERROR_INVALID_STATE},
    {"UNKNOWN", NVML_ERROR_UNKNOWN},
};

constexpr std::string_view kPrefix = "NVML_ERROR_";

Problem bad(const std::string& message, const std::string& hint) {
  return {Exit::kInvalidInput, message, hint};
}

int action_count(const FaultSpec& spec) {
  return (spec.fail.empty() ? 0 : 1) + (spec.hang.empty() ? 0 : 1) + (spec.kill.empty() ? 0 : 1) +
         (spec.lost ? 1 : 0) + (spec.xid ? 1 : 0) + (spec.memory.empty() ? 0 : 1) +
         (spec.recovery.empty() ? 0 : 1);
}

Problem set_fail(const FaultSpec& spec, Fault& out) {
  const std::optional<int> code = nvml_code(spec.fail);
  if (!code) {
    std::vector<std::string_view> names;
    for (const CodeName& row : kCodes) {
      names.push_back(row.name);
    }
    const std::string near = any_of_names(nearest(spec.fail, names));
    return bad(
        "\"" + spec.fail + "\" is no NVML error",
        near.empty() ? "write a name such as NVML_ERROR_IN_USE" : "did you mean " + near + "?");
  }
  out.action = FaultAction::kFail;
  out.code = *code;
  return {};
}

Problem set_hang(const FaultSpec& spec, Fault& out) {
  std::uint64_t ns = 0;
  if (spec.hang != "forever" && (!parse_duration(spec.hang, ns) || ns < 1000000)) {
    return bad("cannot hang for \"" + spec.hang + "\"", "write 500ms, 2s or forever");
  }
  out.action = FaultAction::kHang;
  out.hang_ms = static_cast<std::uint32_t>(ns / 1000000);
  return {};
}

// The place of `word` in `words` is the fault's code.
Problem set_word(const std::string& word,
                 std::initializer_list<std::string_view> words,
                 FaultAction action,
                 Fault& out) {
  const auto* found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) {
    std::string known;
    for (const std::string_view one : words) {
      known += (known.empty() ? "" : ", ") + std::string(one);
    }
    return bad("no such fault: \"" + word.substr(0, 80) + "\"", "write one of " + known);
  }
  if (out.function[0] != '\0') {
    return bad("--memory and --recovery happen at once", "leave out --call");
  }
  out.action = action;
  out.code = static_cast<std::int32_t>(found - words.begin());
  return {};
}

Problem set_action(const FaultSpec& spec, Fault& out) {
  if (!spec.memory.empty()) {
    return set_word(
        spec.memory, {"uncorrected", "remap-pending", "remap-failed"}, FaultAction::kMemory, out);
  }
  if (!spec.recovery.empty()) {
    return set_word(spec.recovery,
                    {"none", "reset", "reboot", "drain", "drain-and-reset"},
                    FaultAction::kRecovery,
                    out);
  }
  if (!spec.fail.empty()) {
    return set_fail(spec, out);
  }
  if (!spec.hang.empty()) {
    return set_hang(spec, out);
  }
  if (spec.lost) {
    out.action = FaultAction::kGpuLost;
  } else if (spec.xid) {
    out.action = FaultAction::kXid;
    out.code = static_cast<std::int32_t>(*spec.xid);
  } else if (spec.kill == "before" || spec.kill == "after") {
    out.action = spec.kill == "before" ? FaultAction::kKillBefore : FaultAction::kKillAfter;
  } else {
    return bad("cannot kill \"" + spec.kill + "\"", "write before or after (the call)");
  }
  return {};
}

Problem check_places(const FaultSpec& spec, std::uint32_t gpu_count) {
  if (spec.gpu && *spec.gpu >= gpu_count) {
    return {Exit::kNotFound,
            "the machine has no GPU " + std::to_string(*spec.gpu),
            "its GPUs are 0 to " + std::to_string(gpu_count - 1)};
  }
  if ((spec.gi && *spec.gi >= kMaxGis) || (spec.ci && *spec.ci >= kMaxCis)) {
    return bad("no such instance", "GPU instance ids are 0 to 14, compute instance ids 0 to 7");
  }
  if ((spec.gi && !spec.xid) || (spec.ci && !spec.gi)) {
    return bad("--gi belongs to --xid, and --ci to --gi", "");
  }
  if (spec.xid && (*spec.xid == 0 || *spec.xid > 999)) {
    return bad("there is no Xid " + std::to_string(*spec.xid), "write 1 to 999");
  }
  return {};
}

}  // namespace

bool parse_duration(std::string_view text, std::uint64_t& ns) {
  std::uint64_t count = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(result.ptr - text.data()));
  const std::uint64_t scale = unit == "us"   ? 1000
                              : unit == "ms" ? 1000000
                              : unit == "s"  ? 1000000000
                                             : 0;
  constexpr std::uint64_t kHour = UINT64_C(3600) * 1000000000;
  if (result.ec != std::errc() || scale == 0 || count > kHour / scale) {
    return false;
  }
  ns = count * scale;
  return true;
}

std::optional<int> nvml_code(std::string_view name) {
  if (name.starts_with(kPrefix)) {
    name.remove_prefix(kPrefix.size());
  }
  const auto* row = std::find_if(
      std::begin(kCodes), std::end(kCodes), [&](const CodeName& c) { return c.name == name; });
  return row == std::end(kCodes) ? std::nullopt : std::optional(row->code);
}

std::string nvml_name(int code) {
  const auto* row = std::find_if(
      std::begin(kCodes), std::end(kCodes), [&](const CodeName& c) { return c.code == code; });
  return row == std::end(kCodes) ? std::to_string(code)
                                 : std::string(kPrefix) + std::string(row->name);
}

Problem check_function(const std::string& name) {
  const std::span<const std::string_view> known = exported_functions();
  if (name == "*" || std::find(known.begin(), known.end(), name) != known.end()) {
    return {};
  }
  const std::string near = any_of_names(nearest(name, {known.begin(), known.end()}));
  return {Exit::kNotFound,
          "no function \"" + name.substr(0, 80) + "\" in libnvidia-ml.so.1",
          near.empty() ? "" : "did you mean " + near + "?"};
}

Problem make_fault(const FaultSpec& spec, std::uint32_t gpu_count, Fault& out) {
  if (action_count(spec) != 1) {
    return bad(
        "a fault does exactly one thing",
        "give one of --fail, --hang, --kill, --lost, --xid, --memory, --recovery (or list, clear, "
        "file, latency)");
  }
  if (spec.call.empty()) {
    if (!spec.lost && !spec.xid && spec.memory.empty() && spec.recovery.empty()) {
      return bad("which call?", "add --call FUNCTION, or --call \"*\" for every one");
    }
    if (!spec.gpu) {
      return bad("which GPU?", "add --gpu N");
    }
  } else if (Problem problem = check_function(spec.call); !problem.ok()) {
    return problem;
  }
  if (spec.nth == 0) {
    return bad("calls are counted from 1", "");
  }
  if (Problem problem = check_places(spec, gpu_count); !problem.ok()) {
    return problem;
  }
  out = {};
  out.used = 1;
  std::memcpy(out.function, spec.call.data(), std::min(spec.call.size(), sizeof out.function - 1));
  out.gpu = spec.gpu.value_or(kNone);
  out.gi = spec.gi.value_or(kNone);
  out.ci = spec.ci.value_or(kNone);
  out.nth = spec.nth;
  out.repeat = spec.repeat;
  return set_action(spec, out);
}

Problem parse_latency_option(const std::string& text, LatencySpec& out) {
  const std::size_t equals = text.find('=');
  std::uint64_t ns = 0;
  if (equals == std::string::npos || !parse_duration(text.substr(equals + 1), ns)) {
    return bad("--latency: cannot read \"" + text.substr(0, 120) + "\"",
               "write FUNCTION=100ms (us, ms or s; up to an hour)");
  }
  out = {text.substr(0, equals), text.substr(equals + 1)};
  return out.function == "*" ? bad("--latency: name one function", "")
                             : check_function(out.function);
}

}  // namespace migsim
