// SPDX-License-Identifier: Apache-2.0
#include "service/compose.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "cdi/devices.h"
#include "cdi/foreign.h"
#include "cdi/keeper.h"
#include "compose/check.h"
#include "compose/render.h"
#include "config/compose_file.h"
#include "config/compose_text.h"
#include "config/document.h"

namespace mig::service {
namespace {

constexpr std::size_t kMostFiles = 32;
constexpr std::int64_t kLookBack = 1000;  // changes

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<compose::Project> read_project(const std::vector<std::string>& files) {
  if (files.size() > kMostFiles) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format("{} Compose files; at most {} are one project", files.size(), kMostFiles));
  }
  compose::Project project;
  std::set<std::string> seen;
  for (const std::string& file : files) {
    if (!seen.insert(file).second) {
      return fail(ErrorCode::kUsage, fmt::format("{} is named twice", base::printable(file)));
    }
    MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(file, config::kMostBytes));
    MIG_ASSIGN_OR_RETURN(config::ComposeFile read,
                         config::parse_compose_file(text, file, variable));
    project.files.push_back(std::move(read));

    struct stat info {};

    if (file != "-" && ::stat(file.c_str(), &info) == 0) {
      constexpr std::int64_t kMsPerSecond = 1000, kNsPerMs = 1'000'000;
      project.written[file] = info.st_mtim.tv_sec * kMsPerSecond + info.st_mtim.tv_nsec / kNsPerMs;
    }
  }
  return project;
}

Result<compose::Machine> read_machine(node::Node& node, const std::string& program) {
  compose::Machine machine;
  machine.program = program;
  MIG_ASSIGN_OR_RETURN(node::CdiHandover * handover, node.cdi());
  MIG_ASSIGN_OR_RETURN(machine.now, node.inventory());
  MIG_ASSIGN_OR_RETURN(machine.slots, node.slots());
  std::vector<cdi::SlotInstance> at_slots;
  for (const Slot& slot : machine.slots) {
    if (slot.state == SlotState::kReady) {
      at_slots.emplace_back(slot.row.name, slot.uuid);
    }
  }
  machine.devices =
      cdi::devices_of(machine.now, at_slots, cdi::DriverFiles(handover->roots())).devices;
  MIG_ASSIGN_OR_RETURN(const auto registered, handover->registration());
  if (registered) {
    machine.kind = registered->kind;
    machine.kept = registered->path;
  }
  const std::string path = registered ? registered->path : cdi::default_path(handover->roots());
  // The kept file's folder first: /run/cdi and /var/run/cdi are one, and its name is compared.
  std::vector<std::string> folders = {path.substr(0, path.rfind('/'))};
  for (std::string& folder : cdi::engine_folders(path)) {
    folders.push_back(std::move(folder));
  }
  machine.in_files = cdi::all_names(folders);
  // Without its records the machine can be looked at all the same: what was is then not known.
  if (auto past = node.past_changes(kLookBack)) {
    machine.past = *std::move(past);
  }
  return machine;
}

Result<std::pair<std::string, config::ComposeWish>> read_want(const std::string& want) {
  const std::size_t equal = want.find('=');
  MIG_ASSIGN_OR_RETURN(
      config::ComposeWish wish,
      config::parse_compose_wish(equal == std::string::npos ? want : want.substr(equal + 1)));
  return std::pair(equal == std::string::npos ? std::string() : want.substr(0, equal),
                   std::move(wish));
}

}  // namespace

Result<ComposeRendered> compose_render(node::Node& node, const ComposeRequest& request) {
  compose::RenderRequest wish;
  const auto form = compose::form_named(request.form.empty() ? "devices" : request.form);
  if (!form) {
    return fail(ErrorCode::kUsage, "--form is devices, cdi or nvidia");
  }
  wish.form = *form;
  wish.uuids = request.uuids;
  wish.image = request.image;
  wish.layout = request.layout;
  for (const std::string& want : request.wants) {
    MIG_ASSIGN_OR_RETURN(auto one, read_want(want));
    wish.wants.push_back(std::move(one));
  }
  MIG_ASSIGN_OR_RETURN(compose::Project project, read_project(request.files));
  wish.files = std::move(project.files);
  MIG_ASSIGN_OR_RETURN(const compose::Machine machine, read_machine(node, request.program));
  return compose::render(wish, machine);
}

Result<ComposeReport> compose_check(node::Node& node,
                                    const std::vector<std::string>& files,
                                    const std::string& program) {
  MIG_ASSIGN_OR_RETURN(const compose::Project project, read_project(files));
  MIG_ASSIGN_OR_RETURN(const compose::Machine machine, read_machine(node, program));
  return compose::check(project, machine);
}

Result<void> compose_write(const std::string& path,
                           const std::string& text,
                           bool replace,
                           const std::vector<std::string>& inputs) {
  struct stat out {};

  if (::stat(path.c_str(), &out) == 0) {
    for (const std::string& input : inputs) {
      struct stat in {};

      if (::stat(input.c_str(), &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
        return fail(ErrorCode::kUsage,
                    fmt::format("--output {} is one of the files that are read", path),
                    "an override is a file of its own, beside yours");
      }
    }
  }
  if (!replace && ::access(path.c_str(), F_OK) == 0) {
    const auto there = base::read_file(path, config::kMostBytes);
    if (!there || !there->starts_with(config::kComposeMark)) {
      return fail(
          ErrorCode::kConflict,
          fmt::format("{} is there already, and was not written by migctl compose render", path),
          "choose another file with --output, or replace this one: --replace");
    }
  }
  return base::write_file_atomic(path, text);
}

}  // namespace mig::service
