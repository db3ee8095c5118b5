// SPDX-License-Identifier: Apache-2.0
#include "model/tenants.h"

#include <algorithm>
#include <array>
#include <utility>

namespace mig {
namespace {

constexpr const char* kRoot = "root";
constexpr std::int32_t kHighestPriority = 100;

constexpr std::array<std::pair<Role, const char*>, 5> kRoles{{{Role::kNone, "none"},
                                                              {Role::kViewer, "viewer"},
                                                              {Role::kUser, "user"},
                                                              {Role::kOperator, "operator"},
                                                              {Role::kAdmin, "admin"}}};

// Each user's tenant where there is no file.
const Tenant& without_file() {
  static const Tenant kTenant = [] {
    Tenant tenant;
    tenant.may_create = true;
    return tenant;
  }();
  return kTenant;
}

bool names(const std::vector<std::string>& list, const std::string& name, std::uint32_t number) {
  const std::string digits = std::to_string(number);
  return std::any_of(list.begin(), list.end(), [&](const std::string& entry) {
    return entry == digits || (!name.empty() && entry == name);
  });
}

bool names_group(const Tenant& tenant, const Identity& who) {
  for (std::size_t i = 0; i < who.gids.size(); ++i) {
    if (names(tenant.groups, i < who.groups.size() ? who.groups[i] : "", who.gids[i])) {
      return true;
    }
  }
  return false;
}

}  // namespace

const char* name_of(Role role) {
  for (const auto& [value, name] : kRoles) {
    if (value == role) {
      return name;
    }
  }
  return "none";
}

std::optional<Role> parse_role(const std::string& text) {
  for (const auto& [value, name] : kRoles) {
    if (text == name) {
      return value;
    }
  }
  return std::nullopt;
}

const Tenant* Tenants::find(const std::string& name) const {
  const auto found = std::find_if(
      tenants.begin(), tenants.end(), [&](const Tenant& tenant) { return tenant.name == name; });
  return found == tenants.end() ? nullptr : &*found;
}

Tenant Tenants::tenant_of(const Identity& who) const {
  const auto by_user = std::find_if(tenants.begin(), tenants.end(), [&](const Tenant& tenant) {
    return names(tenant.users, who.user, who.uid);
  });
  const auto by_group = std::find_if(tenants.begin(), tenants.end(), [&](const Tenant& tenant) {
    return names_group(tenant, who);
  });
  Tenant tenant;
  if (by_user != tenants.end()) {
    tenant = *by_user;
  } else if (who.uid != 0 && by_group != tenants.end()) {
    tenant = *by_group;
  } else if (who.uid == 0) {
    tenant = of_root();
  } else {
    tenant = from_file ? others : without_file();
    tenant.name = who.user.empty() ? "uid-" + std::to_string(who.uid) : who.user;
    // A user cannot become a tenant of the file, or root's, by having the same name.
    if (find(tenant.name) != nullptr || tenant.name == kRoot || tenant.name == kOthers) {
      tenant.name = "uid-" + std::to_string(who.uid);
    }
  }
  if (who.uid == 0) {
    tenant.role = Role::kAdmin;
    tenant.may_create = true;
  }
  if (who.at_most) {
    tenant.role = std::min(tenant.role, *who.at_most);
  }
  return tenant;
}

const Tenant& Tenants::limits_of(const std::string& name) const {
  if (const Tenant* named = find(name)) {
    return *named;
  }
  if (name == kRoot) {
    return of_root();
  }
  return from_file ? others : without_file();
}

std::string Tenants::counted_as(const std::string& name) const {
  const bool alone = !from_file || name == kRoot || find(name) != nullptr;
  return alone ? name : kOthers;
}

std::int64_t Tenants::assumed_ms(const std::string& name) const {
  return limits_of(name).default_time_ms.value_or(default_time_ms);
}

Tenant Tenants::shut_out() {
  Tenant tenant;
  tenant.role = Role::kNone;
  return tenant;
}

const Tenant& Tenants::of_root() {
  static const Tenant kTenant = [] {
    Tenant tenant;
    tenant.name = kRoot;
    tenant.role = Role::kAdmin;
    tenant.max_priority = kHighestPriority;
    tenant.may_preempt = true;
    tenant.may_create = true;
    tenant.may_linger = true;
    return tenant;
  }();
  return kTenant;
}

}  // namespace mig
