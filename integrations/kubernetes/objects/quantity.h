// SPDX-License-Identifier: Apache-2.0
// Quantities and times as the API server writes them back, so that an object that is read equals
// the one that was sent. Pure.
#ifndef MIGCTL_KUBERNETES_OBJECTS_QUANTITY_H_
#define MIGCTL_KUBERNETES_OBJECTS_QUANTITY_H_

#include <cstdint>
#include <string>

namespace mig::kube {

std::string count_quantity(std::uint64_t count);  // "7", "1k"
std::string mib_quantity(std::uint64_t mib);      // "16Gi", "71424Mi"
std::string rfc3339(std::int64_t time_ms);        // "2026-11-28T09:00:00Z"

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_QUANTITY_H_
