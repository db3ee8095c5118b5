// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/claims/devices.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "kubernetes/objects/device_name.h"
#include "model/instance.h"

namespace mig::kube {
namespace {

// In the place of a UUID that is not known: what was made for the key is meant.
constexpr const char* kWhatever = "-";

Result<DeviceRecord> record_for(const Inventory& now,
                                const ClaimRef& claim,
                                const AllocatedDevice& device) {
  const std::optional<Place> place = find_place(now, device.device);
  if (!place) {
    return fail(ErrorCode::kNotFound,
                fmt::format("this node has no device {}", base::quoted(device.device)),
                "its ResourceSlices may be older than its GPUs; delete the pod to have it placed "
                "anew");
  }
  DeviceRecord record;
  record.device = device;
  record.key = key_of(claim, device);
  record.gpu_uuid = place->gpu->uuid;
  record.profile = place->profile->name.str();
  record.start = place->placement.start;
  return record;
}

Result<std::vector<DeviceRecord>> records_for(const Inventory& now,
                                              const ClaimRef& claim,
                                              const std::vector<AllocatedDevice>& devices) {
  std::vector<DeviceRecord> records;
  for (const AllocatedDevice& device : devices) {
    MIG_ASSIGN_OR_RETURN(DeviceRecord record, record_for(now, claim, device));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

DeviceRecord record_of(const lease::Lease& lease) {
  DeviceRecord record;
  record.key = lease.holder.unit;
  record.gpu_uuid = lease.instance.gpu_uuid;
  record.profile = lease.instance.profile.str();
  record.uuid = lease.instance.uuid;
  record.lease = lease.id;
  return record;
}

Result<std::vector<DeviceRecord>> Devices::find(const ClaimRef& claim,
                                                const std::vector<AllocatedDevice>& devices) const {
  std::shared_ptr<const Inventory> known;
  {
    const std::lock_guard lock(mutex_);
    known = known_;
  }
  if (known) {
    if (auto records = records_for(*known, claim, devices)) {
      return records;
    }
  }
  MIG_ASSIGN_OR_RETURN(const auto now, inventory());
  return records_for(*now, claim, devices);
}

Result<std::shared_ptr<const Inventory>> Devices::inventory() const {
  MIG_ASSIGN_OR_RETURN(Inventory read, migd_.inventory(version_));
  auto now = std::make_shared<const Inventory>(std::move(read));
  const std::lock_guard lock(mutex_);
  known_ = now;
  return now;
}

void Devices::forget() const {
  const std::lock_guard lock(mutex_);
  known_.reset();
}

Result<void> Devices::take(const ClaimRef& claim, DeviceRecord& record) const {
  PlacedRequest request;
  request.gpu_uuid = record.gpu_uuid;
  MIG_ASSIGN_OR_RETURN(request.profile, ProfileName::parse(record.profile));
  request.start = record.start;
  request.key = record.key;
  request.reason = "Kubernetes claim " + claim.str();
  request.lease_job = shown_name(claim);
  request.existing = true;
  MIG_ASSIGN_OR_RETURN(PlacedInstance placed, migd_.place(request));
  record.uuid = placed.instance.uuid;
  record.lease = placed.lease;
  record.made = placed.made;
  record.cdi = placed.cdi_device;
  if (record.cdi.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{} has no CDI device: {}", record.uuid, placed.cdi_missing),
                "containers get instances by CDI");
  }
  return {};
}

Result<std::vector<lease::Lease>> Devices::leases() const {
  MIG_ASSIGN_OR_RETURN(std::vector<lease::Lease> all, migd_.leases());
  std::erase_if(all, [](const lease::Lease& lease) {
    return !lease.holder.is_external() || !claim_of_key(lease.holder.unit);
  });
  return all;
}

// The lease is looked for by its key: the record may be older than it.
Result<void> Devices::release(const DeviceRecord& record) const {
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> all, leases());
  const auto found = std::find_if(all.begin(), all.end(), [&](const lease::Lease& lease) {
    return lease.holder.unit == record.key;
  });
  if (found == all.end()) {
    return {};
  }
  auto released = migd_.release(found->id);
  if (!released && released.error().code == ErrorCode::kNotFound) {
    return {};
  }
  MIG_TRY(released);
  return released->ending.empty() ? Result<void>() : still_used(record, *released);
}

Error Devices::still_used(const DeviceRecord& record, const lease::Lease& lease) const {
  std::string who;
  if (const auto now = inventory()) {
    const Gpu* gpu = (*now)->find_gpu(lease.instance.gpu_uuid);
    who = gpu == nullptr
              ? ""
              : who_is_on(*gpu, lease.instance.gpu_instance, lease.instance.compute_instance);
  }
  return Error{ErrorCode::kInUse,
               fmt::format("{} ({}) is still used by {}",
                           record.device.device.empty() ? record.key : record.device.device,
                           lease.instance.uuid,
                           who.empty() ? base::counted(lease.processes, "process") : who),
               "it is given back when they are gone; they are not ended from here",
               {},
               {}};
}

Result<void> Devices::give_back(const DeviceRecord& record) const {
  MIG_TRY(release(record));
  auto destroyed = migd_.destroy(record.uuid.empty() ? kWhatever : record.uuid, record.key);
  // Not found: gone, or not made for the key (it was there before, or a layout took it over): it
  // stays then.
  if (destroyed || destroyed.error().code == ErrorCode::kNotFound) {
    return {};
  }
  return destroyed;
}

}  // namespace mig::kube
