// SPDX-License-Identifier: Apache-2.0
#include "config/tenant_fields.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/units.h"

namespace mig::config {
namespace {

constexpr std::uint64_t kMostNumber = 1'000'000;
constexpr std::uint64_t kMostWeight = 1000;
constexpr std::uint64_t kMostPriority = 100;
constexpr std::uint64_t kMostMib = 1ULL << 34U;
constexpr std::chrono::hours kLongest{366 * 24};
constexpr const char* kNoLimit = "none";

// How a field is written.
enum class Form { kRole, kWeight, kCount, kMemory, kTime, kPriority, kRight };

struct Field {
  std::string path;  // "quota.slices": a key of the map "quota"
  Form form;
  std::function<FieldValue(const Tenant&)> get;
  std::function<void(Tenant&, FieldValue)> set;
  bool capped = true;  // a right or a limit, so that others have the least of all tenants
};

template <class Number>
Field optional_field(std::string path, Form form, std::optional<Number> Tenant::*member) {
  return {std::move(path),
          form,
          [member](const Tenant& tenant) -> FieldValue {
            return tenant.*member ? FieldValue(static_cast<std::uint64_t>(*(tenant.*member)))
                                  : std::nullopt;
          },
          [member](Tenant& tenant, FieldValue value) {
            tenant.*member =
                value ? std::optional<Number>(static_cast<Number>(*value)) : std::nullopt;
          }};
}

template <class Number>
Field quota_field(const std::string& map,
                  const std::string& key,
                  Form form,
                  Quota Tenant::*quota,
                  std::optional<Number> Quota::*member) {
  return {map + "." + key,
          form,
          [quota, member](const Tenant& tenant) -> FieldValue { return tenant.*quota.*member; },
          [quota, member](Tenant& tenant, FieldValue value) {
            tenant.*quota.*member =
                value ? std::optional<Number>(static_cast<Number>(*value)) : std::nullopt;
          }};
}

Field right_field(std::string path, bool Tenant::*member) {
  return {std::move(path),
          Form::kRight,
          [member](const Tenant& tenant) -> FieldValue { return tenant.*member ? 1U : 0U; },
          [member](Tenant& tenant, FieldValue value) { tenant.*member = value.value_or(0) != 0; }};
}

void add_quota(std::vector<Field>& fields, const std::string& map, Quota Tenant::*quota) {
  fields.push_back(quota_field(map, "slices", Form::kCount, quota, &Quota::slices));
  fields.push_back(quota_field(map, "sms", Form::kCount, quota, &Quota::sm));
  fields.push_back(quota_field(map, "memory", Form::kMemory, quota, &Quota::memory_mib));
  fields.push_back(quota_field(map, "instances", Form::kCount, quota, &Quota::instances));
}

std::vector<Field> all_fields() {
  std::vector<Field> fields;
  fields.push_back(
      {"role",
       Form::kRole,
       [](const Tenant& tenant) -> FieldValue { return static_cast<std::uint64_t>(tenant.role); },
       [](Tenant& tenant, FieldValue value) {
         tenant.role = static_cast<Role>(value.value_or(0));
       }});
  fields.push_back({"weight",
                    Form::kWeight,
                    [](const Tenant& tenant) -> FieldValue { return tenant.weight; },
                    [](Tenant& tenant, FieldValue value) {
                      tenant.weight = static_cast<std::uint32_t>(value.value_or(1));
                    }});
  add_quota(fields, "quota", &Tenant::quota);
  add_quota(fields, "per_user", &Tenant::per_user);
  add_quota(fields, "job", &Tenant::job);
  fields.push_back(optional_field("job.time", Form::kTime, &Tenant::job_time_ms));
  fields.push_back(optional_field("job.default_time", Form::kTime, &Tenant::default_time_ms));
  fields.back().capped = false;
  fields.push_back({"job.priority",
                    Form::kPriority,
                    [](const Tenant& tenant) -> FieldValue {
                      return static_cast<std::uint64_t>(
                          std::max(tenant.max_priority.value_or(0), 0));
                    },
                    [](Tenant& tenant, FieldValue value) {
                      tenant.max_priority = static_cast<std::int32_t>(value.value_or(0));
                    }});
  fields.push_back(right_field("job.preempt", &Tenant::may_preempt));
  fields.push_back(right_field("job.create", &Tenant::may_create));
  fields.push_back(right_field("job.linger", &Tenant::may_linger));
  return fields;
}

const std::vector<Field>& fields() {
  static const std::vector<Field> kFields = all_fields();
  return kFields;
}

Result<FieldValue> number_of(const Node& node, const std::string& what, std::uint64_t most) {
  const auto value =
      node.is(Node::Kind::kScalar) ? base::parse_decimal(node.text, most) : std::nullopt;
  if (!value) {
    return complaint(
        node.position,
        fmt::format("{} is a whole number up to {}, not {}", what, most, node.described()));
  }
  return FieldValue(*value);
}

Result<FieldValue> weight_of(const Node& node) {
  MIG_ASSIGN_OR_RETURN(const FieldValue value, number_of(node, "weight", kMostWeight));
  if (*value == 0) {
    return complaint(node.position,
                     "weight 0 would never be served",
                     "1 is the ordinary weight; role: viewer keeps a tenant from leasing");
  }
  return value;
}

Result<FieldValue> memory_of(const Node& node) {
  const auto value =
      node.is(Node::Kind::kScalar) ? base::parse_size_mib(node.text, kMostMib) : std::nullopt;
  if (!value) {
    return complaint(node.position,
                     fmt::format("memory is a size with its unit, not {}", node.described()),
                     "for example 40GiB or 900MiB");
  }
  return FieldValue(*value);
}

Result<FieldValue> time_of(const Node& node, const std::string& what) {
  const auto value =
      node.is(Node::Kind::kScalar) ? base::parse_time(node.text, kLongest) : std::nullopt;
  if (!value || value->count() == 0) {
    return complaint(node.position,
                     fmt::format("{} is a duration with its unit, not {}", what, node.described()),
                     "for example 90m, 24h or 7d");
  }
  return FieldValue(static_cast<std::uint64_t>(value->count()));
}

Result<FieldValue> role_of(const Node& node) {
  const auto role = node.is(Node::Kind::kScalar) ? parse_role(node.text) : std::nullopt;
  if (!role) {
    return complaint(node.position,
                     fmt::format("{} is no role", node.described()),
                     "none, viewer, user, operator or admin");
  }
  return FieldValue(static_cast<std::uint64_t>(*role));
}

Result<FieldValue> flag_of(const Node& node, const std::string& what) {
  const bool plain = node.is(Node::Kind::kScalar) && !node.quoted;
  if (!plain || (node.text != "true" && node.text != "false")) {
    return complaint(node.position,
                     fmt::format("{} is true or false, not {}", what, node.described()));
  }
  return FieldValue(node.text == "true" ? 1U : 0U);
}

Result<FieldValue> value_of(const Field& field, const std::string& what, const Node& node) {
  const bool lifted = node.is(Node::Kind::kScalar) && node.text == kNoLimit;
  switch (field.form) {
    case Form::kRole:
      return role_of(node);
    case Form::kWeight:
      return weight_of(node);
    case Form::kCount:
      return lifted ? Result<FieldValue>(FieldValue()) : number_of(node, what, kMostNumber);
    case Form::kMemory:
      return lifted ? Result<FieldValue>(FieldValue()) : memory_of(node);
    case Form::kTime:
      return lifted ? Result<FieldValue>(FieldValue()) : time_of(node, what);
    case Form::kPriority:
      return number_of(node, what, kMostPriority);
    case Form::kRight:
      break;
  }
  return flag_of(node, what);
}

// Readers of the fields of one map ("" = of the tenant itself).
KeyReaders readers_below(const std::string& map, FieldsSaid& said, bool with_role) {
  KeyReaders readers;
  const std::string prefix = map.empty() ? "" : map + ".";
  for (const Field& field : fields()) {
    const std::string key = field.path.substr(std::min(prefix.size(), field.path.size()));
    if (!field.path.starts_with(prefix) || key.find('.') != std::string::npos ||
        (field.form == Form::kRole && !with_role)) {
      continue;
    }
    readers.emplace_back(key, [&field, &said, key](const Node& node) -> Result<void> {
      MIG_ASSIGN_OR_RETURN(const FieldValue value, value_of(field, key, node));
      said[field.path] = {value, node.position};
      return {};
    });
  }
  return readers;
}

std::string value_text(const Field& field, FieldValue value) {
  if (!value) {
    return "no limit";
  }
  switch (field.form) {
    case Form::kRole:
      return name_of(static_cast<Role>(*value));
    case Form::kRight:
      return *value != 0 ? "true" : "false";
    case Form::kMemory:
      return base::gib_text(*value) + " GiB";
    case Form::kTime:
      return base::span_text(static_cast<std::int64_t>(*value));
    default:
      return fmt::format("{}", *value);
  }
}

bool more(FieldValue a, FieldValue b) {
  return b && (!a || *a > *b);
}

}  // namespace

Result<void> read_keys(const Node& map, const std::string& where, const KeyReaders& readers) {
  if (!map.is(Node::Kind::kMap)) {
    return complaint(map.position,
                     fmt::format("{} is names with values, not {}", where, map.described()));
  }
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    const Node& key = map.items[i];
    const auto reader = std::find_if(
        readers.begin(), readers.end(), [&](const auto& row) { return row.first == key.text; });
    if (reader != readers.end()) {
      MIG_TRY(reader->second(map.items[i + 1]));
      continue;
    }
    std::vector<std::string> known;
    known.reserve(readers.size());
    for (const auto& row : readers) {
      known.push_back(row.first);
    }
    const auto near = base::nearest(key.text, known, 1);
    return complaint(key.position,
                     fmt::format("unexpected field {} in {}", base::quoted(key.text), where),
                     near.empty() ? "known: " + base::join(known, ", ")
                                  : fmt::format("did you mean \"{}\"?", near[0]));
  }
  return {};
}

KeyReaders field_readers(FieldsSaid& said, bool with_role) {
  KeyReaders readers = readers_below("", said, with_role);
  for (const char* map : {"quota", "per_user", "job"}) {
    readers.emplace_back(map, [&said, map](const Node& node) {
      return read_keys(node, map, readers_below(map, said, false));
    });
  }
  return readers;
}

KeyReader time_reader(std::optional<std::int64_t>& target,
                      const std::string& what,
                      const std::string& instead) {
  return [&target, what, instead](const Node& node) -> Result<void> {
    if (!instead.empty() && node.is(Node::Kind::kScalar) && node.text == instead) {
      target.reset();
      return {};
    }
    MIG_ASSIGN_OR_RETURN(const FieldValue value, time_of(node, what));
    target = static_cast<std::int64_t>(*value);
    return {};
  };
}

KeyReader flag_reader(bool& target, const std::string& what) {
  return [&target, what](const Node& node) -> Result<void> {
    MIG_ASSIGN_OR_RETURN(const FieldValue value, flag_of(node, what));
    target = *value != 0;
    return {};
  };
}

void keep_fields(const FieldsSaid& said, Tenant& tenant) {
  for (const Field& field : fields()) {
    if (const auto found = said.find(field.path); found != said.end()) {
      field.set(tenant, found->second.value);
    }
  }
}

Result<void> cap_others(const FieldsSaid& said,
                        const std::vector<Tenant>& tenants,
                        Tenant& others) {
  for (const Field& field : fields()) {
    const Tenant* least = nullptr;
    for (const Tenant& tenant : tenants) {
      // A tenant without the right to lease is shut out on purpose: no measure for others.
      if (tenant.role >= Role::kUser &&
          (least == nullptr || more(field.get(*least), field.get(tenant)))) {
        least = &tenant;
      }
    }
    if (!field.capped || least == nullptr || !more(field.get(others), field.get(*least))) {
      continue;
    }
    if (const auto asked = said.find(field.path); asked != said.end()) {
      return complaint(asked->second.position,
                       fmt::format("others have {} {}, more than tenant {}, which has {}",
                                   field.path,
                                   value_text(field, field.get(others)),
                                   least->name,
                                   value_text(field, field.get(*least))),
                       "whom no tenant names gets no more than the least tenant: leave it out, or "
                       "give them less");
    }
    field.set(others, field.get(*least));
  }
  return {};
}

std::vector<std::string> field_differences(const Tenant& now, const Tenant& next) {
  std::vector<std::string> changed;
  for (const Field& field : fields()) {
    if (field.get(now) != field.get(next)) {
      changed.push_back(fmt::format("{} {} -> {}",
                                    field.path,
                                    value_text(field, field.get(now)),
                                    value_text(field, field.get(next))));
    }
  }
  return changed;
}

}  // namespace mig::config
