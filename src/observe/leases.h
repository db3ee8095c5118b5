// SPDX-License-Identifier: Apache-2.0
// Who has an instance, and whose a process is: leases in a sample. Threading: pure functions.
#ifndef MIGCTL_OBSERVE_LEASES_H_
#define MIGCTL_OBSERVE_LEASES_H_

#include <string>
#include <vector>

#include "model/lease_values.h"
#include "model/sample.h"

namespace mig::observe {

// Adds each lease to its compute instance, and to the processes of its user there. Leases whose
// instance is gone are left out.
void add_leases(MachineSample& sample, const std::vector<lease::Lease>& leases);

// The sample without other tenants' leases and processes.
MachineSample seen_by(const MachineSample& sample, const std::string& tenant);

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_LEASES_H_
