// SPDX-License-Identifier: Apache-2.0
// Link commands of a GPU: c2c and pci.
#include "base/strings.h"
#include "smi/list_gpus.h"
#include "smi/query_value.h"
#include "smi/select.h"
#include "smi/small_commands.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

unsigned c2c_links(const Run& run, const Gpu& gpu) {
  double count = 0;
  const nvmlReturn_t code = field_number(run, gpu.device, NVML_FI_DEV_C2C_LINK_COUNT, 0, &count);
  return code == NVML_SUCCESS ? static_cast<unsigned>(count) : 0;
}

}  // namespace

Options parse_c2c(const std::vector<std::string>& words) {
  return parse_small(words,
                     {{"-h", "--help", Takes::kNothing},
                      {"-i", "--id", Takes::kValue},
                      {"-l", "--link", Takes::kValue},
                      {"-s", "--status", Takes::kNothing},
                      {"-e", "--errorCounters", Takes::kNothing},
                      {"-gLowPwrInfo", "-getLowPowerInfo", Takes::kNothing}},
                     "nvidia-smi c2c -h");
}

UsageError c2c_usage_error(const Options& options) {
  return options.error;
}

std::string c2c_help() {
  return R"(
    c2c -- links between a GPU and the CPU on the same module (Grace).

    Usage: nvidia-smi c2c [options]

    -s | --status   each link, with its bandwidth where it is active
    -i | --id       index, PCI bus ID or UUID; comma-separated
    -l | --link     this link only
    -h | --help

)";
}

int run_c2c(const Run& run, const Options& options) {
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kPassOver, &exit);
  if (exit != 0) {
    return exit;
  }
  bool any = false;
  for (const Gpu& gpu : gpus) {
    any = any || c2c_links(run, gpu) > 0;
  }
  if (!any) {
    run.print("No Devices support C2C.\n");
    return exit_code(NVML_ERROR_NOT_SUPPORTED);
  }
  if (!options.has("-s")) {
    const UsageError error = belongs_elsewhere("c2c without -s");
    run.print(error.text);
    return error.exit;
  }
  for (const Gpu& gpu : gpus) {
    const unsigned count = c2c_links(run, gpu);
    if (count > 0) {
      run.print(gpu_line(run, gpu));
    }
    for (unsigned link = 0; link < count; ++link) {
      if (options.has("-l") && options.get("-l") != std::to_string(link)) {
        continue;
      }
      double up = 0;
      double megabytes = 0;
      field_number(run, gpu.device, NVML_FI_DEV_C2C_LINK_GET_STATUS, link, &up);
      const nvmlReturn_t code =
          field_number(run, gpu.device, NVML_FI_DEV_C2C_LINK_GET_MAX_BW, link, &megabytes);
      run.print(up == 0 || code != NVML_SUCCESS
                    ? text("\t C2C Link %u: <inactive>\n", link)
                    : text("\t C2C Link %u: %.3f GB/s\n", link, megabytes / 1000));
    }
  }
  return 0;
}

namespace {

struct PciCounter {
  unsigned field;
  const char* name;
};

constexpr PciCounter kErrors[] = {
    {NVML_FI_DEV_PCIE_REPLAY_COUNTER, "REPLAY_COUNTER"},
    {NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER, "REPLAY_ROLLOVER_COUNTER"},
    {NVML_FI_DEV_PCIE_L0_TO_RECOVERY_COUNTER, "L0_TO_RECOVERY_COUNTER"},
    {NVML_FI_DEV_PCIE_COUNT_CORRECTABLE_ERRORS, "CORRECTABLE_ERRORS"},
    {NVML_FI_DEV_PCIE_COUNT_NAKS_RECEIVED, "NAKS_RECEIVED"},
    {NVML_FI_DEV_PCIE_COUNT_RECEIVER_ERROR, "RECEIVER_ERROR"},
    {NVML_FI_DEV_PCIE_COUNT_BAD_TLP, "BAD_TLP"},
    {NVML_FI_DEV_PCIE_COUNT_NAKS_SENT, "NAKS_SENT"},
    {NVML_FI_DEV_PCIE_COUNT_BAD_DLLP, "BAD_DLLP"},
    {NVML_FI_DEV_PCIE_COUNT_NON_FATAL_ERROR, "NON_FATAL_ERROR"},
    {NVML_FI_DEV_PCIE_COUNT_FATAL_ERROR, "FATAL_ERROR"},
    {NVML_FI_DEV_PCIE_COUNT_UNSUPPORTED_REQ, "UNSUPPORTED_REQ"},
    {NVML_FI_DEV_PCIE_COUNT_LCRC_ERROR, "LCRC_ERROR"},
};

constexpr PciCounter kBytes[] = {{NVML_FI_DEV_PCIE_COUNT_TX_BYTES, "TX_BYTES"},
                                 {NVML_FI_DEV_PCIE_COUNT_RX_BYTES, "RX_BYTES"}};

constexpr unsigned kLanes = 13;  // nvidia-smi 580 shows so many of a 16-lane link

std::string counter_line(const Run& run, const Gpu& gpu, const PciCounter& counter) {
  double number = 0;
  const nvmlReturn_t code = field_number(run, gpu.device, counter.field, 0, &number);
  const std::string name = std::string(counter.name) + ":";
  return text(
      "    %-24s %s\n", name.c_str(), code == NVML_SUCCESS ? text("%.0f", number).c_str() : "N/A");
}

std::string lane_lines(const Run& run, const Gpu& gpu) {
  std::string out = text("    %-24s \n", "LANE_ERROR:");
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    double number = 0;
    const nvmlReturn_t code =
        field_number(run, gpu.device, NVML_FI_DEV_PCIE_COUNT_LANE_ERROR, lane, &number);
    append(out,
           "\t lane %2u: %s\n",
           lane,
           code == NVML_SUCCESS ? text("%.0f", number).c_str() : "N/A");
  }
  return out;
}

}  // namespace

Options parse_pci(const std::vector<std::string>& words) {
  return parse_small(words,
                     {{"-h", "--help", Takes::kNothing},
                      {"-i", "--id", Takes::kValue},
                      {"-gErrCnt", "--getErrorCounters", Takes::kNothing},
                      {"-cErrCnt", "--clearErrorCounters", Takes::kNothing},
                      {"-gCnt", "--getCounters", Takes::kNothing}},
                     "nvidia-smi pci -h");
}

UsageError pci_usage_error(const Options& options) {
  if (options.error.empty() && options.has("-cErrCnt")) {
    return belongs_elsewhere("pci -cErrCnt");
  }
  return options.error;
}

std::string pci_help() {
  return R"(
    pci -- counters of a GPU's PCIe link.

    Usage: nvidia-smi pci [options]

    -gCnt    | --getCounters       bytes sent and received
    -gErrCnt | --getErrorCounters  errors, recoveries, replays
    -i       | --id                index, PCI bus ID or UUID; comma-separated
    -h       | --help

)";
}

int run_pci(const Run& run, const Options& options) {
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kPassOver, &exit);
  if (exit != 0) {
    return exit;
  }
  for (const Gpu& gpu : gpus) {
    std::string out = gpu_line(run, gpu);
    if (options.has("-gErrCnt")) {
      for (const PciCounter& counter : kErrors) {
        out += counter_line(run, gpu, counter);
      }
      out += lane_lines(run, gpu);
    }
    if (options.has("-gCnt")) {
      for (const PciCounter& counter : kBytes) {
        out += counter_line(run, gpu, counter);
      }
    }
    run.print(out);
  }
  return 0;
}

}  // namespace mig::smi
