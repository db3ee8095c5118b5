// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/create.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <nlohmann/json.hpp>

#include "sim/machine/machine.h"
#include "sim/tools/machines.h"
#include "sim/tree/tree.h"

namespace fs = std::filesystem;

namespace migsim {

namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

// machine.json: how the machine was made, for the reader and for making it again.
std::string description(const MachineSpec& spec, const MachineImage& image) {
  nlohmann::ordered_json gpus = nlohmann::ordered_json::array();
  for (std::uint32_t i = 0; i < image.hardware->gpu_count; ++i) {
    const GpuState& gpu = image.state->gpus[i];
    gpus.push_back({{"index", i},
                    {"board", image.hardware->boards[gpu.board].key},
                    {"uuid", gpu.uuid},
                    {"swapHalves", gpu.swap_halves != 0},
                    {"graphicsMode", gpu.graphics_mode != 0}});
  }
  const Options& options = image.state->options;
  const nlohmann::ordered_json document = {
      {"apiVersion", "migctl/v1"},
      {"kind", "SimulatedMachine"},
      {"simulated", true},
      {"name", spec.name},
      {"created", utc_now()},
      {"seed", spec.seed},
      {"gpus", gpus},
      {"options",
       {{"driverVersion", options.driver_version},
        {"latencyPermille", options.latency_permille},
        {"freshUuids", options.fresh_uuids != 0},
        {"vm", options.vm_passthrough != 0},
        {"disableDestroysIdle", options.disable_destroys_idle != 0},
        {"shared", options.shared != 0}}},
  };
  return document.dump(2) + "\n";
}

Problem io_problem(const std::string& what, const std::string& path) {
  const int code = errno;
  return {code == EACCES || code == EPERM ? Exit::kPermission : Exit::kIo,
          what + " " + path + ": " + std::error_code(code, std::generic_category()).message(),
          ""};
}

Problem fill(const std::string& dir, const MachineSpec& spec, const MachineImage& image) {
  if (chmod(dir.c_str(), spec.shared ? 0755 : 0700) != 0) {
    return io_problem("cannot set the mode of", dir);
  }
  if (Status status = Machine::create(dir, *image.hardware, *image.state); !status.ok()) {
    return {Exit::kIo, status.error, ""};
  }
  // Mount point of `sim shell`; other users of a shared machine cannot create anything in its
  // folder.
  if (mkdir((dir + "/shell").c_str(), 0755) != 0) {
    return io_problem("cannot make", dir + "/shell");
  }
  const std::string path = dir + "/machine.json";
  std::ofstream file(path);
  file << description(spec, image);
  file.close();
  if (!file) {
    return io_problem("cannot write", path);
  }
  Status status;
  const auto machine = Machine::open(dir, status);
  if (!machine) {
    return {Exit::kIo, status.error, ""};
  }
  if (status = sync_tree(*machine); !status.ok()) {
    return {Exit::kIo, status.error, ""};
  }
  return {};
}

// Renames the finished folder to its name; fails rather than replace something (RENAME_NOREPLACE).
Problem publish(const std::string& made, const std::string& dir, const std::string& name) {
  if (renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, dir.c_str(), RENAME_NOREPLACE) == 0) {
    return {};
  }
  if (errno == EEXIST) {
    return {Exit::kConflict,
            "a simulated machine \"" + name + "\" exists already (" + dir + ")",
            "migctl sim destroy " + name + " removes it"};
  }
  return io_problem("cannot name the new machine", dir);
}

}  // namespace

Problem create_machine(const MachineSpec& spec, std::string& dir) {
  MachineImage image;
  if (Problem problem = plan_machine(spec, image); !problem.ok()) {
    return problem;
  }
  dir = machine_dir(spec.name);
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(dir, ignored))) {
    return {Exit::kConflict,
            "a simulated machine \"" + spec.name + "\" exists already (" + dir + ")",
            "migctl sim destroy " + spec.name + " removes it"};
  }
  if (Problem problem = make_root(spec.shared); !problem.ok()) {
    return problem;
  }
  std::string made = Machine::default_root() + "/.new-XXXXXX";
  if (mkdtemp(made.data()) == nullptr) {
    return io_problem("cannot make a folder under", Machine::default_root());
  }
  Problem problem = fill(made, spec, image);
  if (problem.ok()) {
    problem = publish(made, dir, spec.name);
  }
  if (!problem.ok()) {
    fs::remove_all(made, ignored);
  }
  return problem;
}

}  // namespace migsim
