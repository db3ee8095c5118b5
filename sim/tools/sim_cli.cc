// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/sim_cli.h"

#include <algorithm>
#include <cstdio>
#include <functional>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "sim/tools/cmd_capture.h"
#include "sim/tools/cmd_driver_root.h"
#include "sim/tools/cmd_inject.h"
#include "sim/tools/cmd_shell.h"
#include "sim/tools/commands.h"
#include "sim/tools/nearest.h"

namespace migsim {

namespace {

using Action = std::function<Problem()>;

// Options of all sub-commands; only those of the invoked one are set.
struct Request {
  MachineSpec spec;
  InjectRequest inject;
  CaptureRequest capture;
  std::vector<std::string> words;  // command line of the program for `sim shell`
  std::string name;
  std::string start, stop;  // services of `sim clients`
  std::string folder;       // of `sim driver-root`
  std::uint32_t gpu = 0;
  bool json = false;
  bool check = false;
  bool force = false;
  bool char_devices = false;
  bool as_user = false;
};

CLI::App* add_command(CLI::App& app, const char* name, const char* what, Request& request) {
  CLI::App* command = app.add_subcommand(name, what);
  command->add_flag("--json", request.json, "print one JSON document");
  return command;
}

void add_name(CLI::App* command, Request& request) {
  command->add_option("NAME", request.name, "the simulated machine")->required();
}

void add_create(CLI::App& app, Request& request, Action& action) {
  MachineSpec& spec = request.spec;
  CLI::App* create = add_command(app, "create", "make a simulated machine", request);
  create->add_option("NAME", spec.name, "its name")->required();
  create->add_option("--gpus", spec.gpus, "\"2x a100-sxm4-40gb, 1x h200-141gb\"")->required();
  create->add_flag("--swap{all}",
                   spec.swap,
                   "GPUs whose missing GPC lies in the first half: all, or --swap=2,3");
  create->add_flag("--graphics{all}",
                   spec.graphics,
                   "workstation boards with their display outputs on, so without MIG: all, or =0");
  create->add_flag("--fresh-uuids", spec.fresh_uuids, "MIG UUIDs change at each creation");
  create->add_flag("--vm", spec.vm, "GPUs passed through to a VM: mode changes stay pending");
  create->add_flag("--disable-destroys-idle",
                   spec.disable_destroys_idle,
                   "disabling MIG removes idle instances instead of refusing");
  create->add_option("--latency", spec.latency, "true, scaled, none, or thousandths of the true");
  create->add_option("--board-file", spec.board_file, "a board of your own (sim/gpus/README.md)");
  create->add_option("--seed", spec.seed, "of UUIDs and serial numbers");
  create->add_flag("--shared", spec.shared, "every local user may open it");
  create->add_option("--driver", spec.driver, "driver version it reports");
  create->add_option("--clients",
                     spec.clients,
                     "services that hold its GPUs: dcgm, persistenced, nvsm, display, drm");
  create->callback([&] { action = [&] { return cmd_create(spec, request.json); }; });
}

void add_lists(CLI::App& app, Request& request, Action& action) {
  CLI::App* list = add_command(app, "list", "show the simulated machines", request);
  list->add_flag("--check", request.check, "check every machine's invariants");
  list->callback([&] { action = [&] { return cmd_list(request.check, request.json); }; });
  CLI::App* boards = add_command(app, "boards", "show the boards a machine can have", request);
  boards->callback([&] { action = [&] { return cmd_boards(request.json); }; });
}

void add_machine_commands(CLI::App& app, Request& request, Action& action, const SimPaths& paths) {
  CLI::App* destroy = add_command(app, "destroy", "remove a simulated machine", request);
  add_name(destroy, request);
  destroy->add_flag("--force", request.force, "even when simulated processes run");
  destroy->callback(
      [&] { action = [&] { return cmd_destroy(request.name, request.force, request.json); }; });

  CLI::App* env = add_command(app, "env", "print what to export to use it", request);
  add_name(env, request);
  env->callback([&] { action = [&] { return cmd_env(request.name, paths, request.json); }; });

  CLI::App* reset = add_command(app, "reset", "reset one GPU", request);
  add_name(reset, request);
  reset->add_option("--gpu", request.gpu, "its index")->required();
  reset->callback(
      [&] { action = [&] { return cmd_reset(request.name, request.gpu, request.json); }; });

  CLI::App* again = add_command(app, "reboot", "restart the machine", request);
  add_name(again, request);
  again->callback([&] { action = [&] { return cmd_reboot(request.name, request.json); }; });
}

void add_clients(CLI::App& app, Request& request, Action& action) {
  CLI::App* command =
      add_command(app, "clients", "show, start and stop services that hold the GPUs", request);
  add_name(command, request);
  command->add_option("--start", request.start, "\"dcgm,persistenced\", or units");
  command->add_option("--stop", request.stop, "the same");
  command->footer(
      "They are services of the simulated machine, not programs of the host: \"migctl holders\" "
      "names\n"
      "them, mode changes and resets meet them, and they are running again after a reboot.\n"
      "Elsewhere: systemctl stop nvidia-dcgm; nvidia-smi -pm 0 lets the persistence daemon let "
      "go.");
  command->callback([&] {
    action = [&] { return cmd_clients(request.name, request.start, request.stop, request.json); };
  });
}

void add_inject(CLI::App& app, Request& request, Action& action) {
  InjectRequest& inject = request.inject;
  FaultSpec& fault = inject.fault;
  CLI::App* command = add_command(app, "inject", "make calls fail, hang or lose a GPU", request);
  command->add_option("NAME", inject.name, "the simulated machine")->required();
  command->add_option("--call", fault.call, "exported function, or \"*\" for every one");
  command->add_option("--nth", fault.nth, "which matching call it hits first (1)");
  command->add_option("--repeat", fault.repeat, "how many calls in a row; 0 = for ever (1)");
  command->add_option("--fail", fault.fail, "the call answers this: NVML_ERROR_IN_USE");
  command->add_option("--hang", fault.hang, "the call takes longer: 500ms, 2s or forever");
  command->add_option("--kill", fault.kill, "the calling process dies: before or after the call");
  command->add_flag("--lost", fault.lost, "the GPU falls off the bus (without --call: now)");
  command->add_option("--xid", fault.xid, "an Xid event (without --call: now)");
  command->add_option(
      "--memory", fault.memory, "now: uncorrected, remap-pending or remap-failed (Xid 48, 63, 64)");
  command->add_option("--recovery",
                      fault.recovery,
                      "now, what the driver asks for: none, reset, reboot, drain, drain-and-reset");
  command->add_option("--gpu", fault.gpu, "only on this GPU");
  command->add_option("--gi", fault.gi, "GPU instance of the Xid");
  command->add_option("--ci", fault.ci, "compute instance of the Xid");
  command->add_option("--latency", inject.latencies, "FUNCTION=100ms: what a call takes");
  command->add_option("--file", inject.file, "faults and latencies as JSON");
  command->add_flag("--clear", inject.clear, "remove all faults first");
  command->add_flag("--list", inject.list, "print the faults");
  command->callback([&] {
    action = [&] {
      inject.json = request.json;
      return cmd_inject(inject);
    };
  });
}

void add_capture(CLI::App& app, Request& request, Action& action, const SimPaths& paths) {
  CaptureRequest& capture = request.capture;
  CLI::App* command =
      add_command(app, "capture", "write the board file of a GPU that is there", request);
  command->add_option("--gpu", capture.gpu, "its index (0)");
  command->add_option("-o,--output", capture.file, "the file (standard output)");
  command->add_option("--key", capture.key, "the board's name for --gpus");
  command->add_flag(
      "--fill", capture.fill, "take what no call tells from the built-in board of the same model");
  command->footer(
      "Reads only. The driver is the one that other commands would use, so --sim and\n"
      "--nvml-library go before \"sim\". Examples:\n"
      "  migctl sim capture --gpu 0 -o my_board.json\n"
      "  migctl sim create copy --gpus \"1x KEY\" --board-file my_board.json\n"
      "  migctl --sim lab sim capture --json");
  command->callback([&] {
    action = [&] {
      capture.json = request.json;
      return cmd_capture(capture, paths);
    };
  });
}

void add_shell(CLI::App& app, Request& request, Action& action, const SimPaths& paths) {
  CLI::App* shell =
      add_command(app, "shell", "enter it: a shell, or -- PROGRAM ARGUMENTS...", request);
  add_name(shell, request);
  shell->add_flag("--char-devices",
                  request.char_devices,
                  "/dev/nvidia* are character devices that nobody can open (docs/simulator.md)");
  shell->add_flag("--as-user",
                  request.as_user,
                  "without sudo as a user who is not root: Insufficient Permissions");
  shell->callback([&] {
    action = [&] {
      const Nodes nodes = request.char_devices ? Nodes::kCharacterDevices : Nodes::kFiles;
      return cmd_shell(request.name, request.words, nodes, request.as_user, paths);
    };
  });
}

void add_driver_root(CLI::App& app, Request& request, Action& action, const SimPaths& paths) {
  CLI::App* command =
      add_command(app,
                  "driver-root",
                  "write its driver's files into a folder, for tools that search one",
                  request);
  add_name(command, request);
  command->add_option("DIR", request.folder, "a new or empty folder, or one made before")
      ->required();
  command->add_flag("--char-devices",
                    request.char_devices,
                    "with dev/: the nodes of this moment as character devices (root)");
  command->footer(
      "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1, libcuda.so.1, usr/bin/nvidia-smi. For NVIDIA's\n"
      "DRA driver and others that are told where the driver's root is, inside of the shell:\n"
      "  migctl sim driver-root lab /tmp/driver\n"
      "  migctl sim shell --char-devices lab -- gpu-kubelet-plugin "
      "--nvidia-driver-root=/tmp/driver ...");
  command->callback([&] {
    action = [&] {
      const Nodes nodes = request.char_devices ? Nodes::kCharacterDevices : Nodes::kFiles;
      return cmd_driver_root(request.name, request.folder, nodes, paths, request.json);
    };
  });
}

// Splits off everything after "--": the program's command line, not parsed here.
std::vector<std::string> split_program(int argc, char** argv, std::vector<std::string>& program) {
  const std::vector<std::string> all(argv, argv + argc);
  const auto dashes = std::find(all.begin(), all.end(), "--");
  if (dashes != all.end()) {
    program.assign(dashes + 1, all.end());
  }
  return {all.begin(), dashes};
}

// Error for an unknown command: CLI11 would only say that a command is missing.
Problem check_command(CLI::App& app, int argc, char** argv) {
  if (argc < 1 || argv[0][0] == '-') {
    return {};
  }
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  if (std::find(known.begin(), known.end(), argv[0]) != known.end()) {
    return {};
  }
  const std::string near = any_of_names(nearest(argv[0], known));
  return {Exit::kUsage,
          "there is no command \"migctl sim " + std::string(argv[0]) + "\"",
          near.empty() ? "migctl sim --help lists them" : "did you mean " + near + "?"};
}

int report(const Problem& problem, bool json) {
  if (problem.ok()) {
    return 0;
  }
  if (json) {
    const nlohmann::ordered_json document = {
        {"apiVersion", "migctl/v1"},
        {"kind", "Error"},
        {"simulated", true},
        {"code", exit_name(problem.code)},
        {"exitCode", static_cast<int>(problem.code)},
        {"message", problem.message},
        {"hint",
         problem.hint.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(problem.hint)},
        {"context", nlohmann::ordered_json::array()},
        {"nvml", nullptr}};
    using Handler = nlohmann::ordered_json::error_handler_t;
    std::puts(document.dump(2, ' ', false, Handler::replace).c_str());
  } else {
    std::fprintf(stderr, "migctl sim: %s\n", problem.message.c_str());
    if (!problem.hint.empty()) {
      std::fprintf(stderr, "hint: %s\n", problem.hint.c_str());
    }
  }
  return static_cast<int>(problem.code);
}

}  // namespace

int sim_main(int argc, char** argv, const SimPaths& paths) {
  Request request;
  Action action;
  CLI::App app("Simulated machines: GPUs that exist only in software, with the driver's interface",
               "migctl sim");
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "this text");
  add_create(app, request, action);
  add_lists(app, request, action);
  add_machine_commands(app, request, action, paths);
  add_clients(app, request, action);
  add_inject(app, request, action);
  add_shell(app, request, action, paths);
  add_driver_root(app, request, action, paths);
  add_capture(app, request, action, paths);
  if (const Problem problem = check_command(app, argc, argv); !problem.ok()) {
    return report(problem, false);
  }
  std::vector<std::string> arguments = split_program(argc, argv, request.words);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 expects the arguments in reverse order
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::kUsage);
  }
  return report(action(), request.json);
}

}  // namespace migsim
