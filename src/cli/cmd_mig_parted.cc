// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "cli/execute.h"
#include "cli/hooks_file.h"
#include "cli/layout_file.h"
#include "cli/mig_parted.h"
#include "cli/mig_parted_flags.h"
#include "cli/mig_parted_log.h"
#include "cli/render_inventory.h"
#include "cli/stop_on_signal.h"
#include "config/checkpoint.h"
#include "config/generate.h"
#include "config/hooks.h"
#include "config/spec.h"
#include "node/node.h"
#include "planner/planner.h"
#include "service/hooked_change.h"

namespace mig::cli {
namespace {

constexpr std::size_t kMostFileBytes = 1U << 20;
constexpr unsigned kCheckpointMode = 0600;

using Wish = std::function<Result<DesiredLayout>(const Inventory&)>;

const char* true_or_false(bool value) {
  return value ? "true" : "false";
}

class MigParted {
 public:
  MigParted(const MigPartedFlags& flags,
            const std::string& command_line,
            MigPartedLog& log,
            Output& output)
      : flags_(flags), log_(log), output_(output), context_(Globals{}, output) {
    context_.command_line = command_line;
  }

  Result<void> run() {
    if (flags_.command == "apply") {
      return apply();
    }
    if (flags_.command == "assert") {
      return assert_config();
    }
    if (flags_.command == "export") {
      return export_config();
    }
    if (flags_.command == "generate-config") {
      return generate();
    }
    return flags_.command == "checkpoint" ? checkpoint() : restore();
  }

 private:
  Result<void> need(const std::string& value, const char* flag) {
    if (!value.empty()) {
      return {};
    }
    output_.result(mig_parted_help(flags_.command));
    return fail(ErrorCode::kUsage, fmt::format("missing required flags '{}'", flag));
  }

  Result<void> need_format() {
    if (flags_.output_format == "json" || flags_.output_format == "yaml") {
      return {};
    }
    output_.result(mig_parted_help(flags_.command));
    return fail(ErrorCode::kUsage,
                fmt::format("unrecognized 'output-format': {}", flags_.output_format));
  }

  config::Format format() const {
    return flags_.output_format == "json" ? config::Format::kJson : config::Format::kYaml;
  }

  Result<Inventory> inventory() {
    MIG_ASSIGN_OR_RETURN(Inventory now, context_.inventory());
    if (const std::string mark = simulated_mark(context_.source_or_default());
        !mark.empty() && !told_simulated_) {
      log_.warning(mark);
    }
    told_simulated_ = true;
    return now;
  }

  // mig-parted's words where it has some.
  Result<Spec> selected_spec() {
    MIG_TRY(need(flags_.config_file, "config-file"));
    log_.debug("Parsing config file...");
    const auto read = [&]() -> Result<Spec> {
      MIG_ASSIGN_OR_RETURN(const std::string text,
                           base::read_file(flags_.config_file, kMostFileBytes));
      return config::parse_spec(text, flags_.config_file);
    };
    auto spec = read();
    if (!spec) {
      return std::move(spec).error().in("error parsing config file");
    }
    for (const std::string& note : spec->notes) {
      log_.info(note);
    }
    log_.debug("Selecting specific MIG config...");
    if (spec->configs.size() > 1 && flags_.selected_config.empty()) {
      return fail(ErrorCode::kUsage,
                  "error selecting MIG config: missing required flag 'selected-config' when more "
                  "than one config available");
    }
    label_ = flags_.selected_config.empty() && !spec->configs.empty() ? spec->configs.front().label
                                                                      : flags_.selected_config;
    if (std::none_of(spec->configs.begin(), spec->configs.end(), [&](const SpecConfig& config) {
          return config.label == label_;
        })) {
      return fail(
          ErrorCode::kNotFound,
          fmt::format("error selecting MIG config: selected mig-config not present: {}", label_));
    }
    return spec;
  }

  void tell_warnings(const DesiredLayout& layout, const Inventory& now) {
    for (const std::string& warning : layout.warnings) {
      log_.warning(warning);
    }
    for (const Gpu& gpu : now.gpus) {
      const bool named = std::any_of(layout.gpus.begin(), layout.gpus.end(), [&](const auto& one) {
        return one.gpu == gpu.index;
      });
      if (!named && gpu.mig_current != MigMode::kUnsupported && flags_.checkpoint_file.empty()) {
        log_.warning(fmt::format("GPU {} ({}) is named by no entry of {} and stays as it is",
                                 gpu.index.value,
                                 gpu.name,
                                 label_));
      }
    }
  }

  Result<void> apply() {
    MIG_ASSIGN_OR_RETURN(const Spec spec, selected_spec());
    const Wish wish = [&](const Inventory& now) { return config::resolve(spec, label_, now); };
    HookVariables variables = {{"MIG_PARTED_CONFIG_FILE", flags_.config_file},
                               {"MIG_PARTED_SELECTED_CONFIG", label_},
                               {"MIG_PARTED_SKIP_RESET", true_or_false(flags_.skip_reset)}};
    MIG_TRY(change(wish, std::move(variables)));
    output_.result("MIG configuration applied successfully\n");
    return {};
  }

  Result<void> restore() {
    MIG_TRY(need(flags_.checkpoint_file, "checkpoint-file"));
    log_.debug("Parsing checkpoint file...");
    const auto read = [&]() -> Result<config::Checkpoint> {
      MIG_ASSIGN_OR_RETURN(const std::string text,
                           base::read_file(flags_.checkpoint_file, config::kMostCheckpointBytes));
      return config::parse_checkpoint(text, flags_.checkpoint_file);
    };
    auto saved = read();
    if (!saved) {
      return std::move(saved).error().in("error parsing checkpoint file");
    }
    label_ = flags_.checkpoint_file;
    const Wish wish = [&](const Inventory& now) { return config::wish_of(*saved, now); };
    MIG_TRY(change(wish, {{"MIG_PARTED_CHECKPOINT_FILE", flags_.checkpoint_file}}));
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    for (const std::string& line : config::renamed(*saved, now)) {
      log_.warning(line);
    }
    if (!flags_.mode_only) {
      MIG_ASSIGN_OR_RETURN(node::Node * node, context_.node());
      MIG_ASSIGN_OR_RETURN(const std::vector<std::string> names, node->restore_names(saved->names));
      for (const std::string& line : names) {
        log_.warning(line);
      }
    }
    output_.result("MIG configuration restored successfully\n");
    return {};
  }

  Result<Hooks> hooks() {
    if (flags_.hooks_file.empty()) {
      return Hooks{};
    }
    log_.debug("Parsing Hooks file...");
    const auto read = [&]() -> Result<Hooks> {
      MIG_ASSIGN_OR_RETURN(const std::string text,
                           base::read_file(flags_.hooks_file, kMostFileBytes));
      return config::parse_hooks(text, flags_.hooks_file);
    };
    auto read_hooks = read();
    if (!read_hooks) {
      return std::move(read_hooks).error().in("error parsing hooks file");
    }
    return read_hooks;
  }

  Result<void> change(const Wish& wish, HookVariables variables) {
    MIG_ASSIGN_OR_RETURN(const Hooks list, hooks());
    const auto checked = [&]() -> Result<void> {
      MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
      MIG_ASSIGN_OR_RETURN(const DesiredLayout layout, wish(now));
      tell_warnings(layout, now);
      return {};
    };
    const auto outer = [](Error error) {
      return std::move(error).in("error applying MIG configuration with hooks");
    };
    if (auto good = checked(); !good) {  // before any hook
      return outer(std::move(good).error());
    }
    variables["MIG_PARTED_HOOKS_FILE"] = flags_.hooks_file;
    variables["MIG_PARTED_MODE_CHANGE_ONLY"] = true_or_false(flags_.mode_only);
    const StopOnSignal stop;
    service::HookedChange change{list, {std::move(variables)}, flags_.mode_only, {}, {}, {}};
    change.run.stop = &StopOnSignal::requested;
    const auto exit_hooks = [&] { static_cast<void>(service::apply_exit(change)); };
    change.plan = [&](bool around) -> Result<Plan> {
      const BeforeGivingUp promised(exit_hooks);
      MIG_ASSIGN_OR_RETURN(Plan plan, plan_now(context_, wish, around));
      return flags_.mode_only ? mode_only_plan(std::move(plan)) : std::move(plan);
    };
    change.carry_out = [&](const Plan& plan) {
      const BeforeGivingUp promised(exit_hooks);
      return carry_out(plan);
    };
    change.printed = [&](std::string_view name, const std::string& output, bool failed) {
      if (const auto node = context_.node()) {
        (*node)->forget();  // the hooks may have changed the machine
      }
      log_.debug(fmt::format("Running {} hook", name));
      if ((failed || log_.shows_debug()) && !output.empty()) {
        output_.message(output);
      }
    };
    if (auto code = change_with_hooks(change); !code) {
      return outer(std::move(code).error());
    }
    return {};
  }

  Result<int> carry_out(const Plan& plan) {
    ExecuteOptions options;
    options.allow_reset = !flags_.skip_reset;
    options.mode_only = flags_.mode_only;
    const auto progress = [&](const Step& step, std::size_t, std::size_t, bool done) {
      if (done) {
        log_.debug(step.str());
      }
    };
    MIG_ASSIGN_OR_RETURN(const node::ApplyResult result,
                         apply_guarded(context_, plan, options, progress));
    if (!result.failure) {
      return 0;
    }
    if (result.outcome == node::Outcome::kRolledBack) {
      return Error(*result.failure).in("a step failed and all before it were undone");
    }
    if (result.outcome == node::Outcome::kStuck) {
      return Error(*result.failure)
          .in("a step failed and not all before it could be undone (migctl list shows the GPUs)");
    }
    // --skip-reset asks for no more than that; its caller resets or reboots.
    const bool rest_done =
        std::all_of(result.steps.begin(), result.steps.end(), [](const auto& report) {
          return report.done || report.step.kind == StepKind::kResetGpu;
        });
    if (result.failure->code != ErrorCode::kResetRequired || !flags_.skip_reset || !rest_done) {
      return *result.failure;
    }
    log_.warning(result.failure->text());
    return 0;
  }

  Result<void> assert_config() {
    MIG_ASSIGN_OR_RETURN(const Spec spec, selected_spec());
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    MIG_ASSIGN_OR_RETURN(const DesiredLayout layout, config::resolve(spec, label_, now));
    tell_warnings(layout, now);
    if (flags_.valid_config) {
      output_.result("Selected MIG configuration is valid\n");
      return {};
    }
    const auto differences =
        flags_.mode_only ? mode_differences(now, layout) : planner::differences(now, layout);
    for (const std::string& line : differences) {
      log_.debug(line);
    }
    if (!differences.empty()) {
      return fail(ErrorCode::kNotApplied,
                  "Assertion failure: selected configuration not currently applied");
    }
    output_.result(flags_.mode_only
                       ? "Selected MIG mode settings from configuration currently applied\n"
                       : "Selected MIG configuration currently applied\n");
    return {};
  }

  Result<void> export_config() {
    MIG_TRY(need_format());
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    MIG_TRY(now.none_lost());
    output_.result(config::export_spec(now, flags_.config_label, format()));
    return {};
  }

  Result<void> generate() {
    MIG_TRY(need_format());
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    MIG_TRY(now.none_lost());
    auto text = config::generate_spec(now, format());
    if (!text) {
      return std::move(text).error().in("error generating MIG config");
    }
    if (!flags_.output_file.empty()) {
      return base::write_file_atomic(flags_.output_file, *text);
    }
    output_.result(*text);
    return {};
  }

  Result<void> checkpoint() {
    MIG_TRY(need(flags_.checkpoint_file, "checkpoint-file"));
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    MIG_TRY(now.none_lost());
    MIG_ASSIGN_OR_RETURN(node::Node * node, context_.node());
    MIG_ASSIGN_OR_RETURN(const config::SavedNames names, node->saved_names(now));
    auto text = config::checkpoint_text(now, names);
    if (!text) {
      return std::move(text).error().in("error fetching MIG state");
    }
    if (auto done = base::write_file_atomic(flags_.checkpoint_file, *text, kCheckpointMode);
        !done) {
      return std::move(done).error().in("error writing checkpoint file");
    }
    output_.result("MIG configuration checkpointed successfully\n");
    return {};
  }

  const MigPartedFlags& flags_;
  MigPartedLog& log_;
  Output& output_;
  Context context_;
  std::string label_;
  bool told_simulated_ = false;
};

}  // namespace

int run_mig_parted(const std::vector<std::string>& args, Output& output) {
  MigPartedLog log(output);
  MigPartedFlags flags;
  const auto parsed = parse_mig_parted(args, flags);
  log.show_debug(flags.debug);
  const auto failed = [&](const Error& error) {
    log.fatal(error.hint.empty() ? error.text() : fmt::format("{} ({})", error.text(), error.hint));
    return 1;
  };
  if (!parsed) {
    output.result(fmt::format(
        "Incorrect Usage: {}\n\n{}", parsed.error().text(), mig_parted_help(flags.command)));
    return failed(parsed.error());
  }
  if (flags.version) {
    output.result(fmt::format("nvidia-mig-parted version {}-migctl\n", MIG_VERSION));
    return 0;
  }
  if (flags.help || flags.command.empty()) {
    output.result(mig_parted_help(flags.command));
    return 0;
  }
  const auto done =
      MigParted(flags, "nvidia-mig-parted " + base::join(args, " "), log, output).run();
  return done ? 0 : failed(done.error());
}

}  // namespace mig::cli
