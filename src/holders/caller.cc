// SPDX-License-Identifier: Apache-2.0
#include "holders/caller.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "holders/instance_users.h"

namespace mig::holders {
namespace {

constexpr std::size_t kMostText = 64U << 10U;
constexpr std::uint64_t kGreatestPid = 1U << 22U;  // PID_MAX_LIMIT of the kernel
constexpr int kMostAncestors = 64;
constexpr const char* kOtherWays =
    "say how long with --for 2h, or name a process of yours with --pid N, or a unit with --unit "
    "NAME";

struct Facts {
  std::string name;
  std::uint32_t parent = 0, session = 0;
  bool forked_only = false;  // has not called exec since its fork (PF_FORKNOEXEC)
  std::optional<std::uint32_t> uid;
};

// /proc/PID/stat: "PID (NAME) STATE PPID PGRP SESSION TTY TPGID FLAGS ..."; the name may contain
// anything.
std::optional<Facts> facts_of(const std::string& proc, std::uint32_t pid) {
  constexpr std::uint64_t kForkNoExec = 0x40;
  const auto text = base::read_file(fmt::format("{}/{}/stat", proc, pid), kMostText);
  const std::size_t open = text ? text->find('(') : std::string::npos;
  const std::size_t close = text ? text->rfind(')') : std::string::npos;
  if (open == std::string::npos || close == std::string::npos || close + 2 > text->size()) {
    return std::nullopt;
  }
  const std::vector<std::string> fields = base::split(text->substr(close + 2), ' ');
  constexpr std::size_t kParent = 1;
  constexpr std::size_t kSession = 3;
  constexpr std::size_t kFlags = 6;
  if (fields.size() <= kFlags) {
    return std::nullopt;
  }
  Facts facts;
  facts.name = text->substr(open + 1, close - open - 1);
  facts.parent =
      static_cast<std::uint32_t>(base::parse_decimal(fields[kParent], kGreatestPid).value_or(0));
  facts.session =
      static_cast<std::uint32_t>(base::parse_decimal(fields[kSession], kGreatestPid).value_or(0));
  facts.forked_only =
      (base::parse_decimal(fields[kFlags], UINT32_MAX).value_or(0) & kForkNoExec) != 0;
  facts.uid = real_uid(proc, pid);
  return facts;
}

// Starts one command, waits for it and ends with it.
bool only_starts_one(const std::string& name) {
  constexpr std::array<std::string_view, 11> kNames{"sudo",
                                                    "su",
                                                    "doas",
                                                    "runuser",
                                                    "pkexec",
                                                    "timeout",
                                                    "time",
                                                    "unshare",
                                                    "nsenter",
                                                    "setsid",
                                                    "faketime"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// Words of a process's command line.
std::vector<std::string> words_of(const std::string& proc, std::uint32_t pid) {
  const auto text = base::read_file(fmt::format("{}/{}/cmdline", proc, pid), kMostText);
  std::vector<std::string> words = text ? base::split(*text, '\0') : std::vector<std::string>();
  if (!words.empty() && words.back().empty()) {
    words.pop_back();
  }
  return words;
}

// `sh -c 'COMMAND'` where nothing stands after the client's own words: it ends with the client, as
// what `su -c` starts.
bool ends_with_client(const std::string& proc, std::uint32_t shell, std::uint32_t client) {
  const std::vector<std::string> outer = words_of(proc, shell);
  std::vector<std::string> own = words_of(proc, client);
  if (outer.size() < 3 || !outer[1].starts_with('-') || !outer[1].ends_with('c') ||
      own.size() < 2) {
    return false;
  }
  std::string script = outer[2];
  script.erase(script.find_last_not_of(" \n\t") + 1);
  own.erase(own.begin());
  return script.ends_with(" " + base::join(own, " "));
}

// Pids of a process in its pid namespaces, from ours inward; empty: no such process.
std::vector<std::uint32_t> pids_of(const std::string& proc, std::uint64_t pid) {
  constexpr std::string_view kKey = "\nNSpid:\t";
  std::vector<std::uint32_t> out;
  const auto text = base::read_file(fmt::format("{}/{}/status", proc, pid), kMostText);
  const std::size_t at = text ? text->find(kKey) : std::string::npos;
  if (at == std::string::npos) {
    return out;
  }
  const std::size_t begin = at + kKey.size();
  for (const std::string& word :
       base::split(text->substr(begin, text->find('\n', begin) - begin), '\t')) {
    out.push_back(static_cast<std::uint32_t>(base::parse_decimal(word, kGreatestPid).value_or(0)));
  }
  return out;
}

// "pid:[4026531836]"; "" = we may not see it.
std::string namespace_of(const std::string& proc, std::uint64_t pid) {
  std::array<char, 64> buffer{};
  const ssize_t length =
      ::readlink(fmt::format("{}/{}/ns/pid", proc, pid).c_str(), buffer.data(), buffer.size() - 1);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

Error unseen() {
  return Error{ErrorCode::kPermission,
               "the process that calls cannot be seen from where the leases are kept: one of the "
               "two is in a pid namespace (a container)",
               kOtherWays,
               {},
               {}};
}

Error ended() {
  return Error{ErrorCode::kNotFound,
               "the program that called has ended, so a lease that ends with it would be over",
               kOtherWays,
               {},
               {}};
}

}  // namespace

Result<std::uint32_t> calling_program(const std::string& proc,
                                      std::uint32_t client,
                                      std::uint32_t uid) {
  const auto caller = facts_of(proc, client);
  if (client == 0 || !caller) {
    return unseen();
  }
  std::uint32_t pid = caller->parent;
  for (int depth = 0; depth < kMostAncestors && pid != 0; ++depth) {
    const auto facts = facts_of(proc, pid);
    // Orphans have init as their parent; a shell that is init itself is in their session.
    if (!facts || (pid == 1 && caller->session != facts->session)) {
      return ended();
    }
    const bool subshell =
        facts->forked_only && facts->parent > 0 && real_uid(proc, facts->parent) == facts->uid;
    if (subshell || only_starts_one(facts->name) || ends_with_client(proc, pid, client)) {
      pid = facts->parent;
    } else if (uid != 0 && facts->uid != uid) {
      return fail(
          ErrorCode::kPermission,
          fmt::format("this command was started by pid {} ({}) of another user, so there is "
                      "no program of yours that the lease could end with",
                      pid,
                      facts->name),
          kOtherWays);
    } else {
      return pid;
    }
  }
  return unseen();
}

Result<std::uint32_t> pid_as_seen_by(const std::string& proc,
                                     std::uint32_t client,
                                     std::uint32_t pid) {
  const std::vector<std::uint32_t> pids = pids_of(proc, client);
  if (client == 0 || pids.empty()) {
    return unseen();
  }
  if (pids.size() == 1) {
    return pid;
  }
  const std::string where = namespace_of(proc, client);
  if (where.empty()) {
    return unseen();
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(proc.c_str()), ::closedir);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
    const auto number = base::parse_decimal(entry->d_name, kGreatestPid);
    if (!number) {
      continue;
    }
    const std::vector<std::uint32_t> other = pids_of(proc, *number);
    if (other.size() == pids.size() && other.back() == pid &&
        namespace_of(proc, *number) == where) {
      return static_cast<std::uint32_t>(*number);
    }
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no process {} where this command runs", pid),
              "it may have ended meanwhile");
}

}  // namespace mig::holders
