// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: generations of GPU instances. Ids and UUIDs of instances are used again: the
// same shape at the same place has the same ones. Each instance gets a number of its own when it is
// first seen, which no other instance of the machine ever gets.
//
// Threading: not thread-safe.
#ifndef MIGCTL_OBSERVE_IDENTITY_H_
#define MIGCTL_OBSERVE_IDENTITY_H_

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mig/ids.h"
#include "mig/inventory.h"

namespace mig::observe {

// A GPU instance of a GPU, whichever it is.
struct InstancePlace {
  std::string gpu_uuid;
  std::uint32_t gpu_instance = 0;
  friend auto operator<=>(const InstancePlace&, const InstancePlace&) = default;
};

class Generations {
 public:
  struct Known {
    std::uint64_t generation = 0;
    std::string profile;
    Placement placement;
    friend bool operator==(const Known&, const Known&) = default;
  };

  // The generation of an instance that is there now; a new one where it is not the instance that
  // was there before, as far as can be seen: another profile or placement, or one that vanished.
  std::uint64_t of(const std::string& gpu_uuid, const GpuInstance& instance);

  // The instance is gone: what is there next is another one, even if it looks the same.
  void vanished(const InstancePlace& place) { known_.erase(place); }

  // Instances of this GPU that are not among `there` are gone.
  void keep_only(const std::string& gpu_uuid, const std::vector<GpuInstance>& there);

  const std::map<InstancePlace, Known>& known() const { return known_; }

  std::uint64_t last() const { return last_; }

  // What an earlier process knew (observe/carried.h).
  void restore(std::uint64_t last, std::map<InstancePlace, Known> known) {
    last_ = last;
    known_ = std::move(known);
  }

 private:
  std::uint64_t last_ = 0;
  std::map<InstancePlace, Known> known_;
};

// Instances of `before` that are not in `after`, or not the same there.
std::vector<InstancePlace> vanished_instances(const Inventory& before, const Inventory& after);

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_IDENTITY_H_
