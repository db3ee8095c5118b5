// SPDX-License-Identifier: Apache-2.0
#include "launch/sandbox.h"

#include <utility>

#include <fmt/format.h>

namespace mig::launch {
namespace {

Result<std::vector<Confinement>> make_sandboxes(const std::vector<TakenInstance>& all,
                                                const DeviceRoots& roots) {
  std::vector<Confinement> out;
  for (const TakenInstance& taken : all) {
    const Instance& instance = taken.instance;
    if (!instance.gpu_minor) {
      return fail(
          ErrorCode::kNotFound,
          fmt::format("the driver does not tell the minor number of GPU {}", instance.gpu.value));
    }
    MIG_ASSIGN_OR_RETURN(
        Confinement made,
        Confinement::of(
            roots, *instance.gpu_minor, instance.gpu_instance, instance.compute_instance));
    out.push_back(std::move(made));
  }
  if (!out.empty()) {
    MIG_TRY(out.front().probe());
  }
  return out;
}

// An index means the command's instance only where it can open no other.
Result<std::vector<Confinement>> sandboxes_of_view(const JobCommand& command,
                                                   const std::vector<TakenInstance>& taken,
                                                   const DeviceRoots& roots) {
  MIG_TRY(check(*command.index_view));
  if (command.devices == Devices::kAll) {
    return fail(ErrorCode::kUsage,
                "--compat index and --devices all exclude each other: where every instance can be "
                "opened, index 0 is whichever is first");
  }
  auto made = make_sandboxes(taken, roots);
  if (!made) {
    return std::move(made).error().in(
        "--compat index needs a sandbox, in which no other instance can be opened");
  }
  return made;
}

}  // namespace

Result<std::vector<Confinement>> sandboxes_of(const JobCommand& command,
                                              const std::vector<TakenInstance>& taken,
                                              const DeviceRoots& roots,
                                              std::string& note) {
  if (command.index_view) {
    return sandboxes_of_view(command, taken, roots);
  }
  if (command.devices == Devices::kAll || command.containers) {
    return std::vector<Confinement>();
  }
  auto made = make_sandboxes(taken, roots);
  if (made) {
    return made;
  }
  if (command.devices == Devices::kOwn) {
    return std::move(made).error().in("--devices own");
  }
  note = "the command can open other instances' device nodes too: " + made.error().text();
  return std::vector<Confinement>();
}

}  // namespace mig::launch
