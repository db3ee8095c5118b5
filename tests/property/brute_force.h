// SPDX-License-Identifier: Apache-2.0
// Oracle for the fewest busy instances that a layout disturbs, by brute force: every legal set of
// GPU instances with the wanted counts, every assignment of wanted instances, every placement of
// compute instances inside. Shares no code with src/planner.
#ifndef MIGCTL_TESTS_PROPERTY_BRUTE_FORCE_H_
#define MIGCTL_TESTS_PROPERTY_BRUTE_FORCE_H_

#include <optional>
#include <set>
#include <vector>

#include "board_facts.h"

namespace mig::property {

struct HeldCompute {
  int compute = 0;  // index into ProfileFacts::computes
  int start = 0;
  bool busy = false;
};

// An existing GPU instance. `busy` also when a process is on it as a whole.
struct Held {
  Window window;
  bool busy = false;
  std::vector<HeldCompute> computes;
};

struct ComputeWish {
  int compute = 0;
  std::optional<int> start;
  friend auto operator<=>(const ComputeWish&, const ComputeWish&) = default;
};

struct Wish {
  int profile = 0;
  std::optional<int> start;
  std::vector<ComputeWish> computes;
  friend auto operator<=>(const Wish&, const Wish&) = default;
};

// Cost of the best solution.
struct Cost {
  int busy = 0;       // busy GPU or compute instances destroyed
  int instances = 0;  // GPU instances destroyed
  int computes = 0;   // compute instances destroyed inside kept GPU instances
  friend auto operator<=>(const Cost&, const Cost&) = default;
};

class BruteForce {
 public:
  explicit BruteForce(BoardFacts board);

  const BoardFacts& board() const { return board_; }

  const std::vector<Windows>& layouts() const { return layouts_; }

  // The least cost, or nullopt when no legal layout has the wanted instances. Only busy instances
  // whose index in `held` is in `may_go` may be disturbed; nullptr = any.
  std::optional<Cost> best(const std::vector<Held>& held,
                           const std::vector<Wish>& wishes,
                           const std::set<std::size_t>* may_go) const;

 private:
  BoardFacts board_;
  std::vector<Windows> layouts_;
  std::map<Counts, std::vector<Windows>> by_counts_;
};

// Oracle of a board file ("a100_sxm4_40gb"), cached.
const BruteForce& brute_for(const std::string& key);

}  // namespace mig::property

#endif  // MIGCTL_TESTS_PROPERTY_BRUTE_FORCE_H_
