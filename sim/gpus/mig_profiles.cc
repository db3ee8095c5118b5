// SPDX-License-Identifier: Apache-2.0
#include "sim/gpus/mig_profiles.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "sim/gpus/provenance.h"

namespace migsim {

namespace {

std::uint32_t count(ObjectReader& reader, const char* key, std::int64_t min, std::int64_t max) {
  return static_cast<std::uint32_t>(reader.number(key, min, max));
}

template <std::size_t N>
void read_name(ObjectReader& reader, char (&field)[N]) {
  const std::string name = reader.text("name", N - 1);
  if (!name.empty() && !name.starts_with("MIG ")) {
    reader.fail("name", "expected a name that starts with \"MIG \", found \"" + name + "\"");
  }
  std::memcpy(field, name.c_str(), std::min(name.size() + 1, N));
}

// Reads the starts of placements of one size, which must lie within `total` slices.
std::uint32_t read_starts(ObjectReader& reader,
                          Placement* placements,
                          std::uint32_t max,
                          std::uint32_t size,
                          std::uint32_t total) {
  const nlohmann::json* starts = reader.array("starts", max);
  if (starts == nullptr) {
    return 0;
  }
  std::uint32_t n = 0;
  for (const nlohmann::json& start : *starts) {
    if (!start.is_number_unsigned() || start.get<std::uint64_t>() + size > total ||
        (n > 0 && start.get<std::uint64_t>() <= placements[n - 1].start)) {
      reader.fail("starts",
                  "expected ascending starts of " + std::to_string(size) + " slices within " +
                      std::to_string(total) + ", found " + start.dump());
      return 0;
    }
    placements[n++] = {start.get<std::uint32_t>(), size};
  }
  if (n == 0) {
    reader.fail("starts", "expected at least one");
  }
  return n;
}

constexpr std::array<std::string_view, 4> kComputeGroups = {"name", "count", "places", "sm"};
constexpr std::array<std::string_view, 2> kProfileGroups = {"profile", "placements"};
constexpr std::array<std::string_view, 4> kBlockGroups = {
    "memory_slices", "compute_slices", "mode_needs_reset", "compute_places"};

void read_compute_profile(ObjectReader& reader,
                          const GiProfile& gi,
                          Sources& sources,
                          CiProfile& out) {
  read_name(reader, out.name);
  out.profile = count(reader, "enum", 0, kMaxCiProfiles - 1);
  out.slices = count(reader, "slices", 1, gi.slices);
  out.max_count = count(reader, "max_count", 1, kMaxCis);
  out.is_default = reader.flag("default") ? 1 : 0;
  out.sm = reader.number_or("sm", 1, gi.sm, kUnknown);
  out.shared = gi.engines;  // every compute instance of a GPU instance shares all its engines
  out.gfx = gi.gfx;
  const std::uint32_t size = count(reader, "size", 1, kMaxComputeSlots);
  out.placement_count = read_starts(reader, out.placements, kMaxCis, size, kMaxComputeSlots);
  const std::span<const std::string_view> groups = kComputeGroups;
  sources.check_from(reader, out.sm == kUnknown ? groups.first(3) : groups);
  if (out.max_count > out.placement_count) {
    reader.fail("max_count", "more than there are starts");
  }
  reader.finish();
}

// The full compute instance covers its GPU instance: no placement may end beyond it.
void check_spans(ObjectReader& reader, const GiProfile& gi) {
  std::uint32_t end = 0;
  for (std::uint32_t i = 0; i < gi.ci_profile_count; ++i) {
    if (gi.ci_profiles[i].is_default != 0) {
      end = gi.ci_profiles[i].placements[0].size;
    }
  }
  for (std::uint32_t i = 0; i < gi.ci_profile_count; ++i) {
    const CiProfile& ci = gi.ci_profiles[i];
    const Placement last = ci.placements[ci.placement_count == 0 ? 0 : ci.placement_count - 1];
    if (last.start + last.size > end) {
      reader.fail("compute_profiles",
                  std::string(ci.name) + " at " + std::to_string(last.start) + ":" +
                      std::to_string(last.size) + " ends beyond the default one's " +
                      std::to_string(end) + " slots");
    }
  }
}

void read_compute_profiles(ObjectReader& reader,
                           GiProfile& gi,
                           Sources& sources,
                           std::string& error) {
  const nlohmann::json* list = reader.array("compute_profiles", kMaxCiProfiles);
  if (list == nullptr) {
    return;
  }
  std::uint32_t defaults = 0;
  for (const nlohmann::json& value : *list) {
    CiProfile& ci = gi.ci_profiles[gi.ci_profile_count];
    const std::string path =
        reader.path_of("compute_profiles") + "[" + std::to_string(gi.ci_profile_count) + "]";
    ObjectReader entry(value, path, error);
    read_compute_profile(entry, gi, sources, ci);
    defaults += ci.is_default;
    for (std::uint32_t i = 0; i < gi.ci_profile_count; ++i) {
      if (gi.ci_profiles[i].profile == ci.profile) {
        entry.fail("enum", "given twice");
      }
    }
    ++gi.ci_profile_count;
  }
  if (defaults != 1) {
    reader.fail("compute_profiles", "expected exactly one with \"default\": true");
  }
  if (reader.ok()) {
    check_spans(reader, gi);
  }
}

void read_engines(ObjectReader& reader, Engines& engines, std::string& error) {
  if (const nlohmann::json* value = reader.member("engines")) {
    ObjectReader entry(*value, reader.path_of("engines"), error);
    engines.ce = count(entry, "ce", 0, 64);
    engines.dec = count(entry, "dec", 0, 64);
    engines.enc = count(entry, "enc", 0, 64);
    engines.jpeg = count(entry, "jpeg", 0, 64);
    engines.ofa = count(entry, "ofa", 0, 64);
    entry.finish();
  }
}

void read_gpu_profile(ObjectReader& reader,
                      const Board& board,
                      Sources& sources,
                      GiProfile& out,
                      std::string& error) {
  read_name(reader, out.name);
  out.profile = count(reader, "enum", 0, kMaxGiProfiles - 1);
  out.id = count(reader, "id", 0, 1023);
  out.slices = count(reader, "slices", 1, board.compute_slices);
  out.max_count = count(reader, "max_count", 1, board.compute_slices);
  out.sm = count(reader, "sm", 1, board.sm_count);
  out.memory_mib =
      static_cast<std::uint64_t>(reader.number("memory_mib", 1, board.memory_total_bytes >> 20));
  out.p2p = reader.flag("p2p") ? 1 : 0;
  out.gfx = reader.flag("gfx") ? 1 : 0;
  out.media_extension = reader.flag("media_extension") ? 1 : 0;
  read_engines(reader, out.engines, error);
  const std::uint32_t size = count(reader, "size", 1, board.memory_slices);
  out.placement_count =
      read_starts(reader, out.placements, kMaxPlacements, size, board.memory_slices);
  if (out.max_count > out.placement_count) {
    reader.fail("max_count", "more than there are starts");
  }
  sources.check_from(reader, kProfileGroups);
  read_compute_profiles(reader, out, sources, error);
  reader.finish();
}

void read_gpu_profiles(ObjectReader& block, Board& board, Sources& sources, std::string& error) {
  const nlohmann::json* list = block.array("profiles", kMaxGiProfiles);
  if (list == nullptr) {
    return;
  }
  for (const nlohmann::json& value : *list) {
    GiProfile& gi = board.gi_profiles[board.gi_profile_count];
    const std::string path = "mig.profiles[" + std::to_string(board.gi_profile_count) + "]";
    ObjectReader entry(value, path, error);
    read_gpu_profile(entry, board, sources, gi, error);
    for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
      if (board.gi_profiles[i].profile == gi.profile || board.gi_profiles[i].id == gi.id) {
        entry.fail("id", "id and enum must be the only ones on the board");
      }
    }
    ++board.gi_profile_count;
  }
  if (board.gi_profile_count == 0) {
    block.fail("profiles", "expected at least one");
  }
}

void read_compute_places(ObjectReader& block, Board& board) {
  const std::string rule = block.text("compute_places", 16);
  if (!rule.empty() && rule != "aligned" && rule != "first_free") {
    block.fail("compute_places", "expected aligned or first_free, found \"" + rule + "\"");
  }
  board.aligned_compute = rule == "aligned" ? 1 : 0;
}

}  // namespace

void read_mig(const nlohmann::json& value, Board& board, std::string& error) {
  ObjectReader block(value, "mig", error);
  Sources sources(block, error);
  if (const nlohmann::json* notes = block.array("notes", 32)) {
    for (const nlohmann::json& note : *notes) {
      if (!note.is_string()) {
        block.fail("notes", "expected texts");
      }
    }
  }
  board.memory_slices = count(block, "memory_slices", 1, 16);
  board.compute_slices = count(block, "compute_slices", 1, 8);
  board.mode_needs_reset = block.flag("mode_needs_reset") ? 1 : 0;
  read_compute_places(block, board);
  sources.check_from(block, kBlockGroups);
  if (error.empty()) {
    read_gpu_profiles(block, board, sources, error);
    sources.finish(block);
  } else {
    block.member("profiles");
  }
  block.finish();
}

}  // namespace migsim
