// SPDX-License-Identifier: Apache-2.0
#include "cli/hooks_file.h"

#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "cli/stop_on_signal.h"
#include "config/hooks.h"
#include "node/node.h"
#include "service/hooked_change.h"

namespace mig::cli {
namespace {

constexpr std::size_t kMaxHooksBytes = 1U << 20;

}  // namespace

void HooksFile::declare(Options& options) {
  options.text({"-k,--hooks-file",
                "FILE",
                "programs to run around the change (mig-parted's v1 hooks file)",
                "MIG_PARTED_HOOKS_FILE"},
               file_);
}

Result<Hooks> HooksFile::read() const {
  if (file_.empty()) {
    return Hooks{};
  }
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(file_, kMaxHooksBytes));
  return config::parse_hooks(text, file_);
}

HookVariables hook_variables(const HooksFile& hooks, const ExecuteOptions& options) {
  return {{"MIG_PARTED_HOOKS_FILE", hooks.file()},
          {"MIG_PARTED_MODE_CHANGE_ONLY", options.mode_only ? "true" : "false"}};
}

Result<Plan> plan_now(Context& context,
                      const std::function<Result<DesiredLayout>(const Inventory&)>& desired,
                      bool around) {
  MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
  MIG_ASSIGN_OR_RETURN(const DesiredLayout layout, desired(inventory));
  MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
  return node->plan(layout, around);
}

Result<int> execute_with_hooks(Context& context,
                               const HooksFile& file,
                               HookVariables variables,
                               const std::function<Result<Plan>(bool around)>& plan,
                               const ExecuteOptions& options) {
  MIG_ASSIGN_OR_RETURN(const Hooks hooks, file.read());
  if (options.dry_run || !file.given()) {
    return execute(
        context, [&] { return plan(true); }, options);
  }
  const StopOnSignal stop;
  service::HookedChange change{hooks, {std::move(variables)}, options.mode_only, {}, {}, {}};
  change.run.stop = &StopOnSignal::requested;
  const auto exit_hooks = [&] { static_cast<void>(service::apply_exit(change)); };
  change.plan = [&](bool around) -> Result<Plan> {
    const BeforeGivingUp promised(exit_hooks);
    MIG_ASSIGN_OR_RETURN(Plan made, plan(around));
    return options.mode_only ? mode_only_plan(std::move(made)) : std::move(made);
  };
  // Made anew there: who is waited for may go meanwhile.
  change.carry_out = [&](const Plan&) {
    const BeforeGivingUp promised(exit_hooks);
    return execute(
        context, [&] { return plan(true); }, options);
  };
  change.printed = [&](std::string_view name, const std::string& output, bool failed) {
    if (const auto node = context.node()) {
      (*node)->forget();  // the hooks may have changed the machine
    }
    const std::string text =
        fmt::format("{} hook: {}\n{}", name, failed ? "failed" : "done", output);
    failed ? context.output().message(text) : context.output().progress(text);
  };
  return change_with_hooks(change);
}

}  // namespace mig::cli
