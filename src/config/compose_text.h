// SPDX-License-Identifier: Apache-2.0
// Writes a Compose file, or one that overrides parts of another.
//
// Threading: pure functions.
#ifndef MIGCTL_CONFIG_COMPOSE_TEXT_H_
#define MIGCTL_CONFIG_COMPOSE_TEXT_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mig::config {

// The first line of every file that is written.
inline constexpr const char* kComposeMark = "# Written by migctl compose render.";

// A list that stands in the file; `replaces`: for those of earlier files, which it otherwise adds
// to (tag !override, of Compose 2.24.4).
struct ComposeList {
  std::vector<std::string> items;
  bool replaces = false;

  bool written() const { return replaces || !items.empty(); }
};

struct ComposeServiceText {
  std::string name;
  std::string image;                                      // "" = not written
  std::vector<std::pair<std::string, std::string>> wish;  // of x-migctl; empty = not written
  std::vector<std::string> notes;                         // comments
  ComposeList devices;                                    // the short form
  // deploy.resources.reservations.devices: one entry.
  std::string driver;  // "cdi", "nvidia"
  ComposeList device_ids;
  // Of earlier files: taken back.
  bool resets_gpus = false, resets_runtime = false;
  // Of the environment; nullopt: taken back, which Compose does for maps only.
  std::vector<std::pair<std::string, std::optional<std::string>>> variables;
};

std::string compose_text(const std::vector<ComposeServiceText>& services,
                         const std::vector<std::string>& comments);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_COMPOSE_TEXT_H_
