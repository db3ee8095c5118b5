// SPDX-License-Identifier: Apache-2.0
#include "board_facts.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>

#include <nlohmann/json.hpp>

namespace mig::property {
namespace {

using Json = nlohmann::json;

std::string bare(const std::string& name) {
  return name.rfind("MIG ", 0) == 0 ? name.substr(4) : name;
}

// The driver gives two compute profiles one name, without the attribute of their GPU instance. The
// plain one is the default of a GPU instance, and among smaller ones the one with the larger
// maximum.
std::string told_apart(const Json& json, const Json& compute) {
  const int slices = compute.at("slices");
  const std::string owner = bare(json.at("name"));
  const bool whole = slices == json.at("slices").get<int>();
  bool plain = true;
  for (const Json& other : json.at("compute_profiles")) {
    plain = plain && (other.at("slices") != slices ||
                      (whole ? compute.at("default") >= other.at("default")
                             : compute.at("max_count") >= other.at("max_count")));
  }
  return (whole ? "" : std::to_string(slices) + "c.") + owner +
         (plain ? "" : "@" + std::to_string(compute.at("sm").get<int>()) + "sm");
}

ProfileFacts profile_from(const Json& json) {
  ProfileFacts out;
  out.name = bare(json.at("name"));
  out.id = json.at("id");
  out.slices = json.at("slices");
  out.max_count = json.at("max_count");
  out.size = json.at("size");
  out.extension = json.at("media_extension");
  const Json& engines = json.at("engines");
  out.engines = {engines.at("dec"), engines.at("enc"), engines.at("jpeg"), engines.at("ofa")};
  out.starts = json.at("starts").get<std::vector<int>>();
  for (const Json& compute : json.at("compute_profiles")) {
    out.computes.push_back({told_apart(json, compute),
                            compute.at("enum"),
                            compute.at("slices"),
                            compute.at("size"),
                            compute.at("max_count"),
                            compute.at("starts").get<std::vector<int>>(),
                            compute.at("sm").is_number(),
                            bare(compute.at("name"))});
  }
  return out;
}

}  // namespace

int BoardFacts::find(const std::string& name) const {
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    if (profiles[i].name == name) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

Counts BoardFacts::counts(const Windows& windows) const {
  Counts out(profiles.size());
  for (const Window& window : windows) {
    ++out[static_cast<std::size_t>(window.profile)];
  }
  return out;
}

bool BoardFacts::legal(const Windows& windows) const {
  std::vector<bool> taken(static_cast<std::size_t>(memory_slices));
  std::array<int, 4> used{};
  int slices = 0;
  int extensions = 0;
  const Counts each = counts(windows);
  for (const Window& window : windows) {
    const ProfileFacts& profile = profiles[static_cast<std::size_t>(window.profile)];
    if (std::count(profile.starts.begin(), profile.starts.end(), window.start) == 0 ||
        each[static_cast<std::size_t>(window.profile)] > profile.max_count) {
      return false;
    }
    for (int slot = window.start; slot < window.start + profile.size; ++slot) {
      if (taken.at(static_cast<std::size_t>(slot))) {
        return false;
      }
      taken[static_cast<std::size_t>(slot)] = true;
    }
    slices += profile.slices;
    extensions += profile.extension ? 1 : 0;
    for (std::size_t e = 0; e < used.size(); ++e) {
      used[e] += profile.engines[e];
    }
  }
  for (std::size_t e = 0; e < used.size(); ++e) {
    if (used[e] > engines[e]) {
      return false;
    }
  }
  return slices <= compute_slices && extensions <= 1;
}

bool legal_inside(const ProfileFacts& profile, const std::vector<Inner>& inner) {
  std::array<bool, 16> taken{};
  std::map<int, int> of_number;
  int slices = 0;
  for (const Inner& one : inner) {
    const auto found = std::find_if(
        profile.computes.begin(), profile.computes.end(), [&](const ComputeFacts& facts) {
          return facts.number == one.number;
        });
    if (found == profile.computes.end() || !found->told ||
        std::count(found->starts.begin(), found->starts.end(), one.start) == 0 ||
        ++of_number[one.number] > found->max_count) {
      return false;
    }
    for (int slot = one.start; slot < one.start + found->size; ++slot) {
      if (taken.at(static_cast<std::size_t>(slot))) {
        return false;
      }
      taken[static_cast<std::size_t>(slot)] = true;
    }
    slices += found->slices;
  }
  return slices <= profile.slices;
}

std::vector<std::vector<Inner>> all_inside(const ProfileFacts& profile) {
  std::vector<std::vector<Inner>> out;
  std::vector<Inner> chosen;
  const std::function<void(int)> from = [&](int slot) {
    constexpr int kSlots = 8;
    if (slot >= kSlots) {
      out.push_back(chosen);
      std::sort(out.back().begin(), out.back().end());
      return;
    }
    from(slot + 1);
    for (const ComputeFacts& facts : profile.computes) {
      if (std::count(facts.starts.begin(), facts.starts.end(), slot) != 0) {
        chosen.push_back({facts.number, slot});
        if (legal_inside(profile, chosen)) {
          from(slot + facts.size);
        }
        chosen.pop_back();
      }
    }
  };
  from(0);
  std::sort(out.begin(), out.end());
  return out;
}

BoardFacts read_board(const std::string& key) {
  std::ifstream file(std::string(MIG_BOARD_FILES) + "/" + key + ".json");
  const Json json = Json::parse(file, nullptr, false);
  if (json.is_discarded()) {
    std::fprintf(stderr, "no readable board file %s\n", key.c_str());
    std::abort();
  }
  BoardFacts board;
  board.key = key;
  const Json& mig = json.at("mig");
  board.memory_slices = mig.at("memory_slices");
  board.compute_slices = mig.at("compute_slices");
  for (const Json& profile : mig.at("profiles")) {
    board.profiles.push_back(profile_from(profile));
    for (std::size_t e = 0; e < board.engines.size(); ++e) {
      board.engines[e] = std::max(board.engines[e], board.profiles.back().engines[e]);
    }
  }
  return board;
}

std::vector<Windows> all_layouts(const BoardFacts& board) {
  std::vector<Windows> out;
  Windows chosen;
  const std::function<void(int)> from = [&](int slot) {
    if (slot >= board.memory_slices) {
      out.push_back(chosen);
      return;
    }
    from(slot + 1);
    for (std::size_t i = 0; i < board.profiles.size(); ++i) {
      const ProfileFacts& profile = board.profiles[i];
      if (std::count(profile.starts.begin(), profile.starts.end(), slot) == 0) {
        continue;
      }
      chosen.push_back({static_cast<int>(i), slot});
      if (board.legal(chosen)) {
        from(slot + profile.size);
      }
      chosen.pop_back();
    }
  };
  from(0);
  return out;
}

std::map<Counts, std::vector<Windows>> by_counts(const BoardFacts& board,
                                                 const std::vector<Windows>& layouts) {
  std::map<Counts, std::vector<Windows>> out;
  for (const Windows& windows : layouts) {
    out[board.counts(windows)].push_back(windows);
  }
  return out;
}

}  // namespace mig::property
