// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "cli/execute.h"
#include "cli/mig_parted.h"
#include "cli/mig_parted_flags.h"
#include "cli/mig_parted_log.h"
#include "cli/render_inventory.h"
#include "cli/stop_on_signal.h"
#include "node/node.h"
#include "service/restore.h"

namespace mig::cli {
namespace {

constexpr unsigned kCheckpointMode = 0600;

using Wish = service::Wish::Layout;
using HookVariables = std::map<std::string, std::string>;

// Texts of a change in mig-parted's log: steps and hooks, at level debug.
class MigPartedWords final : public GuardedWords {
 public:
  MigPartedWords(MigPartedLog& log, Output& output, bool skip_reset)
      : GuardedWords(output), log_(log), skip_reset_(skip_reset) {}

  void step(const Step& step, std::size_t /*index*/, std::size_t /*of*/, bool done) override {
    if (done) {
      log_.debug(step.str());
    }
  }

  void hooks_ran(std::string_view list, const std::string& text, bool failed) override {
    log_.debug(fmt::format("Running {} hook", list));
    if ((failed || log_.shows_debug()) && !text.empty()) {
      output().message(text);
    }
  }

  // --skip-reset stops here; its caller resets or reboots.
  void outcome(const Plan& /*plan*/, const node::ApplyResult& result) override {
    for (const std::string& warning : result.warnings) {
      log_.warning(warning);
    }
    if (skip_reset_ && service::only_waits_for_reset(result)) {
      log_.warning(result.failure->text());
    }
  }

 private:
  MigPartedLog& log_;
  bool skip_reset_;
};

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

  service::Format format() const {
    return flags_.output_format == "json" ? service::Format::kJson : service::Format::kYaml;
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

  // Error texts of mig-parted where it has some.
  Result<Spec> selected_spec() {
    MIG_TRY(need(flags_.config_file, "config-file"));
    log_.debug("Parsing config file...");
    auto spec = service::read_layouts(flags_.config_file);
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
    const Wish wish = [&](const Inventory& now) {
      return service::resolve_layout(spec, label_, now);
    };
    HookVariables variables = {{"MIG_PARTED_CONFIG_FILE", flags_.config_file},
                               {"MIG_PARTED_SELECTED_CONFIG", label_},
                               {"MIG_PARTED_SKIP_RESET", true_or_false(flags_.skip_reset)}};
    MIG_TRY(change(service::wish_layout(wish), std::move(variables)));
    output_.result("MIG configuration applied successfully\n");
    return {};
  }

  Result<void> restore() {
    MIG_TRY(need(flags_.checkpoint_file, "checkpoint-file"));
    log_.debug("Parsing checkpoint file...");
    const auto saved = service::read_checkpoint(flags_.checkpoint_file);
    if (!saved) {
      return Error(saved.error()).in("error parsing checkpoint file");
    }
    label_ = flags_.checkpoint_file;
    MIG_TRY(change(service::wish_checkpoint(*saved),
                   {{"MIG_PARTED_CHECKPOINT_FILE", flags_.checkpoint_file}}));
    MIG_ASSIGN_OR_RETURN(node::Node * node, context_.machine());
    MIG_ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                         service::restore_names(*node, *saved, flags_.mode_only));
    for (const std::string& line : lines) {
      log_.warning(line);
    }
    output_.result("MIG configuration restored successfully\n");
    return {};
  }

  Result<Hooks> hooks() {
    if (flags_.hooks_file.empty()) {
      return Hooks{};
    }
    log_.debug("Parsing Hooks file...");
    auto read = service::read_hooks(flags_.hooks_file);
    if (!read) {
      return std::move(read).error().in("error parsing hooks file");
    }
    return read;
  }

  Result<void> change(const service::Wish& wish, HookVariables variables) {
    service::ChangeOptions options;
    MIG_ASSIGN_OR_RETURN(options.hooks, hooks());
    const auto checked = [&]() -> Result<void> {
      MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
      MIG_ASSIGN_OR_RETURN(const DesiredLayout layout, wish.layout(now));
      tell_warnings(layout, now);
      return {};
    };
    const auto outer = [](Error error) {
      return std::move(error).in("error applying MIG configuration with hooks");
    };
    if (auto good = checked(); !good) {  // checked before any hook runs
      return outer(std::move(good).error());
    }
    variables["MIG_PARTED_HOOKS_FILE"] = flags_.hooks_file;
    variables["MIG_PARTED_MODE_CHANGE_ONLY"] = true_or_false(flags_.mode_only);
    options.hook_variables = std::move(variables);
    options.allow_reset = !flags_.skip_reset;
    options.mode_only = flags_.mode_only;
    options.pending_will_do = flags_.skip_reset;
    options.command = context_.command_line;
    const StopOnSignal stop;
    options.stop = &StopOnSignal::requested;
    MIG_ASSIGN_OR_RETURN(node::Node * node, context_.node());
    MigPartedWords words(log_, output_, flags_.skip_reset);
    auto done = service::change(*node, wish, options, words);
    if (!done) {
      return outer(std::move(done).error());
    }
    if (auto well = judged(*done->result); !well) {
      return outer(std::move(well).error());
    }
    return {};
  }

  Result<void> judged(const node::ApplyResult& result) const {
    if (!result.failure || (flags_.skip_reset && service::only_waits_for_reset(result))) {
      return {};
    }
    if (result.outcome == node::Outcome::kRolledBack) {
      return Error(*result.failure).in("a step failed and all before it were undone");
    }
    if (result.outcome == node::Outcome::kStuck) {
      return Error(*result.failure)
          .in("a step failed and not all before it could be undone (migctl list shows the GPUs)");
    }
    return *result.failure;
  }

  Result<void> assert_config() {
    MIG_ASSIGN_OR_RETURN(const Spec spec, selected_spec());
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    MIG_ASSIGN_OR_RETURN(const DesiredLayout layout, service::resolve_layout(spec, label_, now));
    tell_warnings(layout, now);
    if (flags_.valid_config) {
      output_.result("Selected MIG configuration is valid\n");
      return {};
    }
    const auto differences = service::differences(now, layout, flags_.mode_only);
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
    output_.result(service::export_text(now, flags_.config_label, format()));
    return {};
  }

  Result<void> generate() {
    MIG_TRY(need_format());
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    MIG_TRY(now.none_lost());
    auto text = service::generate_text(now, format());
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
    MIG_ASSIGN_OR_RETURN(const service::SavedNames names, node->saved_names(now));
    auto text = service::checkpoint_text(now, names);
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
