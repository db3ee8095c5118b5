// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "sim/gpus/board.h"
#include "sim/machine/services.h"
#include "sim/tools/create.h"
#include "sim/tools/identity.h"

namespace migsim {

namespace {

constexpr std::size_t kMaxBoardFile = 1U << 20U;

// Latencies of read calls measured on an H200, 580.159.04 (p50); those of changing calls are in
// sim/machine/call.cc. Used with --latency true only: scaled down they are below the timer's
// resolution, and the lookup would cost every call more than the latency.
struct TrueTime {
  const char* function;
  std::uint64_t microseconds;
};

constexpr TrueTime kReadTimes[] = {
    {"nvmlInit_v2", 12800},
    {"nvmlInitWithFlags", 12800},
    {"nvmlDeviceGetMigMode", 158},
    {"nvmlDeviceGetGpuInstanceProfileInfo", 432},
    {"nvmlDeviceGetGpuInstanceProfileInfoV", 432},
    {"nvmlDeviceGetGpuInstanceRemainingCapacity", 183},
    {"nvmlDeviceGetTotalEnergyConsumption", 3010},
    {"nvmlDeviceGetPcieThroughput", 20870},
    {"nvmlGpmSampleGet", 52},
    {"nvmlGpmMigSampleGet", 52},
    {"nvmlGpmMetricsGet", 1230},
};

template <std::size_t N>
void store(char (&field)[N], std::string_view text) {
  std::memset(field, 0, N);
  std::memcpy(field, text.data(), std::min(text.size(), N - 1));
}

using Boards = std::map<std::string, Board, std::less<>>;

Problem load_board_file(const std::string& path, Boards& boards, std::string& key) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return {Exit::kIo,
            "cannot read board file " + path + ": " +
                std::error_code(errno, std::generic_category()).message(),
            ""};
  }
  std::string text(kMaxBoardFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxBoardFile) {
    return {Exit::kTooLarge, "board file " + path + " is larger than 1 MiB", ""};
  }
  Board board;
  std::string error;
  if (!load_board(text, board, error)) {
    return {Exit::kInvalidInput, "board file " + path + ": " + error, "see sim/gpus/README.md"};
  }
  key = board.key;
  boards[key] = board;
  return {};
}

Problem broken_builtin(const std::string& key, const std::string& error) {
  return {Exit::kInternal, "built-in board " + key + ": " + error, ""};
}

Problem load_boards(const MachineSpec& spec, std::vector<std::string>& keys, Boards& boards) {
  std::vector<std::string_view> known = builtin_board_keys();
  std::string own;
  if (!spec.board_file.empty()) {
    if (Problem problem = load_board_file(spec.board_file, boards, own); !problem.ok()) {
      return problem;
    }
    known.push_back(own);
  }
  if (Problem problem = parse_gpus(spec.gpus, known, keys); !problem.ok()) {
    return problem;
  }
  for (const std::string& key : keys) {
    if (std::string error;
        !boards.contains(key) && !load_board(builtin_board(key), boards[key], error)) {
      return broken_builtin(key, error);
    }
  }
  return {};
}

// Index of the board in the machine's table, added when new.
std::uint32_t board_index(Hardware& hardware, const Board& board) {
  for (std::uint32_t i = 0; i < hardware.board_count; ++i) {
    if (std::strcmp(hardware.boards[i].key, board.key) == 0) {
      return i;
    }
  }
  hardware.boards[hardware.board_count] = board;
  return hardware.board_count++;
}

// Boards of seven GPCs with one missing exist with swapped halves of the memory; others do not.
bool can_swap(const Board& board) {
  return board.memory_slices == 8 && board.compute_slices == 7;
}

// Selects the GPUs with swapped halves: real nodes mix both kinds.
Problem plan_swap(const MachineSpec& spec,
                  const std::vector<std::string>& keys,
                  const Boards& boards,
                  std::vector<bool>& swapped) {
  bool all = false;
  if (Problem problem = parse_which("--swap", spec.swap, keys.size(), swapped, all);
      !problem.ok()) {
    return problem;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (swapped[i] && !can_swap(boards.find(keys[i])->second)) {
      if (!all) {
        return {Exit::kInvalidInput,
                "--swap: GPU " + std::to_string(i) + " is a " + keys[i] +
                    ", which has no halves to swap",
                "boards with seven compute and eight memory slices have"};
      }
      swapped[i] = false;
    }
  }
  return {};
}

// Selects the workstation boards with their display outputs on, the factory setting.
Problem plan_graphics(const MachineSpec& spec,
                      const std::vector<std::string>& keys,
                      const Boards& boards,
                      std::vector<bool>& graphics) {
  bool all = false;
  if (Problem problem = parse_which("--graphics", spec.graphics, keys.size(), graphics, all);
      !problem.ok()) {
    return problem;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (graphics[i] && boards.find(keys[i])->second.pci_class != kVgaClass) {
      if (!all) {
        return {Exit::kInvalidInput,
                "--graphics: GPU " + std::to_string(i) + " is a " + keys[i] +
                    ", which has no display outputs",
                "boards of PCI class 0x0300 have: rtx-pro-6000-workstation, rtx-pro-6000-maxq"};
      }
      graphics[i] = false;
    }
  }
  return {};
}

void power_on(
    const MachineSpec& spec, const Board& board, bool swapped, std::uint32_t index, GpuState& gpu) {
  gpu.minor = index;
  gpu.pci_bus = 0x10 + 8 * index;
  gpu.module_id = index + 1;
  gpu.swap_halves = swapped ? 1 : 0;
  gpu.persistence = 1;  // as found on the H200
  gpu.ecc_enabled = board.ecc_enabled == 0 ? 0 : 1;
  gpu.ecc_pending = gpu.ecc_enabled;
  store(gpu.uuid, gpu_uuid(spec.seed, spec.name, index));
  store(gpu.serial_number, gpu_serial(spec.seed, spec.name, index));
}

// Newest CUDA version that a driver branch supports (CUDA release notes; 580.173.02 and 590.48.01
// print 13.0 and 13.1).
struct CudaOfBranch {
  unsigned long branch;
  std::uint32_t cuda;  // as nvmlSystemGetCudaDriverVersion encodes it: 12020 is 12.2
};

constexpr CudaOfBranch kCuda[] = {
    {450, 11000}, {455, 11010}, {460, 11020}, {465, 11030}, {470, 11040}, {495, 11050},
    {510, 11060}, {515, 11070}, {520, 11080}, {525, 12000}, {530, 12010}, {535, 12020},
    {545, 12030}, {550, 12040}, {555, 12050}, {560, 12060}, {565, 12070}, {570, 12080},
    {575, 12090}, {580, 13000}, {590, 13010}, {595, 13020}};

std::uint32_t cuda_of(const std::string& driver) {
  const unsigned long branch = std::strtoul(driver.c_str(), nullptr, 10);
  std::uint32_t cuda = kCuda[0].cuda;
  for (const CudaOfBranch& known : kCuda) {
    cuda = branch >= known.branch ? known.cuda : cuda;
  }
  return cuda;
}

void add_read_latencies(State& state) {
  std::size_t n = 0;
  for (const TrueTime& time : kReadTimes) {
    store(state.latencies[n].function, time.function);
    state.latencies[n++].ns = time.microseconds * 1000;
  }
}

Problem set_options(const MachineSpec& spec, State& state) {
  Options& options = state.options;
  if (Problem problem = parse_latency(spec.latency, options.latency_permille); !problem.ok()) {
    return problem;
  }
  if (Problem problem = check_driver_version(spec.driver); !problem.ok()) {
    return problem;
  }
  options.fresh_uuids = spec.fresh_uuids ? 1 : 0;
  options.vm_passthrough = spec.vm ? 1 : 0;
  options.disable_destroys_idle = spec.disable_destroys_idle ? 1 : 0;
  options.shared = spec.shared ? 1 : 0;
  store(options.driver_version, spec.driver);
  options.cuda_version = cuda_of(spec.driver);
  store(options.nvml_version, std::to_string(options.cuda_version / 1000) + "." + spec.driver);
  if (options.latency_permille >= 1000) {
    add_read_latencies(state);
  }
  return {};
}

Problem start_services(const MachineSpec& spec, MachineImage& image) {
  std::uint32_t wanted = 0;
  if (Problem problem = parse_services(spec.clients, "--clients", wanted); !problem.ok()) {
    return problem;
  }
  for (std::uint32_t service = 0; service < kServiceCount; ++service) {
    set_service(*image.hardware, *image.state, service, (wanted >> service & 1U) != 0);
  }
  return {};
}

}  // namespace

Problem plan_machine(const MachineSpec& spec, MachineImage& image) {
  if (Problem problem = check_machine_name(spec.name); !problem.ok()) {
    return problem;
  }
  if (Problem problem = set_options(spec, *image.state); !problem.ok()) {
    return problem;
  }
  std::vector<std::string> keys;
  Boards boards;
  if (Problem problem = load_boards(spec, keys, boards); !problem.ok()) {
    return problem;
  }
  std::vector<bool> swapped;
  if (Problem problem = plan_swap(spec, keys, boards, swapped); !problem.ok()) {
    return problem;
  }
  std::vector<bool> graphics;
  if (Problem problem = plan_graphics(spec, keys, boards, graphics); !problem.ok()) {
    return problem;
  }
  Hardware& hardware = *image.hardware;
  store(hardware.machine_name, spec.name);
  hardware.seed = spec.seed;
  hardware.owner_uid = geteuid();
  for (const std::string& key : keys) {
    const std::uint32_t index = hardware.gpu_count++;
    const Board& board = boards.find(key)->second;
    image.state->gpus[index].board = board_index(hardware, board);
    power_on(spec, board, swapped[index], index, image.state->gpus[index]);
    image.state->gpus[index].graphics_mode = graphics[index] ? 1 : 0;
  }
  return start_services(spec, image);
}

}  // namespace migsim
