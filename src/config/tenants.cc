// SPDX-License-Identifier: Apache-2.0
#include "config/tenants.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "config/document.h"
#include "config/tenant_fields.h"

namespace mig::config {
namespace {

constexpr std::size_t kMostTenants = 1000;
constexpr std::size_t kMostMembers = 10'000;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestMember = 256;

// A tenant as written, before `default:` is merged.
struct Draft {
  Tenant tenant;
  FieldsSaid said;
};

// The file as written.
struct Drafts {
  std::vector<Draft> tenants;
  Draft others;
  FieldsSaid common;  // `default:`
};

bool has(const std::vector<std::string>& list, const std::string& entry) {
  return std::find(list.begin(), list.end(), entry) != list.end();
}

class FileReader {
 public:
  Result<TenantsFile> read(const Node& root) {
    bool versioned = false;
    out_.tenants.from_file = true;
    MIG_TRY(read_keys(root, "the tenants file", top_readers(versioned)));
    if (!versioned) {
      return complaint(
          root.position, "the tenants file has no version", "begin it with version: v1");
    }
    merge();
    MIG_TRY(cap_others(drafts_.others.said, out_.tenants.tenants, out_.tenants.others));
    return std::move(out_);
  }

 private:
  KeyReaders top_readers(bool& versioned) {
    return {{"version", [&versioned](const Node& node) { return read_version(node, versioned); }},
            {"others", [this](const Node& node) { return read_others(node); }},
            {"default",
             [this](const Node& node) {
               return read_keys(node, "default", field_readers(drafts_.common, false));
             }},
            {"unleased", [this](const Node& node) { return read_unleased(node); }},
            {"preemption", [this](const Node& node) { return read_preemption(node); }},
            {"reclaim", time_reader(out_.tenants.reclaim_ms, "reclaim", "never")},
            {"default_time",
             [this](const Node& node) -> Result<void> {
               std::optional<std::int64_t> time;
               MIG_TRY(time_reader(time, "default_time", "")(node));
               out_.tenants.default_time_ms = *time;
               return {};
             }},
            {"tenants", [this](const Node& node) { return read_all_tenants(node); }}};
  }

  static Result<void> read_version(const Node& node, bool& versioned) {
    versioned = node.is(Node::Kind::kScalar) && node.text == "v1";
    if (!versioned) {
      return complaint(node.position,
                       fmt::format("unknown version: {}", node.described()),
                       "this migctl knows v1");
    }
    return {};
  }

  // A role alone, or a map of fields.
  Result<void> read_others(const Node& node) {
    const auto role = node.is(Node::Kind::kScalar) ? parse_role(node.text) : std::nullopt;
    if (role) {
      drafts_.others.said["role"] = {static_cast<std::uint64_t>(*role), node.position};
      return {};
    }
    if (!node.is(Node::Kind::kMap)) {
      return complaint(node.position,
                       fmt::format("{} is no role", node.described()),
                       "none, viewer, user, operator or admin; or {role: user, quota: {...}}");
    }
    return read_keys(node, "others", field_readers(drafts_.others.said, true));
  }

  Result<void> read_unleased(const Node& node) {
    const bool ends = node.is(Node::Kind::kScalar) && node.text == "end";
    if (!ends && !(node.is(Node::Kind::kScalar) && node.text == "report")) {
      return complaint(node.position,
                       fmt::format("unleased is report or end, not {}", node.described()));
    }
    out_.tenants.unleased = ends ? Unleased::kEnd : Unleased::kReport;
    return {};
  }

  Result<void> read_preemption(const Node& node) {
    PreemptionPolicy& policy = out_.tenants.preemption;
    std::optional<std::int64_t> grace = policy.grace_ms;
    MIG_TRY(read_keys(node,
                      "preemption",
                      {{"enabled", flag_reader(policy.enabled, "enabled")},
                       {"grace", time_reader(grace, "grace", "")}}));
    policy.grace_ms = *grace;
    return {};
  }

  KeyReader members_into(std::vector<std::string>& target, const Tenant& tenant, bool group) {
    return [this, &target, &tenant, group](const Node& node) -> Result<void> {
      const char* what = group ? "groups" : "users";
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
        if (!item.is(Node::Kind::kScalar) || item.text.empty() ||
            item.text.size() > kLongestMember) {
          return complaint(item.position,
                           fmt::format("{} are names or numbers, not {}", what, item.described()));
        }
        target.push_back(item.text);
        out_.members.push_back({item.text, group, tenant.name, item.position});
      }
      return {};
    };
  }

  Result<Draft> read_tenant(const Node& name, const Node& body) {
    Draft draft;
    Tenant& tenant = draft.tenant;
    tenant.name = name.text;
    const bool plain = !name.text.empty() && name.text.size() <= kLongestName &&
                       name.text.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
                           std::string::npos;
    if (!plain) {
      return complaint(name.position,
                       fmt::format("{} is no name of a tenant", base::quoted(name.text)),
                       "letters, digits, '-', '_' and '.', at most 64");
    }
    KeyReaders readers = field_readers(draft.said, true);
    readers.emplace_back("users", members_into(tenant.users, tenant, false));
    readers.emplace_back("groups", members_into(tenant.groups, tenant, true));
    MIG_TRY(read_keys(body, "tenant " + tenant.name, readers));
    if (tenant.name == "root" && !has(tenant.users, "root") && !has(tenant.users, "0")) {
      return complaint(name.position,
                       "root is the tenant of root itself, and this one does not name it",
                       "call it otherwise, or put root among its users");
    }
    return draft;
  }

  Result<void> read_all_tenants(const Node& node) {
    if (!node.is(Node::Kind::kMap)) {
      return complaint(node.position,
                       fmt::format("tenants is names with values, not {}", node.described()));
    }
    std::map<std::string, std::string> owner;  // tenant by user
    for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
      MIG_ASSIGN_OR_RETURN(Draft draft, read_tenant(node.items[i], node.items[i + 1]));
      for (const std::string& user : draft.tenant.users) {
        if (const auto [known, added] = owner.emplace(user, draft.tenant.name); !added) {
          return complaint(node.items[i].position,
                           fmt::format("user {} is in tenant {} and in tenant {}",
                                       base::quoted(user),
                                       known->second,
                                       draft.tenant.name),
                           "one of them must go: a lease has one owner");
        }
      }
      drafts_.tenants.push_back(std::move(draft));
      if (drafts_.tenants.size() > kMostTenants) {
        return complaint(node.items[i].position, fmt::format("more than {} tenants", kMostTenants));
      }
    }
    return {};
  }

  // Fills what a tenant leaves open from `default:`.
  void merge() {
    for (Draft& draft : drafts_.tenants) {
      keep_fields(drafts_.common, draft.tenant);
      keep_fields(draft.said, draft.tenant);
      // Operators and admins may make instances by other commands as well.
      if (draft.tenant.role >= Role::kOperator && !draft.said.contains("job.create")) {
        draft.tenant.may_create = true;
      }
      out_.tenants.tenants.push_back(std::move(draft.tenant));
    }
    Tenant& others = out_.tenants.others;
    keep_fields(drafts_.common, others);
    keep_fields(drafts_.others.said, others);
  }

  Drafts drafts_;
  TenantsFile out_;
};

}  // namespace

Result<TenantsFile> parse_tenants_file(std::string_view text, std::string_view file) {
  MIG_ASSIGN_OR_RETURN(const Node root, parse_document(text, file));
  return FileReader().read(root);
}

Result<TenantsFile> read_tenants_file(const std::string& path) {
  auto text = base::read_file(path, kMostBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return TenantsFile{};
  }
  if (!text) {
    return std::move(text).error().in("the tenants file");
  }
  return parse_tenants_file(*text, path);
}

Result<Tenants> parse_tenants(std::string_view text, std::string_view file) {
  MIG_ASSIGN_OR_RETURN(TenantsFile parsed, parse_tenants_file(text, file));
  return std::move(parsed.tenants);
}

Result<Tenants> read_tenants(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(TenantsFile parsed, read_tenants_file(path));
  return std::move(parsed.tenants);
}

}  // namespace mig::config
