// SPDX-License-Identifier: Apache-2.0
// JSON of leases: messages between daemon and clients, and output of --json. Threading: pure
// functions.
#ifndef MIGCTL_WIRE_LEASES_H_
#define MIGCTL_WIRE_LEASES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "model/free_report.h"
#include "model/lease_history.h"
#include "model/lease_values.h"
#include "model/tenants.h"
#include "wire/wire.h"

namespace mig::wire {

// Body of POST /v1/leases. The client's identity is not in it: the kernel's peer credentials count.
std::string lease_request_document(const lease::LeaseRequest& request);
// kInvalidInput names the missing, mistyped or unknown member.
Result<lease::LeaseRequest> parse_lease_request(std::string_view text);

// Body of PATCH /v1/leases/ID; exactly one member is set.
struct LeaseChange {
  std::optional<lease::LeaseHolder> holder, heir;
  std::optional<lease::ContainerCgroups> containers;  // its job will be a container
};

std::string lease_change_document(const LeaseChange& change);
Result<LeaseChange> parse_lease_change(std::string_view text);

std::string lease_grant_document(const std::vector<lease::Lease>& leases, const Source& source);
// `unleased`: nullopt for who may not see it. `others`: leases, requests or tenants that the reader
// may not see.
std::string lease_list_document(const std::vector<lease::Lease>& leases,
                                const std::optional<std::vector<lease::UnleasedProcess>>& unleased,
                                const Source& source,
                                std::uint64_t others = 0);
std::string lease_released_document(const lease::Lease& lease, const Source& source);
std::string lease_queue_document(const std::vector<lease::QueueEntry>& queue,
                                 const Source& source,
                                 std::uint64_t others = 0);

// `site`: its policy, without the tenants; nullopt: unknown.
std::string tenant_list_document(const std::vector<TenantUse>& tenants,
                                 const std::optional<Tenants>& site,
                                 const Source& source,
                                 std::uint64_t others = 0);

// Result of a check of a tenants file; `changes` nullopt: what it would change is not known.
std::string tenant_check_document(const std::string& file,
                                  std::size_t tenants,
                                  const std::optional<std::vector<std::string>>& changes,
                                  const Source& source);

// A document of kind LeaseHistory.
std::string lease_history_document(const lease::History& history, const Source& source);

struct LeaseHistoryAnswer {
  lease::History history;
  Source source;
};

// Parses a LeaseHistory document. An Error document becomes that Error.
Result<LeaseHistoryAnswer> parse_lease_history(std::string_view text);

struct LeaseAnswer {
  std::vector<lease::Lease> leases;
  std::vector<lease::QueueEntry> queue;
  std::vector<TenantUse> tenants;
  std::optional<std::vector<lease::UnleasedProcess>> unleased;  // nullopt: not for the caller
  std::optional<Tenants> site;                                  // its policy, without the tenants
  std::uint64_t others = 0;
  Source source;
};

// A document of kind Free, and back.
std::string free_document(const FreeReport& report, const Source& source);

struct FreeAnswer {
  FreeReport report;
  Source source;
};

Result<FreeAnswer> parse_free(std::string_view text);

// Decodes any of these documents. An Error document becomes that Error.
Result<LeaseAnswer> parse_lease_answer(std::string_view text);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_LEASES_H_
