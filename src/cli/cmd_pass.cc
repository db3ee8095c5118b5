// SPDX-License-Identifier: Apache-2.0
// `sim` and `smi`: other rooms' dialects, reached through this one binary.
#include <filesystem>
#include <system_error>

#include "cli/commands.h"
#include "cli/driver.h"
#include "nvml/library.h"
#include "service/driver.h"
#include "sim/tools/sim_cli.h"
#include "smi/smi.h"

namespace mig::cli {
namespace {

class Sim final : public Command {
 public:
  CommandText text() const override {
    return {"sim",
            "Make, show, enter, break and remove simulated machines.",
            "`migctl sim --help` lists its commands: create, list, destroy, env, shell, inject.",
            {"sim create lab --gpus \"2x a100-sxm4-40gb\"",
             "sim shell lab -- nvidia-smi -L",
             "sim destroy lab"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNotFound,
             ErrorCode::kNotSupported,
             ErrorCode::kPermission,
             ErrorCode::kInUse,
             ErrorCode::kConflict,
             ErrorCode::kIo}};
  }

  bool passes_through() const override { return true; }

  std::vector<std::string> first_words() const override {
    return {"create", "list", "destroy", "env", "shell", "inject"};
  }

  Result<int> run(Context& context) override {
    std::vector<std::string> words = context.rest;
    if (context.globals().json)
      words.emplace_back("--json");
    std::vector<char*> argv;
    for (auto& word : words)
      argv.push_back(word.data());
    const int argc = static_cast<int>(argv.size());
    argv.push_back(nullptr);
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    return migsim::sim_main(argc, argv.data(), {sim_library_dir(), self.string()});
  }
};

class Smi final : public Command {
 public:
  CommandText text() const override {
    return {"smi",
            "Speak nvidia-smi's MIG dialect: same options, texts and exit codes.",
            "Also when the program is called as `nvidia-smi`. Exit codes are NVML's, as "
            "nvidia-smi's are, not those of migctl. `migctl smi --help` lists what it knows.",
            {"smi -L", "smi mig -lgip", "--sim lab smi mig -cgi 19,19 -C"},
            {}};
  }

  bool passes_through() const override { return true; }

  Result<int> run(Context& context) override {
    smi::SmiContext smi;
    MIG_ASSIGN_OR_RETURN(smi.library_path, library(context.globals()));
    smi.out = context.output().out();
    smi.err = context.output().err();
    return smi::smi_main(context.rest, smi);
  }

 private:
  // The driver that every other command would take. The common case, a driver that loads, is left
  // to the dialect itself: one start of NVML instead of two, and nvidia-smi's own words when it
  // does not start.
  static Result<std::string> library(const Globals& globals) {
    if (globals.simulated.empty() && nvml::Library::open(globals.nvml_library))
      return globals.nvml_library;
    MIG_ASSIGN_OR_RETURN(const auto session, service::open_driver(driver_choice(globals)));
    return session->library_path();
  }
};

}  // namespace

std::unique_ptr<Command> make_sim() {
  return std::make_unique<Sim>();
}

std::unique_ptr<Command> make_smi() {
  return std::make_unique<Smi>();
}

}  // namespace mig::cli
