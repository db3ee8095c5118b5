// SPDX-License-Identifier: Apache-2.0
#include "service/lease_creation.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "lease/admission.h"
#include "service/create_now.h"

namespace mig::service {
namespace {

struct Makeable {
  GpuIndex gpu;
  const GpuInstanceProfile* profile = nullptr;
};

// Smallest first; plain profiles before those with media engines, which are scarce.
std::vector<Makeable> makeable(const Inventory& now, const lease::Need& need) {
  std::vector<Makeable> all;
  for (const Gpu& gpu : now.gpus) {
    const bool named = (need.gpu_uuid.empty() || need.gpu_uuid == gpu.uuid) &&
                       (!need.gpu || !need.gpu_uuid.empty() || *need.gpu == gpu.index);
    if (gpu.mig_current != MigMode::kEnabled || !named) {
      continue;
    }
    for (const GpuInstanceProfile& profile : gpu.profiles) {
      if (lease::would_make(profile, need) && profile.remaining.value_or(1) > 0) {
        all.push_back({gpu.index, &profile});
      }
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Makeable& a, const Makeable& b) {
    return std::tuple(!a.profile->name.attributes.empty(), a.profile->memory_mib, a.profile->sm) <
           std::tuple(!b.profile->name.attributes.empty(), b.profile->memory_mib, b.profile->sm);
  });
  return all;
}

Result<void> make_one(node::Node& node,
                      const Makeable& where,
                      const lease::Need& need,
                      const MadeFor& made_for) {
  DesiredInstance instance;
  instance.profile = where.profile->name;
  instance.compute_instances = {need.profile.value_or(where.profile->name)};
  return create_now(
      node, {where.gpu, {instance}, {}}, node::Cause::kLeaseCreate, need.str(), made_for);
}

}  // namespace

Error none_to_be_made(const std::string& reason) {
  return Error{ErrorCode::kNoCapacity,
               "none is free and none can be made: " + reason,
               "wait for one with --wait 10m",
               {},
               {}};
}

Result<void> create_for_lease(node::Node& node,
                              const Inventory& now,
                              const lease::Creation& creation,
                              const MadeFor& made_for) {
  if (!creation.need.uuid.empty()) {
    return fail(ErrorCode::kNoCapacity, "an instance that is named by its UUID cannot be made");
  }
  const std::vector<Makeable> options = makeable(now, creation.need);
  Error last{ErrorCode::kNoCapacity,
             fmt::format("no GPU has free slices for {}", creation.need.str()),
             "free some: migctl destroy, or wait for a lease to end",
             {},
             {}};
  std::uint32_t made = 0;
  for (const Makeable& option : options) {
    while (made < creation.count) {
      if (auto done = make_one(node, option, creation.need, made_for); !done) {
        last = std::move(done).error();
        break;
      }
      ++made;
    }
  }
  if (made > 0) {
    return {};
  }
  return last;
}

}  // namespace mig::service
