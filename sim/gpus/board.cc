// SPDX-License-Identifier: Apache-2.0
#include "sim/gpus/board.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "sim/gpus/builtin.h"
#include "sim/gpus/mig_profiles.h"
#include "sim/gpus/provenance.h"
#include "sim/gpus/strict_json.h"

namespace migsim {

namespace {

constexpr std::int64_t kMaxFigure = INT64_C(1) << 50;

// A figure that the board file may leave unknown (null), and its member in Board.
struct Figure {
  const char* key;
  std::int64_t Board::*field;
  std::int64_t max = kMaxFigure;
};

constexpr std::array kMemory = {
    Figure{"reserved_bytes", &Board::memory_reserved_bytes},
    Figure{"bus_bits", &Board::memory_bus_bits, 65536},
    Figure{"bar1_bytes", &Board::bar1_bytes},
    Figure{"bar1_mig_bytes", &Board::bar1_mig_bytes},
    Figure{"ecc_enabled", &Board::ecc_enabled, 1},
};
constexpr std::array kPower = {
    Figure{"idle_mw", &Board::power_idle_mw, 10000000},
    Figure{"limit_mw", &Board::power_limit_mw, 10000000},
    Figure{"min_limit_mw", &Board::power_min_limit_mw, 10000000},
};
constexpr std::array kTemperature = {
    Figure{"idle_c", &Board::temperature_idle_c, 200},
    Figure{"full_c", &Board::temperature_full_c, 200},
    Figure{"slowdown_c", &Board::temperature_slowdown_c, 200},
    Figure{"shutdown_c", &Board::temperature_shutdown_c, 200},
    Figure{"fan_percent", &Board::fan_percent, 100},
};
constexpr std::array kClocks = {
    Figure{"sm_idle_mhz", &Board::clock_sm_idle_mhz, 100000},
    Figure{"sm_max_mhz", &Board::clock_sm_max_mhz, 100000},
    Figure{"mem_idle_mhz", &Board::clock_mem_idle_mhz, 100000},
    Figure{"mem_max_mhz", &Board::clock_mem_max_mhz, 100000},
};
constexpr std::array kSettable = {
    Figure{"sm_min_mhz", &Board::clock_sm_min_mhz, 100000},
    Figure{"sm_step_mhz", &Board::clock_sm_step_mhz, 1000},
    Figure{"mem_low_mhz", &Board::clock_mem_low_mhz, 100000},
    Figure{"remap_banks", &Board::remap_banks, 1000000},
};
constexpr std::array kLinks = {
    Figure{"pcie_gen", &Board::pcie_gen, 16},
    Figure{"pcie_width", &Board::pcie_width, 64},
    Figure{"nvlink_count", &Board::nvlink_count, 64},
    Figure{"nvlink_version", &Board::nvlink_version, 64},
};
constexpr std::array kRoofline = {
    Figure{"fp32_gflops", &Board::fp32_gflops},
    Figure{"tf32_gflops", &Board::tf32_gflops},
    Figure{"bf16_gflops", &Board::bf16_gflops},
    Figure{"dram_mb_per_s", &Board::dram_mb_per_s},
    Figure{"pcie_mb_per_s", &Board::pcie_mb_per_s},
};

template <std::size_t N>
void store(char (&field)[N], const std::string& text) {
  static_assert(N > 1);
  std::memset(field, 0, N);
  std::memcpy(field, text.data(), std::min(text.size(), N - 1));
}

void read_figures(ObjectReader& block, std::span<const Figure> figures, Board& board) {
  for (const Figure& figure : figures) {
    board.*figure.field = block.number_or(figure.key, 0, figure.max, kUnknown);
  }
}

// Reads a block that holds only figures and their provenance.
void read_block(ObjectReader& root,
                const char* key,
                std::span<const Figure> figures,
                Board& board,
                std::string& error) {
  if (const nlohmann::json* value = root.member(key)) {
    ObjectReader block(*value, key, error);
    read_figures(block, figures, board);
    check_provenance(block, *value, error);
    block.finish();
  }
}

void read_architecture(ObjectReader& block, Board& board) {
  const std::string name = block.text("architecture", 16);
  if (name == "ampere") {
    board.architecture = Architecture::kAmpere;
  } else if (name == "hopper") {
    board.architecture = Architecture::kHopper;
  } else if (name == "blackwell") {
    board.architecture = Architecture::kBlackwell;
  } else if (!name.empty()) {
    block.fail("architecture", "expected ampere, hopper or blackwell, found \"" + name + "\"");
  }
}

void read_compute_capability(ObjectReader& block, Board& board) {
  const std::string text = block.text("compute_capability", 5);
  const std::size_t dot = text.find('.');
  const bool digits = text.find_first_not_of("0123456789.") == std::string::npos;
  if (text.empty()) {
    return;
  }
  if (!digits || dot == 0 || dot == std::string::npos || dot + 2 != text.size() || dot > 2) {
    block.fail("compute_capability", "expected a text such as \"9.0\", found \"" + text + "\"");
    return;
  }
  board.cc_major = static_cast<std::uint32_t>(std::stoul(text.substr(0, dot)));
  board.cc_minor = static_cast<std::uint32_t>(text[dot + 1] - '0');
}

void read_identity(const nlohmann::json& value, Board& board, std::string& error) {
  ObjectReader block(value, "identity", error);
  store(board.name, block.text("name", sizeof board.name - 1));
  read_architecture(block, board);
  read_compute_capability(block, board);
  board.pci_device_id = block.hex("pci_device_id");
  board.pci_subsystem_id = block.hex_or_null("pci_subsystem_id", 0);
  board.pci_class = block.hex_or_null("pci_class", 0x030200);
  board.sm_count = block.number("sm_count", 1, 4096);
  board.cores = block.number_or("cores", 1, 1 << 20, kUnknown);
  board.brand = block.number_or("brand", 0, 64, kUnknown);
  store(board.vbios, block.text_or_null("vbios", sizeof board.vbios - 1));
  store(board.part_number, block.text_or_null("part_number", sizeof board.part_number - 1));
  check_provenance(block, value, error);
  block.finish();
}

void read_memory(const nlohmann::json& value, Board& board, std::string& error) {
  ObjectReader block(value, "memory", error);
  board.memory_total_bytes = block.number("total_bytes", 1 << 20, INT64_C(1) << 44);
  read_figures(block, kMemory, board);
  if (board.bar1_mig_bytes > board.bar1_bytes) {
    block.fail("bar1_mig_bytes", "more than bar1_bytes");
  }
  if (board.memory_reserved_bytes > board.memory_total_bytes) {
    block.fail("reserved_bytes", "more than total_bytes");
  }
  check_provenance(block, value, error);
  block.finish();
}

// Reads the settable limits and clocks, and the maker's record of the board (part number, InfoROM).
// Without the block they are unknown.
void read_settable(const nlohmann::json& value, Board& board, std::string& error) {
  ObjectReader block(value, "settable", error);
  read_figures(block, kSettable, board);
  store(board.inforom_image, block.text_or_null("inforom_image", sizeof board.inforom_image - 1));
  store(board.inforom_oem, block.text_or_null("inforom_oem", sizeof board.inforom_oem - 1));
  store(board.inforom_ecc, block.text_or_null("inforom_ecc", sizeof board.inforom_ecc - 1));
  check_provenance(block, value, error);
  block.finish();
}

void read_key(ObjectReader& root, Board& board) {
  const std::string key = root.text("key", sizeof board.key - 1);
  if (key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos) {
    root.fail("key", "expected lower case letters, digits and -, found \"" + key + "\"");
  }
  store(board.key, key);
}

}  // namespace

bool load_board(std::string_view json_text, Board& out, std::string& error) {
  error.clear();
  nlohmann::json document;
  if (!parse_strict(json_text, document, error)) {
    return false;
  }
  Board board;
  ObjectReader root(document, "", error);
  if (root.text("schema", 64) != "migsim-board/2") {
    root.fail("schema", "expected \"migsim-board/2\"");
  }
  read_key(root, board);
  if (const nlohmann::json* value = root.member("identity")) {
    read_identity(*value, board, error);
  }
  if (const nlohmann::json* value = root.member("memory")) {
    read_memory(*value, board, error);
  }
  read_block(root, "power", kPower, board, error);
  read_block(root, "temperature", kTemperature, board, error);
  read_block(root, "clocks", kClocks, board, error);
  if (root.has("settable")) {
    read_settable(*root.member("settable"), board, error);
  }
  read_block(root, "links", kLinks, board, error);
  read_block(root, "roofline", kRoofline, board, error);
  if (const nlohmann::json* value = root.member("mig")) {
    read_mig(*value, board, error);
  }
  if (!root.finish()) {
    return false;
  }
  out = board;
  return true;
}

std::string_view builtin_board(std::string_view key) {
  for (const BuiltinBoard& board : kBuiltinBoards) {
    if (board.key == key) {
      return board.json;
    }
  }
  return {};
}

std::vector<std::string_view> builtin_board_keys() {
  std::vector<std::string_view> keys;
  for (const BuiltinBoard& board : kBuiltinBoards) {
    keys.push_back(board.key);
  }
  return keys;
}

}  // namespace migsim
