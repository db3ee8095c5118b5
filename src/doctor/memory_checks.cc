// SPDX-License-Identifier: Apache-2.0
// Checks of memory errors and of what the driver does about them.
#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"
#include "doctor/check.h"
#include "doctor/each_gpu.h"
#include "nvml/return_code.h"

namespace mig::doctor {
namespace {

// A whole number; nullopt: not supported, with the answer's name in `evidence`.
std::optional<std::uint64_t> field(const OpenGpu& asked,
                                   unsigned id,
                                   const char* name,
                                   std::vector<std::string>& evidence) {
  nvmlFieldValue_t value{};
  value.fieldId = id;
  nvmlReturn_t code = asked.nvml.nvmlDeviceGetFieldValues(asked.device, 1, &value);
  code = code == NVML_SUCCESS ? value.nvmlReturn : code;
  std::optional<std::uint64_t> number;
  if (code == NVML_SUCCESS) {
    number = value.valueType == NVML_VALUE_TYPE_UNSIGNED_LONG_LONG ? value.value.ullVal
                                                                   : value.value.uiVal;
  }
  evidence.push_back(
      fmt::format("{} of GPU {}: {}",
                  name,
                  asked.gpu.index.value,
                  number ? fmt::format("{}", *number) : std::string(nvml::code_name(code))));
  return number;
}

}  // namespace

Finding check_ecc(Patient& patient) {
  Finding finding;
  std::size_t told = 0;
  const auto looked = each_gpu(patient, [&](const OpenGpu& asked) {
    nvmlEnableState_t current = NVML_FEATURE_DISABLED;
    nvmlEnableState_t pending = NVML_FEATURE_DISABLED;
    if (asked.nvml.nvmlDeviceGetEccMode(asked.device, &current, &pending) != NVML_SUCCESS) {
      return;
    }
    ++told;
    if (current != pending) {
      finding.raise(Verdict::kNote);
      finding.evidence.push_back(fmt::format("nvmlDeviceGetEccMode of GPU {}: {} now, {} pending",
                                             asked.gpu.index.value,
                                             current == NVML_FEATURE_ENABLED ? "on" : "off",
                                             pending == NVML_FEATURE_ENABLED ? "on" : "off"));
      finding.cause =
          "a change of ECC takes effect with the next reset or reboot, and changes the "
          "memory that instances get";
      finding.add_mend(patient.reset(asked.gpu.index));
    }
    unsigned long long errors = 0;
    const nvmlReturn_t code = asked.nvml.nvmlDeviceGetTotalEccErrors(
        asked.device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC, &errors);
    if (code == NVML_SUCCESS && errors > 0) {
      finding.raise(Verdict::kProblem);
      finding.evidence.push_back(
          fmt::format("nvmlDeviceGetTotalEccErrors of GPU {}: {} uncorrected since it was started",
                      asked.gpu.index.value,
                      errors));
      finding.cause =
          "memory of the GPU failed; the jobs that met it have ended, and the rows are "
          "replaced at the next reset";
      finding.add_mend("let the jobs on it end (" + patient.migctl("holders") +
                       "), then: " + patient.reset(asked.gpu.index));
    }
  });
  if (!looked) {
    return not_read(looked.error());
  }
  if (told == 0) {
    return not_here("no GPU has ECC");
  }
  finding.found = finding.evidence.empty() ? "none" : base::join(finding.evidence, "; ");
  if (finding.evidence.empty()) {
    finding.evidence = {"nvmlDeviceGetEccMode, nvmlDeviceGetTotalEccErrors"};
  }
  return finding;
}

Finding check_remap(Patient& patient) {
  Finding finding;
  std::size_t told = 0;
  finding.found = "none";
  const auto looked = each_gpu(patient, [&](const OpenGpu& asked) {
    const auto pending = field(
        asked, NVML_FI_DEV_REMAPPED_PENDING, "NVML_FI_DEV_REMAPPED_PENDING", finding.evidence);
    const auto failed = field(
        asked, NVML_FI_DEV_REMAPPED_FAILURE, "NVML_FI_DEV_REMAPPED_FAILURE", finding.evidence);
    told += pending || failed ? 1 : 0;
    if (failed.value_or(0) != 0) {
      finding.raise(Verdict::kProblem);
      finding.found = fmt::format("GPU {}: a row could not be remapped", asked.gpu.index.value);
      finding.cause = "the memory bank has no spare rows left: the board is to be replaced";
      finding.add_mend(
          "take the GPU out of service and have it replaced; nvidia-bug-report.sh "
          "collects what the vendor asks for");
    } else if (pending.value_or(0) != 0) {
      finding.raise(Verdict::kWarning);
      finding.found =
          fmt::format("GPU {}: a row is remapped at the next reset", asked.gpu.index.value);
      finding.cause = "memory failed; until the reset the page is kept out of use";
      finding.add_mend("let the jobs on it end (" + patient.migctl("holders") +
                       "), then: " + patient.reset(asked.gpu.index));
    }
  });
  if (!looked) {
    return not_read(looked.error());
  }
  return told == 0 ? not_here(
                         "no GPU tells of remapped rows (not while instances exist, on some "
                         "boards)")
                   : finding;
}

Finding check_recovery(Patient& patient) {
  static constexpr std::array kWords = {"none", "reset", "reboot", "drain", "drain and reset"};
  Finding finding;
  std::size_t told = 0;
  finding.found = "none";
  const auto looked = each_gpu(patient, [&](const OpenGpu& asked) {
    const auto action = field(asked,
                              NVML_FI_DEV_GET_GPU_RECOVERY_ACTION,
                              "NVML_FI_DEV_GET_GPU_RECOVERY_ACTION",
                              finding.evidence);
    told += action ? 1 : 0;
    if (action.value_or(NVML_GPU_RECOVERY_ACTION_NONE) == NVML_GPU_RECOVERY_ACTION_NONE) {
      return;
    }
    finding.raise(Verdict::kProblem);
    finding.found = fmt::format("GPU {}: {}",
                                asked.gpu.index.value,
                                *action < kWords.size() ? kWords[*action] : "an unknown action");
    finding.cause = "the driver met a fault that goes only by this action (see the check xid)";
    switch (*action) {
      case NVML_GPU_RECOVERY_ACTION_GPU_RESET:
        finding.add_mend(patient.reset(asked.gpu.index));
        break;
      case NVML_GPU_RECOVERY_ACTION_DRAIN_P2P:
      case NVML_GPU_RECOVERY_ACTION_DRAIN_AND_RESET:
        finding.add_mend("start nothing new on it, let its jobs end (" + patient.migctl("holders") +
                         ")");
        finding.add_mend(patient.reset(asked.gpu.index));
        break;
      default:
        finding.add_mend(patient.reboot());
    }
  });
  if (!looked) {
    return not_read(looked.error());
  }
  return told == 0 ? not_here("this driver tells of no recovery action (R570 and later do)")
                   : finding;
}

}  // namespace mig::doctor
