// SPDX-License-Identifier: Apache-2.0
#include "lab/bench.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/fd.h"
#include "lab/reading.h"

namespace mig::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "lab";

// Variables that would lead a child to another machine, or change what it prints.
std::vector<std::string> disturbing() {
  return {"MIGCTL_SOCKET",
          "MIGCTL_PRICES",
          "MIGCTL_SPARE",
          "MIGSIM_AS_USER",
          "CUDA_VISIBLE_DEVICES",
          "MIG_PARTED_CONFIG_FILE",
          "MIG_PARTED_SELECTED_CONFIG"};
}

}  // namespace

Result<std::unique_ptr<Bench>> Bench::open(const BenchRequest& request) {
  for (const std::string& program : {request.migctl, request.workload}) {
    if (program.empty() || ::access(program.c_str(), X_OK) != 0) {
      return fail(ErrorCode::kNotFound,
                  "the lab needs mig-workload beside migctl",
                  "build or install both: ./scripts/build");
    }
  }
  std::unique_ptr<Bench> bench(new Bench);
  bench->request_ = request;
  MIG_TRY(bench->make_folder(request));
  if (request.real || !request.machine.empty()) {
    MIG_TRY(bench->use_machine(request));
  } else {
    MIG_TRY(bench->make_machine(request));
  }
  return bench;
}

Bench::~Bench() {
  std::error_code error;
  if (!folder_.empty()) {
    fs::remove_all(folder_, error);  // the machines are folders in it
  }
}

// Short, since sockets lie in it (108 bytes at most).
Result<void> Bench::make_folder(const BenchRequest& request) {
  const char* place = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe)
  std::string name =
      std::string(place != nullptr && *place == '/' ? place : "/tmp") + "/migctl-lab.XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    return base::errno_error("make a folder", name, errno);
  }
  folder_ = name;
  std::error_code error;
  for (const char* part : {"/machines", "/state", "/bin", "/work"}) {
    fs::create_directory(folder_ + part, error);
    if (error) {
      return base::errno_error("make", folder_ + part, error.value());
    }
  }
  fs::create_symlink(request.migctl, folder_ + "/bin/nvidia-smi", error);
  return error ? base::errno_error("make", folder_ + "/bin/nvidia-smi", error.value())
               : Result<void>();
}

Result<TerminalSetting> Bench::setting_of(const BenchRequest& request,
                                          const std::string& name) const {
  TerminalSetting setting;
  setting.programs = {{"migctl", request.migctl}, {"mig-workload", request.workload}};
  setting.machine = name;
  setting.environment = {{"NO_COLOR", "1"}, {"LC_ALL", "C.UTF-8"}};
  setting.unset = disturbing();
  setting.stop = request.stop;
  return setting;
}

Result<void> Bench::make_machine(const BenchRequest& request) {
  private_ = true;
  MIG_ASSIGN_OR_RETURN(Terminal made, beside(kName, request.board));
  terminal_ = std::move(made);
  return {};
}

Result<Terminal> Bench::beside(const std::string& name, const std::string& board) {
  MIG_ASSIGN_OR_RETURN(TerminalSetting setting, setting_of(request_, name));
  setting.programs["nvidia-smi"] = folder_ + "/bin/nvidia-smi";
  setting.environment.insert(setting.environment.end(),
                             {{"MIGSIM_ROOT", folder_ + "/machines"},
                              {"MIGSIM_MACHINE", folder_ + "/machines/" + name},
                              {"XDG_STATE_HOME", folder_ + "/state"},
                              {"LD_LIBRARY_PATH", request_.library_dir}});
  Terminal terminal(std::move(setting));
  // Without latencies: the exercises are about what the commands do.
  Ran ran = terminal.run({"migctl",
                          "sim",
                          "create",
                          name,
                          "--gpus",
                          "1x " + board,
                          "--latency",
                          "none",
                          "--seed",
                          "1"});
  if (!ran.ok()) {
    return fail(ErrorCode::kInvalidInput, "the lab's machine cannot be made: " + ran.printed);
  }
  if (!made_) {
    made_ = std::move(ran);
  }
  return terminal;
}

Result<void> Bench::use_machine(const BenchRequest& request) {
  MIG_ASSIGN_OR_RETURN(TerminalSetting setting, setting_of(request, request.machine));
  if (!request.machine.empty()) {
    setting.programs["nvidia-smi"] = folder_ + "/bin/nvidia-smi";
    const char* root = std::getenv("MIGSIM_ROOT");  // NOLINT(concurrency-mt-unsafe)
    const Terminal asks(setting);
    const Ran ran = asks.run({"migctl", "sim", "env", request.machine});
    const std::string begin = "export MIGSIM_MACHINE='";
    const std::size_t at = ran.printed.find(begin);
    if (!ran.ok() || at == std::string::npos) {
      return fail(ErrorCode::kNotFound,
                  "there is no simulated machine " + request.machine,
                  "migctl sim list" + std::string(root == nullptr ? "" : " (in $MIGSIM_ROOT)"));
    }
    const std::size_t from = at + begin.size();
    setting.environment.emplace_back("MIGSIM_MACHINE",
                                     ran.printed.substr(from, ran.printed.find('\'', from) - from));
    setting.environment.emplace_back("LD_LIBRARY_PATH", request.library_dir);
  } else if (!Terminal(setting).has("nvidia-smi")) {
    setting.programs["nvidia-smi"] = folder_ + "/bin/nvidia-smi";
  }
  terminal_ = Terminal(std::move(setting));
  return {};
}

Result<Inventory> Bench::read() const {
  const Ways document{{}, std::chrono::milliseconds(30'000), true};
  const Ran list = terminal_->run({"migctl", "list", "--json", "--direct"}, document);
  if (!list.ok()) {
    return fail(ErrorCode::kNoDriver, "the machine cannot be read: " + list.printed);
  }
  const Ran profiles = terminal_->run({"migctl", "profiles", "--json", "--direct"}, document);
  if (!profiles.ok()) {
    return fail(ErrorCode::kNoDriver, "the profiles cannot be read: " + profiles.printed);
  }
  return parse_reading(list.printed, profiles.printed);
}

}  // namespace mig::lab
