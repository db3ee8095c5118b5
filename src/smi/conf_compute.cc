// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi conf-compute`: confidential computing of the machine.
#include <array>
#include <functional>

#include "smi/list_gpus.h"
#include "smi/select.h"
#include "smi/small_commands.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

// Function that reads one value; *code receives the driver's return code.
using Answer = std::string (*)(const Run& run, nvmlReturn_t* code);

const char* state_word(unsigned feature) {
  return feature == NVML_CC_SYSTEM_FEATURE_ENABLED ? "ON" : "OFF";
}

const char* cpu_word(unsigned caps) {
  switch (caps) {
    case NVML_CC_SYSTEM_CPU_CAPS_NONE:
      return "None";
    case NVML_CC_SYSTEM_CPU_CAPS_AMD_SEV:
      return "AMD SEV";
    case NVML_CC_SYSTEM_CPU_CAPS_INTEL_TDX:
      return "INTEL TDX";
    case NVML_CC_SYSTEM_CPU_CAPS_AMD_SEV_SNP:
      return "AMD SEV-SNP";
    case NVML_CC_SYSTEM_CPU_CAPS_AMD_SNP_VTOM:
      return "AMD SNP vTOM";
    default:
      return "Unknown";
  }
}

const char* gpu_word(unsigned caps) {
  return caps == NVML_CC_SYSTEM_GPUS_CC_CAPABLE ? "CC Capable" : "not CC Capable";
}

const char* multi_gpu_word(unsigned mode) {
  switch (mode) {
    case NVML_CC_SYSTEM_MULTIGPU_NONE:
      return "None";
    case NVML_CC_SYSTEM_MULTIGPU_PROTECTED_PCIE:
      return "Protected PCIe";
    case NVML_CC_SYSTEM_MULTIGPU_NVLE:
      return "NVLE";
    default:
      return "Unknown";
  }
}

const char* environment_word(unsigned environment) {
  switch (environment) {
    case NVML_CC_SYSTEM_ENVIRONMENT_UNAVAILABLE:
      return "UNAVAILABLE";
    case NVML_CC_SYSTEM_ENVIRONMENT_SIM:
      return "SIMULATION";
    case NVML_CC_SYSTEM_ENVIRONMENT_PROD:
      return "PRODUCTION";
    default:
      return "UNKNOWN";
  }
}

nvmlConfComputeSystemState_t state_of(const Run& run, nvmlReturn_t* code) {
  nvmlConfComputeSystemState_t state{};
  *code = run.nvml.nvmlSystemGetConfComputeState(&state);
  return state;
}

nvmlConfComputeSystemCaps_t caps_of(const Run& run, nvmlReturn_t* code) {
  nvmlConfComputeSystemCaps_t caps{};
  *code = run.nvml.nvmlSystemGetConfComputeCapabilities(&caps);
  return caps;
}

unsigned multi_gpu_of(const Run& run, nvmlReturn_t* code) {
  nvmlSystemConfComputeSettings_v1_t settings{};
  settings.version = nvmlSystemConfComputeSettings_v1;
  *code = run.nvml.nvmlSystemGetConfComputeSettings(&settings);
  return settings.multiGpuMode;
}

bool ready(const Run& run, nvmlReturn_t* code) {
  unsigned accepting = NVML_CC_ACCEPTING_CLIENT_REQUESTS_FALSE;
  *code = run.nvml.nvmlSystemGetConfComputeGpusReadyState(&accepting);
  return accepting == NVML_CC_ACCEPTING_CLIENT_REQUESTS_TRUE;
}

std::string feature(const Run& run, nvmlReturn_t* code) {
  return text("CC status: %s\n", state_word(state_of(run, code).ccFeature));
}

std::string cpu_caps(const Run& run, nvmlReturn_t* code) {
  return text("CPU CC capabilities: %s\n", cpu_word(caps_of(run, code).cpuCaps));
}

std::string gpu_caps(const Run& run, nvmlReturn_t* code) {
  return text("GPU CC capabilities: %s\n", gpu_word(caps_of(run, code).gpusCaps));
}

std::string devtools(const Run& run, nvmlReturn_t* code) {
  const bool on = state_of(run, code).devToolsMode == NVML_CC_SYSTEM_DEVTOOLS_MODE_ON;
  return text("DevTools Mode: %s\n", on ? "ON" : "OFF");
}

std::string environment(const Run& run, nvmlReturn_t* code) {
  return text("CC Environment: %s\n", environment_word(state_of(run, code).environment));
}

std::string ready_state(const Run& run, nvmlReturn_t* code) {
  return text("\nConfidential Compute GPUs Ready state: %s\n\n",
              ready(run, code) ? "ready" : "not-ready");
}

std::string multi_gpu(const Run& run, nvmlReturn_t* code) {
  return text("Multi-GPU Mode: %s\n", multi_gpu_word(multi_gpu_of(run, code)));
}

std::string key_rotation(const Run& run, nvmlReturn_t* code) {
  nvmlConfComputeGetKeyRotationThresholdInfo_v1_t info{};
  info.version = nvmlConfComputeGetKeyRotationThresholdInfo_v1;
  *code = run.nvml.nvmlSystemGetConfComputeKeyRotationThresholdInfo(&info);
  return text("\nConfidential Compute Key Rotation Threshold Attacker Advantage: %llu\n\n",
              info.attackerAdvantage);
}

std::string everything(const Run& run, nvmlReturn_t* code) {
  const nvmlConfComputeSystemState_t state = state_of(run, code);
  if (*code != NVML_SUCCESS) {
    return "";
  }
  const nvmlConfComputeSystemCaps_t caps = caps_of(run, code);
  if (*code != NVML_SUCCESS) {
    return "";
  }
  const unsigned mode = multi_gpu_of(run, code);
  if (*code != NVML_SUCCESS) {
    return "";
  }
  const bool accepting = ready(run, code);
  const auto line = [](const char* label, const char* value) {
    return text("    %-26s : %s\n", label, value);
  };
  return "\n==============NVSMI CONF-COMPUTE LOG==============\n\n" +
         line("CC State", state_word(state.ccFeature)) +
         line("Multi-GPU Mode", multi_gpu_word(mode)) +
         line("CPU CC Capabilities", cpu_word(caps.cpuCaps)) +
         line("GPU CC Capabilities", gpu_word(caps.gpusCaps)) +
         line("CC GPUs Ready State", accepting ? "Ready" : "Not Ready") + "\n";
}

struct Question {
  const char* option;
  const char* name;
  Answer answer;  // nullptr: read per GPU
};

constexpr std::array kQuestions = {
    Question{"-gc", "--get-cpu-caps", cpu_caps},
    Question{"-gg", "--get-gpus-caps", gpu_caps},
    Question{"-d", "--get-devtools-mode", devtools},
    Question{"-e", "--get-environment", environment},
    Question{"-f", "--get-cc-feature", feature},
    Question{"-gm", "--get-mem-size-info", nullptr},
    Question{"-grs", "--get-gpus-ready-state", ready_state},
    Question{"-gkr", "--get-key-rotation-threshold-info", key_rotation},
    Question{"-mgm", "--get-multigpu-mode", multi_gpu},
    Question{"-q", "--query-conf-compute", everything},
};

constexpr std::array kChanges = {"-sm", "-srs", "-skr"};

int report(const Run& run, nvmlReturn_t code) {
  run.print(text("Failed to query confidential compute: %s\n", run.why(code).c_str()));
  return exit_code(code);
}

int show_memory(const Run& run, const std::vector<Gpu>& gpus) {
  for (const Gpu& gpu : gpus) {
    nvmlConfComputeMemSizeInfo_t size{};
    const nvmlReturn_t code = run.nvml.nvmlDeviceGetConfComputeMemSizeInfo(gpu.device, &size);
    if (code != NVML_SUCCESS) {
      return report(run, code);
    }
    run.print(gpu_line(run, gpu) +
              text("Protected memory size:   %llu KiB\nUnprotected memory size: %llu KiB\n",
                   size.protectedMemSizeKib,
                   size.unprotectedMemSizeKib));
  }
  return 0;
}

}  // namespace

Options parse_conf_compute(const std::vector<std::string>& words) {
  std::vector<OptionSpec> specs = {
      {"-h", "--help", Takes::kNothing},
      {"-i", "--id", Takes::kValue},
      {"-sm", "--set-unprotected-mem-size", Takes::kMaybeValue},
      {"-srs", "--set-gpus-ready-state", Takes::kMaybeValue},
      {"-skr", "--set-key-rotation-max-attacker-advantage", Takes::kMaybeValue}};
  for (const Question& question : kQuestions) {
    specs.push_back({question.option, question.name, Takes::kNothing});
  }
  return parse_small(words, specs, "nvidia-smi conf-compute -h");
}

UsageError conf_compute_usage_error(const Options& options) {
  if (!options.error.empty()) {
    return options.error;
  }
  for (const char* change : kChanges) {
    if (options.has(change)) {
      return belongs_elsewhere(text("conf-compute %s", change));
    }
  }
  unsigned asked = 0;
  for (const Question& question : kQuestions) {
    asked += options.has(question.option) ? 1 : 0;
  }
  if (asked != 1) {
    return {"One, and only one, conf-compute command allowed at a time\n"};
  }
  return {};
}

std::string conf_compute_help() {
  return R"(
    conf-compute -- confidential computing of the machine.

    Usage: nvidia-smi conf-compute <one of>

    -q   | --query-conf-compute                all of it
    -f   | --get-cc-feature                    whether it is on
    -gc  | --get-cpu-caps                      what the CPU can
    -gg  | --get-gpus-caps                     what the GPUs can
    -e   | --get-environment
    -d   | --get-devtools-mode
    -gm  | --get-mem-size-info                 protected and unprotected memory of each GPU of -i
    -grs | --get-gpus-ready-state              whether the GPUs accept work
    -gkr | --get-key-rotation-threshold-info
    -mgm | --get-multigpu-mode
    -i   | --id                                index, PCI bus ID or UUID; comma-separated
    -h   | --help

    What sets something is left to NVIDIA's own nvidia-smi.

)";
}

int run_conf_compute(const Run& run, const Options& options) {
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kPassOver, &exit);
  if (exit != 0) {
    return exit;
  }
  for (const Question& question : kQuestions) {
    if (!options.has(question.option)) {
      continue;
    }
    if (question.answer == nullptr) {
      return show_memory(run, gpus);
    }
    nvmlReturn_t code = NVML_SUCCESS;
    const std::string answer = question.answer(run, &code);
    if (code != NVML_SUCCESS) {
      return report(run, code);
    }
    run.print(answer);
  }
  return 0;
}

}  // namespace mig::smi
