// SPDX-License-Identifier: Apache-2.0
// Legal combinations of instances on a GPU, from the driver's data of its profiles: no slot twice,
// no profile beyond its maximum count, no more compute slices than the board has, and at most one
// instance with the media extension (+me); one with all media engines (+me.all) leaves none to the
// others. A Load accumulates the usage of a set of instances.
#ifndef MIGCTL_PLANNER_BOARD_H_
#define MIGCTL_PLANNER_BOARD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"

namespace mig::planner {

// One instance of a layout; `profile` is an index into Board::profiles().
struct Placed {
  std::size_t profile = 0;
  Placement placement;
  friend auto operator<=>(const Placed&, const Placed&) = default;
};

using Layout = std::vector<Placed>;

struct Load {
  std::uint64_t taken = 0;  // bit set of slots in use
  std::uint32_t slices = 0;
  std::uint32_t extensions = 0;   // instances with +me or +me.all
  std::uint32_t all_media = 0;    // instances with +me.all
  std::uint32_t media_users = 0;  // instances with any media engine
  std::vector<std::uint32_t> counts;
};

class Board {
 public:
  // What of a profile's media engines decides whether it fits beside others.
  struct Traits {
    bool extension = false;   // +me or +me.all
    bool all_media = false;   // +me.all
    bool uses_media = false;  // any media engine
  };

  // Keeps a pointer to `gpu`, which must outlive it.
  explicit Board(const Gpu& gpu);

  const Gpu& gpu() const { return *gpu_; }

  const std::vector<GpuInstanceProfile>& profiles() const { return gpu_->profiles; }

  const Traits& traits(std::size_t profile) const { return traits_[profile]; }

  std::optional<std::size_t> find(const ProfileName& name) const;
  std::optional<std::size_t> find(ProfileId id) const;

  Load empty() const;
  Load load_of(const Layout& layout) const;

  bool fits(const Load& load, Placed placed) const;
  void add(Load& load, Placed placed) const;
  void remove(Load& load, Placed placed) const;

  // Marks the slots of an instance of which only the placement is known.
  static void occupy(Load& load, Placement placement);
  static void release(Load& load, Placement placement);

  // Number of (profile, placement) pairs that could still be added: the quantity that the driver's
  // default placement maximises.
  std::size_t room(const Load& load) const;

  // Placements for one more instance of each of these profiles, all at once; equal profiles are
  // adjacent. nullopt = they do not all fit.
  std::optional<Layout> fit_beside(Load load, const std::vector<std::size_t>& profiles) const;

  // The GPU for messages: "GPU 0 (NVIDIA A100-SXM4-40GB)".
  std::string name() const;

 private:
  bool counts_allow(const Load& load, std::size_t profile) const;
  bool fit_from(Load& load, const std::vector<std::size_t>& profiles, Layout& layout) const;

  const Gpu* gpu_;
  std::vector<Traits> traits_;
};

// Every valid set of instances of the GPU, the empty one included, each once.
std::vector<Layout> all_states(const Board& board);

// The sets of all_states() to which no instance can be added.
std::vector<Layout> maximal_layouts(const Board& board);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_BOARD_H_
