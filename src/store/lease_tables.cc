// SPDX-License-Identifier: Apache-2.0
#include "store/lease_tables.h"

namespace mig::store {
namespace {

// Steps of the store's format, oldest first; one that was released is never changed.
constexpr const char* kTables = R"sql(
    CREATE TABLE lease(
      id INTEGER PRIMARY KEY AUTOINCREMENT, request INTEGER NOT NULL, key TEXT NOT NULL,
      uuid TEXT NOT NULL, profile TEXT NOT NULL, gpu_uuid TEXT NOT NULL,
      gpu_index INTEGER NOT NULL, gpu_instance INTEGER NOT NULL, compute_instance INTEGER NOT NULL,
      memory_mib INTEGER NOT NULL, sm INTEGER NOT NULL, slices INTEGER NOT NULL,
      shared INTEGER NOT NULL CHECK(shared >= 1),
      holder_kind INTEGER NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL,
      unit TEXT NOT NULL, boot_id TEXT NOT NULL,
      heir_pid INTEGER NOT NULL DEFAULT 0, heir_start INTEGER NOT NULL DEFAULT 0,
      stoppable INTEGER NOT NULL, uid INTEGER NOT NULL, tenant TEXT NOT NULL, job TEXT NOT NULL, priority INTEGER NOT NULL,
      granted_ms INTEGER NOT NULL, granted_boot_ms INTEGER NOT NULL, limit_ms INTEGER,
      notice_boot_ms INTEGER, notice_grace_ms INTEGER, signalled INTEGER NOT NULL DEFAULT 0);
    CREATE UNIQUE INDEX lease_exclusive ON lease(uuid) WHERE shared = 1;
    CREATE INDEX lease_request ON lease(request);
    CREATE INDEX lease_key ON lease(key) WHERE key <> '';
    CREATE TABLE request(
      id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, need TEXT NOT NULL,
      count INTEGER NOT NULL, shared INTEGER NOT NULL,
      holder_kind INTEGER NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL,
      unit TEXT NOT NULL, boot_id TEXT NOT NULL, stoppable INTEGER NOT NULL,
      waiter_pid INTEGER NOT NULL, waiter_start INTEGER NOT NULL,
      uid INTEGER NOT NULL, tenant TEXT NOT NULL, job TEXT NOT NULL, priority INTEGER NOT NULL,
      limit_ms INTEGER, since_ms INTEGER NOT NULL, since_boot_ms INTEGER NOT NULL,
      wait_ms INTEGER NOT NULL, create_missing INTEGER NOT NULL, preempt INTEGER NOT NULL,
      grace_ms INTEGER NOT NULL, reason TEXT NOT NULL);
    CREATE INDEX request_key ON request(key) WHERE key <> '';
    CREATE TABLE usage(tenant TEXT PRIMARY KEY, slice_seconds INTEGER NOT NULL,
                       updated_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE audit(
      id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, lease INTEGER NOT NULL,
      uid INTEGER NOT NULL, action TEXT NOT NULL, tenant TEXT NOT NULL, instance TEXT NOT NULL,
      detail TEXT NOT NULL);
  )sql";

constexpr const char* kGpuMinor = "ALTER TABLE lease ADD COLUMN gpu_minor INTEGER";

constexpr const char* kEndings = R"sql(
    ALTER TABLE lease ADD COLUMN cgroup TEXT NOT NULL DEFAULT '';
    ALTER TABLE lease ADD COLUMN linger INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lease ADD COLUMN end_grace_ms INTEGER NOT NULL DEFAULT 10000;
    ALTER TABLE lease ADD COLUMN ending TEXT NOT NULL DEFAULT '';
    ALTER TABLE lease ADD COLUMN ending_boot_ms INTEGER;
    ALTER TABLE lease ADD COLUMN ending_by INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lease ADD COLUMN ending_stage INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lease ADD COLUMN processes INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX lease_ending ON lease(id) WHERE ending <> '';
    ALTER TABLE request ADD COLUMN linger INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE request ADD COLUMN end_grace_ms INTEGER NOT NULL DEFAULT 10000;
  )sql";

constexpr const char* kMadeAndUnits = R"sql(
    CREATE TABLE made(
      change INTEGER PRIMARY KEY, gpu_uuid TEXT NOT NULL, gpu_instance INTEGER NOT NULL,
      start INTEGER NOT NULL, size INTEGER NOT NULL, profile TEXT NOT NULL,
      uid INTEGER NOT NULL, tenant TEXT NOT NULL, request INTEGER NOT NULL, lease INTEGER NOT NULL,
      idle_boot_id TEXT NOT NULL, idle_boot_ms INTEGER NOT NULL);
    ALTER TABLE request ADD COLUMN by_uid INTEGER;
    CREATE TABLE made_upto(one INTEGER PRIMARY KEY CHECK(one = 1), change INTEGER NOT NULL);
    ALTER TABLE lease ADD COLUMN unit_cgroup TEXT NOT NULL DEFAULT '';
    ALTER TABLE lease ADD COLUMN unit_inode INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE request ADD COLUMN unit_cgroup TEXT NOT NULL DEFAULT '';
    ALTER TABLE request ADD COLUMN unit_inode INTEGER NOT NULL DEFAULT 0;
  )sql";

constexpr const char* kCharges = R"sql(
    ALTER TABLE lease ADD COLUMN charged_ms INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE usage_of_user(tenant TEXT NOT NULL, uid INTEGER NOT NULL,
                               slice_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
                               PRIMARY KEY(tenant, uid)) WITHOUT ROWID;
    INSERT INTO usage_of_user SELECT tenant, -1, slice_seconds * 1000, updated_ms FROM usage;
    DROP TABLE usage;
  )sql";

// The time that each lease had an instance, and since when that is recorded. A lease that is live
// now is recorded from its grant on.
constexpr const char* kTenures = R"sql(
    CREATE TABLE tenure(
      id INTEGER PRIMARY KEY AUTOINCREMENT, lease INTEGER NOT NULL, gpu_uuid TEXT NOT NULL,
      gpu_instance INTEGER NOT NULL, compute_instance INTEGER NOT NULL, profile TEXT NOT NULL,
      memory_mib INTEGER NOT NULL, sm INTEGER NOT NULL, slices INTEGER NOT NULL,
      shared INTEGER NOT NULL, uid INTEGER NOT NULL, tenant TEXT NOT NULL, job TEXT NOT NULL,
      from_ms INTEGER NOT NULL, until_ms INTEGER);
    CREATE INDEX tenure_open ON tenure(lease) WHERE until_ms IS NULL;
    CREATE INDEX tenure_until ON tenure(until_ms);
    CREATE TABLE tenure_since(one INTEGER PRIMARY KEY CHECK(one = 1), ms INTEGER NOT NULL);
    INSERT INTO tenure_since VALUES(1, CAST(strftime('%s', 'now') AS INTEGER) * 1000);
    INSERT INTO tenure(lease, gpu_uuid, gpu_instance, compute_instance, profile, memory_mib, sm,
                       slices, shared, uid, tenant, job, from_ms)
      SELECT id, gpu_uuid, gpu_instance, compute_instance, profile, memory_mib, sm, slices, shared,
             uid, tenant, job, granted_ms FROM lease;
  )sql";

}  // namespace

const Migrations& lease_migrations() {
  static const Migrations kMigrations = {
      kTables, kGpuMinor, kEndings, kMadeAndUnits, kCharges, kTenures};
  return kMigrations;
}

}  // namespace mig::store
