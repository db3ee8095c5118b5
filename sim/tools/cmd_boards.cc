// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <nlohmann/json.hpp>

#include "sim/gpus/board.h"
#include "sim/tools/commands.h"

namespace migsim {

namespace {

std::string profile_names(const Board& board) {
  std::string names;
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    names += std::string(i == 0 ? "" : " ") + (board.gi_profiles[i].name + 4);  // no "MIG "
  }
  return names;
}

nlohmann::ordered_json board_json(const Board& board) {
  nlohmann::ordered_json profiles = nlohmann::ordered_json::array();
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    profiles.push_back(board.gi_profiles[i].name + 4);
  }
  return {{"board", board.key},
          {"name", board.name},
          {"memoryTotalMib", board.memory_total_bytes >> 20},
          {"sm", board.sm_count},
          {"profiles", profiles}};
}

}  // namespace

Problem cmd_boards(bool json) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const std::string_view key : builtin_board_keys()) {
    Board board;
    std::string error;
    if (!load_board(builtin_board(key), board, error)) {
      return {Exit::kInternal, "built-in board " + std::string(key) + ": " + error, ""};
    }
    if (json) {
      list.push_back(board_json(board));
    } else {
      std::printf("%-25s %-52s %6lld MiB\n    %s\n",
                  board.key,
                  board.name,
                  static_cast<long long>(board.memory_total_bytes >> 20),
                  profile_names(board).c_str());
    }
  }
  if (json) {
    const nlohmann::ordered_json document = {{"apiVersion", "migctl/v1"},
                                             {"kind", "SimulatedBoardList"},
                                             {"simulated", true},
                                             {"boards", list}};
    std::puts(document.dump(2).c_str());
  }
  return {};
}

}  // namespace migsim
