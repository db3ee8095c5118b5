// SPDX-License-Identifier: Apache-2.0
#include "planner/most_room.h"

#include <algorithm>
#include <vector>

#include "planner/board.h"

namespace mig::planner {
namespace {

class RoomSearch {
 public:
  explicit RoomSearch(const Gpu& gpu) : board_(gpu), gpu_(gpu), load_(board_.empty()) {
    for (const GpuInstance& instance : gpu.instances) {
      if (const auto profile = board_.find(instance.name)) {
        board_.add(load_, {*profile, instance.placement});
      } else {
        Board::occupy(load_, instance.placement);
      }
    }
    for (std::size_t i = 0; i < gpu.profiles.size(); ++i) {
      if (!repeats(i)) {
        kinds_.push_back(i);
      }
    }
  }

  MostRoom run() {
    from(0, {});
    return most_;
  }

 private:
  // A profile that takes what an earlier one takes, at the same places (1g.5gb+me): it adds
  // nothing. One without media engines (-me) fits beside another's +me.all, where its sister does
  // not.
  bool repeats(std::size_t i) const {
    const GpuInstanceProfile& one = gpu_.profiles[i];
    return std::any_of(kinds_.begin(), kinds_.end(), [&](std::size_t k) {
      const GpuInstanceProfile& known = gpu_.profiles[k];
      return (one.name.attributes != "-me" || known.name.attributes == "-me") &&
             known.slices == one.slices && known.sm == one.sm && known.max_count >= one.max_count &&
             known.placements == one.placements;
    });
  }

  // Instances from that slot on.
  void from(std::uint32_t slot, const MostRoom& have) {
    most_.slices = std::max(most_.slices, have.slices);
    most_.memory_slices = std::max(most_.memory_slices, have.memory_slices);
    most_.sm = std::max(most_.sm, have.sm);
    most_.dominant = std::max(most_.dominant, have.dominant);
    for (std::uint32_t at = slot; at < gpu_.memory_slices; ++at) {
      for (const std::size_t kind : kinds_) {
        for (const Placement& place : gpu_.profiles[kind].placements) {
          if (place.start == at && board_.fits(load_, {kind, place})) {
            put(kind, place, have);
          }
        }
      }
    }
  }

  void put(std::size_t kind, Placement place, MostRoom have) {
    const GpuInstanceProfile& profile = gpu_.profiles[kind];
    have.slices += profile.slices;
    have.memory_slices += place.size;
    have.sm += profile.sm;
    have.dominant += std::max(std::uint64_t{profile.slices} * gpu_.memory_slices,
                              std::uint64_t{place.size} * gpu_.compute_slices);
    board_.add(load_, {kind, place});
    from(place.end(), have);
    board_.remove(load_, {kind, place});
  }

  Board board_;
  const Gpu& gpu_;
  Load load_;
  std::vector<std::size_t> kinds_;
  MostRoom most_;
};

}  // namespace

MostRoom most_room(const Gpu& gpu) {
  return RoomSearch(gpu).run();
}

}  // namespace mig::planner
