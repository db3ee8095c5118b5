// SPDX-License-Identifier: Apache-2.0
#include "service/cdi.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "apply/runtime.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/strings.h"
#include "cdi/audit.h"
#include "cdi/foreign.h"
#include "cdi/keeper.h"
#include "cdi/registration.h"
#include "cdi/start_check.h"
#include "config/cdi_spec.h"

namespace mig::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostOfCdiFile = 16U << 20U;

// nvidia-cdi-hook is a program of its own since toolkit 1.17; where packages put it.
Result<std::string> hook_program(cdi::Hooks hooks) {
  if (hooks == cdi::Hooks::kNone) {
    return std::string();
  }
  if (hooks == cdi::Hooks::kCheck) {
    std::error_code error;
    const fs::path own = fs::read_symlink("/proc/self/exe", error);
    if (error) {
      return fail(ErrorCode::kIo, "cannot find this program's own path: " + error.message());
    }
    return own.string();
  }
  for (const char* path : {"/usr/bin/nvidia-cdi-hook", "/usr/local/bin/nvidia-cdi-hook"}) {
    if (::access(path, X_OK) == 0) {
      return std::string(path);
    }
  }
  return fail(ErrorCode::kNotFound,
              "--hooks nvidia: there is no nvidia-cdi-hook in /usr/bin and /usr/local/bin",
              "install the package nvidia-container-toolkit-base, or leave --hooks away: the file "
              "needs no hook then");
}

Result<cdi::Registration> wished(const node::CdiHandover& handover, const CdiRequest& request) {
  MIG_ASSIGN_OR_RETURN(const auto last, handover.registration());
  cdi::Registration wish = last && !request.management ? *last : cdi::Registration{};
  if (request.management) {
    wish.kind = cdi::kManagementKind;
  }
  wish.path = !request.output.empty() ? fs::absolute(request.output).lexically_normal().string()
              : wish.path.empty()     ? cdi::default_path(handover.roots())
                                      : wish.path;
  if (request.management && request.output.empty()) {
    wish.path = wish.path.substr(0, wish.path.rfind('/')) + "/migctl-management.json";
  }
  if (!request.kind.empty()) {
    wish.kind = request.kind;
  }
  if (!cdi::is_kind(wish.kind)) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{} is no kind of CDI device", base::quoted(wish.kind)),
                "a kind is VENDOR/CLASS: letters, digits and _-. in the first, letters, digits and "
                "_- in the second, two characters at least in each: nvidia.com/gpu");
  }
  if (!request.hooks.empty()) {
    const auto hooks = cdi::hooks_named(request.hooks);
    if (!hooks) {
      return fail(ErrorCode::kUsage, "--hooks is none, nvidia or check");
    }
    wish.hooks = *hooks;
  }
  MIG_ASSIGN_OR_RETURN(wish.hook_program, hook_program(wish.hooks));
  if (!request.library_folders.empty()) {
    wish.library_folders = request.library_folders;
  }
  return wish;
}

Result<cdi::Made> made_for(node::CdiHandover& handover,
                           const Inventory& now,
                           const cdi::Registration& wish,
                           bool management) {
  return management ? handover.make_management(now, wish) : handover.make(now, wish);
}

// Engines take names with these endings only.
Result<void> check_ending(const std::string& path) {
  const std::string extension = fs::path(path).extension().string();
  if (extension == ".json" || extension == ".yaml") {
    return {};
  }
  return fail(
      ErrorCode::kInvalidInput,
      fmt::format("{}: container engines read CDI files that end in .json or .yaml only", path),
      "the file is JSON, which is YAML too: either ending will do");
}

Result<void> check_place(const cdi::Registration& wish,
                         const std::optional<cdi::Registration>& last,
                         const cdi::Made& made,
                         bool replace) {
  const bool ours = last && last->path == wish.path;
  if (!ours && !replace && ::access(wish.path.c_str(), F_OK) == 0) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} is there already, and was not written by migctl", wish.path),
                "choose another file with --output, or replace this one: --replace");
  }
  std::vector<cdi::ForeignDevice> foreign =
      cdi::named_elsewhere(made.spec, wish.path, cdi::engine_folders(wish.path));
  std::erase_if(foreign, [&](const auto& one) { return last && one.file == last->path; });
  if (foreign.empty()) {
    return {};
  }
  return fail(
      ErrorCode::kConflict,
      fmt::format(
          "{} is in {} too{}: within one folder engines refuse the name, and otherwise that "
          "file, which nobody rewrites when instances change, answers while ours is "
          "withdrawn",
          base::printable(foreign.front().name),
          base::printable(foreign.front().file),
          foreign.size() > 1 ? fmt::format(", and {} more", foreign.size() - 1) : std::string()),
      fmt::format("remove it (rm {}), or use a kind of your own: --kind nvidia.com/mig",
                  foreign.front().file));
}

// The registration first: a file that nobody keeps would go stale.
Result<cdi::Written> put_and_keep(const node::CdiHandover& handover,
                                  const cdi::Registration& wish,
                                  const std::optional<cdi::Registration>& last,
                                  const cdi::Spec& spec) {
  const std::string file = handover.registration_file();
  MIG_TRY(cdi::write_registration(file, wish));
  auto written = cdi::put(spec, wish.path);
  if (!written) {
    static_cast<void>(last ? cdi::write_registration(file, *last) : cdi::remove_registration(file));
    return written;
  }
  if (last && last->path != wish.path) {
    MIG_TRY(cdi::put({}, last->path));
  }
  return written;
}

// Held while a file is made and written: no change may begin in between.
struct Quiet {
  base::FileLock writer;
};

Result<Quiet> quiet(node::Node& node, node::CdiHandover& handover, const char* doing) {
  MIG_ASSIGN_OR_RETURN(const std::string path, node.places().writer_lock());
  MIG_ASSIGN_OR_RETURN(base::FileLock writer,
                       apply::lock_writer(path, base::system_clock(), doing));
  MIG_TRY(handover.lock());
  return Quiet{std::move(writer)};
}

std::set<std::string> names_in_file(const std::string& path, const std::string& kind) {
  std::set<std::string> names;
  const auto text = base::read_file(path, kMostOfCdiFile);
  const auto spec =
      text ? config::parse_cdi_spec(*text, path) : Result<config::CdiSpec>(text.error());
  for (const config::CdiDevice& device :
       spec && spec->kind == kind ? spec->devices : std::vector<config::CdiDevice>()) {
    names.insert(device.name);
  }
  return names;
}

// Profile of the compute instance; "": the GPU has none of that UUID.
std::string profile_of(const Gpu& gpu, const std::string& uuid) {
  for (const GpuInstance& instance : gpu.instances) {
    for (const ComputeInstance& compute : instance.compute_instances) {
      if (compute.uuid == uuid) {
        return compute.name.str();
      }
    }
  }
  return "";
}

// Without names; those of the same UUID are one entry.
CdiDeviceEntry entry_of(const cdi::Device& device, const std::string& uuid, const Inventory& now) {
  CdiDeviceEntry entry;
  entry.uuid = uuid;
  entry.in_file = true;
  if (const Gpu* gpu = now.find_gpu(device.gpu_uuid)) {
    entry.gpu = gpu->index;
    entry.profile = profile_of(*gpu, uuid);
  }
  for (const cdi::DeviceNode& one : device.edits.nodes) {
    entry.nodes.push_back(one.path);
  }
  return entry;
}

}  // namespace

Result<CdiWritten> cdi_generate(node::Node& node, const CdiRequest& request) {
  MIG_ASSIGN_OR_RETURN(node::CdiHandover * handover, node.cdi());
  MIG_ASSIGN_OR_RETURN(const auto last, handover->registration());
  MIG_ASSIGN_OR_RETURN(const cdi::Registration wish, wished(*handover, request));
  MIG_TRY(check_ending(wish.path));
  MIG_TRY(cdi::may_lie_at(handover->roots(), wish.path));
  MIG_ASSIGN_OR_RETURN(const Quiet held, quiet(node, *handover, "cdi generate"));
  const auto work = [&]() -> Result<CdiWritten> {
    MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory(node::Age::fresh()));
    MIG_ASSIGN_OR_RETURN(const cdi::Made made, made_for(*handover, now, wish, request.management));
    MIG_TRY(check_place(wish, last, made, request.replace));
    MIG_ASSIGN_OR_RETURN(const cdi::Written written,
                         request.management ? cdi::put(made.spec, wish.path)
                                            : put_and_keep(*handover, wish, last, made.spec));
    return CdiWritten{wish.path,
                      wish.kind,
                      made.spec.devices.size(),
                      written != cdi::Written::kUnchanged,
                      made.left_out};
  };
  auto done = work();
  handover->unlock();
  return done;
}

Result<void> cdi_hook(const std::string& file,
                      const std::string& name,
                      const std::string& numbers) {
  cdi::take_state(STDIN_FILENO);
  return cdi::check_start(file, name, numbers);
}

Result<std::string> cdi_text(node::Node& node, const CdiRequest& request) {
  MIG_ASSIGN_OR_RETURN(node::CdiHandover * handover, node.cdi());
  CdiRequest alone = request;
  alone.output.clear();
  MIG_ASSIGN_OR_RETURN(const cdi::Registration wish, wished(*handover, alone));
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
  MIG_ASSIGN_OR_RETURN(const cdi::Made made, made_for(*handover, now, wish, request.management));
  if (made.spec.devices.empty()) {
    return fail(ErrorCode::kNothingMatched,
                "there is no device to hand over: every GPU is in MIG mode and has no instances",
                "migctl create makes one; a file that is kept (--output) needs none yet");
  }
  return cdi::spec_text(made.spec);
}

Result<CdiDeviceList> cdi_list(node::Node& node) {
  MIG_ASSIGN_OR_RETURN(node::CdiHandover * handover, node.cdi());
  MIG_ASSIGN_OR_RETURN(const auto registered, handover->registration());
  const cdi::Registration of = registered.value_or(cdi::Registration{});
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
  MIG_ASSIGN_OR_RETURN(const cdi::Made made, handover->make(now, of));
  const std::set<std::string> in_file = names_in_file(of.path, of.kind);
  CdiDeviceList list{of.path, of.kind, {}, made.left_out};
  for (const cdi::Device& device : made.spec.devices) {
    const std::string& uuid = device.instance_uuid.empty() ? device.gpu_uuid : device.instance_uuid;
    auto entry = std::find_if(list.devices.begin(), list.devices.end(), [&](const auto& one) {
      return one.uuid == uuid;
    });
    if (entry == list.devices.end()) {
      entry = list.devices.insert(list.devices.end(), entry_of(device, uuid, now));
    }
    entry->names.push_back(device.name);
    entry->in_file = entry->in_file && in_file.contains(device.name);
  }
  return list;
}

CdiName cdi_name(node::Node& node, const std::string& uuid) {
  const auto registered = [&]() -> Result<std::optional<cdi::Registration>> {
    MIG_ASSIGN_OR_RETURN(node::CdiHandover * handover, node.cdi());
    return handover->registration();
  }();
  if (!registered) {
    return {"", registered.error().text()};
  }
  if (!*registered) {
    return {"", "no CDI file is kept: `migctl cdi generate` writes one and keeps it in step"};
  }
  const cdi::Registration& kept = **registered;
  if (!names_in_file(kept.path, kept.kind).contains(uuid)) {
    return {"", fmt::format("{} has no device {}: `migctl cdi check` tells why", kept.path, uuid)};
  }
  return {fmt::format("{}={}", kept.kind, uuid), ""};
}

Result<std::vector<CheckResult>> cdi_check(node::Node& node, const std::string& program) {
  MIG_ASSIGN_OR_RETURN(node::CdiHandover * handover, node.cdi());
  MIG_ASSIGN_OR_RETURN(const auto registered, handover->registration());
  if (!registered) {
    return std::vector<CheckResult>{cdi::nothing_kept(program)};
  }
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
  MIG_ASSIGN_OR_RETURN(const cdi::Made made, handover->make(now, *registered));
  MIG_ASSIGN_OR_RETURN(const auto open, node.interrupted());
  const cdi::Roots roots = handover->roots();
  return cdi::audit({*registered, made, roots, program, open.has_value()});
}

Result<std::optional<std::string>> cdi_remove(node::Node& node, bool forget) {
  MIG_ASSIGN_OR_RETURN(node::CdiHandover * handover, node.cdi());
  MIG_ASSIGN_OR_RETURN(const auto registered, handover->registration());
  if (!registered) {
    return std::optional<std::string>();
  }
  MIG_ASSIGN_OR_RETURN(const Quiet held, quiet(node, *handover, "cdi remove"));
  auto removed = cdi::put({}, registered->path);
  if (!removed && !forget) {
    handover->unlock();
    Error error = std::move(removed).error();
    error.hint =
        "--forget leaves the file and keeps it in step no longer: it goes stale at the "
        "next change";
    return error;
  }
  const auto done = cdi::remove_registration(handover->registration_file());
  handover->unlock();
  MIG_TRY(done);
  return std::optional(registered->path);
}

}  // namespace mig::service
