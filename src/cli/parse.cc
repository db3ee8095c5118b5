// SPDX-License-Identifier: Apache-2.0
#include "cli/parse.h"

#include <algorithm>
#include <cstdlib>
#include <deque>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"

namespace mig::cli {
namespace {

constexpr std::size_t kMaxWords = 4096;

bool is_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-';
}

const OptionSpec* find_option(const std::vector<OptionSpec>& specs, const std::string& name) {
  for (const auto& spec : specs) {
    const auto names = spec.names();
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return &spec;
    }
  }
  return nullptr;
}

std::vector<std::string> all_names(const std::vector<const OptionSpec*>& specs) {
  std::vector<std::string> names{"--help"};
  for (const auto* spec : specs) {
    for (auto& name : spec->names()) {
      if (name.size() > 2) {
        names.push_back(name);
      }
    }
  }
  return names;
}

Error unknown_option(const std::string& word,
                     const std::string& command,
                     const std::vector<const OptionSpec*>& specs) {
  const std::string name = word.substr(0, word.find('='));
  const auto near = base::nearest(name, all_names(specs), 1);
  const std::string where = command.empty() ? "migctl" : "migctl " + command;
  std::string hint = near.empty() ? fmt::format("{} --help lists the options", where)
                                  : fmt::format("did you mean {}?", near.front());
  return Error{ErrorCode::kUsage,
               command.empty() ? fmt::format("unknown option {}", base::quoted(name))
                               : fmt::format("{}: unknown option {}", command, base::quoted(name)),
               std::move(hint),
               {},
               {}};
}

// Index of the command's name. Options before it are global.
Result<std::size_t> find_command(const std::vector<std::string>& args, const Options& globals) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (!is_option(args[i])) {
      return i;
    }
    if (args[i] == "--" || args[i] == "-h" || args[i] == "--help" || args[i] == "--version") {
      continue;
    }
    const auto name = args[i].substr(0, args[i].find('='));
    const OptionSpec* spec = find_option(globals.specs(), name);
    if (spec == nullptr) {
      std::vector<const OptionSpec*> specs;
      for (const auto& global : globals.specs()) {
        specs.push_back(&global);
      }
      Error error = unknown_option(args[i], "", specs);
      if (error.hint.find("did you mean") == std::string::npos) {
        error.hint = "options of a command stand after its name: migctl COMMAND " + args[i];
      }
      return error;
    }
    if (!spec->flag() && name == args[i]) {
      ++i;
    }
  }
  return args.size();
}

// One of our options bound to CLI11's; `values` receives its words.
struct Bound {
  const OptionSpec* spec;
  std::vector<std::string> values;
  CLI::Option* option = nullptr;
};

void bind(CLI::App& app, Bound& bound) {
  const OptionSpec& spec = *bound.spec;
  if (spec.flag() && spec.fallback.empty()) {
    bound.option = app.add_flag(spec.text.names);
  } else {
    bound.option = app.add_option(spec.positional ? "words" : spec.text.names, bound.values);
    if (!spec.positional) {
      bound.option->expected(1)->take_all()->allow_extra_args(false);
    }
  }
}

Result<void> set_values(const std::string& command, const Bound& bound) {
  const OptionSpec& spec = *bound.spec;
  if (bound.option->count() > 0) {
    if (spec.flag() && spec.fallback.empty()) {
      return spec.set("");
    }
    if (!spec.many && bound.values.size() > 1) {
      return fail(
          ErrorCode::kUsage,
          fmt::format("{}: {} is given {} times", command, spec.text.names, bound.values.size()));
    }
    for (const auto& value : bound.values) {
      MIG_TRY(spec.set(value));
    }
    return {};
  }
  if (spec.required) {
    return fail(ErrorCode::kUsage,
                fmt::format("{}: {} is missing", command, spec.text.names),
                fmt::format("migctl {} --help shows how it is used", command));
  }
  if (spec.text.env.empty()) {
    return {};
  }
  const char* value =
      std::getenv(spec.text.env.c_str());  // NOLINT(concurrency-mt-unsafe): one thread, at start
  if (value == nullptr || *value == '\0') {
    return {};
  }
  if (auto set = spec.set(value); !set) {
    return std::move(set).error().in("$" + spec.text.env);
  }
  return {};
}

// Rewrites "--evict" alone to "--evict=30s", so that the next word is not taken as its value.
std::vector<std::string> with_fallbacks(std::vector<std::string> words, const Options& own) {
  for (auto& word : words) {
    const OptionSpec* spec = find_option(own.specs(), word);
    if (spec != nullptr && !spec->fallback.empty()) {
      word += "=" + spec->fallback;
    }
  }
  return words;
}

Result<void> parse_options(const std::string& command,
                           const std::vector<std::string>& words,
                           const Options& own,
                           const Options& globals) {
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  std::deque<Bound> bounds;
  std::vector<const OptionSpec*> specs;
  for (const Options* options : {&own, &globals}) {
    for (const auto& spec : options->specs()) {
      specs.push_back(&spec);
      bounds.push_back({&spec, {}, nullptr});
    }
  }
  try {
    for (auto& bound : bounds) {
      bind(app, bound);
    }
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::Error& error) {
    return fail(ErrorCode::kUsage,
                fmt::format("{}: {}", command, error.what()),
                fmt::format("migctl {} --help shows how it is used", command));
  }
  // Globals first, as they determine how a later error is printed.
  std::reverse(bounds.begin(), bounds.end());
  for (auto& bound : bounds) {
    MIG_TRY(set_values(command, bound));
  }
  for (const auto& extra : app.remaining()) {
    if (is_option(extra)) {
      return unknown_option(extra, command, specs);
    }
    return fail(ErrorCode::kUsage,
                fmt::format("{}: unexpected argument {}", command, base::quoted(extra)),
                fmt::format("migctl {} --help shows how it is used", command));
  }
  return {};
}

Error unknown_command(const std::string& name) {
  const auto near = base::nearest(name, command_names(), 1);
  return Error{ErrorCode::kUsage,
               fmt::format("unknown command {}", base::quoted(name)),
               near.empty() ? "migctl --help lists the commands"
                            : fmt::format("did you mean `migctl {}`?", near.front()),
               {},
               {}};
}

// An option that migctl does not know may be meant for the program that it is to start.
Error for_program(Error error, const Invocation& invocation) {
  if (invocation.command && invocation.command->takes_rest() &&
      error.message.find(": unknown option ") != std::string::npos) {
    const std::string verb = invocation.command->verb();
    error.hint = verb.empty() ? error.hint + fmt::format(
                                                 "; options of the program stand after its "
                                                 "name: migctl {} PROGRAM ...",
                                                 invocation.name)
                              : fmt::format(
                                    "options of {0} stand after --: migctl {0} {1} ... -- "
                                    "--rm IMAGE ...; else {2}",
                                    invocation.name,
                                    verb,
                                    error.hint);
  }
  return error;
}

bool asks_help(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "-h" || word == "--help";
  });
}

// True when the next word is the value of this option: "--name x", "-p x", but not "--name=x",
// "-px", "--flag". Unknown options have none here, and are refused later.
bool takes_next_word(const std::string& word, const Options& own, const Options& globals) {
  const auto find = [&](const std::string& name) {
    const OptionSpec* spec = find_option(own.specs(), name);
    return spec != nullptr ? spec : find_option(globals.specs(), name);
  };
  if (word.starts_with("--")) {
    const OptionSpec* spec = find(word);
    return spec != nullptr && !spec->flag();
  }
  // Short options may stand together: the first that takes a value takes the rest of the word.
  for (std::size_t i = 1; i < word.size(); ++i) {
    const OptionSpec* spec = find({'-', word[i]});
    if (spec != nullptr && !spec->flag()) {
      return i + 1 == word.size();
    }
  }
  return false;
}

using Position = std::vector<std::string>::const_iterator;

// Where the words of another program begin: after `--` or, for a command that starts a program, at
// the first word that is neither an option nor an option's value.
struct Rest {
  Position own_end, begin;
  bool given = false;
};

Rest find_rest(Position start, Position end, Command* command, const Options& globals) {
  if (command == nullptr || !command->takes_rest()) {
    const auto dashes = std::find(start, end, "--");
    return {dashes, dashes == end ? end : dashes + 1, dashes != end};
  }
  Options own;
  command->declare(own);
  for (auto word = start; word != end; ++word) {
    if (*word == "--") {
      return {word, word + 1, true};
    }
    if (!is_option(*word)) {
      return {word, word, true};
    }
    if (takes_next_word(*word, own, globals) && word + 1 != end) {
      ++word;
    }
  }
  return {end, end, false};
}

// Words before the command and after it, up to those of another program.
struct Words {
  std::vector<std::string> before, after;
};

Words cut(const std::vector<std::string>& args,
          std::size_t at,
          Invocation& invocation,
          const Options& globals) {
  Words words;
  words.before.assign(args.begin(), args.begin() + static_cast<std::ptrdiff_t>(at));
  auto start = args.begin() + static_cast<std::ptrdiff_t>(std::min(at + 1, args.size()));
  if (invocation.command && !invocation.command->verb().empty() && start != args.end() &&
      *start == invocation.command->verb()) {
    invocation.verb_given = true;
    ++start;
  }
  if (invocation.command && invocation.command->passes_through()) {
    invocation.rest.assign(start, args.end());
    invocation.rest_given = true;
    return words;
  }
  const Rest rest = find_rest(start, args.end(), invocation.command.get(), globals);
  words.after.assign(start, rest.own_end);
  invocation.rest.assign(rest.begin, args.end());
  invocation.rest_given = rest.given;
  return words;
}

}  // namespace

Result<Invocation> parse_command_line(const std::vector<std::string>& args, Globals& globals) {
  if (args.size() > kMaxWords) {
    return fail(ErrorCode::kTooLarge, fmt::format("{} words on the command line", args.size()));
  }
  // Detected early: errors of option parsing must respect --json.
  globals.json = std::find(args.begin(), std::find(args.begin(), args.end(), "--"), "--json") !=
                 std::find(args.begin(), args.end(), "--");
  Options global_options;
  globals.declare(global_options);
  Invocation invocation;
  MIG_ASSIGN_OR_RETURN(std::size_t at, find_command(args, global_options));
  if (at < args.size() && args[at] == "help") {  // `migctl help list` is `migctl list --help`
    invocation.help = true;
    at = std::min(at + 1, args.size());
  }
  if (at < args.size()) {
    invocation.name = args[at];
    invocation.command = make_command(invocation.name);
    if (!invocation.command) {
      return unknown_command(invocation.name);
    }
  }
  Words words = cut(args, at, invocation, global_options);
  if (invocation.command && invocation.command->takes_rest()) {
    const auto asks = [](const std::string& word) { return word == "--json"; };
    globals.json = std::any_of(words.before.begin(), words.before.end(), asks) ||
                   std::any_of(words.after.begin(), words.after.end(), asks);
  }
  invocation.version = std::count(words.before.begin(), words.before.end(), "--version") > 0;
  invocation.help = invocation.help || asks_help(words.before) || asks_help(words.after);
  if (invocation.help || invocation.version) {
    return invocation;
  }
  if (invocation.command && !invocation.command->verb().empty() && !invocation.verb_given) {
    const std::string verb = invocation.command->verb();
    return fail(
        ErrorCode::kUsage,
        fmt::format("{0}: `{0} {1}` is what goes through migctl", invocation.name, verb),
        fmt::format(
            "migctl {0} {1} ...; everything else is {0}'s own: {0} ps", invocation.name, verb));
  }
  Options own;
  if (invocation.command) {
    invocation.command->declare(own);
  }
  words.before.insert(words.before.end(), words.after.begin(), words.after.end());
  auto parsed = parse_options(invocation.name.empty() ? "migctl" : invocation.name,
                              with_fallbacks(std::move(words.before), own),
                              own,
                              global_options);
  if (!parsed) {
    return for_program(std::move(parsed).error(), invocation);
  }
  if (invocation.rest_given && invocation.command && !invocation.command->passes_through() &&
      !invocation.command->takes_rest()) {
    return fail(ErrorCode::kUsage, fmt::format("{}: nothing may stand after --", invocation.name));
  }
  invocation.globals = globals;
  return invocation;
}

}  // namespace mig::cli
