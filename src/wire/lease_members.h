// SPDX-License-Identifier: Apache-2.0
// Inside of wire/, single source of truth: the members of a lease's JSON object with their values,
// used by encoder and decoder alike.
#ifndef MIGCTL_WIRE_LEASE_MEMBERS_H_
#define MIGCTL_WIRE_LEASE_MEMBERS_H_

#include "model/lease_values.h"

namespace mig::wire {

// A text that is null in JSON when empty.
template <class Text>
struct EmptyIsNull {
  Text& text;
};

template <class Lease, class Visit>
void each_member_of_lease(Lease& lease, Visit&& visit) {
  visit("id", lease.id);
  visit("request", lease.request);
  visit("uuid", lease.instance.uuid);
  visit("profile", lease.instance.profile);
  visit("gpu", lease.instance.gpu);
  visit("gpuUuid", lease.instance.gpu_uuid);
  visit("gpuMinor", lease.instance.gpu_minor);
  visit("gpuInstance", lease.instance.gpu_instance);
  visit("computeInstance", lease.instance.compute_instance);
  visit("memoryMib", lease.instance.memory_mib);
  visit("sm", lease.instance.sm);
  visit("slices", lease.instance.slices);
  visit("shared", lease.shared);
  visit("holder", lease.holder);
  visit("heir", lease.heir);
  visit("stoppable", lease.stoppable);
  visit("uid", lease.uid);
  visit("tenant", lease.tenant);
  visit("job", EmptyIsNull<decltype((lease.job))>{lease.job});
  visit("priority", lease.priority);
  visit("grantedMs", lease.granted_ms);
  visit("limitMs", lease.limit_ms);
  visit("leftMs", lease.left_ms);
  visit("noticeMs", lease.notice_ms);
  visit("vanished", lease.vanished);
  visit("cgroup", EmptyIsNull<decltype((lease.cgroup))>{lease.cgroup});
  visit("linger", lease.linger);
  visit("endGraceMs", lease.end_grace_ms);
  visit("ending", EmptyIsNull<decltype((lease.ending))>{lease.ending});
  visit("processes", lease.processes);
}

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_LEASE_MEMBERS_H_
