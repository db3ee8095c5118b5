// SPDX-License-Identifier: Apache-2.0
#include "smi/nvlink.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "smi/list_gpus.h"
#include "smi/query_value.h"
#include "smi/select.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kHelp = "nvidia-smi nvlink -h";
constexpr unsigned kMaxLinks = NVML_NVLINK_MAX_LINKS;

// Options that NVML has no public call for, or that change a link.
constexpr std::array kElsewhere = {"-sc",
                                   "-r",
                                   "-re",
                                   "-ec",
                                   "-sLowPwrThres",
                                   "-gLowPwrInfo",
                                   "-sBwMode",
                                   "-gBwMode",
                                   "-cBridge",
                                   "-sLWidth",
                                   "-gLWidth",
                                   "-info"};

bool is_there(const Run& run, const Gpu& gpu, unsigned link, nvmlEnableState_t* active) {
  return run.nvml.nvmlDeviceGetNvLinkState(gpu.device, link, active) == NVML_SUCCESS;
}

std::vector<unsigned> links_of(const Run& run, const Gpu& gpu) {
  std::vector<unsigned> links;
  nvmlEnableState_t active = NVML_FEATURE_DISABLED;
  for (unsigned link = 0; link < kMaxLinks; ++link) {
    if (is_there(run, gpu, link, &active)) {
      links.push_back(link);
    }
  }
  return links;
}

bool is_active(const Run& run, const Gpu& gpu, unsigned link) {
  nvmlEnableState_t active = NVML_FEATURE_DISABLED;
  return is_there(run, gpu, link, &active) && active == NVML_FEATURE_ENABLED;
}

std::string status(const Run& run, const Gpu& gpu, unsigned link) {
  if (!is_active(run, gpu, link)) {
    return text("\t Link %u: <inactive>\n", link);
  }
  double megabytes = 0;
  const nvmlReturn_t code =
      field_number(run, gpu.device, NVML_FI_DEV_NVLINK_GET_SPEED, link, &megabytes);
  return code == NVML_SUCCESS ? text("\t Link %u: %.3f GB/s\n", link, megabytes / 1000)
                              : text("\t Link %u: %s\n", link, run.why(code).c_str());
}

std::string capabilities(const Run& run, const Gpu& gpu, unsigned link) {
  struct Capability {
    nvmlNvLinkCapability_t which;
    const char* words;
  };

  static constexpr std::array kCapabilities = {
      Capability{NVML_NVLINK_CAP_P2P_SUPPORTED, "P2P is supported"},
      Capability{NVML_NVLINK_CAP_SYSMEM_ACCESS, "Access to system memory supported"},
      Capability{NVML_NVLINK_CAP_P2P_ATOMICS, "P2P atomics supported"},
      Capability{NVML_NVLINK_CAP_SYSMEM_ATOMICS, "System memory atomics supported"},
      Capability{NVML_NVLINK_CAP_SLI_BRIDGE, "SLI is supported"},
      Capability{NVML_NVLINK_CAP_VALID, "Link is supported"}};
  std::string out;
  for (const Capability& capability : kCapabilities) {
    unsigned has = 0;
    const nvmlReturn_t code =
        run.nvml.nvmlDeviceGetNvLinkCapability(gpu.device, link, capability.which, &has);
    const std::string value = code == NVML_SUCCESS ? (has != 0 ? "true" : "false") : run.why(code);
    append(out, "\t Link %u, %s: %s\n", link, capability.words, value.c_str());
  }
  return out;
}

std::string remote_bus(const Run& run, const Gpu& gpu, unsigned link) {
  nvmlPciInfo_t pci{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetNvLinkRemotePciInfo_v2(gpu.device, link, &pci);
  return code == NVML_SUCCESS ? pci.busId : run.why(code);
}

std::string remote_device(const Run& run, const Gpu& gpu, unsigned link) {
  double remote = 0;
  const nvmlReturn_t code =
      field_number(run, gpu.device, NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID, link, &remote);
  return text("\t Link %u: Remote Device %s: Link %s\n",
              link,
              remote_bus(run, gpu, link).c_str(),
              code == NVML_SUCCESS ? text("%.0f", remote).c_str() : run.why(code).c_str());
}

std::string errors(const Run& run, const Gpu& gpu, unsigned link) {
  std::string out;
  for (const auto& [counter, words] : {std::pair(NVML_NVLINK_ERROR_DL_REPLAY, "Replay"),
                                       {NVML_NVLINK_ERROR_DL_RECOVERY, "Recovery"},
                                       {NVML_NVLINK_ERROR_DL_CRC_FLIT, "CRC"}}) {
    unsigned long long count = 0;
    const nvmlReturn_t code =
        run.nvml.nvmlDeviceGetNvLinkErrorCounter(gpu.device, link, counter, &count);
    append(out,
           "\t Link %u: %s Errors: %s\n",
           link,
           words,
           code == NVML_SUCCESS ? text("%llu", count).c_str() : run.why(code).c_str());
  }
  return out + "\n";
}

std::string throughput(const Run& run, const Gpu& gpu, unsigned link, bool raw) {
  std::string out;
  for (const bool receive : {false, true}) {
    const unsigned field = raw ? (receive ? NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX
                                          : NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_TX)
                               : (receive ? NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX
                                          : NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX);
    double kib = 0;
    const nvmlReturn_t code = field_number(run, gpu.device, field, link, &kib);
    append(out,
           "\t Link %u: %s %s: %s\n",
           link,
           raw ? "Raw" : "Data",
           receive ? "Rx" : "Tx",
           code == NVML_SUCCESS ? text("%.0f KiB", kib).c_str() : run.why(code).c_str());
  }
  return out;
}

// Output of one action for one link.
std::string lines(const Run& run,
                  const Gpu& gpu,
                  unsigned link,
                  const std::string& action,
                  const Options& options) {
  if (action == "-s") {
    return status(run, gpu, link);
  }
  if (action == "-c") {
    return capabilities(run, gpu, link);
  }
  if (action == "-p") {
    return text("\t Link %u: %s\n", link, remote_bus(run, gpu, link).c_str());
  }
  if (action == "-R") {
    return remote_device(run, gpu, link);
  }
  if (action == "-e") {
    return errors(run, gpu, link);
  }
  return throughput(run, gpu, link, options.get("-gt") == "r");
}

constexpr std::array kActions = {"-s", "-c", "-p", "-R", "-e", "-gt"};

// Retired and unknown counters end the command at the first GPU with links: returns the exit code
// after a message; 0 when none of these is requested.
int refuse_counters(const Run& run, const Options& options) {
  if (options.has("-g") || options.has("-gc")) {
    run.print(options.has("-g") ? "Warning: Getting counters using option -g is deprecated.\n"
                                  "       Please use option -gt instead.\n\n"
                                : "Warning: Getting counter control is deprecated!\n\n");
    return exit_code(NVML_ERROR_NOT_SUPPORTED);
  }
  if (options.has("-gt") && options.get("-gt") != "d" && options.get("-gt") != "r") {
    run.print("Failed to get throughput counters\n");
    return kExitUsage;
  }
  return 0;
}

// Links of a GPU that -l selects; prints a message when there is none.
std::vector<unsigned> wanted_links(const Run& run,
                                   const Options& options,
                                   std::vector<unsigned> links) {
  if (!options.has("-l")) {
    return links;
  }
  const auto wanted = base::parse_decimal(options.get("-l"), 1U << 16U);
  if (wanted && std::find(links.begin(), links.end(), *wanted) != links.end()) {
    return {static_cast<unsigned>(*wanted)};
  }
  run.print("\t Invalid Link\n");
  return {};
}

}  // namespace

unsigned links_between(const Run& run, const Gpu& one, const Gpu& other) {
  nvmlGpuP2PStatus_t reachable = NVML_P2P_STATUS_UNKNOWN;
  if (run.nvml.nvmlDeviceGetP2PStatus(
          one.device, other.device, NVML_P2P_CAPS_INDEX_NVLINK, &reachable) != NVML_SUCCESS ||
      reachable != NVML_P2P_STATUS_OK) {
    return 0;
  }
  const std::string other_bus = bus_id(run, other.device);
  unsigned count = 0;
  for (const unsigned link : links_of(run, one)) {
    nvmlIntNvLinkDeviceType_t type = NVML_NVLINK_DEVICE_TYPE_UNKNOWN;
    if (!is_active(run, one, link) ||
        run.nvml.nvmlDeviceGetNvLinkRemoteDeviceType(one.device, link, &type) != NVML_SUCCESS) {
      continue;
    }
    const bool by_switch = type == NVML_NVLINK_DEVICE_TYPE_SWITCH;
    count += by_switch || remote_bus(run, one, link) == other_bus ? 1 : 0;
  }
  return count;
}

Options parse_nvlink(const std::vector<std::string>& words) {
  static const std::vector<OptionSpec> kSpecs = {
      {"-h", "--help", Takes::kNothing},
      {"-i", "--id", Takes::kValue},
      {"-l", "--link", Takes::kValue},
      {"-s", "--status", Takes::kNothing},
      {"-c", "--capabilities", Takes::kNothing},
      {"-p", "--pcibusid", Takes::kNothing},
      {"-R", "--remotelinkinfo", Takes::kNothing},
      {"-e", "--errorcounters", Takes::kNothing},
      {"-gt", "--getthroughput", Takes::kValue},
      {"-g", "--getcounters", Takes::kNothing},
      {"-gc", "--getcontrol", Takes::kNothing},
      {"-sc", "--setcontrol", Takes::kMaybeValue},
      {"-r", "--resetcounters", Takes::kMaybeValue},
      {"-re", "--reseterrorcounters", Takes::kMaybeValue},
      {"-ec", "--crcerrorcounters", Takes::kNothing},
      {"-sLowPwrThres", "--setLowPowerThreshold", Takes::kMaybeValue},
      {"-gLowPwrInfo", "--getLowPowerInfo", Takes::kNothing},
      {"-sBwMode", "--setBandwidthMode", Takes::kMaybeValue},
      {"-gBwMode", "--getBandwidthMode", Takes::kNothing},
      {"-cBridge", "--checkBridge", Takes::kNothing},
      {"-sLWidth", "--setLinkWidth", Takes::kMaybeValue},
      {"-gLWidth", "--getLinkWidth", Takes::kNothing},
      {"-info", "--info", Takes::kNothing},
  };
  Options options = parse_options(words, kSpecs, kHelp, [](const std::string& word) {
    return UsageError{"Option \"" + word + "\" is not recognized.\n"};
  });
  if (!options.lacks_value.empty()) {
    options.error = {"Option \"" + options.lacks_value + "\" is missing its value.\n"};
  }
  if (words.empty()) {
    options.values["-h"] = "";
  }
  return options;
}

UsageError nvlink_usage_error(const Options& options) {
  if (!options.error.empty()) {
    return options.error;
  }
  for (const char* option : kElsewhere) {
    if (options.has(option)) {
      return belongs_elsewhere(text("nvlink %s", option));
    }
  }
  return {};
}

std::string nvlink_help() {
  return R"(
    nvlink -- the NVLinks of each GPU that has some.

    Usage: nvidia-smi nvlink [options]

    -s  | --status           speed of each link, or that it is not active
    -c  | --capabilities     what each link can do
    -p  | --pcibusid         PCI bus ID at the far end
    -R  | --remotelinkinfo   PCI bus ID and number of the link there
    -e  | --errorcounters    replays, recoveries, CRC errors
    -gt | --getthroughput    d: payload, r: payload and protocol, in KiB
    -i  | --id               index, PCI bus ID or UUID; comma-separated
    -l  | --link             this link only
    -h  | --help

)";
}

int run_nvlink(const Run& run, const Options& options) {
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kPassOver, &exit);
  if (exit != 0) {
    return exit;
  }
  for (const Gpu& gpu : gpus) {
    const std::vector<unsigned> all = links_of(run, gpu);
    const auto active = [&](unsigned link) { return is_active(run, gpu, link); };
    if (std::none_of(all.begin(), all.end(), active)) {
      continue;
    }
    run.print(gpu_line(run, gpu));
    if (const int code = refuse_counters(run, options); code != 0) {
      return code;
    }
    const std::vector<unsigned> links = wanted_links(run, options, all);
    for (const char* action : kActions) {
      if (options.has(action)) {
        for (const unsigned link : links) {
          run.print(lines(run, gpu, link, action, options));
        }
      }
    }
  }
  return 0;
}

}  // namespace mig::smi
