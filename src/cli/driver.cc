// SPDX-License-Identifier: Apache-2.0
#include "cli/driver.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "node/node.h"

namespace mig::cli {

std::string sim_library_dir() {
  namespace fs = std::filesystem;
  if (const char* dir = std::getenv("MIGCTL_SIM_LIBRARY_DIR");  // NOLINT(concurrency-mt-unsafe)
      dir != nullptr && *dir != '\0') {
    return dir;
  }
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    return {};
  }
  const fs::path prefix = self.parent_path().parent_path();
  for (const char* place : {"lib/sim", "lib/migctl/sim"}) {
    if (fs::exists(prefix / place / "libnvidia-ml.so.1", error)) {
      return prefix / place;
    }
  }
  return prefix / "lib/sim";
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
