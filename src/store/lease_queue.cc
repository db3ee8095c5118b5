// SPDX-License-Identifier: Apache-2.0
// Leases: the queue of requests.
#include <utility>

#include "store/lease_columns.h"
#include "store/leases.h"

namespace mig::store {

Result<void> Leases::reread_request(std::int64_t request) {
  if (!seen_) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(Statement query,
                       database_.prepare(select(request_columns(), "request WHERE id = ?")));
  MIG_ASSIGN_OR_RETURN(const bool found, query.bind(request).step());
  const auto cached = requests_.find(request);
  if (found && cached != requests_.end()) {
    cached->second = request_of(query);
  } else if (found) {
    const auto [added, unused] = requests_.emplace(request, request_of(query));
    count(added->second, 1);
    changes_.push_back({request, true});
  } else if (cached != requests_.end()) {
    count(cached->second, -1);
    requests_.erase(cached);
    changes_.push_back({request, false});
  }
  return {};
}

void Leases::count(const RequestRow& request, int more) {
  const auto step = [&](auto& counts, const auto& of) {
    if ((counts[of] += more) == 0) {
      counts.erase(of);
    }
  };
  step(of_tenant_, request.caller.tenant);
  step(of_user_, request.caller.uid);
  if (request.key.empty()) {
    return;
  }
  if (more > 0) {
    keys_.emplace(request.key, request.id);
  } else {
    keys_.erase(request.key);
  }
}

Result<std::vector<RequestRow>> Leases::requests() {
  MIG_TRY(refresh());
  std::vector<RequestRow> rows;
  rows.reserve(requests_.size());
  for (const auto& [id, row] : requests_) {
    rows.push_back(row);
  }
  return rows;
}

Result<const Leases::Requests*> Leases::waiting() {
  MIG_TRY(refresh());
  return &requests_;
}

Result<std::vector<std::int64_t>> Leases::request_ids() {
  MIG_TRY(refresh());
  std::vector<std::int64_t> ids;
  ids.reserve(requests_.size());
  for (const auto& [id, row] : requests_) {
    ids.push_back(id);
  }
  return ids;
}

Result<Crowd> Leases::crowd(const std::string& tenant, std::uint32_t uid) {
  MIG_TRY(refresh());
  Crowd crowd;
  crowd.waiting = static_cast<std::int64_t>(requests_.size());
  crowd.users = static_cast<std::int64_t>(of_user_.size());
  const auto theirs = of_tenant_.find(tenant);
  crowd.of_tenant = theirs == of_tenant_.end() ? 0 : theirs->second;
  const auto own = of_user_.find(uid);
  crowd.of_user = own == of_user_.end() ? 0 : own->second;
  return crowd;
}

Result<std::int64_t> Leases::enqueue(const RequestRow& r) {
  static const std::string kInsert = insert("request", request_columns());
  MIG_ASSIGN_OR_RETURN(Statement added, database_.prepare(kInsert));
  each_column_of_request(r, [&](std::string_view name, const auto& member) {
    if (name != "id") {
      put(added, member);
    }
  });
  MIG_TRY(added.run());
  const std::int64_t id = database_.last_insert_id();
  MIG_TRY(reread_request(id));
  return id;
}

Result<std::optional<RequestRow>> Leases::request(std::int64_t id) {
  MIG_ASSIGN_OR_RETURN(Statement query,
                       database_.prepare(select(request_columns(), "request WHERE id = ?")));
  MIG_ASSIGN_OR_RETURN(const bool found, query.bind(id).step());
  return found ? std::optional(request_of(query)) : std::nullopt;
}

Result<std::optional<RequestRow>> Leases::request_of_key(const std::string& key) {
  MIG_TRY(refresh());
  const auto found = keys_.find(key);
  return found == keys_.end() ? std::nullopt : std::optional(requests_.at(found->second));
}

Result<void> Leases::set_waiter(std::int64_t request, const lease::LeaseHolder& waiter) {
  MIG_ASSIGN_OR_RETURN(
      Statement update,
      database_.prepare("UPDATE request SET waiter_pid = ?, waiter_start = ? WHERE id = ?"));
  bind_all(update, waiter.pid, waiter.start_ticks, request);
  MIG_TRY(update.run());
  return reread_request(request);
}

Result<void> Leases::set_reason(std::int64_t request, const std::string& reason) {
  MIG_ASSIGN_OR_RETURN(Statement update,
                       database_.prepare("UPDATE request SET reason = ? WHERE id = ?"));
  bind_all(update, reason, request);
  MIG_TRY(update.run());
  return reread_request(request);
}

Result<bool> Leases::dequeue(std::int64_t request) {
  MIG_ASSIGN_OR_RETURN(Statement gone,
                       database_.prepare("DELETE FROM request WHERE id = ? RETURNING id"));
  MIG_ASSIGN_OR_RETURN(const bool was_there, gone.bind(request).step());
  if (was_there) {
    MIG_TRY(gone.run());
    MIG_TRY(reread_request(request));
  }
  return was_there;
}

}  // namespace mig::store
