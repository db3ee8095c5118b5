// SPDX-License-Identifier: Apache-2.0
#include "config/tenants.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/units.h"
#include "config/document.h"

namespace mig::config {
namespace {

constexpr std::uint64_t kMostNumber = 1'000'000;
constexpr std::size_t kMostTenants = 1000;
constexpr std::size_t kMostMembers = 10'000;

using TenantField = std::function<Result<void>(const Node&)>;

// Reads each key of a map by its reader; an unknown key is an error that names the nearest.
Result<void> read_fields(const Node& map,
                         const std::string& where,
                         const std::vector<std::pair<std::string, TenantField>>& fields) {
  if (!map.is(Node::Kind::kMap)) {
    return complaint(map.position,
                     fmt::format("{} is names with values, not {}", where, map.described()));
  }
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    const Node& key = map.items[i];
    const auto field = std::find_if(
        fields.begin(), fields.end(), [&](const auto& row) { return row.first == key.text; });
    if (field != fields.end()) {
      MIG_TRY(field->second(map.items[i + 1]));
      continue;
    }
    std::vector<std::string> known;
    known.reserve(fields.size());
    for (const auto& row : fields) {
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

template <class Number>
TenantField number_into(Number& target, const std::string& what, std::uint64_t most = kMostNumber) {
  return [&target, what, most](const Node& node) -> Result<void> {
    const auto value =
        node.is(Node::Kind::kScalar) ? base::parse_decimal(node.text, most) : std::nullopt;
    if (!value) {
      return complaint(
          node.position,
          fmt::format("{} is a whole number up to {}, not {}", what, most, node.described()));
    }
    target = static_cast<std::uint32_t>(*value);
    return {};
  };
}

TenantField memory_into(std::optional<std::uint64_t>& target) {
  return [&target](const Node& node) -> Result<void> {
    constexpr std::uint64_t kMostMib = 1ULL << 34U;
    target =
        node.is(Node::Kind::kScalar) ? base::parse_size_mib(node.text, kMostMib) : std::nullopt;
    if (!target) {
      return complaint(node.position,
                       fmt::format("memory is a size with its unit, not {}", node.described()),
                       "for example 40GiB or 900MiB");
    }
    return {};
  };
}

TenantField time_into(std::optional<std::int64_t>& target) {
  return [&target](const Node& node) -> Result<void> {
    constexpr std::chrono::hours kMost{366 * 24};
    const auto value =
        node.is(Node::Kind::kScalar) ? base::parse_time(node.text, kMost) : std::nullopt;
    if (!value || value->count() == 0) {
      return complaint(node.position,
                       fmt::format("time is a duration with its unit, not {}", node.described()),
                       "for example 90m, 24h or 7d");
    }
    target = value->count();
    return {};
  };
}

TenantField names_into(std::vector<std::string>& target, const std::string& what) {
  return [&target, what](const Node& node) -> Result<void> {
    if (!node.is(Node::Kind::kSequence)) {
      return complaint(node.position,
                       fmt::format("{} is a list, not {}", what, node.described()),
                       "[alice, 1001]");
    }
    if (node.items.size() > kMostMembers) {
      return complaint(node.position,
                       fmt::format("{} has more than {} entries", what, kMostMembers));
    }
    for (const Node& item : node.items) {
      if (!item.is(Node::Kind::kScalar) || item.text.empty()) {
        return complaint(item.position,
                         fmt::format("{} are names or numbers, not {}", what, item.described()));
      }
      target.push_back(item.text);
    }
    return {};
  };
}

TenantField role_into(Role& target) {
  return [&target](const Node& node) -> Result<void> {
    const auto role = node.is(Node::Kind::kScalar) ? parse_role(node.text) : std::nullopt;
    if (!role) {
      return complaint(node.position,
                       fmt::format("{} is no role", node.described()),
                       "none, viewer, user, operator or admin");
    }
    target = *role;
    return {};
  };
}

std::vector<std::pair<std::string, TenantField>> quota_fields(Quota& quota) {
  return {{"slices", number_into(quota.slices, "slices")},
          {"sms", number_into(quota.sm, "sms")},
          {"memory", memory_into(quota.memory_mib)},
          {"instances", number_into(quota.instances, "instances")}};
}

Result<Tenant> read_tenant(const Node& name, const Node& body) {
  Tenant tenant;
  tenant.name = name.text;
  const bool plain =
      !name.text.empty() && name.text.size() <= 64 &&
      name.text.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == std::string::npos;
  if (!plain) {
    return complaint(name.position,
                     fmt::format("{} is no name of a tenant", base::quoted(name.text)),
                     "letters, digits, '-', '_' and '.', at most 64");
  }
  std::uint32_t priority = 0;
  bool priority_set = false;
  auto job_fields = quota_fields(tenant.job);
  job_fields.emplace_back("time", time_into(tenant.job_time_ms));
  job_fields.emplace_back("priority", [&](const Node& node) -> Result<void> {
    priority_set = true;
    return number_into(priority, "priority", 100)(node);
  });
  MIG_TRY(read_fields(
      body,
      "tenant " + tenant.name,
      {{"users", names_into(tenant.users, "users")},
       {"groups", names_into(tenant.groups, "groups")},
       {"role", role_into(tenant.role)},
       {"weight", number_into(tenant.weight, "weight", 1000)},
       {"quota",
        [&](const Node& node) { return read_fields(node, "quota", quota_fields(tenant.quota)); }},
       {"job", [&](const Node& node) { return read_fields(node, "job", job_fields); }}}));
  if (priority_set) {
    tenant.max_priority = static_cast<std::int32_t>(priority);
  }
  if (tenant.weight == 0) {
    return complaint(name.position,
                     fmt::format("tenant {} has weight 0", tenant.name),
                     "1 is the ordinary weight; role: viewer keeps a tenant from leasing");
  }
  return tenant;
}

Result<void> read_all_tenants(const Node& node, Tenants& tenants) {
  if (!node.is(Node::Kind::kMap)) {
    return complaint(node.position,
                     fmt::format("tenants is names with values, not {}", node.described()));
  }
  std::map<std::string, std::string> owner;  // tenant by user
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    MIG_ASSIGN_OR_RETURN(Tenant tenant, read_tenant(node.items[i], node.items[i + 1]));
    for (const std::string& user : tenant.users) {
      if (const auto [known, added] = owner.emplace(user, tenant.name); !added) {
        return complaint(node.items[i].position,
                         fmt::format("user {} is in tenant {} and in tenant {}",
                                     base::quoted(user),
                                     known->second,
                                     tenant.name),
                         "one of them must go: a lease has one owner");
      }
    }
    tenants.tenants.push_back(std::move(tenant));
    if (tenants.tenants.size() > kMostTenants) {
      return complaint(node.items[i].position, fmt::format("more than {} tenants", kMostTenants));
    }
  }
  return {};
}

}  // namespace

Result<Tenants> parse_tenants(std::string_view text, std::string_view file) {
  MIG_ASSIGN_OR_RETURN(const Node root, parse_document(text, file));
  Tenants tenants;
  tenants.from_file = true;
  bool versioned = false;
  MIG_TRY(read_fields(
      root,
      "the tenants file",
      {{"version",
        [&](const Node& node) -> Result<void> {
          versioned = node.is(Node::Kind::kScalar) && node.text == "v1";
          if (!versioned) {
            return complaint(node.position,
                             fmt::format("unknown version: {}", node.described()),
                             "this migctl knows v1");
          }
          return {};
        }},
       {"others", role_into(tenants.others)},
       {"tenants", [&](const Node& node) { return read_all_tenants(node, tenants); }}}));
  if (!versioned) {
    return complaint(root.position, "the tenants file has no version", "begin it with version: v1");
  }
  return tenants;
}

Result<Tenants> read_tenants(const std::string& path) {
  auto text = base::read_file(path, kMostBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return Tenants{};
  }
  if (!text) {
    return std::move(text).error().in("the tenants file");
  }
  return parse_tenants(*text, path);
}

}  // namespace mig::config
