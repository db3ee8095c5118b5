// SPDX-License-Identifier: Apache-2.0
// The command table: source of help, completion, reference test and dispatch.
#ifndef MIGCTL_CLI_COMMANDS_H_
#define MIGCTL_CLI_COMMANDS_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace mig::cli {

using MakeCommand = std::unique_ptr<Command> (*)();

struct CommandRow {
  std::string_view name;
  std::string_view group;  // heading in the overview
  MakeCommand make;
};

const std::vector<CommandRow>& command_table();
std::unique_ptr<Command> make_command(std::string_view name);  // nullptr = no such command
std::vector<std::string> command_names();

std::unique_ptr<Command> make_list();
std::unique_ptr<Command> make_top();
std::unique_ptr<Command> make_docker();
std::unique_ptr<Command> make_podman();
std::unique_ptr<Command> make_profiles();
std::unique_ptr<Command> make_placements();
std::unique_ptr<Command> make_mode();
std::unique_ptr<Command> make_create();
std::unique_ptr<Command> make_destroy();
std::unique_ptr<Command> make_plan();
std::unique_ptr<Command> make_apply();
std::unique_ptr<Command> make_assert();
std::unique_ptr<Command> make_export();
std::unique_ptr<Command> make_checkpoint();
std::unique_ptr<Command> make_restore();
std::unique_ptr<Command> make_generate_config();
std::unique_ptr<Command> make_history();
std::unique_ptr<Command> make_undo();
std::unique_ptr<Command> make_recover();
std::unique_ptr<Command> make_holders();
std::unique_ptr<Command> make_doctor();
std::unique_ptr<Command> make_quiesce();
std::unique_ptr<Command> make_run();
std::unique_ptr<Command> make_free();
std::unique_ptr<Command> make_jobs();
std::unique_ptr<Command> make_logs();
std::unique_ptr<Command> make_stop();
std::unique_ptr<Command> make_isolate_test();
std::unique_ptr<Command> make_compare_sharing();
std::unique_ptr<Command> make_rightsize();
std::unique_ptr<Command> make_slot();
std::unique_ptr<Command> make_cdi();
std::unique_ptr<Command> make_compose();
std::unique_ptr<Command> make_lease();
std::unique_ptr<Command> make_tenant();
std::unique_ptr<Command> make_serve();
std::unique_ptr<Command> make_slurm();
std::unique_ptr<Command> make_token();
std::unique_ptr<Command> make_sim();
std::unique_ptr<Command> make_smi();
std::unique_ptr<Command> make_completion();
std::unique_ptr<Command> make_cost();
std::unique_ptr<Command> make_lab();
std::unique_ptr<Command> make_version();

}  // namespace mig::cli

#endif  // MIGCTL_CLI_COMMANDS_H_
