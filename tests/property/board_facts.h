// SPDX-License-Identifier: Apache-2.0
// A board file (sim/gpus/*.json) as plain numbers, and every legal set of GPU instances: a third,
// independent reading of the rules. Shares no code with planner and simulator.
#ifndef MIGCTL_TESTS_PROPERTY_BOARD_FACTS_H_
#define MIGCTL_TESTS_PROPERTY_BOARD_FACTS_H_

#include <array>
#include <map>
#include <string>
#include <vector>

namespace mig::property {

struct ComputeFacts {
  std::string name;  // unambiguous name: "1c.3g.20gb", "1c.2g.20gb@26sm"
  int number = 0;    // NVML_COMPUTE_INSTANCE_PROFILE_*
  int slices = 0;
  int size = 0;  // slots; equal to slices on Ampere only: on Hopper a 3c takes four
  int max_count = 0;
  std::vector<int> starts;
  bool told = true;         // false: SM count unknown, so the driver does not offer it
  std::string driver_name;  // driver's name, possibly ambiguous, without attribute
};

struct ProfileFacts {
  std::string name;  // "3g.20gb"
  int id = 0;
  int slices = 0;
  int max_count = 0;
  int size = 0;  // memory slices
  bool extension = false;
  std::array<int, 4> engines{};  // decoders, encoders, JPEG, OFA
  std::vector<int> starts;
  std::vector<ComputeFacts> computes;
};

// One GPU instance of a layout: profile (index) and start.
struct Window {
  int profile = 0;
  int start = 0;
  friend auto operator<=>(const Window&, const Window&) = default;
};

// One compute instance inside a GPU instance: its profile's number and start.
struct Inner {
  int number = 0;
  int start = 0;
  friend auto operator<=>(const Inner&, const Inner&) = default;
};

using Windows = std::vector<Window>;  // ascending start
using Counts = std::vector<int>;      // by profile

struct BoardFacts {
  std::string key;
  int memory_slices = 0;
  int compute_slices = 0;
  std::vector<ProfileFacts> profiles;
  std::array<int, 4> engines{};  // of the whole board

  int find(const std::string& name) const;  // -1 = none
  // Legality of a set of GPU instances: legal, disjoint windows; maximum counts; compute slices;
  // one media extension; no more media engines than the board has.
  bool legal(const Windows& windows) const;
  Counts counts(const Windows& windows) const;
};

// Legality of a set of compute instances in a GPU instance of that profile: legal, disjoint slots;
// maximum counts; slices.
bool legal_inside(const ProfileFacts& profile, const std::vector<Inner>& inner);

// Every legal set, ascending, the empty one included.
std::vector<std::vector<Inner>> all_inside(const ProfileFacts& profile);

// Aborts when the file is missing: without data the test would prove nothing.
BoardFacts read_board(const std::string& key);

// Every legal set, the empty one included, enumerated over the slots from the left.
std::vector<Windows> all_layouts(const BoardFacts& board);

std::map<Counts, std::vector<Windows>> by_counts(const BoardFacts& board,
                                                 const std::vector<Windows>& layouts);

}  // namespace mig::property

#endif  // MIGCTL_TESTS_PROPERTY_BOARD_FACTS_H_
