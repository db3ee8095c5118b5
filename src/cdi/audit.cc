// SPDX-License-Identifier: Apache-2.0
#include "cdi/audit.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <system_error>
#include <tuple>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "cdi/foreign.h"
#include "config/cdi_spec.h"

namespace mig::cdi {
namespace {

constexpr std::size_t kMostOfKept = 16U << 20U;

CheckResult begin(const char* id, const char* title) {
  CheckResult result;
  result.id = id;
  result.title = title;
  result.verdict = Verdict::kOk;
  return result;
}

void complain(CheckResult& result, Verdict verdict, std::string line) {
  const auto rank = [](Verdict one) {
    return one == Verdict::kProblem ? 3 : one == Verdict::kWarning ? 2 : one == Verdict::kNote;
  };
  result.verdict = rank(verdict) > rank(result.verdict) ? verdict : result.verdict;
  result.evidence.push_back(std::move(line));
}

void add_mend(CheckResult& result, std::string command) {
  if (std::find(result.mend.begin(), result.mend.end(), command) == result.mend.end()) {
    result.mend.push_back(std::move(command));
  }
}

// What engines act on: path, major, minor of each node.
using Numbers = std::set<std::tuple<std::string, std::uint32_t, std::uint32_t>>;

Numbers numbers_of(const std::vector<config::CdiNode>& nodes) {
  Numbers numbers;
  for (const config::CdiNode& node : nodes) {
    numbers.emplace(node.path, node.major_number.value_or(0), node.minor_number.value_or(0));
  }
  return numbers;
}

Numbers numbers_of(const std::vector<DeviceNode>& nodes) {
  Numbers numbers;
  for (const DeviceNode& node : nodes) {
    numbers.emplace(node.path, node.major_number, node.minor_number);
  }
  return numbers;
}

std::string text_of(const Numbers& numbers) {
  std::vector<std::string> words;
  for (const auto& [path, major_number, minor_number] : numbers) {
    words.push_back(fmt::format("{} {}:{}", path, major_number, minor_number));
  }
  return words.empty() ? "nothing" : base::join(words, ", ");
}

struct Kept {
  std::string text;
  std::optional<config::CdiSpec> spec;
  std::optional<Error> error;
};

Kept read_kept(const std::string& path) {
  Kept kept;
  auto text = base::read_file(path, kMostOfKept);
  if (!text) {
    kept.error = std::move(text).error();
    return kept;
  }
  kept.text = *std::move(text);
  auto spec = config::parse_cdi_spec(kept.text, path);
  if (spec) {
    kept.spec = *std::move(spec);
  } else {
    kept.error = std::move(spec).error();
  }
  return kept;
}

CheckResult check_file(const AuditOf& of, const Kept& kept) {
  CheckResult result = begin("cdi-kept-file", "Container engines can read the file that is kept");
  const std::string& path = of.registration.path;

  struct stat info {};

  constexpr mode_t kOthersRead = 0004, kOthersSearch = 0001;
  if (kept.error) {
    const bool none_needed =
        kept.error->code == ErrorCode::kNotFound && of.wanted.spec.devices.empty();
    if (none_needed) {
      result.verdict = Verdict::kNote;
      result.found = "no file, as there is no device to hand over";
      return result;
    }
    complain(result, Verdict::kProblem, kept.error->text());
    add_mend(result, of.program + (of.interrupted ? " recover" : " cdi generate"));
    result.cause = of.interrupted ? "a change was cut short after it had withdrawn the devices"
                                  : "the file was removed or written by another program";
  } else if (::stat(path.c_str(), &info) == 0 && (info.st_mode & kOthersRead) == 0) {
    complain(
        result, Verdict::kWarning, fmt::format("{}: mode {:04o}", path, info.st_mode & 07777U));
    result.cause = "rootless engines read it as their users";
    add_mend(result, "chmod 0644 " + path);
  }
  const std::string folder = path.substr(0, path.rfind('/'));
  if (::stat(folder.c_str(), &info) == 0 && (info.st_mode & kOthersSearch) == 0) {
    complain(
        result, Verdict::kWarning, fmt::format("{}: mode {:04o}", folder, info.st_mode & 07777U));
    result.cause = "rootless engines read it as their users";
    add_mend(result, "chmod 0755 " + folder);
  }
  result.found = result.evidence.empty() ? path : result.evidence.front();
  return result;
}

void compare_devices(const AuditOf& of, const config::CdiSpec& spec, CheckResult& result) {
  std::set<std::string> seen;
  for (const config::CdiDevice& device : spec.devices) {
    seen.insert(device.name);
    const Device* wanted = of.wanted.spec.find(device.name);
    const std::string name = spec.kind + "=" + base::printable(device.name);
    if (wanted == nullptr) {
      complain(result, Verdict::kProblem, name + " is of no instance that exists: stale");
      continue;
    }
    const Numbers has = numbers_of(device.edits.nodes);
    const Numbers should = numbers_of(wanted->edits.nodes);
    if (has != should) {
      complain(
          result,
          Verdict::kProblem,
          fmt::format("{} hands over {}; its own are {}", name, text_of(has), text_of(should)));
    }
  }
  for (const Device& device : of.wanted.spec.devices) {
    if (!seen.contains(device.name)) {
      complain(result, Verdict::kProblem, spec.kind + "=" + device.name + " is missing");
    }
  }
}

CheckResult check_devices(const AuditOf& of, const Kept& kept) {
  CheckResult result = begin("cdi-kept-devices", "The file that is kept is that of this layout");
  if (!kept.spec) {
    result.verdict = Verdict::kNotHere;
    result.found = "there is no file to compare";
    return result;
  }
  if (kept.spec->kind != of.registration.kind) {
    complain(result,
             Verdict::kProblem,
             fmt::format(
                 "its kind is {}, not {}", base::printable(kept.spec->kind), of.registration.kind));
  }
  compare_devices(of, *kept.spec, result);
  if (result.evidence.empty() && kept.text != spec_text(of.wanted.spec)) {
    complain(result,
             Verdict::kWarning,
             "the devices are right, but libraries, modes or environment are not what would be "
             "written now");
  }
  if (result.evidence.empty()) {
    result.found = base::counted(kept.spec->devices.size(), "device") + ", as the driver has them";
    return result;
  }
  result.found = result.evidence.front();
  result.cause = of.interrupted
                     ? "a change was cut short after it had withdrawn devices"
                     : "another program changed the machine or the file since it was written";
  add_mend(result, of.program + (of.interrupted ? " recover" : " cdi generate"));
  return result;
}

// The nodes of this host: engines make them from the numbers, but the driver's own processes and
// every other way into a container need them.
CheckResult check_nodes(const AuditOf& of) {
  CheckResult result = begin("cdi-nodes", "The device nodes of instances exist on this host");
  std::set<DeviceNode> nodes(of.wanted.spec.common.nodes.begin(),
                             of.wanted.spec.common.nodes.end());
  for (const Device& device : of.wanted.spec.devices) {
    nodes.insert(device.edits.nodes.begin(), device.edits.nodes.end());
  }
  for (const DeviceNode& node : nodes) {
    const std::string path = host_path(of.roots, node.path);

    struct stat info {};

    if (::stat(path.c_str(), &info) != 0) {
      complain(result,
               Verdict::kWarning,
               fmt::format("{}: {}", path, std::generic_category().message(errno)));
    } else if (S_ISCHR(info.st_mode) && (major(info.st_rdev) != node.major_number ||
                                         minor(info.st_rdev) != node.minor_number)) {
      complain(result,
               Verdict::kProblem,
               fmt::format("{} is {}:{}, the driver's is {}:{}",
                           path,
                           major(info.st_rdev),
                           minor(info.st_rdev),
                           node.major_number,
                           node.minor_number));
    }
  }
  result.found = result.evidence.empty()
                     ? base::counted(nodes.size(), "node")
                     : base::counted(result.evidence.size(), "node") + " missing or wrong";
  if (!result.evidence.empty()) {
    result.cause =
        "nvidia-modprobe makes nodes on demand only, and nobody has asked yet; or they "
        "are left from another driver";
    add_mend(result, of.program + " cdi generate");
  }
  return result;
}

CheckResult check_paths(const AuditOf& of, const Kept& kept) {
  CheckResult result = begin("cdi-kept-paths", "What the file mounts and runs exists");
  if (!kept.spec) {
    result.verdict = Verdict::kNotHere;
    result.found = "there is no file to look at";
    return result;
  }
  std::set<std::string> paths(kept.spec->common.mounts.begin(), kept.spec->common.mounts.end());
  paths.insert(kept.spec->common.hooks.begin(), kept.spec->common.hooks.end());
  for (const config::CdiDevice& device : kept.spec->devices) {
    paths.insert(device.edits.mounts.begin(), device.edits.mounts.end());
    paths.insert(device.edits.hooks.begin(), device.edits.hooks.end());
  }
  for (const std::string& path : paths) {
    if (::access(path.c_str(), F_OK) != 0) {
      complain(
          result,
          Verdict::kProblem,
          fmt::format("{}: {}", base::printable(path), std::generic_category().message(errno)));
    }
  }
  result.found = result.evidence.empty()
                     ? base::counted(paths.size(), "path")
                     : base::counted(result.evidence.size(), "path") + " missing";
  if (!result.evidence.empty()) {
    result.cause = "the driver or the toolkit was replaced: no container with a device starts";
    add_mend(result, of.program + " cdi generate");
  }
  return result;
}

CheckResult check_foreign(const AuditOf& of) {
  CheckResult result = begin("cdi-foreign", "No other file names the same devices");
  std::map<std::string, std::vector<std::string>> names;
  for (const ForeignDevice& one : named_elsewhere(
           of.wanted.spec, of.registration.path, engine_folders(of.registration.path))) {
    names[one.file].push_back(one.name);
  }
  for (const auto& [file, devices] : names) {
    complain(result,
             Verdict::kProblem,
             fmt::format("{}: {}{}",
                         base::printable(file),
                         base::printable(devices.front()),
                         devices.size() > 1 ? fmt::format(" and {} more", devices.size() - 1)
                                            : std::string()));
    add_mend(result, "rm " + file);
  }
  if (result.evidence.empty()) {
    result.found = "none";
    return result;
  }
  result.found = base::counted(names.size(), "file");
  result.cause =
      "in one folder the name is unresolvable then; in two, the other file answers when "
      "ours is withdrawn, and nobody writes it again when instances change";
  add_mend(result, of.program + " cdi generate --kind nvidia.com/mig");
  return result;
}

}  // namespace

std::vector<CheckResult> audit(const AuditOf& of) {
  const Kept kept = read_kept(of.registration.path);
  return {check_file(of, kept),
          check_devices(of, kept),
          check_nodes(of),
          check_paths(of, kept),
          check_foreign(of)};
}

CheckResult nothing_kept(const std::string& program) {
  CheckResult result = begin("cdi-kept-file", "Container engines can read the file that is kept");
  result.verdict = Verdict::kNote;
  result.found = "migctl keeps no CDI file";
  result.mend = {program + " cdi generate"};
  return result;
}

}  // namespace mig::cdi
