// SPDX-License-Identifier: Apache-2.0
#include "service/user_hook.h"

#include <unistd.h>

#include <utility>

#include "launch/hook_runner.h"

namespace mig::service {

Result<void> run_user_hook(const UserHook& hook,
                           const std::map<std::string, std::string>& variables,
                           std::string& output) {
  HookCommand command;
  command.command = hook.program;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos && equals > 0) {
      command.envs.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  launch::HookRun run;
  run.environment = variables;
  run.timeout = hook.timeout;
  run.stop = hook.stop;
  auto done = launch::run_hooks({command}, hook.name, run, output);
  if (done) {
    return {};
  }
  Error error = std::move(done).error();
  if (error.code == ErrorCode::kRolledBack) {
    return error;
  }
  error.hint = "it has our environment and the variables that docs/reference/changes.md names";
  return error;
}

}  // namespace mig::service
