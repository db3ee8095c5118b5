// SPDX-License-Identifier: Apache-2.0
#include "cli/mig_parted_flags.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/options.h"

namespace mig::cli {
namespace {

struct PartedCommand {
  std::string_view name, usage, flags;  // flags: letters of the accepted ones
};

constexpr PartedCommand kCommands[] = {
    {"apply",
     "Apply changes (if necessary) for a specific MIG configuration from a configuration file",
     "fcksm"},
    {"assert", "Assert that a specific MIG configuration is currently applied", "fcma"},
    {"export", "Export the MIG configuration from all GPUs in a compatible format", "ol"},
    {"generate-config", "Generate a MIG configuration from the profiles of the GPUs", "Fo"},
    {"checkpoint", "Checkpoint the MIG state of all GPUs to a file", "p"},
    {"restore", "Restore MIG state from a checkpoint file", "pkm"},
};

const PartedCommand* find_parted(const std::string& name) {
  const auto* row = std::find_if(
      std::begin(kCommands), std::end(kCommands), [&](const auto& r) { return r.name == name; });
  return row == std::end(kCommands) ? nullptr : row;
}

void declare_global(Options& options, MigPartedFlags& flags) {
  options.flag({"-d,--debug", "", "Enable debug-level logging", "MIG_PARTED_DEBUG"}, flags.debug);
  options.flag({"-h,--help", "", "show help"}, flags.help);
  options.flag({"-v,--version", "", "print the version"}, flags.version);
}

void declare_flag(char letter, Options& options, MigPartedFlags& flags) {
  switch (letter) {
    case 'f':
      return options.text(
          {"-f,--config-file", "value", "Path to the configuration file", "MIG_PARTED_CONFIG_FILE"},
          flags.config_file);
    case 'c':
      return options.text({"-c,--selected-config",
                           "value",
                           "The label of the mig-config from the config file",
                           "MIG_PARTED_SELECTED_CONFIG"},
                          flags.selected_config);
    case 'k':
      return options.text(
          {"-k,--hooks-file", "value", "Path to the hooks file", "MIG_PARTED_HOOKS_FILE"},
          flags.hooks_file);
    case 's':
      return options.flag({"-s,--skip-reset",
                           "",
                           "Skip the GPU reset after a change of MIG mode",
                           "MIG_PARTED_SKIP_RESET"},
                          flags.skip_reset);
    case 'm':
      return options.flag({"-m,--mode-only",
                           "",
                           "Only look at or change the MIG mode, not MIG devices",
                           "MIG_PARTED_MODE_CHANGE_ONLY"},
                          flags.mode_only);
    case 'a':
      return options.flag({"-a,--valid-config",
                           "",
                           "Only assert that the config file is valid and the config in it",
                           "MIG_PARTED_VALID_CONFIG"},
                          flags.valid_config);
    case 'o':
      return options.text({"-o,--output-format",
                           "value",
                           "Format for the output [json | yaml]",
                           "MIG_PARTED_OUTPUT_FORMAT"},
                          flags.output_format);
    case 'l':
      return options.text({"-l,--config-label",
                           "value",
                           "Label to apply to the exported config",
                           "MIG_PARTED_CONFIG_LABEL"},
                          flags.config_label);
    case 'F':
      return options.text({"-f,--output-file",
                           "value",
                           "Output file path (default: stdout)",
                           "MIG_PARTED_OUTPUT_FILE"},
                          flags.output_file);
    default:
      return options.text({"-f,--checkpoint-file",
                           "value",
                           "Path to the checkpoint file",
                           "MIG_PARTED_CHECKPOINT_FILE"},
                          flags.checkpoint_file);
  }
}

const OptionSpec* find_spec(const Options& options, const std::string& bare) {
  const std::string dashed = (bare.size() == 1 ? "-" : "--") + bare;
  for (const OptionSpec& spec : options.specs()) {
    const auto names = spec.names();
    if (std::find(names.begin(), names.end(), dashed) != names.end()) {
      return &spec;
    }
  }
  return nullptr;
}

class Parser {
 public:
  Parser(const std::vector<std::string>& args, std::size_t& at, const Options& options)
      : args_(args), at_(at), options_(options) {}

  // Parses up to the first word that is not a flag.
  Result<void> run() {
    while (at_ < args_.size() && args_[at_].size() > 1 && args_[at_][0] == '-') {
      const std::string word = args_[at_++];
      if (word == "--") {
        break;
      }
      MIG_TRY(one(word));
    }
    return {};
  }

  const std::set<const OptionSpec*>& seen() const { return seen_; }

 private:
  Result<void> one(const std::string& word) {
    const bool two = word[1] == '-';
    const std::string text = word.substr(two ? 2 : 1);
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const OptionSpec* spec = find_spec(options_, name);
    if (spec == nullptr && !two && equals == std::string::npos && all_short(text)) {
      for (const char letter : text) {
        MIG_TRY(one(std::string("-") + letter));
      }
      return {};
    }
    if (spec == nullptr) {
      return fail(ErrorCode::kUsage, fmt::format("flag provided but not defined: -{}", name));
    }
    if (equals != std::string::npos) {
      return set(spec, text.substr(equals + 1));
    }
    if (spec->flag()) {
      return set(spec, "");
    }
    if (at_ == args_.size()) {
      return fail(ErrorCode::kUsage, fmt::format("flag needs an argument: -{}", name));
    }
    return set(spec, args_[at_++]);
  }

  // For combined flags such as "-sm", "-mf FILE": only the last may take a value.
  bool all_short(const std::string& letters) const {
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const OptionSpec* spec = find_spec(options_, letters.substr(i, 1));
      if (spec == nullptr || (!spec->flag() && i + 1 < letters.size())) {
        return false;
      }
    }
    return letters.size() > 1;
  }

  Result<void> set(const OptionSpec* spec, const std::string& value) {
    seen_.insert(spec);
    return spec->set(value);
  }

  const std::vector<std::string>& args_;
  std::size_t& at_;
  const Options& options_;
  std::set<const OptionSpec*> seen_;
};

// Flags on the command line take precedence.
Result<void> take_variables(const Options& options, const std::set<const OptionSpec*>& seen) {
  for (const OptionSpec& spec : options.specs()) {
    if (spec.text.env.empty() || seen.count(&spec) != 0) {
      continue;
    }
    const char* value =
        std::getenv(spec.text.env.c_str());  // NOLINT(concurrency-mt-unsafe): one thread, at start
    if (value == nullptr || *value == '\0') {
      continue;
    }
    if (auto set = spec.set(value); !set) {
      return std::move(set).error().in("$" + spec.text.env);
    }
  }
  return {};
}

Result<void> parse_level(const std::vector<std::string>& args,
                         std::size_t& at,
                         const Options& options) {
  Parser parser(args, at, options);
  MIG_TRY(parser.run());
  return take_variables(options, parser.seen());
}

std::string options_text(const Options& options) {
  std::string out;
  for (const OptionSpec& spec : options.specs()) {
    const auto names = spec.names();
    std::string left = fmt::format("{}, {}", names.at(1), names.at(0));
    if (!spec.flag()) {
      left += " value";
    }
    out += fmt::format("   {:<32}{}{}\n",
                       left,
                       spec.text.help,
                       spec.text.env.empty() ? "" : fmt::format(" [${}]", spec.text.env));
  }
  return out;
}

}  // namespace

Result<void> parse_mig_parted(const std::vector<std::string>& args, MigPartedFlags& flags) {
  std::size_t at = 0;
  Options global;
  declare_global(global, flags);
  MIG_TRY(parse_level(args, at, global));
  if (at == args.size()) {
    return {};
  }
  flags.command = args[at++];
  if (flags.command == "help") {
    flags.help = true;
    flags.command = at < args.size() ? args[at] : "";
    return {};
  }
  const PartedCommand* row = find_parted(flags.command);
  if (row == nullptr) {
    return fail(ErrorCode::kUsage, fmt::format("no help topic for '{}'", flags.command));
  }
  Options own;
  for (const char letter : row->flags) {
    declare_flag(letter, own, flags);
  }
  own.flag({"-h,--help", "", "show help"}, flags.help);
  MIG_TRY(parse_level(args, at, own));
  if (at < args.size()) {
    return fail(ErrorCode::kUsage,
                fmt::format("{}: unexpected argument {}", flags.command, base::quoted(args[at])));
  }
  return {};
}

std::string mig_parted_help(const std::string& command) {
  MigPartedFlags unused;
  Options options;
  const PartedCommand* row = find_parted(command);
  if (row == nullptr) {
    declare_global(options, unused);
    std::string out =
        "NAME:\n   nvidia-mig-parted - migctl under the name of NVIDIA's tool: its commands, "
        "flags, variables and files\n\nUSAGE:\n   nvidia-mig-parted [global options] command "
        "[command options]\n\nCOMMANDS:\n";
    for (const PartedCommand& each : kCommands) {
      out += fmt::format("   {:<18}{}\n", each.name, each.usage);
    }
    return out + "\nGLOBAL OPTIONS:\n" + options_text(options);
  }
  for (const char letter : row->flags) {
    declare_flag(letter, options, unused);
  }
  options.flag({"-h,--help", "", "show help"}, unused.help);
  return fmt::format(
      "NAME:\n   nvidia-mig-parted {0} - {1}\n\nUSAGE:\n   nvidia-mig-parted {0} "
      "[command options]\n\nOPTIONS:\n{2}",
      row->name,
      row->usage,
      options_text(options));
}

}  // namespace mig::cli
