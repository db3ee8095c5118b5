// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include <algorithm>

namespace mig::cli {

const std::vector<CommandRow>& command_table() {
  static const std::vector<CommandRow> kRows = {
      {"list", "Look", make_list},
      {"top", "Look", make_top},
      {"profiles", "Look", make_profiles},
      {"placements", "Look", make_placements},
      {"plan", "Layouts", make_plan},
      {"apply", "Layouts", make_apply},
      {"assert", "Layouts", make_assert},
      {"export", "Layouts", make_export},
      {"checkpoint", "Layouts", make_checkpoint},
      {"restore", "Layouts", make_restore},
      {"generate-config", "Layouts", make_generate_config},
      {"mode", "Single steps", make_mode},
      {"create", "Single steps", make_create},
      {"destroy", "Single steps", make_destroy},
      {"history", "What happened", make_history},
      {"undo", "What happened", make_undo},
      {"recover", "What happened", make_recover},
      {"holders", "What happened", make_holders},
      {"doctor", "What happened", make_doctor},
      {"quiesce", "What happened", make_quiesce},
      {"free", "Use", make_free},
      {"run", "Use", make_run},
      {"docker", "Use", make_docker},
      {"podman", "Use", make_podman},
      {"jobs", "Use", make_jobs},
      {"logs", "Use", make_logs},
      {"stop", "Use", make_stop},
      {"slot", "Use", make_slot},
      {"cdi", "Use", make_cdi},
      {"compose", "Use", make_compose},
      {"lease", "Use", make_lease},
      {"tenant", "Use", make_tenant},
      {"token", "Use", make_token},
      {"serve", "Use", make_serve},
      {"slurm", "Hand over", make_slurm},
      {"rightsize", "Decide", make_rightsize},
      {"isolate-test", "Decide", make_isolate_test},
      {"compare-sharing", "Decide", make_compare_sharing},
      {"cost", "Decide", make_cost},
      {"lab", "Decide", make_lab},
      {"sim", "Simulated machines", make_sim},
      {"smi", "Other", make_smi},
      {"completion", "Other", make_completion},
      {"version", "Other", make_version},
  };
  return kRows;
}

std::unique_ptr<Command> make_command(std::string_view name) {
  const auto& rows = command_table();
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const CommandRow& candidate) {
    return candidate.name == name;
  });
  return row == rows.end() ? nullptr : row->make();
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const auto& row : command_table()) {
    names.emplace_back(row.name);
  }
  return names;
}

}  // namespace mig::cli
