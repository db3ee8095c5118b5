// SPDX-License-Identifier: Apache-2.0
// Prints a capture as a board file, and copies figures from another board file.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/gpus/board.h"
#include "sim/gpus/strict_json.h"
#include "sim/tools/capture.h"

namespace migsim {

namespace {

using Json = nlohmann::ordered_json;

std::string hex_text(std::uint32_t value, int digits) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%0*x", digits, value);
  return text.data();
}

const char* architecture_name(Architecture architecture) {
  switch (architecture) {
    case Architecture::kAmpere:
      return "ampere";
    case Architecture::kHopper:
      return "hopper";
    default:
      return "blackwell";
  }
}

// Provenance of the block: its figures grouped by origin, in the format of sim/gpus/provenance.cc.
Json provenance_of(const Capture& capture, const std::string& block) {
  std::map<Origin, std::vector<std::string>> by_origin;
  for (const auto& [path, origin] : capture.origins) {
    if (path.starts_with(block + ".")) {
      by_origin[origin].push_back(path.substr(block.size() + 1));
    }
  }
  Json list = Json::array();
  for (const auto& [origin, figures] : by_origin) {
    list.push_back({{"of", figures},
                    {"kind", origin.kind},
                    {"source", origin.source},
                    {"driver", origin.driver.empty() ? Json() : Json(origin.driver)},
                    {"date", origin.date}});
  }
  return list;
}

bool known(const Capture& capture, const std::string& path) {
  return capture.origins.contains(path);
}

void add_figures(const Capture& capture, std::string_view block, Json& out) {
  for (const CaptureFigure& figure : capture_figures()) {
    if (figure.block == block) {
      out[figure.key] = known(capture, figure.path()) ? Json(capture.board.*figure.field) : Json();
    }
  }
}

Json identity_json(const Capture& capture) {
  const Board& board = capture.board;
  const auto text = [&](const char* path, const char* value) {
    return known(capture, path) ? Json(value) : Json();
  };
  Json out = {
      {"provenance", provenance_of(capture, "identity")},
      {"name", board.name},
      {"architecture", architecture_name(board.architecture)},
      {"compute_capability", std::to_string(board.cc_major) + "." + std::to_string(board.cc_minor)},
      {"pci_device_id", hex_text(board.pci_device_id, 8)}};
  Json figures;
  add_figures(capture, "identity", figures);
  out["sm_count"] = figures["sm_count"];
  out["brand"] = figures["brand"];
  out["pci_subsystem_id"] = known(capture, "identity.pci_subsystem_id")
                                ? Json(hex_text(board.pci_subsystem_id, 8))
                                : Json();
  out["pci_class"] =
      known(capture, "identity.pci_class") ? Json(hex_text(board.pci_class, 6)) : Json();
  out["vbios"] = text("identity.vbios", board.vbios);
  out["part_number"] = text("identity.part_number", board.part_number);
  out["cores"] = figures["cores"];
  return out;
}

Json starts_of(const Placement* placements, std::uint32_t count) {
  Json starts = Json::array();
  for (std::uint32_t i = 0; i < count; ++i) {
    starts.push_back(placements[i].start);
  }
  return starts;
}

// Label in mig.sources of the origin of a profile's compute profiles.
const char* label_of(Capture::Compute from) {
  switch (from) {
    case Capture::Compute::kRead:
      return "told";
    case Capture::Compute::kBuiltin:
      return "builtin";
    default:
      return "derived";
  }
}

Json compute_json(const CiProfile& ci, const char* from) {
  Json labels = {{"name", from}, {"count", from}, {"places", from}};
  if (ci.sm != kUnknown) {
    labels["sm"] = from;
  }
  return {{"name", ci.name},
          {"enum", ci.profile},
          {"slices", ci.slices},
          {"max_count", ci.max_count},
          {"default", ci.is_default != 0},
          {"sm", ci.sm == kUnknown ? Json() : Json(ci.sm)},
          {"starts", starts_of(ci.placements, ci.placement_count)},
          {"size", ci.placements[0].size},
          {"from", labels}};
}

Json profile_json(const Capture& capture, std::uint32_t at) {
  const GiProfile& gi = capture.board.gi_profiles[at];
  Json computes = Json::array();
  for (std::uint32_t i = 0; i < gi.ci_profile_count; ++i) {
    computes.push_back(compute_json(gi.ci_profiles[i], label_of(capture.compute[at])));
  }
  return {{"name", gi.name},
          {"enum", gi.profile},
          {"id", gi.id},
          {"slices", gi.slices},
          {"max_count", gi.max_count},
          {"sm", gi.sm},
          {"memory_mib", gi.memory_mib},
          {"p2p", gi.p2p != 0},
          {"gfx", gi.gfx != 0},
          {"media_extension", gi.media_extension != 0},
          {"engines",
           {{"ce", gi.engines.ce},
            {"dec", gi.engines.dec},
            {"enc", gi.engines.enc},
            {"jpeg", gi.engines.jpeg},
            {"ofa", gi.engines.ofa}}},
          {"starts", starts_of(gi.placements, gi.placement_count)},
          {"size", gi.placements[0].size},
          {"from", {{"profile", "told"}, {"placements", "told"}}},
          {"compute_profiles", computes}};
}

Json source_json(const Origin& origin) {
  return {{"kind", origin.kind},
          {"source", origin.source},
          {"driver", origin.driver.empty() ? Json() : Json(origin.driver)},
          {"date", origin.date}};
}

// mig.sources, limited to the origins in use.
Json mig_sources(const Capture& capture) {
  Json sources;
  for (const char* label : {"told", "ends", "largest", "mode"}) {
    sources[label] = source_json(capture.origins.at(std::string("mig.") + label));
  }
  sources["derived"] = source_json(capture.derived(
      "follows from the GPU instance profiles as on every board seen (sim/gpus/README.md)"));
  const auto* end = capture.compute + capture.board.gi_profile_count;
  if (std::find(capture.compute, end, Capture::Compute::kBuiltin) != end) {
    sources["builtin"] = source_json(
        {"derived", "as the built-in board " + capture.builtin + " has it", "", capture.date});
  }
  return sources;
}

Json mig_json(const Capture& capture) {
  const Board& board = capture.board;
  Json profiles = Json::array();
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    profiles.push_back(profile_json(capture, i));
  }
  return {{"sources", mig_sources(capture)},
          {"notes", capture.notes},
          {"memory_slices", board.memory_slices},
          {"compute_slices", board.compute_slices},
          {"mode_needs_reset", board.mode_needs_reset != 0},
          {"compute_places", board.aligned_compute != 0 ? "aligned" : "first_free"},
          {"from",
           {{"memory_slices", "ends"},
            {"compute_slices", "largest"},
            {"mode_needs_reset", "mode"},
            {"compute_places", "derived"}}},
          {"profiles", profiles}};
}

// Origin of `figure` in a block's provenance.
Origin origin_in(const nlohmann::json& block, const std::string& figure) {
  for (const nlohmann::json& entry : block.at("provenance")) {
    for (const nlohmann::json& of : entry.at("of")) {
      if (of == figure) {
        const nlohmann::json& driver = entry.at("driver");
        return {entry.at("kind").get<std::string>(),
                entry.at("source").get<std::string>(),
                driver.is_null() ? "" : driver.get<std::string>(),
                entry.at("date").get<std::string>()};
      }
    }
  }
  return {"derived", "board file without provenance of it", "", "unknown"};
}

void fill_compute_profiles(const Board& from, Capture& capture) {
  for (std::uint32_t i = 0; i < capture.board.gi_profile_count; ++i) {
    GiProfile& gi = capture.board.gi_profiles[i];
    for (std::uint32_t k = 0; k < from.gi_profile_count; ++k) {
      const GiProfile& other = from.gi_profiles[k];
      const bool same = other.profile == gi.profile && other.sm == gi.sm &&
                        std::string_view(other.name) == gi.name;
      if (same && capture.compute[i] == Capture::Compute::kDerived) {
        std::copy_n(other.ci_profiles, other.ci_profile_count, gi.ci_profiles);
        gi.ci_profile_count = other.ci_profile_count;
        capture.compute[i] = Capture::Compute::kBuiltin;
      }
    }
  }
}

}  // namespace

std::string print_board(const Capture& capture) {
  Json root = {{"schema", "migsim-board/2"},
               {"key", capture.board.key},
               {"identity", identity_json(capture)}};
  for (const char* block : {"memory", "power", "temperature", "clocks", "links", "roofline"}) {
    root[block] = {{"provenance", provenance_of(capture, block)}};
    add_figures(capture, block, root[block]);
  }
  root["mig"] = mig_json(capture);
  using Handler = Json::error_handler_t;
  return root.dump(2, ' ', false, Handler::replace) + "\n";
}

bool fill_from(std::string_view board_file, Capture& capture, std::string& error) {
  Board from;
  nlohmann::json json;
  if (!load_board(board_file, from, error) || !parse_strict(board_file, json, error)) {
    return false;
  }
  for (const CaptureFigure& figure : capture_figures()) {
    if (!known(capture, figure.path()) && from.*figure.field != kUnknown) {
      capture.board.*figure.field = from.*figure.field;
      capture.origins[figure.path()] = origin_in(json.at(figure.block), figure.key);
      capture.untold.erase(figure.path());
    }
  }
  capture.builtin = from.key;
  fill_compute_profiles(from, capture);
  return true;
}

}  // namespace migsim
