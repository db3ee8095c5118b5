// SPDX-License-Identifier: Apache-2.0
#include "cdi/keeper.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/own_path.h"
#include "base/proc_root.h"
#include "cdi/libraries.h"
#include "cdi/simulated.h"
#include "cdi/start_check.h"

namespace mig::cdi {
namespace {

constexpr std::size_t kMostOfSpec = 16U << 20U;

std::string folder_of_path(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// Each library under each of its names, in both default folders: found by the loader of Debian's
// and of Red Hat's images without cache, links, hook or LD_LIBRARY_PATH, which would replace the
// image's own.
void mount_under_names(const std::vector<Library>& libraries, Edits& edits) {
  for (const Library& library : libraries) {
    for (const std::string& folder : default_folders()) {
      for (const std::string& name : library.names) {
        edits.mounts.push_back({library.file, fmt::format("{}/{}", folder, name), false});
      }
    }
  }
}

// As nvidia-ctk does: at the path of the host, with hooks that make what else is needed.
void mount_with_hooks(const std::vector<Library>& libraries,
                      const Registration& registration,
                      const std::string& driver,
                      Edits& edits) {
  std::vector<std::string> links = {"nvidia-cdi-hook", "create-symlinks"};
  std::vector<std::string> cache = {"nvidia-cdi-hook", "update-ldcache"};
  for (const Library& library : libraries) {
    edits.mounts.push_back({library.file, library.file, false});
    const std::string folder = folder_of_path(library.file);
    const std::string own = library.file.substr(folder.size() + 1);
    for (const std::string& name : library.names) {
      if (name != own) {
        links.insert(links.end(), {"--link", fmt::format("{}::{}/{}", own, folder, name)});
      }
    }
    if (std::find(cache.begin(), cache.end(), folder) == cache.end()) {
      cache.insert(cache.end(), {"--folder", folder});
    }
  }
  const std::string version = "--host-driver-version=" + driver;
  for (std::vector<std::string> arguments :
       {links,
        std::vector<std::string>{"nvidia-cdi-hook", "enable-cuda-compat", version},
        cache,
        std::vector<std::string>{"nvidia-cdi-hook", "disable-device-node-modification"}}) {
    edits.hooks.push_back({"createContainer",
                           registration.hook_program,
                           std::move(arguments),
                           {"NVIDIA_CTK_DEBUG=false"}});
  }
}

}  // namespace

Result<void> Keeper::add_libraries(const Inventory& now,
                                   const Registration& registration,
                                   Edits& edits) {
  if (!libraries_ || found_for_ != registration) {
    Edits found;
    if (!roots_.simulated_dir.empty()) {
      add_simulated_machine(roots_, nvml_, found);
    } else {
      MIG_ASSIGN_OR_RETURN(
          const std::vector<Library> libraries,
          find_libraries({now.driver_version, nvml_, registration.library_folders}));
      if (registration.hooks == Hooks::kNvidia) {
        mount_with_hooks(libraries, registration, now.driver_version, found);
      } else {
        mount_under_names(libraries, found);
      }
      for (const std::string& program : find_programs()) {
        found.mounts.push_back({program, program, false});
      }
    }
    libraries_ = std::move(found);
    found_for_ = registration;
  }
  edits.env.insert(edits.env.end(), libraries_->env.begin(), libraries_->env.end());
  edits.mounts.insert(edits.mounts.end(), libraries_->mounts.begin(), libraries_->mounts.end());
  edits.hooks.insert(edits.hooks.end(), libraries_->hooks.begin(), libraries_->hooks.end());
  return {};
}

Result<Edits> Keeper::common_edits(const Inventory& now, const Registration& registration) {
  Edits edits;
  // NVIDIA's older hook, where it is installed too, does nothing then: asked by the variable, or by
  // mounts, which a cluster may have made the only way that counts.
  edits.env.emplace_back("NVIDIA_VISIBLE_DEVICES=void");
  edits.mounts.push_back({"/dev/null", "/var/run/nvidia-container-devices/void", false});
  edits.nodes = DriverFiles(roots_).shared();
  MIG_TRY(add_libraries(now, registration, edits));
  return edits;
}

Result<Made> Keeper::make(const Inventory& now,
                          const std::vector<SlotInstance>& slots,
                          const Registration& registration) {
  const DriverFiles files(roots_);
  DeviceList list = devices_of(now, slots, files);
  Made made;
  made.spec.kind = registration.kind;
  made.spec.devices = std::move(list.devices);
  made.left_out = std::move(list.left_out);
  MIG_ASSIGN_OR_RETURN(made.spec.common, common_edits(now, registration));
  for (Device& device : made.spec.devices) {
    for (const DeviceNode& node : device.edits.nodes) {
      if (device.naming != Naming::kAll) {
        static_cast<void>(files.have(node));
      }
    }
    if (!roots_.simulated_dir.empty()) {
      add_simulated_device(roots_, device);
    }
    if (registration.hooks == Hooks::kCheck) {
      device.edits.hooks.push_back(
          start_check(registration.hook_program, registration.path, device));
    }
  }
  if (!roots_.simulated_dir.empty()) {
    add_simulated_nodes(roots_, made.spec.common);
  }
  return made;
}

Result<Made> Keeper::make_management(const Inventory& now, const Registration& registration) {
  const DriverFiles files(roots_);
  Made made;
  made.spec.kind = registration.kind;
  MIG_ASSIGN_OR_RETURN(made.spec.common, common_edits(now, registration));
  Device all{"all", Naming::kAll, "", "", {}};
  MIG_ASSIGN_OR_RETURN(all.edits.nodes, files.management());
  for (const Gpu& gpu : now.gpus) {
    if (gpu.minor) {
      MIG_ASSIGN_OR_RETURN(DeviceNode node, files.gpu(*gpu.minor));
      all.edits.nodes.push_back(std::move(node));
    }
  }
  if (!roots_.simulated_dir.empty()) {
    add_simulated_device(roots_, all);
    add_simulated_nodes(roots_, made.spec.common);
  }
  made.spec.devices.push_back(std::move(all));
  return made;
}

Spec without(Spec spec, const Going& going) {
  std::erase_if(spec.devices, [&](const Device& device) { return is_going(device, going); });
  return spec;
}

Result<Written> put(const Spec& spec, const std::string& path) {
  if (spec.devices.empty()) {
    if (::unlink(path.c_str()) == 0) {
      return Written::kRemoved;
    }
    return errno == ENOENT ? Result<Written>(Written::kUnchanged)
                           : base::errno_error("remove", path, errno);
  }
  const std::string text = spec_text(spec);
  if (const auto there = base::read_file(path, kMostOfSpec); there && *there == text) {
    return Written::kUnchanged;
  }
  const std::string folder = folder_of_path(path);
  const bool fresh = ::access(folder.c_str(), F_OK) != 0;
  constexpr mode_t kEveryoneSearches = 0755;
  MIG_TRY(base::make_own_folders(folder, kEveryoneSearches));
  // migd's umask would shut it to rootless engines.
  if (fresh && ::chmod(folder.c_str(), kEveryoneSearches) != 0) {
    return base::errno_error("set the mode of", folder, errno);
  }
  MIG_TRY(base::write_file_atomic(path, text, 0644));
  return Written::kReplaced;
}

std::string default_path(const Roots& roots) {
  const std::string tree = roots.simulated_dir.empty() ? "" : roots.simulated_dir + "/tree";
  return tree + "/var/run/cdi/migctl.json";
}

Result<void> may_lie_at(const Roots& roots, const std::string& path) {
  const std::string real = base::proc_root() + "/driver/nvidia";
  if (roots.simulated_dir.empty() || path.starts_with(roots.simulated_dir + "/") ||
      ::access((real + "/version").c_str(), F_OK) != 0 ||
      ::access((real + "/migsim").c_str(), F_OK) == 0) {
    return {};
  }
  return fail(ErrorCode::kConflict,
              fmt::format("{}: this host has NVIDIA's driver, and the simulated machine's devices "
                          "have the numbers of its nodes: a container would be given a real GPU",
                          path),
              "leave --output away: the file then lies in the simulated machine's own tree");
}

}  // namespace mig::cdi
