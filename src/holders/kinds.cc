// SPDX-License-Identifier: Apache-2.0
#include "holders/kinds.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace mig::holders {
namespace {

// True for a process that root started, or that runs in a unit of the system's manager of such a
// name (nvidia-persistenced and DCGM give up root): a name alone is anybody's choice.
template <std::size_t count>
bool is_systems(const ProcessFacts& facts, const std::array<std::string_view, count>& units) {
  return facts.roots || std::any_of(units.begin(), units.end(), [&](std::string_view unit) {
           return facts.system_unit.starts_with(unit);
         });
}

}  // namespace

HolderKind kind_of(const ProcessFacts& facts, bool of_machine) {
  constexpr std::array<std::string_view, 3> kServiceUnits = {"nvidia-", "dcgm", "nvsm"};
  constexpr std::array<std::string_view, 5> kDisplayUnits = {
      "gdm", "sddm", "lightdm", "display-manager", "xdm"};
  constexpr std::array<std::string_view, 6> kServices = {"nvidia-persiste",
                                                         "nv-hostengine",
                                                         "nv-fabricmanage",
                                                         "nvsm",
                                                         "dcgm-exporter",
                                                         "nvidia-imex"};
  constexpr std::array<std::string_view, 13> kDisplays = {"Xorg",
                                                          "Xwayland",
                                                          "gnome-shell",
                                                          "gdm",
                                                          "sddm",
                                                          "lightdm",
                                                          "kwin_wayland",
                                                          "kwin_x11",
                                                          "plasmashell",
                                                          "mutter",
                                                          "weston",
                                                          "sway",
                                                          "Hyprland"};
  const auto starts = [&](std::string_view prefix) { return facts.name.starts_with(prefix); };
  if (std::any_of(kServices.begin(), kServices.end(), starts) &&
      (of_machine || is_systems(facts, kServiceUnits))) {
    return HolderKind::kService;
  }
  if (std::any_of(kDisplays.begin(), kDisplays.end(), starts) &&
      (of_machine || is_systems(facts, kDisplayUnits))) {
    return HolderKind::kDisplay;
  }
  return HolderKind::kProcess;
}

}  // namespace mig::holders
