// SPDX-License-Identifier: Apache-2.0
#include "model/tenants.h"

#include <algorithm>
#include <array>
#include <utility>

namespace mig {
namespace {

constexpr std::array<std::pair<Role, const char*>, 5> kRoles{{{Role::kNone, "none"},
                                                              {Role::kViewer, "viewer"},
                                                              {Role::kUser, "user"},
                                                              {Role::kOperator, "operator"},
                                                              {Role::kAdmin, "admin"}}};

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
  } else {
    tenant.name = who.user.empty() ? "uid-" + std::to_string(who.uid) : who.user;
    // A user cannot become a tenant of the file by having the same name.
    if (find(tenant.name) != nullptr) {
      tenant.name = "uid-" + std::to_string(who.uid);
    }
    tenant.role = from_file ? others : Role::kUser;
  }
  if (who.uid == 0) {
    tenant.role = Role::kAdmin;
  }
  return tenant;
}

}  // namespace mig
