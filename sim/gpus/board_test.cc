// SPDX-License-Identifier: Apache-2.0
#include "sim/gpus/board.h"

#include <cmath>
#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace migsim {
namespace {

using Json = nlohmann::json;

std::unique_ptr<Board> load(std::string_view key) {
  auto board = std::make_unique<Board>();
  std::string error;
  EXPECT_TRUE(load_board(builtin_board(key), *board, error)) << key << ": " << error;
  return board;
}

// Error of loading the H200's file after `change`.
template <class Change>
std::string error_after(Change change) {
  Json document = Json::parse(builtin_board("h200-141gb"));
  change(document);
  auto board = std::make_unique<Board>();
  std::string error;
  EXPECT_FALSE(load_board(document.dump(), *board, error));
  EXPECT_STREQ(board->key, "") << "a refused file must leave the board alone";
  return error;
}

TEST(Board, AllBuiltInOnesLoadUnderTheirOwnKey) {
  EXPECT_EQ(builtin_board_keys().size(), 12U);
  for (const std::string_view key : builtin_board_keys()) {
    EXPECT_EQ(load(key)->key, key);
  }
  EXPECT_TRUE(builtin_board("a100").empty());
}

// H200, 580.159.04: figures recorded through NVML (docs/simulator.md).
TEST(Board, H200ReadsAsMeasured) {
  const auto board = load("h200-141gb");
  EXPECT_STREQ(board->name, "NVIDIA H200");
  EXPECT_EQ(board->brand, 14);
  EXPECT_EQ(board->pci_device_id, 590680286U);
  EXPECT_EQ(board->pci_subsystem_id, 415174878U);
  EXPECT_EQ(board->memory_total_bytes, 150754820096);
  EXPECT_EQ(board->memory_reserved_bytes, 644939776);
  EXPECT_EQ(board->memory_bus_bits, 6016);
  EXPECT_EQ(board->cores, 16896);
  EXPECT_EQ(board->power_idle_mw, 124629);
  EXPECT_EQ(board->power_limit_mw, 700000);
  EXPECT_EQ(board->temperature_idle_c, 38);
  EXPECT_EQ(board->clock_sm_idle_mhz, 465);
  EXPECT_STREQ(board->part_number, "692-2G520-0282-001");
  EXPECT_EQ(board->mode_needs_reset, 0U);
  ASSERT_EQ(board->gi_profile_count, 7U);
  const GiProfile& third = board->gi_profiles[4];
  EXPECT_STREQ(third.name, "MIG 3g.71gb");
  EXPECT_EQ(third.id, 9U);
  EXPECT_EQ(third.sm, 60U);
  EXPECT_EQ(third.memory_mib, 71424U);
  ASSERT_EQ(third.placement_count, 2U);
  EXPECT_EQ(third.placements[1].start, 4U);
  EXPECT_EQ(third.placements[1].size, 4U);
  EXPECT_EQ(third.ci_profiles[0].sm, 16) << "60 SMs, but 16 in a third";
  EXPECT_EQ(board->gi_profiles[1].media_extension, 1U);
}

// Figures of the course's lab for an A100-40GB.
TEST(Board, A100AnswersTheLab) {
  const auto board = load("a100-sxm4-40gb");
  EXPECT_EQ(board->gi_profiles[0].max_count, 7U);
  EXPECT_STREQ(board->gi_profiles[0].name, "MIG 1g.5gb");
  EXPECT_EQ(board->gi_profiles[3].sm, 28U);
  EXPECT_EQ(board->gi_profiles[4].memory_mib, 19968U);
  EXPECT_EQ(board->mode_needs_reset, 1U);
}

TEST(Board, WhatNobodySawStaysUnknown) {
  EXPECT_EQ(load("a100-pcie-80gb")->memory_reserved_bytes, kUnknown);
  EXPECT_STREQ(load("a100-pcie-80gb")->vbios, "");
  EXPECT_EQ(load("rtx-pro-6000-server")->tf32_gflops, kUnknown);
}

// mig-parted derives profile names from these two figures, so every board must satisfy its rule.
TEST(Board, ProfileNamesFollowFromTheMemory) {
  for (const std::string_view key : builtin_board_keys()) {
    const auto board = load(key);
    const double total_mib = static_cast<double>(board->memory_total_bytes) / (1 << 20);
    const int total_gib = static_cast<int>((board->memory_total_bytes + (1 << 30) - 1) >> 30);
    for (std::uint32_t i = 0; i < board->gi_profile_count; ++i) {
      const GiProfile& gi = board->gi_profiles[i];
      const int eighths =
          static_cast<int>(std::ceil(8 * static_cast<double>(gi.memory_mib) / total_mib));
      const int gb = static_cast<int>(std::floor(eighths / 8.0 * total_gib + 0.5));
      const std::string name = std::to_string(gi.slices) + "g." + std::to_string(gb) + "gb";
      EXPECT_TRUE(std::string(gi.name + 4).starts_with(name))
          << key << ": " << gi.name << " " << name;
    }
  }
}

TEST(Board, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(error_after([](Json& d) { d["color"] = "green"; }), "color: unknown key");
  EXPECT_EQ(error_after([](Json& d) { d["power"]["fan"] = 1; }),
            "power.fan: must be named in exactly one provenance entry");
  EXPECT_EQ(error_after([](Json& d) { d["mig"]["profiles"][2]["colour"] = 1; }),
            "mig.profiles[2].colour: unknown key");
  EXPECT_EQ(error_after([](Json& d) { d["schema"] = "migsim-board/9"; }),
            "schema: expected \"migsim-board/2\"");
}

TEST(Board, RefusesWrongTypesAndRanges) {
  EXPECT_EQ(error_after([](Json& d) { d["identity"]["sm_count"] = "132"; }),
            "identity.sm_count: expected an integer from 1 to 4096, found a text");
  EXPECT_EQ(error_after([](Json& d) { d["power"]["limit_mw"] = -1; }),
            "power.limit_mw: expected an integer from 0 to 10000000, found -1");
  EXPECT_EQ(error_after([](Json& d) { d["clocks"]["sm_max_mhz"] = 1.5; }),
            "clocks.sm_max_mhz: expected an integer from 0 to 100000, found 1.5");
  EXPECT_EQ(error_after([](Json& d) { d["mig"]["profiles"][0]["starts"][6] = 8; }),
            "mig.profiles[0].starts: expected ascending starts of 1 slices within 8, found 8");
  EXPECT_EQ(error_after([](Json& d) { d["mig"]["profiles"][0]["id"] = 20; }),
            "mig.profiles[1].id: id and enum must be the only ones on the board");
  EXPECT_EQ(error_after([](Json& d) { d["mig"]["profiles"][0].erase("sm"); }),
            "mig.profiles[0].sm: missing");
}

TEST(Board, EveryFigureNeedsASource) {
  EXPECT_EQ(error_after([](Json& d) { d["links"]["provenance"].clear(); }),
            "links.nvlink_count: must be named in exactly one provenance entry");
  EXPECT_EQ(error_after([](Json& d) { d["power"]["idle_mw"] = nullptr; }),
            "power.idle_mw: is null but has provenance");
  EXPECT_EQ(
      error_after([](Json& d) { d["power"]["provenance"][0]["kind"] = "guessed"; }),
      "power.provenance[0].kind: expected measured, captured, documented, derived or assumed, "
      "found \"guessed\"");
}

// Order of mig.profiles[] in the H200's file: 0 1g, 1 1g+me, 2 double memory, 3 2g, 4 3g, 5 4g, 6
// 7g.
TEST(Board, EveryMigFigureNamesASource) {
  EXPECT_EQ(error_after([](Json& d) { d["mig"]["profiles"][3]["from"]["profile"] = "hearsay"; }),
            "mig.profiles[3].from.profile: \"hearsay\" is none of the block's sources");
  EXPECT_EQ(error_after([](Json& d) {
              d["mig"]["profiles"][3]["compute_profiles"][1]["from"].erase("places");
            }),
            "mig.profiles[3].compute_profiles[1].from.places: missing");
  EXPECT_EQ(
      error_after([](Json& d) { d["mig"]["profiles"][3]["compute_profiles"][1]["sm"] = nullptr; }),
      "mig.profiles[3].compute_profiles[1].from.sm: unknown key");
  EXPECT_EQ(
      error_after([](Json& d) { d["mig"]["sources"]["spare"] = d["mig"]["sources"]["table"]; }),
      "mig.sources: \"spare\" is the source of nothing");
  EXPECT_EQ(error_after([](Json& d) { d["mig"]["sources"]["table"]["kind"] = "guessed"; }),
            "mig.sources.table.kind: expected measured, captured, documented, derived or assumed, "
            "found \"guessed\"");
}

TEST(Board, ComputeInstancesLieInsideTheirGpuInstance) {
  EXPECT_EQ(error_after([](Json& d) {
              d["mig"]["profiles"][4]["compute_profiles"][0]["starts"] = {0, 2, 4};
            }),
            "mig.profiles[4].compute_profiles: MIG 1c.3g.71gb at 4:1 ends beyond the default one's "
            "4 slots");
  EXPECT_EQ(error_after([](Json& d) { d["mig"]["compute_places"] = "anywhere"; }),
            "mig.compute_places: expected aligned or first_free, found \"anywhere\"");
}

TEST(Board, RefusesBrokenText) {
  Board board;
  std::string error;
  EXPECT_FALSE(load_board("{\"schema\": 1, \"schema\": 2}", board, error));
  EXPECT_EQ(error, "duplicate key \"schema\"");
  EXPECT_FALSE(load_board(std::string(2 << 20, ' '), board, error));
  EXPECT_EQ(error, "larger than 1 MiB");
  std::string deep(100, '[');
  EXPECT_FALSE(load_board(deep + std::string(100, ']'), board, error));
  EXPECT_EQ(error, "nested deeper than 32 levels");
  EXPECT_FALSE(load_board("{", board, error));
  EXPECT_FALSE(load_board("[]", board, error));
  EXPECT_EQ(error, "document: expected an object, found an array");
}

}  // namespace
}  // namespace migsim
