// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/counters.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "kubernetes/objects/device_name.h"

namespace mig::kube {
namespace {

using planner::Board;
using planner::Placed;

std::string slot_name(std::uint32_t slot) {
  return fmt::format("memory-slice-{}", slot);
}

constexpr const char* kCompute = "compute-slices";
constexpr const char* kExtension = "media-extensions";
constexpr const char* kMedia = "media-engines";

// The largest sum of weights of instances of which no two share a slot, whatever other rules say:
// an upper bound of what any legal layout has.
template <class Weight>
std::uint32_t most(const Board& board, Weight weight) {
  std::uint32_t slots = board.gpu().memory_slices;
  for (const GpuInstanceProfile& profile : board.profiles()) {
    for (const Placement place : profile.placements) {
      slots = std::max(slots, place.end());
    }
  }
  std::vector<std::uint32_t> from(slots + 1, 0);  // by first slot that may be used
  for (std::uint32_t slot = slots; slot-- > 0;) {
    from[slot] = from[slot + 1];
    for (std::size_t i = 0; i < board.profiles().size(); ++i) {
      for (const Placement place : board.profiles()[i].placements) {
        if (place.start == slot && place.size > 0) {
          from[slot] = std::max(from[slot], weight(i) + from[place.end()]);
        }
      }
    }
  }
  return from.front();
}

bool any_all_media(const Board& board) {
  for (std::size_t i = 0; i < board.profiles().size(); ++i) {
    if (board.traits(i).all_media) {
      return true;
    }
  }
  return false;
}

std::string count_name(const GpuInstanceProfile& profile) {
  return "count-" + dashed(profile.name);
}

}  // namespace

CounterModel::CounterModel(const Board& board) : board_(&board) {
  const auto& profiles = board.profiles();
  compute_ =
      most(board, [&](std::size_t i) { return profiles[i].slices; }) > board.gpu().compute_slices;
  extension_ = most(board, [&](std::size_t i) { return board.traits(i).extension ? 1U : 0U; }) > 1;
  if (any_all_media(board)) {
    media_ = most(board, [&](std::size_t i) { return board.traits(i).uses_media ? 1U : 0U; });
  }
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    const bool one = board.traits(i).extension && extension_ && profiles[i].max_count >= 1;
    counts_.push_back(!one && most(board, [&](std::size_t k) { return k == i ? 1U : 0U; }) >
                                  profiles[i].max_count);
  }
}

Counters CounterModel::full() const {
  Counters all;
  for (const GpuInstanceProfile& profile : board_->profiles()) {
    for (const Placement place : profile.placements) {
      for (std::uint32_t slot = place.start; slot < place.end(); ++slot) {
        all[slot_name(slot)] = 1;
      }
    }
  }
  if (compute_) {
    all[kCompute] = board_->gpu().compute_slices;
  }
  if (extension_) {
    all[kExtension] = 1;
  }
  if (media_ > 0) {
    all[kMedia] = media_;
  }
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i]) {
      all[count_name(board_->profiles()[i])] = board_->profiles()[i].max_count;
    }
  }
  return all;
}

Counters CounterModel::consumed(Placed placed) const {
  const GpuInstanceProfile& profile = board_->profiles()[placed.profile];
  const Board::Traits& traits = board_->traits(placed.profile);
  Counters takes;
  for (std::uint32_t slot = placed.placement.start; slot < placed.placement.end(); ++slot) {
    takes[slot_name(slot)] = 1;
  }
  if (compute_) {
    takes[kCompute] = profile.slices;
  }
  if (extension_ && traits.extension) {
    takes[kExtension] = 1;
  }
  if (media_ > 0 && traits.uses_media) {
    takes[kMedia] = traits.all_media ? media_ : 1;
  }
  if (counts_[placed.profile]) {
    takes[count_name(profile)] = 1;
  }
  return takes;
}

void CounterModel::take(Counters& left, const GpuInstance& instance) const {
  Counters takes;
  if (const auto profile = board_->find(instance.name)) {
    takes = consumed({*profile, instance.placement});
  } else {
    for (std::uint32_t slot = instance.placement.start; slot < instance.placement.end(); ++slot) {
      takes[slot_name(slot)] = 1;
    }
  }
  for (const auto& [name, amount] : takes) {
    if (const auto found = left.find(name); found != left.end()) {
      found->second -= std::min(found->second, amount);
    }
  }
}

bool covers(const Counters& left, const Counters& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& want) {
    const auto found = left.find(want.first);
    return found != left.end() && found->second >= want.second;
  });
}

}  // namespace mig::kube
