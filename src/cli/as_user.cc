// SPDX-License-Identifier: Apache-2.0
#include "cli/as_user.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>

#include "base/fd.h"
#include "base/strings.h"
#include "client/machine.h"

namespace mig::cli {
namespace {

constexpr std::size_t kMostNames = 16U << 10U;

struct Account {
  std::string name, home;
  uid_t uid = 0;
  gid_t gid = 0;
};

Result<Account> account_of(const std::string& user) {
  std::vector<char> buffer(kMostNames);
  passwd entry{};
  passwd* found = nullptr;
  const auto number = base::parse_decimal(user, UINT32_MAX);
  const int code =
      number
          ? ::getpwuid_r(static_cast<uid_t>(*number), &entry, buffer.data(), buffer.size(), &found)
          : ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (code != 0 || found == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no user {}", base::quoted(user)),
                "name one of this machine's users, or give a number");
  }
  return Account{found->pw_name, found->pw_dir, found->pw_uid, found->pw_gid};
}

}  // namespace

// NOLINTBEGIN(concurrency-mt-unsafe): one thread, at start
Result<void> become_user(const std::string& user) {
  if (user.empty()) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const Account account, account_of(user));
  if (account.uid == ::geteuid()) {
    return {};
  }
  if (::geteuid() != 0) {
    return fail(ErrorCode::kPermission,
                fmt::format("jobs of user {} are that user's and root's", account.name),
                "an admin can: sudo migctl ...");
  }
  // Which simulated machine is meant is root's choice, as without --user.
  const std::string machines = client::machines_root();
  if (::initgroups(account.name.c_str(), account.gid) != 0 ||
      ::setresgid(account.gid, account.gid, account.gid) != 0 ||
      ::setresuid(account.uid, account.uid, account.uid) != 0) {
    return base::errno_error("take the rights of", "user " + account.name, errno);
  }
  ::setenv("HOME", account.home.c_str(), 1);
  ::setenv("MIGSIM_ROOT", machines.c_str(), 1);
  ::unsetenv("XDG_STATE_HOME");
  ::unsetenv("XDG_RUNTIME_DIR");
  return {};
}

// NOLINTEND(concurrency-mt-unsafe)

}  // namespace mig::cli
