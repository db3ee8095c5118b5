// SPDX-License-Identifier: Apache-2.0
// Identity of a lease client: names of users and groups from the system's databases.
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include "base/own_path.h"
#include "base/strings.h"
#include "config/tenants.h"
#include "service/lease_desk.h"
#include "store/places.h"

namespace mig::service {
namespace {

constexpr std::size_t kNameBuffer = 16U << 10U;

std::string user_name(std::uint32_t uid) {
  std::vector<char> buffer(kNameBuffer);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return {};
  }
  return found->pw_name;
}

std::string group_name(std::uint32_t gid) {
  std::vector<char> buffer(kNameBuffer);
  group entry{};
  group* found = nullptr;
  if (::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return {};
  }
  return found->gr_name;
}

// Groups of the user by the database, and the process's current one.
std::vector<std::uint32_t> groups_of(const std::string& user, std::uint32_t gid) {
  std::array<gid_t, 256> gids{};
  int count = static_cast<int>(gids.size());
  if (user.empty() || ::getgrouplist(user.c_str(), gid, gids.data(), &count) < 0) {
    return {gid};
  }
  return {gids.begin(), gids.begin() + count};
}

}  // namespace

Peer peer_of(std::uint32_t uid, std::uint32_t gid, std::uint32_t pid) {
  Peer peer;
  peer.pid = pid;
  peer.identity.uid = uid;
  peer.identity.user = user_name(uid);
  peer.identity.gids = groups_of(peer.identity.user, gid);
  peer.identity.groups.reserve(peer.identity.gids.size());
  for (const std::uint32_t group : peer.identity.gids) {
    peer.identity.groups.push_back(group_name(group));
  }
  return peer;
}

std::string user_text(std::uint32_t uid) {
  const std::string name = user_name(uid);
  return name.empty() ? fmt::format("{}", uid) : name;
}

Result<std::uint32_t> uid_of(const std::string& user) {
  if (const auto number = base::parse_decimal(user, UINT32_MAX)) {
    return static_cast<std::uint32_t>(*number);
  }
  std::vector<char> buffer(kNameBuffer);
  passwd entry{};
  passwd* found = nullptr;
  const int code = ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (code != 0 || found == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no user {}", base::quoted(user)),
                "name one of this machine's users, or give a number");
  }
  return found->pw_uid;
}

Peer peer_of_user(std::uint32_t uid) {
  std::vector<char> buffer(kNameBuffer);
  passwd entry{};
  passwd* found = nullptr;
  const int code = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  // A uid without a name has the group of the same number, as a container's users do.
  return peer_of(uid, code == 0 && found != nullptr ? found->pw_gid : uid, 0);
}

Peer own_peer() {
  return peer_of(::getuid(), ::getgid(), static_cast<std::uint32_t>(::getpid()));
}

Result<Tenants> read_tenants(const std::string& path) {
  const std::string file = store::tenants_file(path, store::Surroundings::ours());
  MIG_TRY(base::only_trusted_write(file));
  MIG_ASSIGN_OR_RETURN(Tenants tenants, config::read_tenants(file));
  if (!tenants.from_file && file != store::tenants_file("", {})) {
    return no_tenants_file(file);
  }
  return tenants;
}

Error no_tenants_file(const std::string& file) {
  return Error{ErrorCode::kNotFound,
               fmt::format("there is no tenants file {}", file),
               "without one everybody may lease without limits: that has to be meant",
               {},
               {}};
}

}  // namespace mig::service
