// SPDX-License-Identifier: Apache-2.0
#include "service/containers.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "config/cdi_spec.h"

namespace mig::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostOfFile = 16U << 20U;
constexpr std::chrono::milliseconds kBetweenFileLooks{100};
constexpr int kFileLooks = 20;  // a change's driver calls take a second at most, as a rule
constexpr const char* kMend =
    "as root: migctl cdi generate (of a simulated machine: with --output "
    "/var/run/cdi/migctl.json); migctl cdi check says more";

// A device of that name in a file.
struct Found {
  std::string file, kind;
  std::set<std::string> capabilities;  // "nvidia-cap30"
};

std::optional<Found> device_in(const std::string& file, const std::string& name) {
  const auto text = base::read_file(file, kMostOfFile);
  const auto spec =
      text ? config::parse_cdi_spec(*text, file) : Result<config::CdiSpec>(text.error());
  if (!spec) {
    return std::nullopt;  // no engine's either
  }
  for (const config::CdiDevice& device : spec->devices) {
    if (device.name != name) {
      continue;
    }
    Found found{file, spec->kind, {}};
    for (const config::CdiNode& node : device.edits.nodes) {
      const std::string base = node.path.substr(node.path.rfind('/') + 1);
      if (base.starts_with("nvidia-cap")) {
        found.capabilities.insert(base);
      }
    }
    return found;
  }
  return std::nullopt;
}

// In the last folder that has the name, which is the one that engines take.
std::vector<Found> find_device(const std::vector<std::string>& folders, const std::string& name) {
  std::vector<Found> out;
  std::set<std::string> seen;
  for (const std::string& folder : folders) {
    std::error_code error;
    const std::string real = fs::weakly_canonical(folder, error).string();
    if (!seen.insert(real).second) {
      continue;
    }
    std::vector<Found> here;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".json" && extension != ".yaml") {
        continue;
      }
      if (auto found = device_in(entry.path().string(), name)) {
        here.push_back(*std::move(found));
      }
    }
    if (!here.empty()) {
      out = std::move(here);
    }
  }
  return out;
}

Result<void> check_true(const Found& found,
                        const Instance& instance,
                        const launch::DeviceRoots& roots) {
  if (!instance.gpu_minor) {
    return {};  // the driver does not tell, and the engine takes what the file says
  }
  MIG_ASSIGN_OR_RETURN(
      const launch::CapabilityNodes nodes,
      launch::capability_nodes(
          roots, *instance.gpu_minor, instance.gpu_instance, instance.compute_instance));
  if (found.capabilities == std::set<std::string>{nodes.gi, nodes.ci}) {
    return {};
  }
  return fail(
      ErrorCode::kConflict,
      fmt::format("{} is not true any more: {} has the nodes {} and {}, and the file says {}",
                  found.file,
                  instance.uuid,
                  nodes.gi,
                  nodes.ci,
                  base::join({found.capabilities.begin(), found.capabilities.end()}, ", ")),
      fmt::format("{}; a file of another program: remove it, with the service that writes it",
                  kMend));
}

Result<std::string> look(const Instance& instance,
                         const std::vector<std::string>& folders,
                         const launch::DeviceRoots& roots) {
  const std::vector<Found> all = find_device(folders, instance.uuid);
  if (all.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no CDI file in {} names {}", base::join(folders, ", "), instance.uuid),
                kMend);
  }
  const auto again = std::find_if(
      all.begin() + 1, all.end(), [&](const Found& one) { return one.kind == all.front().kind; });
  if (again != all.end()) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} and {} both name {}={}, so engines take neither",
                            all.front().file,
                            again->file,
                            again->kind,
                            instance.uuid),
                "remove the one that no longer follows the layout: migctl cdi check");
  }
  MIG_TRY(check_true(all.front(), instance, roots));
  return fmt::format("{}={}", all.front().kind, instance.uuid);
}

}  // namespace

Result<std::shared_ptr<launch::Containers>> containers_of(EngineKind kind,
                                                          const std::vector<std::string>& words,
                                                          const std::string& name) {
  MIG_ASSIGN_OR_RETURN(launch::EngineWords told, launch::check_engine_words(kind, words));
  MIG_ASSIGN_OR_RETURN(launch::EngineFacts facts, launch::read_engine(kind));
  return std::make_shared<launch::Containers>(std::move(facts), words, std::move(told), name);
}

Result<std::string> cdi_name_of(const Instance& instance,
                                const std::vector<std::string>& folders,
                                const launch::DeviceRoots& roots) {
  for (int tried = 0;; ++tried) {
    auto name = look(instance, folders, roots);
    if (name || tried == kFileLooks) {
      return name;
    }
    std::this_thread::sleep_for(kBetweenFileLooks);
  }
}

}  // namespace mig::service
