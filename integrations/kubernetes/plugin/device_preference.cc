// SPDX-License-Identifier: Apache-2.0
// Which instances to give, so that the rest of the machine can still become the most layouts.
#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/core.h>

#include "base/strings.h"
#include "kubernetes/plugin/device_resources.h"

namespace mig::kube {
namespace {

struct Candidate {
  std::size_t gpu = 0;       // position in the inventory
  std::uint32_t first = 0;   // slot
  std::uint32_t length = 0;  // 0: the GPU as a whole
};

// Slots of a GPU that stay taken.
using Taken = std::vector<Placement>;

bool overlaps(const Taken& taken, Placement place) {
  return std::any_of(taken.begin(), taken.end(), [&](Placement t) { return t.overlaps(place); });
}

std::map<std::string, Candidate> candidates(const Inventory& now) {
  std::map<std::string, Candidate> found;
  for (std::size_t i = 0; i < now.gpus.size(); ++i) {
    found[now.gpus[i].uuid] = {.gpu = i};
    for (const auto& instance : now.gpus[i].instances) {
      for (const auto& compute : instance.compute_instances) {
        found[compute.uuid] = {i, instance.placement.start, instance.placement.size};
      }
    }
  }
  return found;
}

std::vector<Taken> in_use(const Inventory& now) {
  std::vector<Taken> taken(now.gpus.size());
  for (std::size_t i = 0; i < now.gpus.size(); ++i) {
    for (const auto& instance : now.gpus[i].instances) {
      if (now.gpus[i].in_use(instance.id)) {
        taken[i].push_back(instance.placement);
      }
    }
  }
  return taken;
}

// Placements of all profiles that are free now and would not be any more.
std::size_t loss(const Gpu& gpu, const Taken& taken, Placement place) {
  std::size_t lost = 0;
  for (const auto& profile : gpu.profiles) {
    lost += static_cast<std::size_t>(
        std::count_if(profile.placements.begin(), profile.placements.end(), [&](Placement other) {
          return other.overlaps(place) && !overlaps(taken, other);
        }));
  }
  return lost;
}

class Picker {
 public:
  explicit Picker(const Inventory& now)
      : now_(now), places_(candidates(now)), taken_(in_use(now)) {}

  void take(const std::string& id) {
    chosen_.push_back(id);
    if (const auto place = places_.find(id); place != places_.end()) {
      taken_[place->second.gpu].push_back({place->second.first, place->second.length});
    }
  }

  // The one of `ids` that costs least; among equals the one that stands first on the machine.
  std::size_t best(const std::vector<std::string>& ids) const {
    std::size_t best = 0;
    auto least = rank(ids.front());
    for (std::size_t i = 1; i < ids.size(); ++i) {
      if (auto other = rank(ids[i]); other < least) {
        least = std::move(other);
        best = i;
      }
    }
    return best;
  }

  const std::vector<std::string>& chosen() const { return chosen_; }

 private:
  // What the machine does not know comes last.
  std::tuple<bool, std::size_t, std::size_t, std::uint32_t, std::string> rank(
      const std::string& id) const {
    const auto place = places_.find(id);
    if (place == places_.end()) {
      return {true, 0, 0, 0, id};
    }
    const Candidate& at = place->second;
    return {false,
            loss(now_.gpus[at.gpu], taken_[at.gpu], {at.first, at.length}),
            at.gpu,
            at.first,
            id};
  }

  const Inventory& now_;
  std::map<std::string, Candidate> places_;
  std::vector<Taken> taken_;
  std::vector<std::string> chosen_;
};

}  // namespace

Result<std::vector<std::string>> preferred_devices(const Inventory& now, const Choice& choice) {
  if (choice.must_include.size() > choice.size || choice.available.size() < choice.size) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("cannot choose {} of {} with {} given",
                            base::counted(choice.size, "device"),
                            choice.available.size(),
                            choice.must_include.size()));
  }
  Picker picker(now);
  std::vector<std::string> left = choice.available;
  for (const auto& id : choice.must_include) {
    const auto at = std::find(left.begin(), left.end(), id);
    if (at == left.end()) {
      return fail(
          ErrorCode::kInvalidInput,
          fmt::format("{} must be among the devices and is not available", base::quoted(id)));
    }
    left.erase(at);
    picker.take(id);
  }
  while (picker.chosen().size() < choice.size) {
    const auto at = left.begin() + static_cast<std::ptrdiff_t>(picker.best(left));
    picker.take(*at);
    left.erase(at);
  }
  return picker.chosen();
}

}  // namespace mig::kube
