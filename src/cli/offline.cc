// SPDX-License-Identifier: Apache-2.0
#include "cli/offline.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/core.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp and setenv are POSIX

#include "base/fd.h"
#include "base/strings.h"
#include "cli/driver.h"
#include "node/node.h"
#include "sim/tools/create.h"

namespace mig::cli {
namespace {

constexpr const char* kName = "offline";
constexpr std::uint64_t kMaxGpus = 64;

Result<std::string> gpus_of(const std::string& model) {
  const auto comma = model.find(',');
  const std::string board = model.substr(0, comma);
  if (comma == std::string::npos) {
    return "1x " + board;
  }
  const auto count = base::parse_decimal(model.substr(comma + 1), kMaxGpus);
  if (!count || *count == 0) {
    return fail(
        ErrorCode::kUsage,
        fmt::format(
            "--model {}: BOARD,N is expected, N from 1 to {}", base::quoted(model), kMaxGpus),
        "for example --model a100-sxm4-40gb,2");
  }
  return fmt::format("{}x {}", *count, board);
}

Error error_of(const migsim::Problem& problem) {
  for (const auto& row : error_table()) {
    if (row.exit_code == static_cast<int>(problem.code)) {
      return Error{row.code, "--model: " + problem.message, problem.hint, {}, {}};
    }
  }
  return Error{ErrorCode::kInternal, "--model: " + problem.message, problem.hint, {}, {}};
}

}  // namespace

Result<std::unique_ptr<OfflineMachine>> OfflineMachine::make(const std::string& model) {
  MIG_ASSIGN_OR_RETURN(std::string gpus, gpus_of(model));
  std::error_code error;
  std::string root = (std::filesystem::temp_directory_path(error) / "migctl-plan-XXXXXX").string();
  if (error || ::mkdtemp(root.data()) == nullptr) {
    return base::errno_error("make a temporary machine in", root, error ? error.value() : errno);
  }
  std::unique_ptr<OfflineMachine> machine(new OfflineMachine(root));
  // Only this process: the simulator and its library look for machines there.
  ::setenv("MIGSIM_ROOT", root.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread
  ::unsetenv("MIGSIM_MACHINE");              // NOLINT(concurrency-mt-unsafe): one thread
  migsim::MachineSpec spec;
  spec.name = kName;
  spec.gpus = std::move(gpus);
  spec.latency = "none";
  std::string dir;
  if (const migsim::Problem problem = migsim::create_machine(spec, dir); !problem.ok()) {
    return error_of(problem);
  }
  return machine;
}

OfflineMachine::~OfflineMachine() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

node::DriverChoice OfflineMachine::choice() const {
  return {"", kName, sim_library_dir()};
}

}  // namespace mig::cli
