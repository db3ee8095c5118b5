// SPDX-License-Identifier: Apache-2.0
// systemd units as cgroups. A unit's name says little: each user's own manager may have a
// jupyter.service, and whoever has a delegated cgroup can make a folder of any name in it. A unit
// is therefore bound by the path and the inode of its cgroup, found once for a user.
#ifndef MIGCTL_HOLDERS_UNIT_H_
#define MIGCTL_HOLDERS_UNIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mig/result.h"

namespace mig::holders {

struct UnitCgroup {
  std::string path;         // below the cgroups' root: "/unified/system.slice/jupyter.service"
  std::uint64_t inode = 0;  // of its folder: one that was made anew has another

  friend bool operator==(const UnitCgroup&, const UnitCgroup&) = default;
};

// A name as systemd gives: "jupyter.service", "run-u17.scope"; no '/', no control character.
bool is_unit_name(std::string_view name);

// A search of all cgroups, which may take a tenth of a second and more, where the unit is at no
// usual place: callers bound how often (service/search_budget.h).
//
// The unit of this name that has processes and that `uid` may name: first one of the user's own
// manager (below user-<uid>.slice), then one outside of all users' slices whose cgroup the user
// owns. root: first one of the system's manager, then one of a user's, if it is the only one.
// kInvalidInput: no name of a unit; kNotFound: none runs; kPermission: it is somebody else's;
// kConflict: several users run one.
Result<UnitCgroup> find_unit(const std::string& cgroups,
                             const std::string& unit,
                             std::uint32_t uid);

// The unit at one of the places that systemd gives it when nobody says otherwise, without a search:
// of the user's own manager or session; for root, of the system's manager. nullopt: none runs
// there.
std::optional<UnitCgroup> unit_at_usual_place(const std::string& cgroups,
                                              const std::string& unit,
                                              std::uint32_t uid);

// True when a process is in the cgroup; `folder` is its path.
bool cgroup_populated(const std::string& folder);

// True while the cgroup is the same and has processes.
bool unit_lives(const std::string& cgroups, const UnitCgroup& unit);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_UNIT_H_
