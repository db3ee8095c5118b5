// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <vector>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"

namespace mig::cli {
namespace {

struct CommandWords {
  std::string name, purpose;
  std::vector<std::string> first;
  std::vector<OptionSpec> options;
};

bool takes_file(const OptionSpec& spec) {
  return base::split(spec.text.value, '|').front() == "FILE" || spec.text.value == "PATH";
}

// The specs' setters point into a destroyed command; only their texts may be used.
std::vector<OptionSpec> global_specs() {
  Globals globals;
  Options options;
  globals.declare(options);
  return options.specs();
}

std::vector<CommandWords> all_commands() {
  std::vector<CommandWords> commands;
  for (const auto& row : command_table()) {
    const auto command = row.make();
    Options options;
    command->declare(options);
    commands.push_back(
        {std::string(row.name), command->text().purpose, command->first_words(), options.specs()});
  }
  return commands;
}

// An option's names on the command line: "-f --file".
std::string option_words(const std::vector<OptionSpec>& specs) {
  std::vector<std::string> words;
  for (const auto& spec : specs) {
    for (auto& name : spec.names()) {
      words.push_back(std::move(name));
    }
  }
  return base::join(words, " ");
}

// `case` arms of the bash script for options with a value.
std::string bash_value_arms(const std::vector<OptionSpec>& specs) {
  std::string out;
  for (const auto& spec : specs) {
    if (spec.flag() || spec.positional) {
      continue;
    }
    const std::string arm = base::join(spec.names(), "|");
    const auto choices = spec.choices();
    if (!choices.empty()) {
      out += fmt::format("    {}) COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return;;\n",
                         arm,
                         base::join(choices, " "));
    } else if (takes_file(spec)) {
      out += fmt::format("    {}) COMPREPLY=($(compgen -f -- \"$cur\")); return;;\n", arm);
    } else {
      out += fmt::format("    {}) return;;\n", arm);
    }
  }
  return out;
}

std::string single_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

// Escapes for zsh's _arguments, where ']' ends a description and ':' is a separator.
std::string zsh_description(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

std::string zsh_action(const OptionSpec& spec) {
  const auto choices = spec.choices();
  if (!choices.empty()) {
    return fmt::format("({})", base::join(choices, " "));
  }
  return takes_file(spec) ? "_files" : " ";
}

std::string zsh_arguments(const std::vector<OptionSpec>& specs) {
  std::string out;
  for (const auto& spec : specs) {
    for (const auto& name : spec.names()) {
      std::string argument = name;
      if (!spec.flag()) {
        argument += name.size() > 2 ? "=" : "+";
      }
      argument += "[" + zsh_description(spec.text.help) + "]";
      if (!spec.flag()) {
        argument += ":" + zsh_description(spec.text.value) + ":" + zsh_action(spec);
      }
      out += " \\\n        " + single_quoted(argument);
    }
  }
  return out;
}

std::string fish_option(const OptionSpec& spec, const std::string& condition) {
  std::string out = "complete -c migctl";
  if (!condition.empty()) {
    out += " -n " + single_quoted(condition);
  }
  for (const auto& name : spec.names()) {
    out += name.size() > 2 ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!spec.flag()) {
    const auto choices = spec.choices();
    out += takes_file(spec) ? " -r -F" : " -x";
    if (!choices.empty()) {
      out += " -a " + single_quoted(base::join(choices, " "));
    }
  }
  return out + " -d " + single_quoted(spec.text.help) + "\n";
}

}  // namespace

std::string bash_completion() {
  const auto globals = global_specs();
  std::string out =
      "# migctl completion for bash: source <(migctl completion bash)\n"
      "_migctl_machines() { migctl sim list 2>/dev/null | sed -n 's/^\\([^ ]*\\)  "
      "(simulated).*/\\1/p'; }\n"
      "_migctl() {\n"
      "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" command='' "
      "i\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"${COMP_WORDS[i]}\" in\n"
      "      --sim|--nvml-library) ((i++));;\n"
      "      -*) ;;\n"
      "      *) command=\"${COMP_WORDS[i]}\"; break;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$prev\" in\n"
      "    --sim) COMPREPLY=($(compgen -W \"$(_migctl_machines)\" -- \"$cur\")); return;;\n" +
      bash_value_arms(globals) + "  esac\n";
  out += fmt::format(
      "  local options='--help {}'\n"
      "  if [[ -z $command ]]; then\n"
      "    COMPREPLY=($(compgen -W '{} '\"$options\" -- \"$cur\")); return\n"
      "  fi\n"
      "  case \"$command\" in\n",
      option_words(globals),
      base::join(command_names(), " "));
  for (const auto& command : all_commands()) {
    out += fmt::format("  {})\n", command.name);
    if (command.name == "sim") {
      out +=
          "    case \"$prev\" in\n"
          "    destroy|env|shell|inject|reset|reboot)\n"
          "      COMPREPLY=($(compgen -W \"$(_migctl_machines)\" -- \"$cur\")); return;;\n"
          "    esac\n";
    }
    if (const std::string arms = bash_value_arms(command.options); !arms.empty()) {
      out += "    case \"$prev\" in\n" + arms + "    esac\n";
    }
    out += fmt::format("    COMPREPLY=($(compgen -W '{} {} '\"$options\" -- \"$cur\"));;\n",
                       base::join(command.first, " "),
                       option_words(command.options));
  }
  return out + "  esac\n}\ncomplete -o default -F _migctl migctl\n";
}

std::string zsh_completion() {
  const std::string globals = zsh_arguments(global_specs());
  std::string out =
      "#compdef migctl\n"
      "# migctl completion for zsh: source <(migctl completion zsh)\n"
      "_migctl() {\n"
      "  local curcontext=\"$curcontext\" state line\n"
      "  local -a commands\n"
      "  commands=(\n";
  const auto commands = all_commands();
  for (const auto& command : commands) {
    out += "    " + single_quoted(command.name + ":" + zsh_description(command.purpose)) + "\n";
  }
  out += "  )\n  _arguments -C" + globals +
         " \\\n        '1:command:->command' '*::argument:->argument'\n"
         "  case $state in\n"
         "    command) _describe command commands;;\n"
         "    argument)\n"
         "      case $line[1] in\n";
  for (const auto& command : commands) {
    out += "      " + command.name + ") _arguments" + zsh_arguments(command.options) + globals;
    if (!command.first.empty()) {
      out += " \\\n        " +
             single_quoted(fmt::format("1:word:({})", base::join(command.first, " ")));
    }
    out += " \\\n        '*:argument:_files';;\n";
  }
  return out +
         "      esac;;\n  esac\n}\n"
         "if [ \"$funcstack[1]\" = _migctl ]; then _migctl \"$@\"; else compdef _migctl migctl; "
         "fi\n";
}

std::string fish_completion() {
  std::string out =
      "# migctl completion for fish: migctl completion fish | source\n"
      "complete -c migctl -f\n";
  for (const auto& spec : global_specs()) {
    out += fish_option(spec, "");
  }
  out += "complete -c migctl -s h -l help -d 'help'\n";
  for (const auto& command : all_commands()) {
    out += fmt::format("complete -c migctl -n __fish_use_subcommand -a {} -d {}\n",
                       command.name,
                       single_quoted(command.purpose));
    const std::string here = "__fish_seen_subcommand_from " + command.name;
    if (!command.first.empty()) {
      out += fmt::format("complete -c migctl -n {} -a {}\n",
                         single_quoted(here),
                         single_quoted(base::join(command.first, " ")));
    }
    for (const auto& spec : command.options) {
      if (!spec.positional) {
        out += fish_option(spec, here);
      }
    }
  }
  return out;
}

}  // namespace mig::cli
