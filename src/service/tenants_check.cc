// SPDX-License-Identifier: Apache-2.0
#include "service/tenants_check.h"

#include <cstring>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include "base/own_path.h"
#include "base/strings.h"
#include "config/document.h"
#include "config/tenants.h"
#include "service/lease_desk.h"
#include "store/places.h"

namespace mig::service {
namespace {

// Memory for an entry of the databases: a group of a directory has thousands of members.
constexpr std::size_t kFirstBuffer = 16U << 10U;
constexpr std::size_t kLargestBuffer = 16U << 20U;
constexpr std::size_t kMostTold = 20;

// Calls a getXXnam_r function with as much memory as it needs. 0: done, else an errno value.
template <class Entry, class Call>
int look_up(Call call, const std::string& name, bool& there) {
  for (std::size_t size = kFirstBuffer;; size *= 4) {
    std::vector<char> buffer(size);
    Entry entry{};
    Entry* found = nullptr;
    const int code = call(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (code != ERANGE || size >= kLargestBuffer) {
      there = found != nullptr;
      return code;
    }
  }
}

std::optional<Error> complaint_of(const config::TenantMember& member) {
  if (base::parse_decimal(member.name, UINT32_MAX)) {
    return std::nullopt;
  }
  bool there = false;
  const int code = member.group ? look_up<group>(::getgrnam_r, member.name, there)
                                : look_up<passwd>(::getpwnam_r, member.name, there);
  if (there) {
    return std::nullopt;
  }
  const char* what = member.group ? "group" : "user";
  // POSIX lets a database report a missing name by these as well.
  const bool missing =
      code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM;
  if (!missing) {
    return config::complaint(member.position,
                             fmt::format("{} {} cannot be looked up: {}",
                                         what,
                                         base::quoted(member.name),
                                         std::strerror(code)),  // NOLINT(concurrency-mt-unsafe)
                             "is the directory of users reachable?");
  }
  return config::complaint(member.position,
                           fmt::format("there is no {} {} on this system (tenant {})",
                                       what,
                                       base::quoted(member.name),
                                       member.tenant),
                           fmt::format("`getent {} {}` tells; a number is taken as it is",
                                       member.group ? "group" : "passwd",
                                       member.name));
}

}  // namespace

Result<CheckedTenants> check_tenants(const std::string& path) {
  CheckedTenants checked;
  checked.file = store::tenants_file(path, store::Surroundings::ours());
  MIG_TRY(base::only_trusted_write(checked.file));
  MIG_ASSIGN_OR_RETURN(config::TenantsFile parsed, config::read_tenants_file(checked.file));
  if (!parsed.tenants.from_file && checked.file != store::tenants_file("", {})) {
    return no_tenants_file(checked.file);
  }
  checked.tenants = std::move(parsed.tenants);
  for (const config::TenantMember& member : parsed.members) {
    if (auto error = complaint_of(member)) {
      checked.unknown.push_back(*std::move(error));
    }
  }
  return checked;
}

Result<Tenants> reread_tenants(const std::string& path, const Tenants& now) {
  auto read = check_tenants(path);
  const bool gone = read ? !read->tenants.from_file : read.error().code == ErrorCode::kNotFound;
  if (now.from_file && gone) {
    return fail(ErrorCode::kNotFound,
                fmt::format("the tenants file {} is gone; what it said stays in force",
                            store::tenants_file(path, store::Surroundings::ours())),
                "put it back; a restart without it would let everybody lease without limits");
  }
  MIG_ASSIGN_OR_RETURN(CheckedTenants checked, std::move(read));
  if (!checked.unknown.empty()) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < checked.unknown.size() && i < kMostTold; ++i) {
      lines.push_back(checked.unknown[i].message);
    }
    return fail(ErrorCode::kInvalidInput,
                base::join(lines, "; ") +
                    (checked.unknown.size() > kMostTold
                         ? fmt::format("; and {} more", checked.unknown.size() - kMostTold)
                         : ""),
                "the file as it was stays in force; `migctl tenant check` tells all");
  }
  return std::move(checked.tenants);
}

std::vector<std::string> tenant_differences(const Tenants& now, const Tenants& next) {
  return config::differences(now, next);
}

}  // namespace mig::service
