// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"

namespace mig::cli {
namespace {

constexpr std::size_t kWidth = 79;

// Wraps `text` at blanks with a hanging indent; newlines are kept.
std::string wrap(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  for (const auto& paragraph : base::split(text, '\n')) {
    if (!out.empty()) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    bool first = true;
    for (const auto& word : base::split(paragraph, ' ')) {
      if (!first && column + 1 + word.size() > kWidth) {
        out += "\n" + std::string(indent, ' ');
        column = indent;
      } else if (!first) {
        out += ' ';
        ++column;
      }
      out += word;
      column += word.size();
      first = false;
    }
  }
  return out;
}

std::string left_column(const OptionSpec& spec) {
  if (spec.positional) {
    return spec.text.names;
  }
  auto names = spec.names();
  std::string text = names.size() == 1 && names.front().size() > 2 ? "    " : "";
  text += base::join(names, ", ");
  if (!spec.fallback.empty()) {
    text += "[=" + spec.text.value + "]";
  } else if (!spec.flag()) {
    text += " " + spec.text.value + (spec.many ? ",..." : "");
  }
  return text;
}

std::string option_lines(const std::vector<OptionSpec>& specs, bool positional) {
  std::size_t width = 0;
  for (const auto& spec : specs) {
    width = std::max(width, left_column(spec).size());
  }
  width = std::min<std::size_t>(width, 26);
  std::string out;
  for (const auto& spec : specs) {
    if (spec.positional != positional) {
      continue;
    }
    std::string help = spec.text.help;
    if (!spec.text.env.empty()) {
      help += fmt::format(" [${}]", spec.text.env);
    }
    const std::string left = left_column(spec);
    const std::size_t indent = width + 4;
    out += "  " + left;
    out += left.size() > width ? "\n" + std::string(indent, ' ')
                               : std::string(indent - 2 - left.size(), ' ');
    out += wrap(help, indent) + "\n";
  }
  return out;
}

std::string usage_line(const CommandText& text, const Options& options, const Command& command) {
  std::string line = "Usage: migctl " + text.name;
  if (command.passes_through()) {
    return line + " ...\n";
  }
  if (!command.verb().empty()) {
    line += " " + command.verb();
  }
  const auto& specs = options.specs();
  if (std::any_of(specs.begin(), specs.end(), [](const auto& s) { return !s.positional; })) {
    line += " [options]";
  }
  for (const auto& spec : specs) {
    if (spec.positional) {
      line += " " + (spec.required ? spec.text.names : "[" + spec.text.names + "]") + "...";
    }
  }
  if (command.takes_rest()) {
    line += command.verb().empty() ? " [--] CMD [ARG...]"
                                   : fmt::format(" [-- [options of {}]] IMAGE [CMD...]", text.name);
  }
  return line + "\n";
}

std::string exit_code_lines(const CommandText& text) {
  std::string out = "  0  done\n  1  usage: the arguments are wrong\n";
  std::vector<const ErrorInfo*> rows;
  for (const ErrorCode code : text.exit_codes) {
    rows.push_back(&error_info(code));
  }
  std::sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
    return a->exit_code < b->exit_code;
  });
  for (const auto* row : rows) {
    out += fmt::format("{:>3}  {}: {}\n", row->exit_code, row->name, row->meaning);
  }
  return out;
}

std::string globals_lines() {
  Globals globals;
  Options options;
  globals.declare(options);
  return option_lines(options.specs(), false);
}

}  // namespace

std::string overview() {
  std::string out =
      "migctl shares NVIDIA GPUs through Multi-Instance GPU (MIG): it plans a layout,\n"
      "proves that it fits, applies it around running work and runs jobs on it.\n"
      "\nUsage: migctl [global options] COMMAND [options]\n";
  std::string_view group;
  for (const auto& row : command_table()) {
    if (row.group != group) {
      group = row.group;
      out += fmt::format("\n{}\n", group);
    }
    out += fmt::format("  {:<11} {}\n", row.name, wrap(row.make()->text().purpose, 14));
  }
  out += "\nGlobal options\n" + globals_lines();
  out += "  -h, --help               help; `migctl COMMAND --help` for one command\n";
  out +=
      "\nNo GPU? Make a simulated machine and look at it:\n"
      "  migctl sim create lab --gpus \"2x a100-sxm4-40gb\"\n"
      "  migctl --sim lab list\n";
  return out;
}

std::string command_help(Command& command) {
  const CommandText text = command.text();
  Options options;
  command.declare(options);
  std::string out = usage_line(text, options, command) + "\n" + wrap(text.purpose, 0) + "\n";
  if (!text.details.empty()) {
    out += "\n" + wrap(text.details, 0) + "\n";
  }
  const std::string words = option_lines(options.specs(), true);
  const std::string own = option_lines(options.specs(), false);
  if (!words.empty()) {
    out += "\nArguments:\n" + words;
  }
  if (!own.empty()) {
    out += "\nOptions:\n" + own;
  }
  out += "\nGlobal options:\n" + globals_lines();
  out += text.examples.size() == 1 ? "\nExample:\n" : "\nExamples:\n";
  for (const auto& example : text.examples) {
    out += "  migctl " + example + "\n";
  }
  out += "\nExit codes (docs/reference/errors.md has all):\n" + exit_code_lines(text);
  return out;
}

}  // namespace mig::cli
