// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/answer.h"
#include "wire/document.h"
#include "wire/lease_members.h"
#include "wire/leases.h"
#include "wire/reader.h"

namespace mig::wire {
namespace {

constexpr std::size_t kMostRequestBytes = 64U << 10U;
constexpr std::size_t kMostAnswerBytes = 16U << 20U;
constexpr std::uint64_t kMostTimeMs = 10ULL * 366 * 24 * 3600 * 1000;

// Names that are stored, printed and passed to programs must be one line of text.
std::string name_at(const Reader& reader, std::string_view key) {
  std::string text = text_at(reader, key);
  if (base::printable(text) != text) {
    reader.at(key).complain("control characters do not belong there");
  }
  return text;
}

bool flag_at(const Reader& reader, std::string_view key) {
  return reader.given(key) && reader.at(key).boolean();
}

std::uint32_t u32_at(const Reader& reader, std::string_view key, std::uint32_t fallback) {
  return reader.given(key) ? reader.at(key).u32() : fallback;
}

std::optional<std::int64_t> time_at(const Reader& reader, std::string_view key) {
  return reader.given(key)
             ? std::optional(static_cast<std::int64_t>(reader.at(key).number(kMostTimeMs)))
             : std::nullopt;
}

std::int64_t i64_at(const Reader& reader, std::string_view key) {
  return reader.given(key) ? static_cast<std::int64_t>(reader.at(key).number(INT64_MAX)) : 0;
}

std::optional<ProfileName> profile_at(const Reader& reader, std::string_view key) {
  if (!reader.given(key)) {
    return std::nullopt;
  }
  auto profile = ProfileName::parse(reader.at(key).text());
  if (!profile) {
    reader.at(key).complain(profile.error().message);
    return std::nullopt;
  }
  return *profile;
}

lease::Need read_need(const Reader& reader) {
  reader.only(
      {"profile", "memoryMib", "sms", "uuid", "slot", "gpu", "gpuInstance", "computeInstance"});
  lease::Need need;
  need.profile = profile_at(reader, "profile");
  if (reader.given("memoryMib")) {
    need.min_memory_mib = reader.at("memoryMib").number(1ULL << 34U);
  }
  if (reader.given("sms")) {
    need.min_sm = reader.at("sms").u32();
  }
  need.uuid = name_at(reader, "uuid");
  need.slot = name_at(reader, "slot");
  need.gpu_uuid = name_at(reader, "gpu");
  if (reader.given("gpuInstance")) {
    need.gpu_instance = GpuInstanceId{reader.at("gpuInstance").u32()};
  }
  if (reader.given("computeInstance")) {
    need.compute_instance = ComputeInstanceId{reader.at("computeInstance").u32()};
  }
  return need;
}

lease::LeaseHolder read_holder(const Reader& parent, std::string_view key = "holder") {
  if (!parent.given(key)) {
    return lease::LeaseHolder::time();
  }
  const Reader reader = parent.at(key);
  reader.only({"pid", "startTicks", "unit", "external"});
  if (reader.given("external")) {
    return lease::LeaseHolder::external(name_at(reader, "external"));
  }
  if (reader.given("unit")) {
    return lease::LeaseHolder::of_unit(name_at(reader, "unit"));
  }
  return lease::LeaseHolder::process(
      reader.at("pid").u32(), reader.given("startTicks") ? reader.at("startTicks").number() : 0);
}

// A priority. Admission checks the range, which depends on the tenant.
std::int32_t clamped_at(const Reader& reader, std::string_view key) {
  constexpr std::int64_t kFar = 1'000'000;
  return reader.given(key) ? static_cast<std::int32_t>(reader.at(key).clamped(-kFar, kFar)) : 0;
}

lease::LeaseRequest read_request(const Reader& reader) {
  reader.only({"need",
               "count",
               "every",
               "shared",
               "holder",
               "stoppable",
               "background",
               "limitMs",
               "job",
               "user",
               "priority",
               "waitMs",
               "create",
               "preempt",
               "graceMs",
               "endGraceMs",
               "linger",
               "key"});
  lease::LeaseRequest request;
  if (reader.given("need")) {
    request.need = read_need(reader.at("need"));
  }
  request.count = u32_at(reader, "count", 1);
  request.every = flag_at(reader, "every");
  request.shared = u32_at(reader, "shared", 1);
  request.holder = read_holder(reader);
  request.stoppable = flag_at(reader, "stoppable");
  request.background = flag_at(reader, "background");
  request.limit_ms = time_at(reader, "limitMs");
  request.job = name_at(reader, "job");
  request.user = name_at(reader, "user");
  request.priority = clamped_at(reader, "priority");
  request.wait_ms = time_at(reader, "waitMs").value_or(0);
  request.create = flag_at(reader, "create");
  request.preempt = flag_at(reader, "preempt");
  request.grace_ms = time_at(reader, "graceMs").value_or(request.grace_ms);
  request.end_grace_ms = time_at(reader, "endGraceMs").value_or(request.end_grace_ms);
  request.linger = flag_at(reader, "linger");
  request.key = name_at(reader, "key");
  return request;
}

// Visitor that reads a member of a lease; null or missing leaves the value unchanged.
struct ReadMember {
  const Reader& reader;

  void operator()(const char* key, std::int64_t& value) const { value = i64_at(reader, key); }

  void operator()(const char* key, std::uint32_t& value) const {
    value = u32_at(reader, key, value);
  }

  void operator()(const char* key, std::uint64_t& value) const { value = reader.at(key).number(); }

  void operator()(const char* key, std::int32_t& value) const { value = clamped_at(reader, key); }

  void operator()(const char* key, bool& value) const { value = flag_at(reader, key); }

  void operator()(const char* key, std::string& value) const { value = text_at(reader, key); }

  void operator()(const char* key, std::optional<std::int64_t>& value) const {
    value = time_at(reader, key);
  }

  void operator()(const char* key, std::optional<std::uint32_t>& value) const {
    value = reader.given(key) ? std::optional(reader.at(key).u32()) : std::nullopt;
  }

  template <class Tag>
  void operator()(const char* key, Id<Tag>& id) const {
    id.value = u32_at(reader, key, 0);
  }

  void operator()(const char* key, ProfileName& profile) const {
    profile = profile_at(reader, key).value_or(ProfileName{});
  }

  void operator()(const char* key, lease::LeaseHolder& holder) const {
    holder = read_holder(reader, key);
  }

  template <class Text>
  void operator()(const char* key, const EmptyIsNull<Text>& kept) const {
    kept.text = text_at(reader, key);
  }
};

lease::Lease read_lease(const Reader& reader) {
  lease::Lease lease;
  each_member_of_lease(lease, ReadMember{reader});
  return lease;
}

lease::UnleasedProcess read_unleased(const Reader& reader) {
  lease::UnleasedProcess process;
  process.pid = u32_at(reader, "pid", 0);
  process.start_ticks = reader.at("startTicks").number();
  process.uid = u32_at(reader, "uid", 0);
  process.tenant = text_at(reader, "tenant");
  process.command = text_at(reader, "command");
  process.instance.uuid = text_at(reader, "uuid");
  process.instance.profile = profile_at(reader, "profile").value_or(ProfileName{});
  process.instance.gpu.value = u32_at(reader, "gpu", 0);
  process.instance.gpu_instance.value = u32_at(reader, "gpuInstance", 0);
  process.instance.compute_instance.value = u32_at(reader, "computeInstance", 0);
  return process;
}

lease::QueueEntry read_entry(const Reader& reader) {
  lease::QueueEntry entry;
  entry.id = i64_at(reader, "id");
  entry.position = u32_at(reader, "position", 0);
  entry.need = read_need(reader.at("need"));
  entry.count = u32_at(reader, "count", 1);
  entry.shared = u32_at(reader, "shared", 1);
  entry.uid = u32_at(reader, "uid", 0);
  entry.tenant = text_at(reader, "tenant");
  entry.job = text_at(reader, "job");
  entry.priority = clamped_at(reader, "priority");
  entry.since_ms = i64_at(reader, "sinceMs");
  entry.gives_up_in_ms = time_at(reader, "givesUpInMs");
  entry.reason = text_at(reader, "reason");
  entry.forecast_ms = time_at(reader, "forecastMs");
  return entry;
}

void read_quota(const Reader& reader, Quota& quota) {
  if (reader.given("slices")) {
    quota.slices = reader.at("slices").u32();
  }
  if (reader.given("sms")) {
    quota.sm = reader.at("sms").u32();
  }
  if (reader.given("memoryMib")) {
    quota.memory_mib = reader.at("memoryMib").number();
  }
  if (reader.given("instances")) {
    quota.instances = reader.at("instances").u32();
  }
}

TenantUse read_tenant(const Reader& reader) {
  TenantUse entry;
  Tenant& tenant = entry.tenant;
  tenant.name = text_at(reader, "name");
  tenant.role = parse_role(text_at(reader, "role")).value_or(Role::kNone);
  tenant.weight = u32_at(reader, "weight", 1);
  for (const Reader& user : reader.at("users").elements()) {
    tenant.users.push_back(user.text());
  }
  for (const Reader& group : reader.at("groups").elements()) {
    tenant.groups.push_back(group.text());
  }
  read_quota(reader.at("quota"), tenant.quota);
  if (reader.given("perUser")) {
    read_quota(reader.at("perUser"), tenant.per_user);
  }
  const Reader job = reader.at("job");
  read_quota(job, tenant.job);
  tenant.job_time_ms = time_at(job, "timeMs");
  tenant.default_time_ms = time_at(job, "defaultTimeMs");
  tenant.max_priority = static_cast<std::int32_t>(u32_at(job, "priority", 0));
  tenant.may_preempt = flag_at(job, "preempt");
  tenant.may_create = flag_at(job, "create");
  tenant.may_linger = flag_at(job, "linger");
  const Reader used = reader.at("used");
  entry.leases = used.at("leases").number();
  entry.slices = used.at("slices").number();
  entry.sm = used.at("sms").number();
  entry.memory_mib = used.at("memoryMib").number();
  entry.instances = used.at("instances").number();
  return entry;
}

Tenants read_site(const Reader& reader) {
  Tenants site;
  site.from_file = flag_at(reader, "file");
  site.unleased = text_at(reader, "unleased") == "end" ? Unleased::kEnd : Unleased::kReport;
  const Reader preemption = reader.at("preemption");
  site.preemption.enabled = flag_at(preemption, "enabled");
  site.preemption.grace_ms = i64_at(preemption, "graceMs");
  site.reclaim_ms = time_at(reader, "reclaimMs");
  site.default_time_ms = i64_at(reader, "defaultTimeMs");
  if (reader.given("others")) {
    site.others = read_tenant(reader.at("others")).tenant;
  }
  return site;
}

template <class Read, class Values>
void read_list(const Reader& reader, const char* key, Read read, Values& values) {
  if (!reader.has(key)) {
    return;
  }
  for (const Reader& element : reader.at(key).elements()) {
    values.push_back(read(element));
  }
}

}  // namespace

Result<lease::LeaseRequest> parse_lease_request(std::string_view text) {
  MIG_ASSIGN_OR_RETURN(const Json json,
                       base::parse_json(text, {kMostRequestBytes, "a lease request"}));
  Problem problem;
  lease::LeaseRequest request = read_request(Reader(json, "", problem));
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput,
                "the lease request: " + problem.text(),
                "docs/reference/leases.md shows one");
  }
  return request;
}

Result<LeaseChange> parse_lease_change(std::string_view text) {
  MIG_ASSIGN_OR_RETURN(const Json json,
                       base::parse_json(text, {kMostRequestBytes, "a change of a lease"}));
  Problem problem;
  const Reader reader(json, "", problem);
  reader.only({"holder", "heir", "containers"});
  LeaseChange change;
  if (reader.has("holder")) {
    change.holder = read_holder(reader);
  }
  if (reader.has("heir")) {
    change.heir = read_holder(reader, "heir");
  }
  if (reader.has("containers")) {
    const Reader how = reader.at("containers");
    how.only({"systemd", "ofUser"});
    change.containers = lease::ContainerCgroups{flag_at(how, "systemd"), flag_at(how, "ofUser")};
  }
  const int given = int{change.holder.has_value()} + int{change.heir.has_value()} +
                    int{change.containers.has_value()};
  if (problem.any() || given != 1) {
    return fail(ErrorCode::kInvalidInput,
                "the change of a lease: " +
                    (problem.any() ? problem.text()
                                   : std::string("one of holder, heir and containers is expected")),
                "docs/reference/leases.md shows one");
  }
  return change;
}

namespace {

InstanceState read_instance_state(const Reader& reader) {
  InstanceState one;
  one.instance.uuid = text_at(reader, "uuid");
  one.instance.profile = profile_at(reader, "profile").value_or(ProfileName{});
  one.instance.gpu.value = u32_at(reader, "gpu", 0);
  one.instance.gpu_instance.value = u32_at(reader, "gpuInstance", 0);
  one.instance.compute_instance.value = u32_at(reader, "computeInstance", 0);
  one.instance.memory_mib = reader.at("memoryMib").number();
  if (reader.given("sm")) {
    one.instance.sm = reader.at("sm").u32();
  }
  one.instance.slices = u32_at(reader, "slices", 0);
  if (const auto state = parse_occupancy(text_at(reader, "state"))) {
    one.state = *state;
  } else {
    reader.at("state").complain("is no state of an instance");
  }
  one.yours = flag_at(reader, "yours");
  one.shared = u32_at(reader, "shared", 1);
  one.leases = u32_at(reader, "leases", 0);
  one.ends_in_ms = time_at(reader, "endsInMs");
  for (const Reader& holder : reader.at("holders").elements()) {
    one.holders.push_back(holder.text());
  }
  return one;
}

Makeable read_makeable(const Reader& reader) {
  Makeable one;
  one.profile = profile_at(reader, "profile").value_or(ProfileName{});
  one.count = u32_at(reader, "count", 0);
  one.memory_mib = reader.at("memoryMib").number();
  one.sm = u32_at(reader, "sm", 0);
  one.slices = u32_at(reader, "slices", 0);
  return one;
}

WaitingRequest read_waiting(const Reader& reader) {
  WaitingRequest one;
  one.need = read_need(reader.at("need"));
  one.count = u32_at(reader, "count", 1);
  one.yours = flag_at(reader, "yours");
  one.forecast_ms = time_at(reader, "forecastMs");
  return one;
}

}  // namespace

Result<FreeAnswer> parse_free(std::string_view text) {
  return read_answer<FreeAnswer>(
      text, kMostAnswerBytes, [](const Reader& reader, FreeAnswer& answer) {
        read_list(reader, "instances", read_instance_state, answer.report.instances);
        read_list(reader, "makeable", read_makeable, answer.report.makeable);
        read_list(reader, "queue", read_waiting, answer.report.waiting);
        answer.report.may_create = flag_at(reader, "mayCreate");
        answer.report.leases = reader.at("leases").number();
        answer.report.your_leases = reader.at("yourLeases").number();
      });
}

Result<LeaseAnswer> parse_lease_answer(std::string_view text) {
  return read_answer<LeaseAnswer>(
      text, kMostAnswerBytes, [](const Reader& reader, LeaseAnswer& answer) {
        read_list(reader, "leases", read_lease, answer.leases);
        read_list(reader, "queue", read_entry, answer.queue);
        read_list(reader, "tenants", read_tenant, answer.tenants);
        if (reader.given("unleased")) {
          read_list(reader, "unleased", read_unleased, answer.unleased.emplace());
        }
        if (reader.given("site")) {
          answer.site = read_site(reader.at("site"));
        }
        answer.others = reader.given("others") ? reader.at("others").number() : 0;
      });
}

Result<LeaseHistoryAnswer> parse_lease_history(std::string_view text) {
  return read_answer<LeaseHistoryAnswer>(
      text, kMostAnswerBytes, [](const Reader& reader, LeaseHistoryAnswer& answer) {
        const auto id = [](const Reader& at) {
          return static_cast<std::int64_t>(at.number(INT64_MAX));
        };
        for (const Reader& event : reader.at("events").elements()) {
          event.only({"id", "atMs", "action", "lease", "tenant", "uid", "instance", "job"});
          answer.history.events.push_back({id(event.at("id")),
                                           id(event.at("atMs")),
                                           event.at("action").text(),
                                           id(event.at("lease")),
                                           event.at("tenant").text(),
                                           event.at("uid").u32(),
                                           event.at("instance").text(),
                                           text_at(event, "job")});
        }
        answer.history.next = reader.at("next").optional(id);
      });
}

}  // namespace mig::wire
