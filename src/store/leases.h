// SPDX-License-Identifier: Apache-2.0
// Leases, the queue of requests, recent usage by tenant, and an audit log, in a file beside the
// journal. Rows are plain values without knowledge of GPUs. That no instance has two exclusive
// leases is a constraint of the table, independent of the scheduler's code.
//
// Threading: as Database. Related reads and writes belong in one transaction().
#ifndef MIGCTL_STORE_LEASES_H_
#define MIGCTL_STORE_LEASES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/lease_values.h"
#include "store/database.h"

namespace mig::store {

// A lease, and further columns of the store. `left_ms`, `notice_ms` and `vanished` are not stored:
// they depend on the time of reading.
struct LeaseRow : lease::Lease {
  std::string key;                                              // idempotency key of the request
  std::string boot_id;                                          // boot id of the times below
  std::int64_t granted_boot_ms = 0;                             // CLOCK_BOOTTIME of boot_id
  std::optional<std::int64_t> notice_boot_ms, notice_grace_ms;  // request to end; grace period
  std::int64_t signalled = 0;                                   // 0 none, 1 SIGTERM, 2 SIGKILL sent
};

// A waiting request. `every` and the caller's user name are not stored: the count is decided, and
// the uid identifies the caller.
struct RequestRow : lease::LeaseRequest {
  std::int64_t id = 0;
  std::string boot_id;
  std::int64_t since_ms = 0, since_boot_ms = 0;
  std::string reason;  // why the request waits, of the last scheduling pass
};

struct UsageRow {
  std::string tenant;
  std::int64_t slice_seconds = 0;
  std::int64_t updated_ms = 0;
};

// Filter of audit rows; all members that are set must match.
struct AuditFilter {
  std::optional<std::string> tenant;
  std::optional<std::int64_t> uid;
  std::optional<std::int64_t> since_ms;  // inclusive
  std::optional<std::int64_t> before;    // ids below
  std::int64_t limit = 100;
};

struct AuditRow {
  std::int64_t id = 0;
  std::int64_t at_ms = 0;
  std::int64_t lease = 0, uid = 0;
  std::string action;  // granted | released | expired | died | preempted | ...
  std::string tenant, instance, detail;
};

// Lengths of the queue: of all, and of one tenant.
struct Crowd {
  std::int64_t waiting = 0, of_tenant = 0;
};

class Leases {
 public:
  static Result<Leases> open(const std::string& path);

  // Runs `body` as a transaction, serialised with every other writer of this file.
  Result<void> transaction(const std::function<Result<void>()>& body);

  // Makes committed changes durable across a power cut (fsync).
  Result<void> flush();

  Result<std::vector<LeaseRow>> leases();  // ascending by id
  Result<std::vector<LeaseRow>> leases_of_request(std::int64_t request);
  Result<std::vector<LeaseRow>> leases_of_key(const std::string& key);  // "" = none
  Result<std::int64_t> add(
      const LeaseRow& row);  // kInUse for a second exclusive lease of an instance
  Result<bool> remove(std::int64_t lease);
  // Moves the lease to another instance; kInUse when that one has an exclusive lease.
  Result<void> move(const LeaseRow& row);
  Result<void> set_holder(const LeaseRow& row);  // heir too, and the boot id of its times
  Result<void> set_notice(const LeaseRow& row);  // updates notice_* and signalled

  Result<std::vector<RequestRow>> requests();  // ascending by id
  Result<std::vector<std::int64_t>> request_ids();
  Result<Crowd> crowd(const std::string& tenant);
  Result<std::int64_t> enqueue(const RequestRow& row);
  Result<std::optional<RequestRow>> request_of_key(const std::string& key);
  Result<void> set_waiter(std::int64_t request, const lease::LeaseHolder& waiter);
  Result<void> set_reason(std::int64_t request, const std::string& reason);
  Result<bool> dequeue(std::int64_t request);

  Result<std::vector<UsageRow>> usage();
  Result<void> set_usage(const UsageRow& row);

  // Appends to the audit, which keeps the newest kMostAudit rows.
  Result<void> note(const AuditRow& row);
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter);  // newest first

  static constexpr std::int64_t kMostAudit = 20'000;

 private:
  explicit Leases(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_LEASES_H_
