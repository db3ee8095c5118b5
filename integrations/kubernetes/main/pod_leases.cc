// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/pod_leases.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/unix_time.h"
#include "kubernetes/plugin/pod_resources.h"

namespace mig::kube {
namespace {

constexpr std::string_view kPrefix = "device-plugin/";
constexpr std::chrono::seconds kPlacePatience{20};

}  // namespace

std::string device_of_lease(const lease::Lease& lease) {
  if (!lease.holder.is_external() || !lease.holder.unit.starts_with(kPrefix)) {
    return "";
  }
  return lease.holder.unit.substr(kPrefix.size());
}

std::vector<std::int64_t> leases_to_release(const ReleaseInput& input) {
  constexpr std::int64_t kGrace =
      std::chrono::duration_cast<std::chrono::milliseconds>(kAllocationGrace).count();
  std::vector<std::int64_t> found;
  for (const auto& lease : input.leases) {
    const std::string device = device_of_lease(lease);
    if (device.empty() || !lease.ending.empty() || input.of_pods.count(device) > 0) {
      continue;
    }
    std::int64_t last = lease.granted_ms;
    if (const auto at = input.allocated_ms.find(device); at != input.allocated_ms.end()) {
      last = std::max(last, at->second);
    }
    // A clock that was set back makes the lease look young: it stays longer, which is safe.
    if (input.now_ms - last >= kGrace) {
      found.push_back(lease.id);
    }
  }
  return found;
}

Result<std::string> PodLeases::take(const std::string& resource,
                                    const std::string& uuid,
                                    const std::string& gpu_uuid,
                                    const ProfileName& profile,
                                    std::uint32_t start) {
  // Against tidy(), which must not give back what is taken now.
  const std::lock_guard lock(mutex_);
  PlacedRequest request;
  request.gpu_uuid = gpu_uuid;
  request.profile = profile;
  request.start = start;
  request.key = std::string(kPrefix) + uuid;
  request.reason = "a pod asks for " + resource;
  request.lease_job = "kubelet:" + resource;
  request.uuid = uuid;  // a device plugin gives what there is, and makes nothing
  MIG_ASSIGN_OR_RETURN(const PlacedInstance placed, migd_.place(request, kPlacePatience));
  if (placed.cdi_device.empty()) {
    if (placed.lease) {
      (void)migd_.release(*placed.lease);
    }
    return fail(ErrorCode::kNotFound,
                fmt::format("no container engine would find {}: {}", uuid, placed.cdi_missing),
                "migctl cdi generate");
  }
  allocated_ms_[uuid] = base::unix_ms();
  return placed.cdi_device;
}

Result<PodLeases::Tidied> PodLeases::tidy(const std::string& pod_resources_socket) {
  const std::lock_guard lock(mutex_);
  ReleaseInput input;
  MIG_ASSIGN_OR_RETURN(input.leases, migd_.leases());
  MIG_ASSIGN_OR_RETURN(const auto devices, pod_devices(pod_resources_socket));
  Tidied done;
  for (const auto& device : devices) {
    input.of_pods.insert(device.id);
  }
  done.unleased = input.of_pods;
  for (const auto& lease : input.leases) {
    done.unleased.erase(device_of_lease(lease));
  }
  input.now_ms = base::unix_ms();
  input.allocated_ms = allocated_ms_;
  done.of_pods = input.of_pods;
  const auto over = leases_to_release(input);
  for (const auto& lease : input.leases) {
    if (std::find(over.begin(), over.end(), lease.id) == over.end()) {
      done.of_pods.insert(device_of_lease(lease));
    }
  }
  done.of_pods.erase("");
  for (const std::int64_t id : over) {
    auto released = migd_.release(id);
    done.lines.push_back(
        released ? fmt::format("lease {} released: no pod has its device any more", id)
                 : fmt::format("cannot release lease {}: {}", id, released.error().text()));
  }
  return done;
}

}  // namespace mig::kube
