// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: why a request waits, in words.
#ifndef MIGCTL_LEASE_REASONS_H_
#define MIGCTL_LEASE_REASONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lease/schedule.h"

namespace mig::lease {

struct WaitFacts {
  std::size_t instances = 0;      // instances that satisfy the need
  std::size_t free = 0;           // of these, available to the request
  std::size_t promised = 0;       // free, but reserved for earlier requests
  std::size_t leases = 0;         // leases on the instances that are not free
  std::size_t ending = 0;         // of these, leases that end by `start_in_ms`
  std::size_t spoken_for = 0;     // instances not free, and reserved for earlier requests
  std::size_t leaving = 0;        // leases whose holders were asked to end
  std::vector<std::string> busy;  // instances in use without a lease, and by which process
  std::optional<std::int64_t> start_in_ms;
};

// Reason for waiting, in words: "3g.20gb on GPU 0: 2 of 3 leases there end in ~12 min".
std::string words_of(const Waiting& request, const WaitFacts& facts);

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_REASONS_H_
