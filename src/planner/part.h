// SPDX-License-Identifier: Apache-2.0
// Inside of planner/: what of a refused wish would fit, found by the search that plans.
#ifndef MIGCTL_PLANNER_PART_H_
#define MIGCTL_PLANNER_PART_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "planner/search.h"

namespace mig::planner {

// One want of a wish, or what is there and stays.
struct Piece {
  Want want;
  const GpuInstance* there = nullptr;  // it lies just so already, and is wanted there
  bool runs = false;                   // it is there, in use, and answers no given place
};

// The wants, each that lies at its given place already by itself.
std::vector<Piece> pieces_of(const SearchInput& input);

// What plans together with all that stays and all that runs.
struct Part {
  std::vector<Piece> pieces;
  // Some of them run and are not in the wish.
  bool beyond_the_wish = false;
};

// The largest one: most instances, then most slots; of wishes with hundreds of different instances
// a large one. nullopt: what runs is none that a layout could name.
std::optional<Part> largest_part(const SearchInput& input);

// The whole wish when given places are given up, except for what lies there already: each piece
// with the place that it would get. nullopt: no place was given, or it does not fit either.
std::optional<std::vector<Piece>> at_other_places(const SearchInput& input);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_PART_H_
