// SPDX-License-Identifier: Apache-2.0
#include "node/driver.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "store/places.h"

namespace mig::node {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMachineVariable = "MIGSIM_MACHINE";
constexpr const char* kMakeOne = "migctl sim create lab --gpus \"2x a100-sxm4-40gb\"";

void set_machine(const std::string& dir) {
  ::setenv(kMachineVariable, dir.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): before any thread
}

// True for a machine that is being created: its folder's name begins with a dot.
bool is_hidden(const fs::path& dir) {
  const std::string name = dir.filename().string();
  return name.starts_with('.');
}

bool is_machine(const fs::path& dir) {
  std::error_code error;
  return !is_hidden(dir) && fs::exists(dir / "machine.state", error);
}

bool closed(const std::error_code& error) {
  return error == std::errc::permission_denied;
}

Result<std::unique_ptr<nvml::Session>> open_simulated(const std::string& dir,
                                                      const std::string& library_dir) {
  set_machine(dir);
  const std::string library =
      (library_dir.empty() ? std::string() : library_dir + "/") + nvml::Library::kDefaultName;
  auto session = nvml::Session::open(library);
  if (!session) {
    return std::move(session).error().in("simulated machine " + fs::path(dir).filename().string());
  }
  if (!(*session)->simulated()) {
    return fail(ErrorCode::kNoDriver,
                fmt::format("{} is not the simulator's library, so it cannot show the simulated "
                            "machine {}",
                            library,
                            dir),
                "point MIGCTL_SIM_LIBRARY_DIR at the folder of the simulator's libnvidia-ml.so.1");
  }
  return session;
}

// A name below the root; with a slash, the folder itself.
Result<std::string> machine_dir(const std::string& name) {
  const store::Surroundings around = store::Surroundings::ours();
  const std::string root = store::machines_root(around);
  const fs::path dir = store::machine_named(name, around).simulated_dir;
  if (is_machine(dir)) {
    return dir.string();
  }
  if (std::error_code error; !fs::exists(dir / "machine.state", error) && closed(error)) {
    return fail(
        ErrorCode::kPermission,
        fmt::format(
            "simulated machine {} in {} is not open to this user", base::quoted(name), root),
        "run it as root (sudo) or as its owner; sim create --shared makes one that all may "
        "see");
  }
  const std::vector<std::string> names = store::machine_names(root);
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no simulated machine {} in {}", base::quoted(name), root),
              names.empty() ? std::string("make one: ") + kMakeOne
                            : "there are: " + base::join(names, ", "));
}

// A machine that exists but is closed to this user; "" = none.
std::string closed_machine(const std::string& root) {
  std::error_code error;
  for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    if (std::error_code why;
        !is_hidden(it->path()) && !fs::exists(it->path() / "machine.state", why) && closed(why)) {
      return it->path().filename().string();
    }
  }
  return {};
}

// Fallback when the real driver did not initialise: the simulated machine that the environment
// names, or the only one.
Result<std::string> fallback_machine(const Error& real, bool only_named) {
  const store::Surroundings around = store::Surroundings::ours();
  if (!around.machine.empty()) {
    return around.machine;
  }
  if (!around.shell_machine.empty()) {
    return around.shell_machine;
  }
  const std::string root = store::machines_root(around);
  const std::vector<std::string> names = store::machine_names(root);
  if (only_named) {
    Error error{ErrorCode::kNoDriver, real.text(), "", {}, real.nvml};
    error.message += "; and what runs unattended takes no simulated machine unless one is named";
    error.hint = names.empty() ? std::string("start NVIDIA's driver")
                               : "start NVIDIA's driver, or name the simulated machine: --sim " +
                                     names.front();
    return error;
  }
  if (names.size() == 1) {
    return (fs::path(root) / names.front()).string();
  }
  Error error{ErrorCode::kNoDriver, real.text(), "", {}, real.nvml};
  if (names.empty()) {
    const std::string shut = closed_machine(root);
    error.message += shut.empty()
                         ? fmt::format("; and there is no simulated machine in {}", root)
                         : fmt::format("; and simulated machine {} in {} is not open to this user",
                                       base::quoted(shut),
                                       root);
    error.hint = shut.empty() ? std::string("without a GPU, make a simulated machine: ") + kMakeOne
                              : "run it as root (sudo) or as its owner";
  } else {
    error.message += fmt::format(
        "; and there are {} simulated machines ({})", names.size(), base::join(names, ", "));
    error.hint = "say which: migctl --sim " + names.front() + " ...";
  }
  return error;
}

}  // namespace

Result<std::unique_ptr<nvml::Session>> open_driver(const DriverChoice& choice) {
  if (!choice.simulated.empty()) {
    MIG_ASSIGN_OR_RETURN(const std::string dir, machine_dir(choice.simulated));
    if (choice.nvml_library.empty()) {
      return open_simulated(dir, choice.sim_library_dir);
    }
    set_machine(dir);
  }
  auto session = nvml::Session::open(choice.nvml_library);
  if (!session && choice.nvml_library.empty()) {
    MIG_ASSIGN_OR_RETURN(const std::string dir,
                         fallback_machine(session.error(), choice.only_named));
    session = open_simulated(dir, choice.sim_library_dir);
  }
  if (session && (*session)->simulated()) {
    set_machine((*session)->control()->machine_dir);
  }
  return session;
}

}  // namespace mig::node
