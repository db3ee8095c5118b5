// SPDX-License-Identifier: Apache-2.0
// Leases, the queue of requests, recent usage by tenant, and an audit log, in a file beside the
// journal. Rows are plain values without knowledge of GPUs. That no instance has two exclusive
// leases is a constraint of the table, independent of the scheduler's code.
//
// Leases, requests and usage are cached: a read costs one look at SQLite's data_version while no
// other process has written (kept by the setters here; a failed transaction drops the cache).
//
// Threading: as Database. Related reads and writes belong in one transaction().
#ifndef MIGCTL_STORE_LEASES_H_
#define MIGCTL_STORE_LEASES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "model/lease_values.h"
#include "model/made_instance.h"
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
  // While `ending` is set: since when, on whose word, and the last signal to what is left (as
  // `signalled`).
  std::optional<std::int64_t> ending_boot_ms;
  std::int64_t ending_by = 0;
  std::int64_t ending_stage = 0;
  std::int64_t charged_ms = 0;  // so much of its time is in the usage already
};

// A waiting request. `every` and the caller's user name are not stored: the count is decided, and
// the uid identifies the caller.
struct RequestRow : lease::LeaseRequest {
  std::int64_t id = 0;
  std::string boot_id;
  std::int64_t since_ms = 0, since_boot_ms = 0;
  std::string reason;  // why the request waits, of the last scheduling pass
};

// Use of one user in one tenant.
struct UsageRow {
  // Of records older than the column: the use of the tenant's users together.
  static constexpr std::int64_t kAllUsers = -1;

  std::string tenant;
  std::int64_t uid = kAllUsers;
  std::int64_t slice_ms = 0;
  std::int64_t updated_ms = 0;
};

// Filter of audit rows; all members that are set must match.
struct AuditFilter {
  std::optional<std::string> tenant;
  std::optional<std::int64_t> uid;
  std::optional<std::int64_t> since_ms;  // inclusive
  std::optional<std::int64_t> until_ms;  // exclusive
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

// The time that a lease had an instance: from its grant until it was removed, or moved.
struct TenureRow {
  std::int64_t id = 0, lease = 0;
  std::string gpu_uuid;
  GpuInstanceId gpu_instance;
  ComputeInstanceId compute_instance;
  ProfileName profile;  // of the compute instance
  std::uint64_t memory_mib = 0;
  std::uint32_t sm = 0, slices = 0, shared = 1, uid = 0;
  std::string tenant, job;
  std::int64_t from_ms = 0;              // Unix time
  std::optional<std::int64_t> until_ms;  // nullopt: it has it still
};

// An instance that was made for a request.
using MadeRow = MadeInstance;

// Lengths of the queue: of all, of one tenant, and of one user; and how many users wait.
struct Crowd {
  std::int64_t waiting = 0, of_tenant = 0, of_user = 0, users = 0;
};

// A request that came into the queue or left it.
struct QueueChange {
  std::int64_t request = 0;
  bool added = false;
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
  // kInUse for a second exclusive lease of an instance. Its tenure begins with the grant, or at
  // that Unix time for a lease that comes back.
  Result<std::int64_t> add(const LeaseRow& row, std::optional<std::int64_t> from_ms = {});
  // Its tenure ends at that Unix time.
  Result<bool> remove(std::int64_t lease, std::int64_t at_ms);
  // Moves the lease to another instance at that Unix time; kInUse when that one has an exclusive
  // lease.
  Result<void> move(const LeaseRow& row, std::int64_t at_ms);
  Result<void> set_holder(const LeaseRow& row);  // heir too, and the boot id of its times
  Result<void> set_notice(const LeaseRow& row);  // updates notice_* and signalled
  // Updates ending*, processes, and the boot id with the times that depend on it.
  Result<void> set_ending(const LeaseRow& row);
  // Updates cgroup and heir; false: there is no such lease, or it is ending.
  Result<bool> set_cgroup(const LeaseRow& row);

  struct Counts {
    std::size_t leases = 0, ending = 0;
  };

  Result<Counts> counts();
  Result<std::vector<LeaseRow>> ending_leases();  // ascending by id
  Result<void> set_charged(std::int64_t lease, std::int64_t charged_ms);

  Result<std::vector<RequestRow>> requests();  // ascending by id
  // The same without a copy, by id; valid until the next call of a member.
  using Requests = std::map<std::int64_t, RequestRow>;
  Result<const Requests*> waiting();

  // Grows when the queue was read anew, so that no changes are known.
  std::uint64_t queue_epoch() const { return epoch_; }

  // What came and went since the last call, or since the queue was read anew.
  std::vector<QueueChange> take_queue_changes() { return std::exchange(changes_, {}); }

  Result<std::vector<std::int64_t>> request_ids();
  Result<Crowd> crowd(const std::string& tenant, std::uint32_t uid);
  Result<std::int64_t> enqueue(const RequestRow& row);
  Result<std::optional<RequestRow>> request(std::int64_t id);
  Result<std::optional<RequestRow>> request_of_key(const std::string& key);
  Result<void> set_waiter(std::int64_t request, const lease::LeaseHolder& waiter);
  Result<void> set_reason(std::int64_t request, const std::string& reason);
  Result<bool> dequeue(std::int64_t request);

  Result<std::vector<UsageRow>> usage();
  Result<void> set_usage(const UsageRow& row);

  // Instances made for requests, by change. `made_upto`: the last change of the journal that was
  // looked through for them.
  Result<std::vector<MadeRow>> made();
  Result<std::int64_t> made_upto();
  Result<void> set_made_upto(std::int64_t change);
  Result<void> set_made(const MadeRow& row);  // adds it, or replaces it
  Result<bool> forget_made(std::int64_t change);

  // Appends to the audit, which keeps the newest kMostAudit rows.
  Result<void> note(const AuditRow& row);
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter);  // newest first

  static constexpr std::int64_t kMostAudit = 20'000;

  // Tenures that overlap [from, until), by id; kTooLarge above `limit`.
  Result<std::vector<TenureRow>> tenures(std::int64_t from_ms,
                                         std::int64_t until_ms,
                                         std::int64_t limit);
  // Tenures are recorded since then. Those that ended earliest go, at the earliest when there are
  // more than kMostTenures.
  Result<std::int64_t> tenures_since();
  static constexpr std::int64_t kMostTenures = 500'000;

 private:
  explicit Leases(Database database) : database_(std::move(database)) {}

  // Reads what another process wrote since the last look.
  Result<void> refresh();
  Result<void> load();
  Result<std::int64_t> data_version();
  Result<void> reread(std::int64_t lease);
  Result<void> reread_request(std::int64_t request);
  Result<void> begin_tenure(const LeaseRow& row, std::int64_t at_ms);
  Result<void> end_tenure(std::int64_t lease, std::int64_t at_ms);
  void count(const RequestRow& request, int more);

  Database database_;
  std::optional<std::int64_t> seen_;  // data_version of the cache; nullopt: nothing is cached
  bool in_transaction_ = false;
  std::vector<LeaseRow> leases_;
  Requests requests_;
  std::unordered_map<std::string, std::int64_t> keys_;  // of requests
  std::map<std::string, std::int64_t> of_tenant_;       // requests
  std::map<std::uint32_t, std::int64_t> of_user_;
  std::vector<UsageRow> usage_;
  std::vector<QueueChange> changes_;
  std::uint64_t epoch_ = 0;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_LEASES_H_
