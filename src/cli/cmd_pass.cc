// SPDX-License-Identifier: Apache-2.0
// `sim` and `smi`: command lines of other rooms, part of the same binary.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/errors.h"
#include "client/reading.h"
#include "node/driver.h"
#include "node/interrupted.h"
#include "node/node.h"
#include "service/lease_cgroup.h"
#include "service/node_guard.h"
#include "sim/tools/sim_cli.h"
#include "smi/smi.h"

namespace mig::cli {
namespace {

// Opens the driver that every other command would use, in the form that the simulator's commands
// need.
migsim::Problem open_for_simulator(const node::DriverChoice& choice, migsim::SymbolLookup& symbol) {
  auto session = node::open_driver(choice);
  if (!session) {
    const Error& error = session.error();
    return {static_cast<migsim::Exit>(error_info(error.code).exit_code), error.message, error.hint};
  }
  const std::shared_ptr<nvml::Session> kept = *std::move(session);
  symbol = [kept](const char* name) { return kept->symbol(name); };
  return {};
}

class Sim final : public Command {
 public:
  CommandText text() const override {
    return {"sim",
            "Make, show, enter, break and remove simulated machines.",
            "`migctl sim --help` lists its commands: create, list, boards, destroy, env, shell, "
            "driver-root, inject, clients, reset, reboot, capture.",
            {"sim create lab --gpus \"2x a100-sxm4-40gb\"",
             "sim shell lab -- nvidia-smi -L",
             "sim capture --gpu 0 -o my_board.json",
             "sim destroy lab"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNotFound,
             ErrorCode::kNotSupported,
             ErrorCode::kPermission,
             ErrorCode::kInUse,
             ErrorCode::kConflict,
             ErrorCode::kNoDriver,
             ErrorCode::kDriver,
             ErrorCode::kIo}};
  }

  bool passes_through() const override { return true; }

  std::vector<std::string> first_words() const override {
    return {"create",
            "list",
            "boards",
            "destroy",
            "env",
            "shell",
            "driver-root",
            "inject",
            "clients",
            "reset",
            "reboot",
            "capture"};
  }

  Result<int> run(Context& context) override {
    std::vector<std::string> words = context.rest;
    // Inserted after the verb, not at the end: `sim shell lab -- CMD` must pass CMD's words
    // unchanged.
    if (context.globals().json) {
      words.insert(words.begin() + std::min<std::ptrdiff_t>(1, std::ssize(words)), "--json");
    }
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (auto& word : words) {
      argv.push_back(word.data());
    }
    const int argc = static_cast<int>(argv.size());
    argv.push_back(nullptr);
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    const auto choice = driver_choice(context.globals());
    const auto open = [choice](migsim::SymbolLookup& symbol) {
      return open_for_simulator(choice, symbol);
    };
    const int done = migsim::sim_main(argc, argv.data(), {sim_library_dir(), self.string(), open});
    if (done == 0 && !context.rest.empty() && context.rest.front() == "destroy") {
      std::for_each(context.rest.begin() + 1, context.rest.end(), service::remove_lease_cgroups_of);
    }
    return done;
  }
};

// nvidia-smi's options that change a MIG mode or reset a GPU.
bool needs_free_gpu(const std::string& word) {
  return word == "-r" || word.starts_with("-r=") || word.starts_with("--gpu-reset") ||
         word.starts_with("-mig") || word.starts_with("--multi-instance-gpu");
}

class Smi final : public Command {
 public:
  CommandText text() const override {
    return {"smi",
            "Speak nvidia-smi's MIG dialect: same texts, same exit codes.",
            "Also when the program is called as `nvidia-smi`. Exit codes are NVML's, as "
            "nvidia-smi's are, not those of migctl. `migctl smi --help` lists what it knows.",
            {"smi -L", "smi mig -lgip", "--sim lab smi mig -cgi 19,19 -C"},
            {}};
  }

  bool passes_through() const override { return true; }

  Result<int> run(Context& context) override {
    client::Readings readings(client_options(context));
    if (smi::only_reads(context.rest)) {
      if (const auto answer = readings.smi(context.rest)) {
        return say(context, *answer, *readings.place());
      }
    } else if (std::any_of(context.rest.begin(), context.rest.end(), needs_free_gpu)) {
      static_cast<void>(readings.let_go());
    }
    // The driver that every other command would use, opened only on demand.
    std::optional<Error> refused;
    std::optional<std::string> cut_short;
    std::unique_ptr<node::Node> node;
    bool changed = false;
    smi::SmiContext smi;
    smi.open = [&]() -> Result<std::shared_ptr<nvml::Session>> {
      auto opened = node::Node::open(driver_choice(context.globals()));
      if (!opened && !opened.error().nvml) {
        refused = opened.error();
      }
      MIG_ASSIGN_OR_RETURN(node, std::move(opened));
      service::guard_new_instances(*node);
      if (context.process_ends) {
        node->leave_to_exit();
      }
      if (const auto open = node->interrupted(); open && *open) {
        cut_short = node::cut_short_text(**open);
      }
      return node->shared_session();
    };
    smi.before_change = [&]() -> Result<void> {
      MIG_TRY(node->before_outside_change());
      changed = true;
      return {};
    };
    smi.out = context.output().out();
    smi.err = context.output().err();
    const int code = smi::smi_main(context.rest, smi);
    if (changed) {
      node->after_outside_change(node::Cause::kSmi);
      for (const std::string& line : node->take_warnings()) {
        context.output().message("migctl: warning: " + line + "\n");
      }
    }
    // nvidia-smi's own text was printed; the driver and the remedy are added.
    if (cut_short) {
      context.output().message("migctl: warning: " + *cut_short + "\n");
    }
    if (refused) {
      context.output().message(error_text(*refused, context.output().err_paint()));
    }
    return code;
  }

 private:
  static int say(Context& context,
                 const wire::SmiAnswer& answer,
                 const client::ReadingPlace& place) {
    std::fwrite(answer.out.data(), 1, answer.out.size(), context.output().out());
    std::fwrite(answer.err.data(), 1, answer.err.size(), context.output().err());
    const store::Places places(place.machine, store::Surroundings::ours());
    if (const auto open = node::interrupted_change(places); open && *open) {
      context.output().message("migctl: warning: " + node::cut_short_text(**open) + "\n");
    }
    return answer.exit_code;
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
