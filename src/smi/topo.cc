// SPDX-License-Identifier: Apache-2.0
#include "smi/topo.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "smi/nvlink.h"
#include "smi/select.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kHelp = "nvidia-smi topo -h";
constexpr unsigned kMaxCpu = 1U << 16U;
constexpr std::size_t kMaskWords = 64;  // size of masks: 4,096 CPUs or nodes
constexpr const char* kUnderlined = "\x1b[4m";
constexpr const char* kPlain = "\x1b[0m";

struct Level {
  nvmlGpuTopologyLevel_t level;
  const char* symbol;
  const char* legend;
  const char* path;         // "... by way of"
  const char* near_prefix;  // "Device 0 is connected"
  const char* not_near;     // "... is not connected to other devices by way of"
};

constexpr std::array kLevels = {
    Level{NVML_TOPOLOGY_INTERNAL,
          "PIX",
          nullptr,
          "a single on-board PCIe switch",
          "by way of an single on-board PCIe switch",
          "an single on-board PCIe switch"},
    Level{NVML_TOPOLOGY_SINGLE,
          "PIX",
          "Connection traversing at most a single PCIe bridge",
          "a single PCIe switch",
          "by way of a single PCIe switch",
          "a single PCIe switch"},
    Level{NVML_TOPOLOGY_MULTIPLE,
          "PXB",
          "Connection traversing multiple PCIe bridges (without traversing the PCIe Host Bridge)",
          "multiple PCIe switches",
          "by way of potentially multiple PCIe switches",
          "potentially multiple PCIe switches"},
    Level{NVML_TOPOLOGY_HOSTBRIDGE,
          "PHB",
          "Connection traversing PCIe as well as a PCIe Host Bridge (typically the CPU)",
          "a PCIe host bridge",
          "by the same PCIe host bridge",
          "a PCIe host bridge"},
    Level{NVML_TOPOLOGY_NODE,
          "NODE",
          "Connection traversing PCIe as well as the interconnect between PCIe Host Bridges within "
          "a NUMA node",
          "an on-CPU interconnect link between PCIe host bridges",
          "by way of an on-CPU interconnect between PCIe host bridges",
          "an on-CPU interconnect link between PCIe host bridges"},
    Level{NVML_TOPOLOGY_SYSTEM,
          "SYS",
          "Connection traversing PCIe as well as the SMP interconnect between NUMA nodes (e.g., "
          "QPI/UPI)",
          "an SMP interconnect link between NUMA nodes",
          "by way of an SMP interconnect link between NUMA nodes",
          "an SMP interconnect link between NUMA nodes"}};

struct Capability {
  const char* letter;
  nvmlGpuP2PCapsIndex_t index;
};

constexpr std::array kCapabilities = {Capability{"r", NVML_P2P_CAPS_INDEX_READ},
                                      Capability{"w", NVML_P2P_CAPS_INDEX_WRITE},
                                      Capability{"n", NVML_P2P_CAPS_INDEX_NVLINK},
                                      Capability{"a", NVML_P2P_CAPS_INDEX_ATOMICS},
                                      Capability{"p", NVML_P2P_CAPS_INDEX_PCI}};

const Capability* capability(const std::string& letter) {
  for (const Capability& known : kCapabilities) {
    if (letter == known.letter) {
      return &known;
    }
  }
  return nullptr;
}

const Level* level_between(const Run& run, const Gpu& one, const Gpu& other) {
  nvmlGpuTopologyLevel_t found = NVML_TOPOLOGY_SYSTEM;
  if (run.nvml.nvmlDeviceGetTopologyCommonAncestor(one.device, other.device, &found) !=
      NVML_SUCCESS) {
    return nullptr;
  }
  for (const Level& level : kLevels) {
    if (level.level == found) {
      return &level;
    }
  }
  return nullptr;
}

std::string link_between(const Run& run, const Gpu& one, const Gpu& other, bool only_pci) {
  const unsigned links = only_pci ? 0 : links_between(run, one, other);
  if (links > 0) {
    return text("NV%u", links);
  }
  const Level* level = level_between(run, one, other);
  return level != nullptr ? level->symbol : "N/A";
}

std::string numa_nodes(const Run& run, const Gpu& gpu) {
  std::vector<unsigned long> mask(kMaskWords);
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetMemoryAffinity(
      gpu.device, static_cast<unsigned>(mask.size()), mask.data(), NVML_AFFINITY_SCOPE_NODE);
  return code == NVML_SUCCESS ? cpu_ranges(mask) : "N/A";
}

std::string cpus(const Run& run, const Gpu& gpu) {
  std::vector<unsigned long> mask(kMaskWords);
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetCpuAffinity(
      gpu.device, static_cast<unsigned>(mask.size()), mask.data());
  return code == NVML_SUCCESS ? cpu_ranges(mask) : "N/A";
}

std::string own_node(const Run& run, const Gpu& gpu) {
  unsigned node = 0;
  return run.nvml.nvmlDeviceGetNumaNodeId(gpu.device, &node) == NVML_SUCCESS ? std::to_string(node)
                                                                             : "N/A";
}

std::string legend(bool with_nvlink) {
  std::string out = "\nLegend:\n\n  X    = Self\n";
  std::for_each(kLevels.rbegin(), kLevels.rend(), [&out](const Level& level) {
    if (level.legend != nullptr) {
      append(out, "  %-4s = %s\n", level.symbol, level.legend);
    }
  });
  if (with_nvlink) {
    out += "  NV#  = Connection traversing a bonded set of # NVLinks\n";
  }
  return out;
}

void show_matrix(const Run& run, const std::vector<Gpu>& gpus, bool only_pci) {
  std::string out = text("\t%s", kUnderlined);
  for (const Gpu& gpu : gpus) {
    append(out, "GPU%u\t", gpu.index);
  }
  append(out, "CPU Affinity\tNUMA Affinity\tGPU NUMA ID%s\n", kPlain);
  for (const Gpu& row : gpus) {
    append(out, "GPU%u\t", row.index);
    for (const Gpu& column : gpus) {
      out += (row.index == column.index ? " X " : link_between(run, row, column, only_pci)) + "\t";
    }
    out += cpus(run, row) + "\t" + numa_nodes(run, row) + "\t\t" + own_node(run, row) + "\n";
  }
  run.print(out + legend(!only_pci));
}

const char* p2p_word(const Run& run,
                     const Gpu& one,
                     const Gpu& other,
                     nvmlGpuP2PCapsIndex_t index) {
  nvmlGpuP2PStatus_t status = NVML_P2P_STATUS_UNKNOWN;
  if (run.nvml.nvmlDeviceGetP2PStatus(one.device, other.device, index, &status) != NVML_SUCCESS) {
    return "U";
  }
  switch (status) {
    case NVML_P2P_STATUS_OK:
      return "OK";
    case NVML_P2P_STATUS_CHIPSET_NOT_SUPPORTED:
      return "CNS";
    case NVML_P2P_STATUS_GPU_NOT_SUPPORTED:
      return "GNS";
    case NVML_P2P_STATUS_IOH_TOPOLOGY_NOT_SUPPORTED:
      return "TNS";
    case NVML_P2P_STATUS_DISABLED_BY_REGKEY:
    case NVML_P2P_STATUS_NOT_SUPPORTED:
      return "NS";
    case NVML_P2P_STATUS_UNKNOWN:
      break;
  }
  return "U";
}

void show_p2p(const Run& run, const std::vector<Gpu>& gpus, nvmlGpuP2PCapsIndex_t index) {
  std::string out = text(" \t%s", kUnderlined);
  for (const Gpu& gpu : gpus) {
    append(out, "GPU%u\t", gpu.index);
  }
  append(out, "%s\n", kPlain);
  for (const Gpu& row : gpus) {
    append(out, " GPU%u\t", row.index);
    for (const Gpu& column : gpus) {
      append(out, "%s\t", row.index == column.index ? "X" : p2p_word(run, row, column, index));
    }
    out += "\n";
  }
  run.print(out +
            "\nLegend:\n\n"
            "  X    = Self\n"
            "  OK   = Status Ok\n"
            "  CNS  = Chipset not supported\n"
            "  GNS  = GPU not supported\n"
            "  TNS  = Topology not supported\n"
            "  NS   = Not supported\n"
            "  U    = Unknown\n");
}

std::string numbers(const std::vector<unsigned>& list) {
  std::string out;
  for (const unsigned number : list) {
    out += (out.empty() ? "" : ", ") + std::to_string(number);
  }
  return out;
}

// Indices of a set of device handles.
template <class Call>
nvmlReturn_t read_set(const Run& run, const Call& call, std::vector<unsigned>* indexes) {
  constexpr unsigned kMaxGpus = 1024;
  unsigned count = 0;
  nvmlReturn_t code = call(&count, nullptr);
  if (code == NVML_ERROR_INSUFFICIENT_SIZE) {
    code = NVML_SUCCESS;
  }
  if (code != NVML_SUCCESS || count == 0 || count > kMaxGpus) {
    return code;
  }
  std::vector<nvmlDevice_t> devices(count);
  code = call(&count, devices.data());
  devices.resize(code == NVML_SUCCESS ? std::min<std::size_t>(count, devices.size()) : 0);
  for (nvmlDevice_t device : devices) {
    unsigned index = 0;
    if (run.nvml.nvmlDeviceGetIndex(device, &index) == NVML_SUCCESS) {
      indexes->push_back(index);
    }
  }
  return code;
}

int show_nearest(const Run& run, const Gpu& gpu, const std::string& number) {
  const auto rank = base::parse_decimal(number, kLevels.size() - 1);
  if (!rank) {
    run.print("Failed to display the nearest GPUs\n\n");
    return kExitOther;
  }
  const Level& level = kLevels[*rank];
  std::vector<unsigned> near;
  const nvmlReturn_t code = read_set(
      run,
      [&](unsigned* count, nvmlDevice_t* devices) {
        return run.nvml.nvmlDeviceGetTopologyNearestGpus(gpu.device, level.level, count, devices);
      },
      &near);
  if (code != NVML_SUCCESS) {
    run.print("Failed to display the nearest GPUs\n\n");
    return kExitOther;
  }
  if (near.empty()) {
    run.print(text("Device %u is not connected to other devices by way of %s.\n\n",
                   gpu.index,
                   level.not_near));
  } else {
    run.print(text("Device %u is connected %s to device(s): %s\n\n",
                   gpu.index,
                   level.near_prefix,
                   numbers(near).c_str()));
  }
  return 0;
}

int show_path(const Run& run, const std::vector<Gpu>& gpus) {
  const Level* level = level_between(run, gpus[0], gpus[1]);
  if (level == nullptr) {
    run.print("Failed to display the path between the GPUs\n\n");
    return kExitOther;
  }
  run.print(text("Device %u is connected to device %u by way of %s.\n\n",
                 gpus[0].index,
                 gpus[1].index,
                 level->path));
  return 0;
}

int show_gpus_of_cpu(const Run& run, unsigned cpu) {
  std::vector<unsigned> near;
  const nvmlReturn_t code = read_set(
      run,
      [&](unsigned* count, nvmlDevice_t* devices) {
        return run.nvml.nvmlSystemGetTopologyGpuSet(cpu, count, devices);
      },
      &near);
  if (code != NVML_SUCCESS || near.empty()) {
    run.print(text("No GPUs were found to have an affinity with CPU %u.\n\n", cpu));
  } else {
    run.print(text(
        "The GPUs that have an affinity with CPU %u are:\n%s\n\n", cpu, numbers(near).c_str()));
  }
  return 0;
}

// Actions that require one GPU after -i, with the error text otherwise.
struct OneGpuAction {
  const char* option;
  const char* name;
};

constexpr std::array kOneGpuActions = {OneGpuAction{"-n", "Nearest GPUs argument"},
                                       OneGpuAction{"-C", "NUMA ID of nearest CPU"},
                                       OneGpuAction{"-M", "NUMA ID of nearest memory"},
                                       OneGpuAction{"-gnid", "GPU NUMA ID"}};

int run_on_one(const Run& run, const Options& options, const std::string& action, const Gpu& gpu) {
  if (action == "-n") {
    return show_nearest(run, gpu, options.get("-n"));
  }
  if (action == "-C") {
    run.print("NUMA IDs of closest CPU: " + numa_nodes(run, gpu) + "\n");
  } else if (action == "-M") {
    run.print("NUMA IDs of closest memory: " + numa_nodes(run, gpu) + "\n");
  } else {
    run.print(own_node(run, gpu) + "\n");
  }
  return 0;
}

UsageError missing(const std::string& option) {
  return {"Option \"" + option + "\" is missing its value.\n"};
}

bool has_action(const Options& options) {
  for (const char* action : {"-m", "-mp", "-c", "-n", "-p", "-p2p", "-C", "-M", "-gnid"}) {
    if (options.has(action)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string cpu_ranges(const std::vector<unsigned long>& mask) {
  constexpr std::size_t kBits = 8 * sizeof(unsigned long);
  std::string out;
  const std::size_t all = mask.size() * kBits;
  const auto is_set = [&](std::size_t bit) {
    return bit < all && (mask[bit / kBits] >> (bit % kBits) & 1UL) != 0;
  };
  for (std::size_t bit = 0; bit < all; ++bit) {
    if (!is_set(bit)) {
      continue;
    }
    std::size_t last = bit;
    while (is_set(last + 1)) {
      ++last;
    }
    append(out, "%s%zu", out.empty() ? "" : ",", bit);
    if (last > bit) {
      append(out, "-%zu", last);
    }
    bit = last;
  }
  return out.empty() ? "N/A" : out;
}

Options parse_topo(const std::vector<std::string>& words) {
  static const std::vector<OptionSpec> kSpecs = {
      {"-h", "--help", Takes::kNothing},
      {"-m", "--matrix", Takes::kNothing},
      {"-mp", "--matrix_pci", Takes::kNothing},
      {"-i", "--id", Takes::kValue},
      {"-c", "--cpu", Takes::kValue},
      {"-n", "--nearest_gpus", Takes::kValue},
      {"-p", "--gpu_path", Takes::kNothing},
      {"-p2p", "--p2pstatus", Takes::kValue},
      {"-C", "--get-numa-id-of-nearby-cpu", Takes::kNothing},
      {"-M", "--get-numa-id-of-nearby-mem", Takes::kNothing},
      {"-gnid", "--gpu-numa-id", Takes::kNothing},
  };
  Options options = parse_options(words, kSpecs, kHelp, [](const std::string& word) {
    return UsageError{"Option \"" + word + "\" is not recognized.\n"};
  });
  if (!options.lacks_value.empty()) {
    options.error = missing(options.lacks_value);
  }
  if (options.error.empty() && !has_action(options) && !options.has("-i")) {
    options.values["-h"] = "";
  }
  return options;
}

UsageError topo_usage_error(const Options& options) {
  if (!options.error.empty()) {
    return options.error;
  }
  bool takes_id = options.has("-p");
  for (const OneGpuAction& action : kOneGpuActions) {
    takes_id = takes_id || options.has(action.option);
    if (options.has(action.option) && !options.has("-i")) {
      return {
          text("%s must be used in conjunction with the -i argument which must be a single "
               "identifier.\n\n",
               action.name)};
    }
  }
  if (options.has("-i") && !takes_id) {
    return {"The -i command line argument must be used in conjunction with -n or -p.\n\n",
            kExitOther};
  }
  if (options.has("-c") && !base::parse_decimal(options.get("-c"), kMaxCpu)) {
    return {"Option \"" + options.get("-c") + "\" is invalid for \"-c\".\n"};
  }
  if (options.has("-p2p") && capability(options.get("-p2p")) == nullptr) {
    return {"Invalid p2p capability index specified at the command-line\n"};
  }
  return {};
}

std::string topo_help() {
  return R"(
    topo -- how GPUs are connected with each other and with CPUs.

    Usage: nvidia-smi topo [options]

    -m    | --matrix        each pair of GPUs: NVLinks, else the PCIe path; CPUs and NUMA nodes nearby
    -mp   | --matrix_pci    the same without NVLinks
    -p2p  | --p2pstatus     r, w, n, a, p: peer reads, writes, NVLink, atomics, PCIe of each pair
    -c    | --cpu           the GPUs near this CPU
    -n    | --nearest_gpus  the GPUs near the one of -i: 0 one on-board switch, 1 one switch,
                            2 several switches, 3 one host bridge, 4 one NUMA node, 5 the machine
    -p    | --gpu_path      the path between the two of -i
    -C    | --get-numa-id-of-nearby-cpu   of the GPU of -i
    -M    | --get-numa-id-of-nearby-mem   of the GPU of -i
    -gnid | --gpu-numa-id                 of the GPU of -i, where GPUs are nodes
    -i    | --id            index, PCI bus ID or UUID; comma-separated
    -h    | --help

    Network adapters and NVMe drives are not shown: NVML does not know them.

)";
}

int run_topo(const Run& run, const Options& options) {
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kPassOver, &exit);
  if (exit != 0) {
    return exit;
  }
  if (options.has("-p") && (!options.has("-i") || gpus.size() != 2)) {
    run.print(
        "Path command line flag must be used in conjection with the -i argument which must be two "
        "GPU identifiers.\n\n");
    return kExitUsage;
  }
  for (const OneGpuAction& action : kOneGpuActions) {
    if (options.has(action.option)) {
      if (gpus.size() == 1) {
        return run_on_one(run, options, action.option, gpus.front());
      }
      run.print(
          text("%s must be used in conjunction with the -i argument which must be a single "
               "identifier.\n\n",
               action.name));
      return kExitUsage;
    }
  }
  if (options.has("-p")) {
    return show_path(run, gpus);
  }
  if (options.has("-m")) {
    show_matrix(run, gpus, false);
  }
  if (options.has("-mp")) {
    show_matrix(run, gpus, true);
  }
  if (options.has("-p2p")) {
    show_p2p(run, gpus, capability(options.get("-p2p"))->index);
  }
  if (options.has("-c")) {
    return show_gpus_of_cpu(
        run, static_cast<unsigned>(*base::parse_decimal(options.get("-c"), kMaxCpu)));
  }
  return 0;
}

}  // namespace mig::smi
