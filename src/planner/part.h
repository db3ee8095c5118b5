// SPDX-License-Identifier: Apache-2.0
// Inside of planner/: the part of an impossible desired layout that would fit, found by the same
// search that plans.
#ifndef MIGCTL_PLANNER_PART_H_
#define MIGCTL_PLANNER_PART_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "planner/search.h"

namespace mig::planner {

// One want of a desired layout, or an existing instance that stays.
struct Piece {
  Want want;
  const GpuInstance* there = nullptr;  // exists at this placement already, and is wanted there
  bool runs = false;                   // exists, is busy, and satisfies no given placement
};

// One piece per want; a want that an existing instance satisfies at its given placement is a piece
// of its own.
std::vector<Piece> pieces_of(const SearchInput& input);

// A subset of the desired layout that can be planned together with all that stays and all that
// runs.
struct Part {
  std::vector<Piece> pieces;
  // Some busy instances are not in the desired layout.
  bool beyond_the_wish = false;
};

// The largest such subset: most instances, then most slots; an approximation for desired layouts
// with hundreds of different instances. nullopt: what runs is no layout that could be named.
std::optional<Part> largest_part(const SearchInput& input);

// The whole desired layout with given placements dropped, except of instances that exist there:
// each piece with its new placement. nullopt: no placement was given, or it does not fit either.
std::optional<std::vector<Piece>> at_other_places(const SearchInput& input);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_PART_H_
