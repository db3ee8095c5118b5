// SPDX-License-Identifier: Apache-2.0
#include "cli/driver.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "node/node.h"

namespace mig::cli {

namespace {

// Folder of one of our own libnvidia-ml.so.1: `kind` is sim or compat.
std::string library_dir(const char* variable, const std::string& kind) {
  namespace fs = std::filesystem;
  if (const char* dir = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
      dir != nullptr && *dir != '\0') {
    return dir;
  }
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    return {};
  }
  const fs::path prefix = self.parent_path().parent_path();
  for (const std::string place : {"lib/", "lib/migctl/"}) {
    if (fs::exists(prefix / (place + kind) / "libnvidia-ml.so.1", error)) {
      return prefix / (place + kind);
    }
  }
  return prefix / ("lib/" + kind);
}

}  // namespace

std::string sim_library_dir() {
  return library_dir("MIGCTL_SIM_LIBRARY_DIR", "sim");
}

std::string compat_library_dir() {
  return library_dir("MIGCTL_COMPAT_LIBRARY_DIR", "compat");
}

node::DriverChoice driver_choice(const Globals& globals) {
  return {globals.nvml_library, globals.simulated, sim_library_dir(), false};
}

std::string program_of(const Context& context) {
  const std::string& machine = context.globals().simulated;
  return machine.empty() ? "migctl" : "migctl --sim " + machine;
}

client::Options client_options(const Context& context) {
  client::Options options{driver_choice(context.globals()), MIG_VERSION, context.globals().direct};
  if (context.globals().verbose) {
    options.on_note = [output = &context.output()](const std::string& line) {
      output->message("migctl: " + line + "\n");
    };
  }
  return options;
}

client::OpenNode open_node(Context& context) {
  return [&context] { return context.machine(); };
}

}  // namespace mig::cli
