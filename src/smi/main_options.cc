// SPDX-License-Identifier: Apache-2.0
#include "smi/main_options.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "base/strings.h"
#include "smi/detail.h"
#include "smi/modes.h"
#include "smi/settings.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kHelp = "nvidia-smi -h";
constexpr unsigned kMaxMs = 1000U * 3600U * 24U;

const std::vector<OptionSpec>& specs() {
  static const std::vector<OptionSpec> kSpecs = [] {
    std::vector<OptionSpec> all = {
        {"-h", "--help", Takes::kNothing},
        {"--version", nullptr, Takes::kNothing},
        {"-L", "--list-gpus", Takes::kNothing},
        {"-B", "--list-excluded-gpus", Takes::kNothing},
        {"-i", "--id", Takes::kValue},
        {"--filename", "-f", Takes::kValue},
        {"-q", "--query", Takes::kNothing},
        {"-a", nullptr, Takes::kNothing},
        {"-x", "--xml-format", Takes::kNothing},
        {"-u", "--unit", Takes::kNothing},
        {"--dtd", nullptr, Takes::kNothing},
        {"-d", "--display", Takes::kValue},
        {"--query-gpu", nullptr, Takes::kValue},
        {"--help-query-gpu", nullptr, Takes::kNothing},
        {"--format", nullptr, Takes::kValue},
        {"-mig", "--multi-instance-gpu", Takes::kValue},
        {"-r", "--gpu-reset", Takes::kMaybeValue},
        {"-pm", "--persistence-mode", Takes::kValue},
        {"-l", "--loop", Takes::kMaybeValue},
        {"-lms", "--loop-ms", Takes::kValue},
    };
    for (const ListQuery& query : list_queries()) {
      all.push_back({query.option, nullptr, Takes::kValue});
      all.push_back({query.help_option, nullptr, Takes::kNothing});
    }
    all.insert(all.end(), setting_specs().begin(), setting_specs().end());
    return all;
  }();
  return kSpecs;
}

bool is_one_of(const std::string& word, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), word) != names.end();
}

std::string name_of(const std::string& word) {
  return word.substr(0, word.find('='));
}

UsageError unknown_option(const std::string& word) {
  return {text("ERROR: Option %s is not recognized. Please run '%s'.\n\n", word.c_str(), kHelp),
          kExitOther};
}

// Commands that accept no other option.
UsageError alone_error(const std::vector<std::string>& words) {
  const auto command = [](const std::string& word) -> std::string {
    if (is_one_of(word, {"-L", "--list-gpus"})) {
      return "-L";
    }
    if (is_one_of(word, {"-B", "--list-excluded-gpus"})) {
      return "-B";
    }
    return word == "--version" ? word : "";
  };
  std::string first;
  for (const std::string& word : words) {
    const std::string found = command(word);
    if (!first.empty() && !found.empty() && found != first) {
      return {text("ERROR: Only one command can be run at a time. Please run '%s' for help.\n\n",
                   kHelp)};
    }
    if (first.empty()) {
      first = found;
    }
  }
  if (first.empty()) {
    return {};
  }
  for (const std::string& word : words) {
    if (command(word).empty() && !is_one_of(word, {"-h", "--help"})) {
      return {text("ERROR: Option %s is not valid for this command. Please run '%s' for help.\n\n",
                   name_of(word).c_str(),
                   kHelp)};
    }
  }
  return {};
}

bool is_query(const std::string& word) {
  return word.rfind("--query-", 0) == 0;
}

// Options of -q are invalid beside a --query-* switch, and beside --dtd without -q.
UsageError stray_error(const std::vector<std::string>& words) {
  const bool query = std::any_of(words.begin(), words.end(), is_query);
  const auto has = [&](std::initializer_list<const char*> names) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return is_one_of(name_of(word), names);
    });
  };
  const bool only_dtd = has({"--dtd"}) && !has({"-q", "--query", "-a"});
  for (const std::string& word : words) {
    const std::string name = name_of(word);
    const bool of_q = is_one_of(name, {"-q", "--query", "-a", "-u", "--unit", "--dtd"}) && query;
    const bool of_xml =
        is_one_of(name, {"-x", "--xml-format", "-d", "--display"}) && (query || only_dtd);
    if (of_q || of_xml) {
      return {text("ERROR: Option %s is not recognized. Please run '%s' for help.\n\n",
                   name.c_str(),
                   kHelp),
              query ? kExitUsage : kExitOther};
    }
  }
  return {};
}

bool any_of(const Options& options, std::initializer_list<const char*> names) {
  return std::any_of(
      names.begin(), names.end(), [&](const char* name) { return options.has(name); });
}

UsageError query_error(const Options& options) {
  unsigned queries = options.has("--query-gpu") ? 1 : 0;
  for (const ListQuery& query : list_queries()) {
    queries += options.has(query.option) ? 1 : 0;
  }
  if (queries > 1) {
    return {"Only one --query-* switch can be used at a time.\n"};
  }
  if (queries == 0) {
    return {};
  }
  std::string error;
  parse_csv_format(options.get("--format"), &error);
  if (error.empty() && options.has("--query-gpu")) {
    pick_fields(options.get("--query-gpu"), &error);
  }
  if (const ListQuery* query = asked_query(options); error.empty() && query != nullptr) {
    error = list_query_error(*query, options.get(query->option));
  }
  return {error};
}

// Checks the options of -q and of XML documents.
UsageError detail_error(const Options& options) {
  constexpr const char* kInvalid = "Invalid combination of input arguments";
  const auto needs_query = [&](const char* option, const char* name, const char* what) {
    return text("%s. Specify -q/--query and %s/%s to run %s query.  Please run '%s' for help.\n\n",
                kInvalid,
                option,
                name,
                what,
                kHelp);
  };
  const bool query = options.has("-q");
  if (options.has("-x") && !query) {
    return {needs_query("-x", "--xml-format", "an XML")};
  }
  if (options.has("-u") && !query && !options.has("--dtd")) {
    return {needs_query("-u", "--unit", "a unit")};
  }
  if (options.has("-d") && !query) {
    return {needs_query("-d", "--display", "a filtered")};
  }
  if (options.has("--dtd") && query && !options.has("-x")) {
    return {text("%s: Specify -x/--xml-format with the -q/--query and --dtd flags to embed DTD.\n",
                 kInvalid)};
  }
  for (const auto& [option, words] : {std::pair("-x", "-x/--xml-format"), {"-u", "-u/--unit"}}) {
    if (options.has("-d") && options.has(option)) {
      return {text("%s: --display/-d flags can not be combined with %s flags.\n", kInvalid, words)};
    }
  }
  if (options.has("-u") && options.has("-i") &&
      !base::parse_decimal(options.get("-i"), 1U << 16U)) {
    return {text("Invalid format for Unit index id: %s\n", options.get("-i").c_str())};
  }
  return {options.has("-d") ? detail_sections_error(options.get("-d")) : ""};
}

UsageError combination_error(const Options& options) {
  const bool lists = options.has("--query-gpu") || asked_query(options) != nullptr;
  if (options.has("--format") && !lists) {
    return unknown_option("--format=" + options.get("--format"));
  }
  if (UsageError error = query_error(options); !error.empty()) {
    return error;
  }
  if (UsageError error = detail_error(options); !error.empty()) {
    return error;
  }
  unsigned changes = count_settings(options);
  for (const char* change : {"-mig", "-r", "-pm"}) {
    changes += options.has(change) ? 1 : 0;
  }
  if (changes > 1) {
    return {
        "Invalid combination of input arguments. Only one device modification may be done at a "
        "time.\n"};
  }
  const unsigned actions = (lists ? 1U : 0U) + (options.has("-q") ? 1U : 0U) + changes;
  if (actions > 1 || (changes != 0 && any_of(options, {"-l", "-lms", "--filename"}))) {
    return {text("Invalid combination of input arguments. Please run '%s' for help.\n", kHelp)};
  }
  return {};
}

UsageError loop_error(const Options& options) {
  for (const char* name : {"-l", "-lms"}) {
    if (options.has(name) && options.get(name) == "0") {
      return {
          "Provided [-l(ms) | --loop(-ms)=] value is incorrect. Loop frequency must be greater "
          "than 0.\n\n"};
    }
  }
  if (any_of(options, {"-l", "-lms"}) && interval_ms(options) == 0) {
    return {text("ERROR: the interval of a loop is a number from 1. Please run '%s' for help.\n",
                 kHelp)};
  }
  return {};
}

}  // namespace

namespace {

// nvidia-smi words an unknown word differently beside -h, and beside an option that changes
// something (`stats -c 1`).
void reword_unknown(const std::vector<std::string>& words, Options* options) {
  const std::string unknown = options->error.text;
  const auto beside = [&](std::initializer_list<const char*> names) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return is_one_of(name_of(word), names);
    });
  };
  if (beside({"-h", "--help"})) {
    const auto is_it = [&](const std::string& word) {
      return unknown_option(word).text == unknown;
    };
    const auto word = std::find_if(words.begin(), words.end(), is_it);
    if (word != words.end() && word->rfind('-', 0) != 0) {
      options->error = {
          text("ERROR: Option %s is not valid for this command. Please run '%s' for help.\n\n",
               word->c_str(),
               kHelp)};
    }
    return;
  }
  const std::string end = "'.\n\n";
  if (beside(
          {"-c", "-e", "-p", "-pm", "-mig", "-r", "-pl", "-lgc", "-rgc", "-ac", "-rac", "-am"}) &&
      unknown.find(" is not recognized. ") != std::string::npos && unknown.size() > end.size() &&
      unknown.substr(unknown.size() - end.size()) == end) {
    options->error.text = unknown.substr(0, unknown.size() - 3) + " for help.\n\n";
  }
}

}  // namespace

Options parse_main(const std::vector<std::string>& words) {
  for (UsageError (*check)(const std::vector<std::string>&) : {alone_error, stray_error}) {
    if (UsageError error = check(words); !error.empty()) {
      Options options;
      options.error = std::move(error);
      return options;
    }
  }
  Options options = parse_options(words, specs(), kHelp, unknown_option);
  if (!options.lacks_value.empty()) {
    options.error.text += "\n";
    options.error.exit = kExitOther;
  }
  reword_unknown(words, &options);
  if (options.has("-a")) {  // old name of -q
    options.values["-q"] = "";
  }
  return options;
}

const ListQuery* asked_query(const Options& options) {
  for (const ListQuery& query : list_queries()) {
    if (options.has(query.option)) {
      return &query;
    }
  }
  return nullptr;
}

const ListQuery* asked_query_help(const Options& options) {
  for (const ListQuery& query : list_queries()) {
    if (options.has(query.help_option)) {
      return &query;
    }
  }
  return nullptr;
}

unsigned interval_ms(const Options& options) {
  if (options.has("-lms")) {
    return static_cast<unsigned>(base::parse_decimal(options.get("-lms"), kMaxMs).value_or(0));
  }
  if (!options.has("-l")) {
    return 0;
  }
  constexpr unsigned kDefaultSeconds = 5;
  const std::string seconds = options.get("-l");
  return 1000U * static_cast<unsigned>(
                     seconds.empty() ? kDefaultSeconds
                                     : base::parse_decimal(seconds, kMaxMs / 1000).value_or(0));
}

UsageError main_usage_error(const Options& options) {
  if (!options.error.empty()) {
    return options.error;
  }
  if (UsageError error = combination_error(options); !error.empty()) {
    return error;
  }
  if (UsageError error = loop_error(options); !error.empty()) {
    return error;
  }
  for (const char* name : {"-mig", "-pm"}) {
    if (options.has(name) && !parse_switch(options.get(name))) {
      return {
          text("ERROR: Option %s takes 0/DISABLED or 1/ENABLED, not \"%s\". Please run '%s' for "
               "help.\n",
               name,
               options.get(name).c_str(),
               kHelp)};
    }
  }
  return setting_error(options);
}

}  // namespace mig::smi
