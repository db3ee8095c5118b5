// SPDX-License-Identifier: Apache-2.0
// Inside of store/: columns of the tables of leases and requests, between a row's members and
// SQLite, both ways. Included by the units of Leases only.
#ifndef MIGCTL_STORE_LEASE_COLUMNS_H_
#define MIGCTL_STORE_LEASE_COLUMNS_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "store/database.h"
#include "store/leases.h"

namespace mig::store {

// Stores nullopt as 0: the column is older than the optional value.
template <class Value>
struct ZeroIsNone {
  Value& value;  // a std::optional
};

// Single source of truth: every column of a lease with its member, used for reading, writing and
// the SQL statements. To add one: a line here and a step in lease_tables.cc.
template <class Row, class Visit>
void each_column_of_lease(Row& row, Visit&& visit) {
  visit("id", row.id);
  visit("request", row.request);
  visit("key", row.key);
  visit("uuid", row.instance.uuid);
  visit("profile", row.instance.profile);
  visit("gpu_uuid", row.instance.gpu_uuid);
  visit("gpu_index", row.instance.gpu);
  visit("gpu_instance", row.instance.gpu_instance);
  visit("compute_instance", row.instance.compute_instance);
  visit("memory_mib", row.instance.memory_mib);
  visit("sm", ZeroIsNone<decltype((row.instance.sm))>{row.instance.sm});
  visit("slices", row.instance.slices);
  visit("gpu_minor", row.instance.gpu_minor);
  visit("shared", row.shared);
  visit("holder_kind", row.holder.kind);
  visit("pid", row.holder.pid);
  visit("start_ticks", row.holder.start_ticks);
  visit("unit", row.holder.unit);
  visit("unit_cgroup", row.holder.cgroup);
  visit("unit_inode", row.holder.cgroup_inode);
  visit("boot_id", row.boot_id);
  visit("heir_pid", row.heir.pid);
  visit("heir_start", row.heir.start_ticks);
  visit("stoppable", row.stoppable);
  visit("uid", row.uid);
  visit("tenant", row.tenant);
  visit("job", row.job);
  visit("priority", row.priority);
  visit("granted_ms", row.granted_ms);
  visit("granted_boot_ms", row.granted_boot_ms);
  visit("limit_ms", row.limit_ms);
  visit("notice_boot_ms", row.notice_boot_ms);
  visit("notice_grace_ms", row.notice_grace_ms);
  visit("signalled", row.signalled);
  visit("cgroup", row.cgroup);
  visit("linger", row.linger);
  visit("end_grace_ms", row.end_grace_ms);
  visit("ending", row.ending);
  visit("ending_boot_ms", row.ending_boot_ms);
  visit("ending_by", row.ending_by);
  visit("ending_stage", row.ending_stage);
  visit("processes", row.processes);
  visit("charged_ms", row.charged_ms);
}

template <class Row, class Visit>
void each_column_of_request(Row& row, Visit&& visit) {
  visit("id", row.id);
  visit("key", row.key);
  visit("need", row.need);
  visit("count", row.count);
  visit("shared", row.shared);
  visit("holder_kind", row.holder.kind);
  visit("pid", row.holder.pid);
  visit("start_ticks", row.holder.start_ticks);
  visit("unit", row.holder.unit);
  visit("unit_cgroup", row.holder.cgroup);
  visit("unit_inode", row.holder.cgroup_inode);
  visit("boot_id", row.boot_id);
  visit("stoppable", row.stoppable);
  visit("waiter_pid", row.waiter.pid);
  visit("waiter_start", row.waiter.start_ticks);
  visit("uid", row.caller.uid);
  visit("tenant", row.caller.tenant);
  visit("by_uid", row.caller.by_uid);
  visit("job", row.job);
  visit("priority", row.priority);
  visit("limit_ms", row.limit_ms);
  visit("since_ms", row.since_ms);
  visit("since_boot_ms", row.since_boot_ms);
  visit("wait_ms", row.wait_ms);
  visit("create_missing", row.create);
  visit("preempt", row.preempt);
  visit("grace_ms", row.grace_ms);
  visit("reason", row.reason);
  visit("linger", row.linger);
  visit("end_grace_ms", row.end_grace_ms);
}

// Columns in the order of the SELECT.
class Columns {
 public:
  explicit Columns(const Statement& row) : row_(&row) {}

  template <class Number>
  void next(Number& value) {
    value = static_cast<Number>(row_->integer(column_++));
  }

  void next(std::string& value) { value = row_->text(column_++); }

  template <class Tag>
  void next(Id<Tag>& id) {
    next(id.value);
  }

  template <class Number>
  void next(std::optional<Number>& value) {
    const auto read = row_->maybe_integer(column_++);
    value = read ? std::optional(static_cast<Number>(*read)) : std::nullopt;
  }

  void next(ProfileName& profile) {
    if (const auto read = ProfileName::parse(row_->text(column_++))) {
      profile = *read;
    }
  }

  void next(Need& need) { need = need_of_text(row_->text(column_++)); }

  template <class Value>
  void next(ZeroIsNone<Value>& kept) {
    std::uint32_t number = 0;
    next(number);
    kept.value = number == 0 ? std::nullopt : std::optional(number);
  }

  template <class... Values>
  void all(Values&... values) {
    (next(values), ...);
  }

 private:
  const Statement* row_;
  int column_ = 0;
};

// Binds values as parameters of a statement.
template <class Number>
void put(Statement& statement, Number value) {
  statement.bind(static_cast<std::int64_t>(value));
}

inline void put(Statement& statement, const std::string& text) {
  statement.bind(std::string_view(text));
}

template <class Tag>
void put(Statement& statement, Id<Tag> id) {
  put(statement, id.value);
}

template <class Number>
void put(Statement& statement, const std::optional<Number>& value) {
  statement.bind(value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt);
}

inline void put(Statement& statement, const ProfileName& profile) {
  put(statement, profile.str());
}

inline void put(Statement& statement, const Need& need) {
  put(statement, need_text(need));
}

template <class Value>
void put(Statement& statement, const ZeroIsNone<Value>& kept) {
  put(statement, kept.value.value_or(0));
}

template <class... Values>
void bind_all(Statement& statement, const Values&... values) {
  (put(statement, values), ...);
}

inline LeaseRow lease_of(const Statement& row) {
  LeaseRow lease;
  Columns columns(row);
  each_column_of_lease(lease, [&](const char*, auto&& member) { columns.next(member); });
  if (lease.heir.pid != 0) {
    lease.heir.kind = lease::LeaseHolder::Kind::kProcess;
  }
  return lease;
}

inline RequestRow request_of(const Statement& row) {
  RequestRow request;
  Columns columns(row);
  each_column_of_request(request, [&](const char*, auto&& member) { columns.next(member); });
  if (request.waiter.pid != 0) {
    request.waiter.kind = lease::LeaseHolder::Kind::kProcess;
  }
  return request;
}

// List of columns: "id, request, key, ...".
inline const std::string& lease_columns() {
  static const std::string kColumns = [] {
    std::vector<std::string> names;
    const LeaseRow row;
    each_column_of_lease(row, [&](const char* name, const auto&) { names.emplace_back(name); });
    return base::join(names, ", ");
  }();
  return kColumns;
}

inline const std::string& request_columns() {
  static const std::string kColumns = [] {
    std::vector<std::string> names;
    const RequestRow row;
    each_column_of_request(row, [&](const char* name, const auto&) { names.emplace_back(name); });
    return base::join(names, ", ");
  }();
  return kColumns;
}

// INSERT of all columns but the id, which SQLite assigns.
inline std::string insert(const char* table, const std::string& columns) {
  const std::string kept = columns.substr(columns.find(',') + 2);
  const auto more = std::count(kept.begin(), kept.end(), ',');
  std::string marks = "?";
  for (std::int64_t i = 0; i < more; ++i) {
    marks += ",?";
  }
  return fmt::format("INSERT INTO {}({}) VALUES({})", table, kept, marks);
}

template <class Row, class Read>
Result<std::vector<Row>> rows_of(Statement& query, Read read) {
  std::vector<Row> rows;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      return rows;
    }
    rows.push_back(read(query));
  }
}

inline std::string select(std::string_view columns, std::string_view rest) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(rest);
}

}  // namespace mig::store

#endif  // MIGCTL_STORE_LEASE_COLUMNS_H_
