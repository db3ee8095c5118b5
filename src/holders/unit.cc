// SPDX-License-Identifier: Apache-2.0
#include "holders/unit.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/own_path.h"
#include "base/strings.h"

namespace mig::holders {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCgroupFile = 64U << 10U;
constexpr std::size_t kLongestUnitName = 255;  // systemd's own limit
constexpr int kDeepest = 8;
constexpr int kMostFolders = 20'000;

// User of a slice "user-1001.slice"; nullopt = another folder.
std::optional<std::uint32_t> user_of_slice(std::string_view folder) {
  constexpr std::string_view kBefore = "user-";
  constexpr std::string_view kAfter = ".slice";
  if (!folder.starts_with(kBefore) || !folder.ends_with(kAfter) ||
      folder.size() <= kBefore.size() + kAfter.size()) {
    return std::nullopt;
  }
  const std::size_t length = folder.size() - kBefore.size() - kAfter.size();
  const auto uid = base::parse_decimal(folder.substr(kBefore.size(), length), UINT32_MAX);
  return uid ? std::optional(static_cast<std::uint32_t>(*uid)) : std::nullopt;
}

// A cgroup of the wanted name, with processes.
struct Candidate {
  UnitCgroup cgroup;
  std::optional<std::uint32_t> user;  // whose slice it is in; nullopt = the system's
  std::uint32_t owner = 0;            // of the folder
};

// One walk through a hierarchy. The outermost user slice tells whose a unit is: below it the user
// may make folders of any name.
class Search {
 public:
  Search(std::string cgroups, std::string unit)
      : cgroups_(std::move(cgroups)), unit_(std::move(unit)) {}

  // `uid`: other users' slices are passed over, so that their folders cost nothing; nullopt = the
  // system's units only, or with `all` everything.
  void walk(const fs::path& hierarchy, std::optional<std::uint32_t> uid, bool all) {
    std::vector<std::optional<std::uint32_t>> users;  // by depth
    std::error_code error;
    int seen = 0;
    for (fs::recursive_directory_iterator
             entry(hierarchy, fs::directory_options::skip_permission_denied, error),
         end;
         !error && entry != end && seen < kMostFolders;
         entry.increment(error)) {
      std::error_code ignored;
      if (entry->is_symlink(ignored) || !entry->is_directory(ignored)) {
        continue;
      }
      ++seen;
      const auto depth = static_cast<std::size_t>(entry.depth());
      const std::string name = entry->path().filename().string();
      users.resize(depth + 1);
      users[depth] = depth > 0 && users[depth - 1] ? users[depth - 1] : user_of_slice(name);
      const bool wanted = !users[depth] || all || (uid && *users[depth] == *uid);
      if (!wanted || entry.depth() >= kDeepest) {
        entry.disable_recursion_pending();
      }
      if (wanted && name == unit_) {
        take(entry->path(), users[depth]);
      }
    }
  }

  std::vector<Candidate> found;

 private:
  void take(const fs::path& path, std::optional<std::uint32_t> user) {
    struct stat info {};

    if (cgroup_populated(path) && ::stat(path.c_str(), &info) == 0) {
      found.push_back({{path.string().substr(cgroups_.size()), info.st_ino}, user, info.st_uid});
    }
  }

  std::string cgroups_;
  std::string unit_;
};

// Hierarchies in which systemd keeps its units, best first: cgroup v2 beside v1 (hybrid), v1's
// named one, else v2 alone or whatever there is.
std::vector<fs::path> hierarchies(const std::string& cgroups) {
  std::vector<fs::path> out;
  for (const char* name : {"unified", "systemd"}) {
    std::error_code ignored;
    if (fs::is_directory(fs::path(cgroups) / name, ignored)) {
      out.push_back(fs::path(cgroups) / name);
    }
  }
  out.emplace_back(cgroups);
  return out;
}

std::vector<Candidate> search(const std::string& cgroups,
                              const std::string& unit,
                              std::optional<std::uint32_t> uid,
                              bool all) {
  for (const fs::path& hierarchy : hierarchies(cgroups)) {
    Search one(cgroups, unit);
    one.walk(hierarchy, uid, all);
    if (!one.found.empty()) {
      return std::move(one.found);
    }
  }
  return {};
}

Result<UnitCgroup> find_for_root(const std::string& cgroups, const std::string& unit) {
  if (const auto systems = search(cgroups, unit, std::nullopt, false); !systems.empty()) {
    return systems.front().cgroup;
  }
  const auto users = search(cgroups, unit, std::nullopt, true);
  const auto other = std::find_if(users.begin(), users.end(), [&](const Candidate& one) {
    return one.user != users.front().user;
  });
  if (other != users.end()) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} and {} both run a unit {}",
                            base::owner_text(users.front().user.value_or(0)),
                            base::owner_text(other->user.value_or(0)),
                            base::quoted(unit)),
                "let the user whose unit is meant ask");
  }
  if (users.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no unit {} is running", base::quoted(unit)),
                "its whole name is meant: jupyter.service");
  }
  return users.front().cgroup;
}

}  // namespace

bool cgroup_populated(const std::string& folder) {
  // cgroup v2 has the state of the whole subtree; v1 lists the processes of this cgroup only.
  if (const auto events = base::read_file(folder + "/cgroup.events", kCgroupFile)) {
    return events->find("populated 1") != std::string::npos;
  }
  const auto processes = base::read_file(folder + "/cgroup.procs", kCgroupFile);
  return processes ? !processes->empty() : processes.error().code == ErrorCode::kTooLarge;
}

bool is_unit_name(std::string_view name) {
  constexpr std::string_view kOther = ":-_.\\@";
  const auto allowed = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOther.find(c) != std::string_view::npos;
  };
  constexpr std::array<std::string_view, 3> kKinds = {".service", ".scope", ".slice"};
  return name.size() <= kLongestUnitName && std::all_of(name.begin(), name.end(), allowed) &&
         std::any_of(kKinds.begin(), kKinds.end(), [&](std::string_view kind) {
           return name.size() > kind.size() && name.ends_with(kind);
         });
}

std::optional<UnitCgroup> unit_at_usual_place(const std::string& cgroups,
                                              const std::string& unit,
                                              std::uint32_t uid) {
  if (!is_unit_name(unit)) {
    return std::nullopt;
  }
  std::vector<std::string> places = {"/system.slice"};
  if (uid != 0) {
    const std::string slice = fmt::format("/user.slice/user-{}.slice", uid);
    const std::string manager = fmt::format("{}/user@{}.service", slice, uid);
    places = {manager + "/app.slice",
              manager + "/session.slice",
              manager + "/background.slice",
              manager,
              slice};
  }
  for (const fs::path& hierarchy : hierarchies(cgroups)) {
    for (const std::string& place : places) {
      const std::string path = fmt::format("{}{}/{}", hierarchy.string(), place, unit);

      struct stat info {};

      if (::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && cgroup_populated(path)) {
        return UnitCgroup{path.substr(cgroups.size()), info.st_ino};
      }
    }
  }
  return std::nullopt;
}

Result<UnitCgroup> find_unit(const std::string& cgroups,
                             const std::string& unit,
                             std::uint32_t uid) {
  if (!is_unit_name(unit)) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{} is no name of a unit", base::quoted(unit)),
                "its whole name is meant: jupyter.service");
  }
  if (auto usual = unit_at_usual_place(cgroups, unit, uid)) {
    return *std::move(usual);
  }
  if (uid == 0) {
    return find_for_root(cgroups, unit);
  }
  const std::vector<Candidate> found = search(cgroups, unit, uid, false);
  const auto first = [&](auto&& rule) -> const Candidate* {
    const auto at = std::find_if(found.begin(), found.end(), rule);
    return at == found.end() ? nullptr : &*at;
  };
  const Candidate* own = first([&](const Candidate& one) { return one.user == uid; });
  if (own == nullptr) {
    own = first([&](const Candidate& one) { return one.owner == uid; });
  }
  if (own != nullptr) {
    return own->cgroup;
  }
  if (found.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no unit {} of yours is running", base::quoted(unit)),
                "its whole name is meant: jupyter.service");
  }
  return fail(ErrorCode::kPermission,
              fmt::format("unit {} is not yours, so no lease of yours can be bound to it",
                          base::quoted(unit)));
}

bool unit_lives(const std::string& cgroups, const UnitCgroup& unit) {
  struct stat info {};

  const std::string path = cgroups + unit.path;
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_ino == unit.inode &&
         cgroup_populated(path);
}

}  // namespace mig::holders
