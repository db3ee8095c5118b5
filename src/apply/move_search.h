// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: search for the busy instances to move, and their new placements, so that a
// layout becomes possible. Exhaustive over sets, smallest first, and over all placements of the
// successors, GPU by GPU with memoised results. Pure.
#ifndef MIGCTL_APPLY_MOVE_SEARCH_H_
#define MIGCTL_APPLY_MOVE_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"

#include "apply/migration.h"

namespace mig::apply {

class MoveSearch {
 public:
  // Both must outlive this object. `now` must contain all holders.
  MoveSearch(const Inventory& now, const DesiredLayout& desired, std::size_t most_looks);

  // nullopt: no solution, or the budget is used up: see complete().
  std::optional<Migration> run();

  // True when the search was exhaustive.
  bool complete() const { return looks_ < most_looks_; }

  // Busy instances on GPUs of the layout for whose successor no placement exists at all.
  const std::vector<Move>& immovable() const { return immovable_; }

  // A look evaluates one GPU with its leaving and incoming instances. A new one needs a plan (0.2
  // ms) and counts as a hundred memoised ones.
  static constexpr std::size_t kPlanLooks = 100;

 private:
  // A busy instance on a GPU of the layout; equal instances have the same `shape`.
  struct Busy {
    std::size_t gpu;
    const GpuInstance* instance;
    std::size_t shape;
    bool movable = false;
  };

  struct Place {
    std::size_t gpu;
    Placement at;
  };

  // Incoming: (index into busy_, placement) per successor on a GPU; Leaving: bit set of its busy
  // instances.
  using Incoming = std::vector<std::pair<std::size_t, Placement>>;
  using Leaving = std::uint64_t;
  using Key = std::tuple<std::size_t, Leaving, std::vector<std::tuple<std::size_t, Placement>>>;

  enum class Beside { kNo, kOverlappedGo, kIdleGo };

  void find_busy();
  void find_movable();
  std::vector<Place> places_for(const Busy& busy) const;
  Key key_of(std::size_t gpu, Leaving leaving, const Incoming& incoming) const;
  // True when the GPU's layout is possible around what remains after the moves.
  bool stands(std::size_t gpu, Leaving leaving, const Incoming& incoming);
  // Whether the successors fit beside the running instances, and which idle ones must be destroyed
  // first.
  Beside beside(std::size_t gpu, const Incoming& incoming);
  Beside look_beside(std::size_t gpu, const Incoming& incoming);
  bool plans(const Gpu& gpu, const DesiredGpu& wanted);
  bool goes(const Gpu& gpu, const GpuInstance& idle, const Incoming& incoming, Beside how) const;
  DesiredGpu layout_beside(std::size_t gpu, const Incoming& incoming, Beside how) const;
  Gpu moved(std::size_t gpu, Leaving leaving, const Incoming& incoming) const;

  // Enumerates the sets: per GPU those busy instances without which its layout is possible.
  bool choose_sets(std::size_t gpu, std::size_t left);
  bool place(std::size_t index);
  bool whole();

  const Inventory& now_;
  const DesiredLayout& desired_;
  const std::size_t most_looks_;
  std::vector<const Gpu*> gpus_;  // GPUs of desired_.gpus
  std::vector<Busy> busy_;
  std::vector<std::vector<std::size_t>> busy_on_;  // indices into busy_, by GPU
  std::vector<Move> immovable_;
  std::map<Key, bool> stands_;
  std::map<Key, Beside> beside_;
  std::size_t looks_ = 0;

  // The set under evaluation.
  std::vector<Leaving> leaving_;
  std::vector<std::size_t> moves_;
  std::vector<Place> chosen_;
  std::vector<Incoming> incoming_;
  std::optional<Migration> found_;
};

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_MOVE_SEARCH_H_
