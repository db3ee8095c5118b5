// SPDX-License-Identifier: Apache-2.0
#include "smi/main_command.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <initializer_list>
#include <thread>
#include <utility>

#include "base/strings.h"
#include "smi/detail.h"
#include "smi/list_gpus.h"
#include "smi/modes.h"
#include "smi/query.h"
#include "smi/select.h"
#include "smi/settings.h"
#include "smi/summary.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kHelp = "nvidia-smi -h";
// At most one of these; none means the summary.
constexpr std::array kActions = {"--version",
                                 "-L",
                                 "-q",
                                 "--query-gpu",
                                 "--query-compute-apps",
                                 "-mig",
                                 "-r",
                                 "-pm",
                                 "--help-query-gpu"};
constexpr unsigned kMaxMs = 1000U * 3600U * 24U;

const std::vector<OptionSpec>& own_specs() {
  static const std::vector<OptionSpec> kSpecs = {
      {"-h", "--help", Takes::kNothing},
      {"--version", nullptr, Takes::kNothing},
      {"-L", "--list-gpus", Takes::kNothing},
      {"-i", "--id", Takes::kValue},
      {"-q", "--query", Takes::kNothing},
      {"-d", "--display", Takes::kValue},
      {"--query-gpu", nullptr, Takes::kValue},
      {"--help-query-gpu", nullptr, Takes::kNothing},
      {"--query-compute-apps", nullptr, Takes::kValue},
      {"--format", nullptr, Takes::kValue},
      {"-mig", "--multi-instance-gpu", Takes::kValue},
      {"-r", "--gpu-reset", Takes::kMaybeValue},
      {"-pm", "--persistence-mode", Takes::kValue},
      {"-l", "--loop", Takes::kMaybeValue},
      {"-lms", "--loop-ms", Takes::kValue},
  };
  return kSpecs;
}

const std::vector<OptionSpec>& specs() {
  static const std::vector<OptionSpec> kSpecs = [] {
    std::vector<OptionSpec> all = own_specs();
    all.insert(all.end(), setting_specs().begin(), setting_specs().end());
    return all;
  }();
  return kSpecs;
}

std::string query_error(const Options& options) {
  if (!options.has("--query-gpu") && !options.has("--query-compute-apps"))
    return "";
  std::string error;
  parse_csv_format(options.get("--format"), &error);
  if (error.empty() && options.has("--query-gpu"))
    pick_fields(options.get("--query-gpu"), &error);
  if (error.empty() && options.has("--query-compute-apps"))
    error = query_apps_error(options.get("--query-compute-apps"));
  return error;
}

UsageError unknown_option(const std::string& word) {
  return {text("ERROR: Option %s is not recognized. Please run '%s'.\n\n", word.c_str(), kHelp),
          kExitOther};
}

// -L is a command of its own to nvidia-smi 580, which takes none of the others' options.
UsageError list_error(const std::vector<std::string>& words) {
  const auto is_one_of = [](const std::string& word, std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), word) != names.end();
  };
  const auto lists = [&](const std::string& word) {
    return is_one_of(word, {"-L", "--list-gpus"});
  };
  if (std::none_of(words.begin(), words.end(), lists))
    return {};
  for (const std::string& word : words)
    if (!lists(word) && !is_one_of(word, {"-h", "--help"}))
      return {text("ERROR: Option %s is not valid for this command. Please run '%s' for help.\n\n",
                   word.substr(0, word.find('=')).c_str(),
                   kHelp)};
  return {};
}

// 0 = once.
unsigned interval_ms(const Options& options) {
  if (options.has("-lms"))
    return static_cast<unsigned>(base::parse_decimal(options.get("-lms"), kMaxMs).value_or(0));
  if (!options.has("-l"))
    return 0;
  constexpr unsigned kDefaultSeconds = 5;
  const std::string seconds = options.get("-l");
  return 1000U * static_cast<unsigned>(
                     seconds.empty() ? kDefaultSeconds
                                     : base::parse_decimal(seconds, kMaxMs / 1000).value_or(0));
}

int run_once(const Run& run, const Options& options, const std::vector<Gpu>& gpus, bool again) {
  if (options.has("-L"))
    return list_gpus(run, gpus);
  if (options.has("-q"))
    return show_detail(run, gpus, options.get("-d"));
  if (options.has("-mig"))
    return set_mig_mode(run, gpus, *parse_switch(options.get("-mig")));
  if (options.has("-pm"))
    return set_persistence_mode(run, gpus, *parse_switch(options.get("-pm")));
  if (options.has("-r"))
    return reset_gpus(run, gpus);
  if (chosen_setting(options) != nullptr)
    return run_setting(run, options, gpus);
  std::string error;
  CsvFormat format = parse_csv_format(options.get("--format"), &error);
  format.header = format.header && !again;
  if (options.has("--query-gpu"))
    return query_gpus(run, gpus, pick_fields(options.get("--query-gpu"), &error), format);
  if (options.has("--query-compute-apps"))
    return query_compute_apps(run, gpus, options.get("--query-compute-apps"), format);
  return show_summary(run, gpus);
}

}  // namespace

Options parse_main(const std::vector<std::string>& words) {
  if (UsageError error = list_error(words); !error.empty()) {
    Options options;
    options.error = std::move(error);
    return options;
  }
  Options options = parse_options(words, specs(), kHelp, unknown_option);
  if (options.lacks_value) {
    options.error.text += "\n";
    options.error.exit = kExitOther;
  }
  return options;
}

namespace {

// Options that do not go together, as a real nvidia-smi 580 answers.
UsageError combination_error(const Options& options) {
  unsigned actions = 0;
  for (const char* action : kActions)
    actions += options.has(action) ? 1 : 0;
  unsigned changes = count_settings(options);
  actions += changes;
  for (const char* change : {"-mig", "-pm", "-r"})
    changes += options.has(change) ? 1 : 0;
  const bool loops = options.has("-l") || options.has("-lms");
  // --format belongs to a query, -d to -q.
  if (options.has("--format") && !options.has("--query-gpu") &&
      !options.has("--query-compute-apps"))
    return unknown_option("--format=" + options.get("--format"));
  if (options.has("-d") && !options.has("-q"))
    return {
        text("Invalid combination of input arguments. Specify -q/--query and -d/--display to run a "
             "filtered query.  Please run '%s' for help.\n\n",
             kHelp)};
  if (changes > 1)
    return {
        "Invalid combination of input arguments. Only one device modification may be done at a "
        "time.\n"};
  if (actions > 1 || (changes != 0 && loops))
    return {text("Invalid combination of input arguments. Please run '%s' for help.\n", kHelp)};
  return {};
}

}  // namespace

UsageError main_usage_error(const Options& options) {
  if (!options.error.empty())
    return options.error;
  if (UsageError error = combination_error(options); !error.empty())
    return error;
  const bool loops = options.has("-l") || options.has("-lms");
  if (loops && interval_ms(options) == 0)
    return {text("ERROR: the interval of a loop is a number from 1. Please run '%s' for help.\n",
                 kHelp)};
  for (const char* name : {"-mig", "-pm"})
    if (options.has(name) && !parse_switch(options.get(name)))
      return {
          text("ERROR: Option %s takes 0/DISABLED or 1/ENABLED, not \"%s\". Please run '%s' for "
               "help.\n",
               name,
               options.get(name).c_str(),
               kHelp)};
  if (UsageError error = setting_error(options); !error.empty())
    return error;
  if (options.has("-d"))
    if (std::string error = detail_sections_error(options.get("-d")); !error.empty())
      return {std::move(error)};
  return {query_error(options)};
}

std::string main_help() {
  std::string help =
      R"(nvidia-smi's MIG dialect of migctl, on the real driver or a simulated machine.

nvidia-smi [OPTION1 [ARG1]] [OPTION2 [ARG2]] ...

    -h,   --help                  this text
          --version               versions of tool, NVML, driver and CUDA
    (none)                        summary of GPUs, MIG devices and processes
    -L,   --list-gpus             GPUs and MIG devices with UUIDs
    -q,   --query                 everything known; -d, --display=A,B for single sections
          --query-gpu=A,B         properties of GPUs, with --format; --help-query-gpu lists them
          --query-compute-apps=A  compute processes, with --format
          --format=csv[,noheader][,nounits]
    -mig, --multi-instance-gpu=   MIG mode: 0/DISABLED, 1/ENABLED (root)
    -pm,  --persistence-mode=     0/DISABLED, 1/ENABLED (root)
    -r,   --gpu-reset             reset (simulated machines; a real GPU needs NVIDIA's own tool)

    -i,   --id=                   only these GPUs: index, UUID, PCI bus id; comma-separated
    -l,   --loop=                 repeat every so many seconds
    -lms, --loop-ms=              repeat every so many milliseconds

    mig                           GPU and compute instances: "nvidia-smi mig -h"
    pmon                          processes in scrolling form: "nvidia-smi pmon -h"

)";
  return help + settings_help();
}

std::string query_gpu_help() {
  std::string out = "List of valid properties to query for the switch \"--query-gpu\":\n\n";
  for (const QueryField& field : query_fields()) {
    append(out, "\"%s\"", field.name);
    if (field.alias != nullptr)
      append(out, " or \"%s\"", field.alias);
    out += *field.unit != '\0' ? text("\nIn %s.\n\n", field.unit) : "\n\n";
  }
  return out;
}

int run_main(const Run& run, const Options& options) {
  if (options.has("--version"))
    return show_version(run);
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), &exit);
  if (exit != 0)
    return exit;
  const unsigned pause_ms = interval_ms(options);
  for (bool again = false;; again = true) {
    exit = run_once(run, options, gpus, again);
    if (pause_ms == 0 || exit != 0)
      return exit;
    std::fflush(run.out);
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }
}

}  // namespace mig::smi
