// SPDX-License-Identifier: Apache-2.0
#include "planner/board.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/slots.h"

namespace mig::planner {
namespace {

bool has_word(std::string_view attributes, std::string_view word) {
  if (attributes.empty() || attributes[0] != '+') {
    return false;
  }
  attributes.remove_prefix(1);
  while (true) {
    const std::size_t comma = attributes.find(',');
    if (attributes.substr(0, comma) == word) {
      return true;
    }
    if (comma == std::string_view::npos) {
      return false;
    }
    attributes.remove_prefix(comma + 1);
  }
}

void extend(const Board& board,
            const std::vector<Placed>& pairs,
            std::size_t next,
            Load& load,
            Layout& layout,
            std::vector<Layout>& out) {
  out.push_back(layout);
  for (std::size_t i = next; i < pairs.size(); ++i) {
    if (board.fits(load, pairs[i])) {
      board.add(load, pairs[i]);
      layout.push_back(pairs[i]);
      extend(board, pairs, i + 1, load, layout, out);
      layout.pop_back();
      board.remove(load, pairs[i]);
    }
  }
}

}  // namespace

Board::Board(const Gpu& gpu) : gpu_(&gpu) {
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    const Engines& engines = profile.engines;
    Traits traits;
    traits.all_media = has_word(profile.name.attributes, "me.all");
    traits.extension = traits.all_media || has_word(profile.name.attributes, "me");
    traits.uses_media = engines.decoders + engines.encoders + engines.jpeg + engines.ofa > 0;
    traits_.push_back(traits);
  }
}

std::optional<std::size_t> Board::find(const ProfileName& name) const {
  const GpuInstanceProfile* profile = gpu_->find_profile(name);
  return profile == nullptr ? std::nullopt
                            : std::optional(static_cast<std::size_t>(profile - profiles().data()));
}

std::optional<std::size_t> Board::find(ProfileId id) const {
  const GpuInstanceProfile* profile = gpu_->find_profile(id);
  return profile == nullptr ? std::nullopt
                            : std::optional(static_cast<std::size_t>(profile - profiles().data()));
}

Load Board::empty() const {
  Load load;
  load.counts.resize(profiles().size());
  return load;
}

Load Board::load_of(const Layout& layout) const {
  Load load = empty();
  for (const Placed placed : layout) {
    add(load, placed);
  }
  return load;
}

bool Board::counts_allow(const Load& load, std::size_t index) const {
  const GpuInstanceProfile& profile = profiles()[index];
  const Traits& traits = traits_[index];
  return load.counts[index] < profile.max_count &&
         load.slices + profile.slices <= gpu_->compute_slices &&
         (!traits.extension || load.extensions == 0) &&
         (!traits.all_media || load.media_users == 0) &&
         (!traits.uses_media || load.all_media == 0);
}

bool Board::fits(const Load& load, Placed placed) const {
  return (load.taken & slot_mask(placed.placement)) == 0 && counts_allow(load, placed.profile);
}

void Board::add(Load& load, Placed placed) const {
  const Traits& traits = traits_[placed.profile];
  occupy(load, placed.placement);
  load.slices += profiles()[placed.profile].slices;
  load.extensions += traits.extension ? 1 : 0;
  load.all_media += traits.all_media ? 1 : 0;
  load.media_users += traits.uses_media ? 1 : 0;
  ++load.counts[placed.profile];
}

void Board::remove(Load& load, Placed placed) const {
  const Traits& traits = traits_[placed.profile];
  release(load, placed.placement);
  load.slices -= profiles()[placed.profile].slices;
  load.extensions -= traits.extension ? 1 : 0;
  load.all_media -= traits.all_media ? 1 : 0;
  load.media_users -= traits.uses_media ? 1 : 0;
  --load.counts[placed.profile];
}

void Board::occupy(Load& load, Placement placement) {
  load.taken |= slot_mask(placement);
}

void Board::release(Load& load, Placement placement) {
  load.taken &= ~slot_mask(placement);
}

std::size_t Board::room(const Load& load) const {
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < profiles().size(); ++i) {
    if (counts_allow(load, i)) {
      const auto& placements = profiles()[i].placements;
      pairs += static_cast<std::size_t>(
          std::count_if(placements.begin(), placements.end(), [&](Placement placement) {
            return (load.taken & slot_mask(placement)) == 0;
          }));
    }
  }
  return pairs;
}

bool Board::fit_from(Load& load, const std::vector<std::size_t>& profiles, Layout& layout) const {
  const std::size_t next = layout.size();
  if (next == profiles.size()) {
    return true;
  }
  const bool twin = next > 0 && profiles[next] == profiles[next - 1];
  for (const Placement placement : this->profiles()[profiles[next]].placements) {
    const Placed placed{profiles[next], placement};
    if ((twin && placement < layout.back().placement) || !fits(load, placed)) {
      continue;
    }
    add(load, placed);
    layout.push_back(placed);
    if (fit_from(load, profiles, layout)) {
      return true;
    }
    layout.pop_back();
    remove(load, placed);
  }
  return false;
}

std::optional<Layout> Board::fit_beside(Load load, const std::vector<std::size_t>& profiles) const {
  Layout layout;
  return fit_from(load, profiles, layout) ? std::optional(std::move(layout)) : std::nullopt;
}

std::string Board::name() const {
  return fmt::format("GPU {} ({})", gpu_->index.value, gpu_->name);
}

std::vector<Layout> all_states(const Board& board) {
  std::vector<Placed> pairs;
  for (std::size_t i = 0; i < board.profiles().size(); ++i) {
    for (const Placement placement : board.profiles()[i].placements) {
      pairs.push_back({i, placement});
    }
  }
  std::vector<Layout> out;
  Load load = board.empty();
  Layout layout;
  extend(board, pairs, 0, load, layout, out);
  return out;
}

std::vector<Layout> maximal_layouts(const Board& board) {
  std::vector<Layout> out;
  for (Layout& layout : all_states(board)) {
    if (board.room(board.load_of(layout)) == 0) {
      out.push_back(std::move(layout));
    }
  }
  return out;
}

}  // namespace mig::planner
