// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"
#include "wire/lease_members.h"
#include "wire/leases.h"

namespace mig::wire {
namespace {

Json holder_json(const lease::LeaseHolder& holder) {
  switch (holder.kind) {
    case lease::LeaseHolder::Kind::kProcess:
      return Json{{"pid", holder.pid}, {"startTicks", holder.start_ticks}};
    case lease::LeaseHolder::Kind::kUnit:
      return Json{{"unit", holder.unit}};
    case lease::LeaseHolder::Kind::kExternal:
      return Json{{"external", holder.unit}};
    case lease::LeaseHolder::Kind::kTime:
      break;
  }
  return nullptr;
}

Json need_json(const lease::Need& need) {
  Json json;
  json["profile"] = need.profile ? Json(need.profile->str()) : Json(nullptr);
  json["memoryMib"] = or_null(need.min_memory_mib);
  json["sms"] = or_null(need.min_sm);
  json["uuid"] = text_or_null(need.uuid);
  json["slot"] = text_or_null(need.slot);
  json["gpu"] = text_or_null(need.gpu_uuid);
  json["gpuInstance"] = or_null(need.gpu_instance);
  json["computeInstance"] = or_null(need.compute_instance);
  return json;
}

// Converts a member's value to JSON.
template <class Value>
Json member_json(const Value& value) {
  return value;
}

template <class Tag>
Json member_json(Id<Tag> id) {
  return id.value;
}

template <class Value>
Json member_json(const std::optional<Value>& value) {
  return or_null(value);
}

Json member_json(const ProfileName& profile) {
  return profile.str();
}

Json member_json(const lease::LeaseHolder& holder) {
  return holder_json(holder);
}

template <class Text>
Json member_json(const EmptyIsNull<Text>& kept) {
  return text_or_null(kept.text);
}

Json lease_json(const lease::Lease& lease) {
  Json json;
  each_member_of_lease(
      lease, [&](const char* name, const auto& value) { json[name] = member_json(value); });
  return json;
}

Json entry_json(const lease::QueueEntry& entry) {
  Json json;
  json["id"] = entry.id;
  json["position"] = entry.position;
  json["need"] = need_json(entry.need);
  json["wants"] = entry.need.str();
  json["count"] = entry.count;
  json["shared"] = entry.shared;
  json["uid"] = entry.uid;
  json["tenant"] = entry.tenant;
  json["job"] = text_or_null(entry.job);
  json["priority"] = entry.priority;
  json["sinceMs"] = entry.since_ms;
  json["givesUpInMs"] = or_null(entry.gives_up_in_ms);
  json["reason"] = entry.reason;
  json["forecastMs"] = or_null(entry.forecast_ms);
  return json;
}

Json quota_json(const Quota& quota) {
  Json json;
  json["slices"] = or_null(quota.slices);
  json["sms"] = or_null(quota.sm);
  json["memoryMib"] = or_null(quota.memory_mib);
  json["instances"] = or_null(quota.instances);
  return json;
}

Json tenant_json(const TenantUse& entry) {
  Json json;
  json["name"] = entry.tenant.name;
  json["role"] = name_of(entry.tenant.role);
  json["weight"] = entry.tenant.weight;
  json["users"] = entry.tenant.users;
  json["groups"] = entry.tenant.groups;
  json["quota"] = quota_json(entry.tenant.quota);
  json["perUser"] = quota_json(entry.tenant.per_user);
  json["job"] = quota_json(entry.tenant.job);
  json["job"]["timeMs"] = or_null(entry.tenant.job_time_ms);
  json["job"]["defaultTimeMs"] = or_null(entry.tenant.default_time_ms);
  json["job"]["priority"] = entry.tenant.max_priority.value_or(0);
  json["job"]["preempt"] = entry.tenant.may_preempt;
  json["job"]["create"] = entry.tenant.may_create;
  json["job"]["linger"] = entry.tenant.may_linger;
  json["used"] = Json{{"leases", entry.leases},
                      {"slices", entry.slices},
                      {"sms", entry.sm},
                      {"memoryMib", entry.memory_mib},
                      {"instances", entry.instances}};
  return json;
}

// The site's policy; of `others` what they may have.
Json site_json(const Tenants& site) {
  Json json;
  json["file"] = site.from_file;
  json["unleased"] = site.unleased == Unleased::kEnd ? "end" : "report";
  json["preemption"] =
      Json{{"enabled", site.preemption.enabled}, {"graceMs", site.preemption.grace_ms}};
  json["reclaimMs"] = or_null(site.reclaim_ms);
  json["defaultTimeMs"] = site.default_time_ms;
  TenantUse others;
  others.tenant = site.others;
  json["others"] = site.from_file ? tenant_json(others) : Json(nullptr);
  return json;
}

Json leases_under(std::string_view kind,
                  const std::vector<lease::Lease>& leases,
                  const Source& source) {
  Json document = begin_document(kind, source);
  document["leases"] = Json::array();
  for (const lease::Lease& lease : leases) {
    document["leases"].push_back(lease_json(lease));
  }
  return document;
}

Json unleased_json(const lease::UnleasedProcess& process) {
  Json json;
  json["pid"] = process.pid;
  json["startTicks"] = process.start_ticks;
  json["uid"] = process.uid;
  json["tenant"] = process.tenant;
  json["command"] = process.command;
  json["uuid"] = process.instance.uuid;
  json["profile"] = process.instance.profile.str();
  json["gpu"] = process.instance.gpu.value;
  json["gpuInstance"] = process.instance.gpu_instance.value;
  json["computeInstance"] = process.instance.compute_instance.value;
  return json;
}

}  // namespace

std::string lease_request_document(const lease::LeaseRequest& request) {
  Json json;
  json["need"] = need_json(request.need);
  json["count"] = request.count;
  json["every"] = request.every;
  json["shared"] = request.shared;
  json["holder"] = holder_json(request.holder);
  json["stoppable"] = request.stoppable;
  json["background"] = request.background;
  json["limitMs"] = or_null(request.limit_ms);
  json["job"] = request.job;
  if (!request.user.empty()) {
    json["user"] = request.user;
  }
  json["priority"] = request.priority;
  json["waitMs"] = request.wait_ms;
  json["create"] = request.create;
  json["preempt"] = request.preempt;
  json["graceMs"] = request.grace_ms;
  json["endGraceMs"] = request.end_grace_ms;
  json["linger"] = request.linger;
  json["key"] = request.key;
  return finish(json);
}

std::string lease_change_document(const LeaseChange& change) {
  Json json;
  if (change.holder) {
    json["holder"] = holder_json(*change.holder);
  }
  if (change.heir) {
    json["heir"] = holder_json(*change.heir);
  }
  if (change.containers) {
    json["containers"] = {{"systemd", change.containers->systemd},
                          {"ofUser", change.containers->of_user}};
  }
  return finish(json);
}

std::string lease_grant_document(const std::vector<lease::Lease>& leases, const Source& source) {
  return finish(leases_under("LeaseGrant", leases, source));
}

std::string lease_list_document(const std::vector<lease::Lease>& leases,
                                const std::optional<std::vector<lease::UnleasedProcess>>& unleased,
                                const Source& source,
                                std::uint64_t others) {
  Json document = leases_under("LeaseList", leases, source);
  document["unleased"] = unleased ? Json::array() : Json(nullptr);
  if (unleased) {
    for (const lease::UnleasedProcess& process : *unleased) {
      document["unleased"].push_back(unleased_json(process));
    }
  }
  document["others"] = others;
  return finish(document);
}

std::string lease_released_document(const lease::Lease& lease, const Source& source) {
  return finish(leases_under("LeaseReleased", {lease}, source));
}

std::string lease_queue_document(const std::vector<lease::QueueEntry>& queue,
                                 const Source& source,
                                 std::uint64_t others) {
  Json document = begin_document("LeaseQueue", source);
  document["queue"] = Json::array();
  for (const lease::QueueEntry& entry : queue) {
    document["queue"].push_back(entry_json(entry));
  }
  document["others"] = others;
  return finish(document);
}

std::string tenant_list_document(const std::vector<TenantUse>& tenants,
                                 const std::optional<Tenants>& site,
                                 const Source& source,
                                 std::uint64_t others) {
  Json document = begin_document("TenantList", source);
  document["site"] = site ? site_json(*site) : Json(nullptr);
  document["tenants"] = Json::array();
  for (const TenantUse& entry : tenants) {
    document["tenants"].push_back(tenant_json(entry));
  }
  document["others"] = others;
  return finish(document);
}

std::string free_document(const FreeReport& report, const Source& source) {
  Json document = begin_document("Free", source);
  document["instances"] = Json::array();
  for (const InstanceState& one : report.instances) {
    Json json;
    json["uuid"] = one.instance.uuid;
    json["profile"] = one.instance.profile.str();
    json["gpu"] = one.instance.gpu.value;
    json["gpuInstance"] = one.instance.gpu_instance.value;
    json["computeInstance"] = one.instance.compute_instance.value;
    json["memoryMib"] = one.instance.memory_mib;
    json["sm"] = or_null(one.instance.sm);
    json["slices"] = one.instance.slices;
    json["state"] = name_of(one.state);
    json["yours"] = one.yours;
    json["shared"] = one.shared;
    json["leases"] = one.leases;
    json["endsInMs"] = or_null(one.ends_in_ms);
    json["holders"] = one.holders;
    document["instances"].push_back(std::move(json));
  }
  document["makeable"] = Json::array();
  for (const Makeable& one : report.makeable) {
    document["makeable"].push_back(Json{{"profile", one.profile.str()},
                                        {"count", one.count},
                                        {"memoryMib", one.memory_mib},
                                        {"sm", one.sm},
                                        {"slices", one.slices}});
  }
  document["mayCreate"] = report.may_create;
  document["leases"] = report.leases;
  document["yourLeases"] = report.your_leases;
  document["queue"] = Json::array();
  for (const WaitingRequest& one : report.waiting) {
    document["queue"].push_back(Json{{"need", need_json(one.need)},
                                     {"wants", one.need.str()},
                                     {"count", one.count},
                                     {"yours", one.yours},
                                     {"forecastMs", or_null(one.forecast_ms)}});
  }
  return finish(document);
}

std::string tenant_check_document(const std::string& file,
                                  std::size_t tenants,
                                  const std::optional<std::vector<std::string>>& changes,
                                  const Source& source) {
  Json document = begin_document("TenantCheck", source);
  document["file"] = file;
  document["tenants"] = tenants;
  document["changes"] = changes ? Json(*changes) : Json(nullptr);
  return finish(document);
}

std::string lease_history_document(const lease::History& history, const Source& source) {
  Json document = begin_document("LeaseHistory", source);
  document["events"] = Json::array();
  for (const lease::Event& event : history.events) {
    Json json;
    json["id"] = event.id;
    json["atMs"] = event.at_ms;
    json["action"] = event.action;
    json["lease"] = event.lease;
    json["tenant"] = event.tenant;
    json["uid"] = event.uid;
    json["instance"] = event.instance;
    json["job"] = text_or_null(event.job);
    document["events"].push_back(std::move(json));
  }
  document["next"] = or_null(history.next);
  return finish(document);
}

}  // namespace mig::wire
