// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/strings.h"
#include "catalog/board_files.h"
#include "model/profile_names.h"

namespace mig::catalog {
namespace {

using base::JsonReader;

constexpr std::size_t kMostBoardBytes = 1U << 20U;

std::uint32_t hex_at(const JsonReader& reader, std::string_view key) {
  const auto value = base::parse_hex32(reader.at(key).text());
  if (!value) {
    reader.at(key).complain("a hexadecimal number is expected");
  }
  return value.value_or(0);
}

Architecture architecture_at(const JsonReader& identity) {
  const std::string name = identity.at("architecture").text();
  if (name == "ampere") {
    return Architecture::kAmpere;
  }
  if (name == "hopper") {
    return Architecture::kHopper;
  }
  if (name == "blackwell") {
    return Architecture::kBlackwell;
  }
  identity.at("architecture").complain("ampere, hopper or blackwell is expected");
  return Architecture::kUnknown;
}

Engines read_engines(const JsonReader& reader) {
  return {reader.at("ce").u32(),
          reader.at("dec").u32(),
          reader.at("enc").u32(),
          reader.at("jpeg").u32(),
          reader.at("ofa").u32()};
}

GpuInstanceProfile read_profile(const JsonReader& reader, std::uint64_t total_bytes) {
  GpuInstanceProfile profile;
  profile.nvml_profile = reader.at("enum").u32();
  profile.id = ProfileId{reader.at("id").u32()};
  profile.slices = reader.at("slices").u32();
  profile.max_count = reader.at("max_count").u32();
  profile.sm = reader.at("sm").u32();
  profile.memory_mib = reader.at("memory_mib").number();
  profile.engines = read_engines(reader.at("engines"));
  profile.p2p = reader.at("p2p").boolean();
  profile.graphics = reader.at("gfx").boolean();
  const std::uint32_t size = reader.at("size").u32();
  for (const JsonReader& start : reader.at("starts").elements()) {
    profile.placements.push_back({start.u32(), size});
  }
  // As from a current driver: the newest profile struct has no name.
  profile.name =
      gpu_instance_name("", profile.nvml_profile, profile.slices, profile.memory_mib, total_bytes);
  profile.compute_profiles_derived = true;
  profile.remaining = profile.max_count;  // an empty GPU
  return profile;
}

// Derives what a driver reports for existing instances only, as device/ does for a real driver.
void complete(Gpu& gpu) {
  for (GpuInstanceProfile& profile : gpu.profiles) {
    profile.compute_profiles = derive_compute_profiles(profile, gpu.profiles);
    gpu.compute_slices = std::max(gpu.compute_slices, profile.slices);
    for (const Placement placement : profile.placements) {
      gpu.memory_slices = std::max(gpu.memory_slices, placement.end());
    }
  }
  std::sort(gpu.profiles.begin(), gpu.profiles.end(), before_in_listing);
}

Result<Gpu> read_board(const BoardFile& file) {
  const std::string what = fmt::format("board {}", file.name);
  MIG_ASSIGN_OR_RETURN(const base::Json json, base::parse_json(file.json, {kMostBoardBytes, what}));
  base::JsonProblem problem;
  const JsonReader board(json, "", problem);
  const JsonReader identity = board.at("identity");
  Gpu gpu;
  gpu.name = identity.at("name").text();
  gpu.architecture = architecture_at(identity);
  gpu.pci_device_id = hex_at(identity, "pci_device_id");
  gpu.pci_subsystem_id =
      identity.given("pci_subsystem_id") ? hex_at(identity, "pci_subsystem_id") : 0;
  // A workstation board with its outputs off, the mode that supports MIG; server boards have none.
  gpu.display.pci_class = std::uint32_t{0x0302};
  gpu.display.active = false;
  const std::uint64_t total_bytes = board.at("memory").at("total_bytes").number();
  gpu.memory_total_mib = total_bytes >> 20U;
  gpu.mig_current = gpu.mig_pending = MigMode::kDisabled;
  for (const JsonReader& profile : board.at("mig").at("profiles").elements()) {
    gpu.profiles.push_back(read_profile(profile, total_bytes));
  }
  complete(gpu);
  if (problem.any()) {
    return fail(ErrorCode::kInternal, fmt::format("{}: {}", what, problem.text()));
  }
  return gpu;
}

Result<Gpu> find_board(const std::string& name) {
  for (const BoardFile& file : kBoardFiles) {
    if (file.name == name) {
      return read_board(file);
    }
  }
  const auto near = base::nearest(name, board_names());
  return fail(ErrorCode::kNotFound,
              fmt::format("no board is called {}", base::quoted(name)),
              near.empty() ? "migctl sim boards lists all"
                           : fmt::format("did you mean {}? migctl sim boards lists all",
                                         base::join(near, ", ")));
}

// PCI addresses as in the simulator: sixteen GPUs on a bus of a PCI domain, further ones in the
// next domain.
void place(Gpu& gpu, GpuIndex index) {
  constexpr std::uint32_t kInDomain = 16;
  gpu.index = index;
  gpu.minor = index.value;
  gpu.uuid = fmt::format("GPU-00000000-0000-0000-0000-{:012x}", index.value);
  gpu.pci_bus_id = fmt::format(
      "{:08X}:{:02X}:00.0", index.value / kInDomain, 0x10 + 8 * (index.value % kInDomain));
}

}  // namespace

Result<Boards> parse_boards(std::string_view text) {
  const auto comma = text.find(',');
  Boards boards{std::string(text.substr(0, comma)), 1};
  const auto count = comma == std::string_view::npos
                         ? std::optional<std::uint64_t>(1)
                         : base::parse_decimal(text.substr(comma + 1), kMostGpus);
  if (boards.name.empty() || !count || *count == 0) {
    return fail(
        ErrorCode::kUsage,
        fmt::format("{}: BOARD,N is expected, N from 1 to {}", base::quoted(text), kMostGpus),
        "for example a100-sxm4-40gb,2");
  }
  boards.count = static_cast<std::uint32_t>(*count);
  return boards;
}

std::vector<std::string> board_names() {
  std::vector<std::string> names;
  names.reserve(kBoardFiles.size());
  for (const BoardFile& file : kBoardFiles) {
    names.emplace_back(file.name);
  }
  return names;
}

Result<Gpu> gpu_of(const std::string& board, GpuIndex index) {
  MIG_ASSIGN_OR_RETURN(Gpu gpu, find_board(board));
  place(gpu, index);
  return gpu;
}

Result<Inventory> inventory_of(const Boards& boards) {
  if (boards.count > kMostGpus) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("{} GPUs; the limit is {}", boards.count, kMostGpus));
  }
  MIG_ASSIGN_OR_RETURN(const Gpu board, find_board(boards.name));
  Inventory inventory;
  inventory.simulated = true;
  inventory.simulated_machine = "offline";
  inventory.gpus.assign(boards.count, board);
  for (std::uint32_t index = 0; index < boards.count; ++index) {
    place(inventory.gpus[index], GpuIndex{index});
  }
  inventory.generation = layout_generation(inventory);
  return inventory;
}

}  // namespace mig::catalog
