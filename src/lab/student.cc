// SPDX-License-Identifier: Apache-2.0
#include "lab/student.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "lab/chapter.h"
#include "lab/judge.h"
#include "lab/reading.h"
#include "lab/terminal.h"

namespace mig::lab {
namespace {

constexpr const char* kPrefix = "class-";
constexpr const char* kRecord = "/lab.exercise";
constexpr std::size_t kRecordLimit = 64;
constexpr std::string_view kByAnswers = "1.2";  // `lab check --answers` judges it, no machine does

Terminal terminal_of(const StudentTools& tools, const std::string& machine) {
  TerminalSetting setting;
  setting.programs = {{"migctl", tools.migctl}};
  setting.machine = machine;
  setting.environment = {{"NO_COLOR", "1"}};
  setting.unset = {"MIGCTL_SOCKET", "MIGSIM_MACHINE", "MIGCTL_SPARE"};
  setting.stop = tools.stop;
  return Terminal(std::move(setting));
}

Result<base::Json> document_of(const Terminal& terminal, const std::vector<std::string>& words) {
  Ways ways;
  ways.only_output = true;
  const Ran ran = terminal.run(words, ways);
  auto json = base::parse_json(ran.printed, {std::size_t{8} << 20U, ran.typed});
  if (!json || ran.exit_code != 0) {
    return fail(ErrorCode::kNotFound, ran.typed + ": " + ran.printed.substr(0, 400));
  }
  return json;
}

Result<std::string> folder_of(const StudentTools& tools, const std::string& machine) {
  MIG_ASSIGN_OR_RETURN(
      const base::Json json,
      document_of(terminal_of(tools, machine), {"migctl", "sim", "env", machine, "--json"}));
  const std::string folder = text_of(member_of(json, "environment"), "MIGSIM_MACHINE");
  if (folder.empty()) {
    return fail(ErrorCode::kNotFound, "the folder of " + machine + " is not told");
  }
  return folder;
}

Result<void> run(const Terminal& terminal, const std::vector<std::string>& words) {
  const Ran ran = terminal.run(words);
  if (!ran.ok()) {
    return fail(ErrorCode::kInternal,
                fmt::format("{}: {}{}", ran.typed, ran.printed.substr(0, 600), ran.note));
  }
  return {};
}

Result<Inventory> read(const Terminal& terminal) {
  Ways ways;
  ways.only_output = true;
  const Ran list = terminal.run({"migctl", "list", "--json"}, ways);
  const Ran profiles = terminal.run({"migctl", "profiles", "--json"}, ways);
  if (!list.ok() || !profiles.ok()) {
    return fail(ErrorCode::kNoDriver, (list.ok() ? profiles : list).printed.substr(0, 300));
  }
  return parse_reading(list.printed, profiles.printed);
}

Result<void> begin(const Terminal& terminal, const Exercise& exercise) {
  if (exercise.start == Start::kMigOff) {
    return {};
  }
  MIG_TRY(run(terminal, {"migctl", "-q", "mode", "enable", "-i", "0"}));
  MIG_ASSIGN_OR_RETURN(const Inventory inventory, read(terminal));
  const Gpu* gpu = inventory.find_gpu(GpuIndex{0});
  const std::vector<Wanted> wanted = gpu == nullptr                    ? std::vector<Wanted>()
                                     : exercise.start == Start::kSeven ? wanted_layout("2.1", *gpu)
                                     : exercise.start == Start::kMixed ? wanted_layout("2.2", *gpu)
                                                                       : std::vector<Wanted>();
  if (wanted.empty()) {
    return {};
  }
  std::vector<std::string> words = {"migctl", "-q", "create", "-i", "0"};
  for (const Wanted& one : wanted) {
    words.insert(words.end(), one.count, one.profile.str());
  }
  return run(terminal, words);
}

void destroy(const StudentTools& tools, const std::string& machine) {
  Ways ways;
  ways.to_the_end = true;
  terminal_of(tools, machine).run({"migctl", "sim", "destroy", machine, "--force"}, ways);
}

// A machine of such a name that `migctl lab` did not set up is somebody's own: it is left alone.
Result<std::vector<std::string>> machines_of_class(const StudentTools& tools) {
  MIG_ASSIGN_OR_RETURN(const base::Json json,
                       document_of(terminal_of(tools, ""), {"migctl", "sim", "list", "--json"}));
  std::vector<std::string> names;
  for (const base::Json& machine : member_of(json, "machines")) {
    const std::string name = text_of(machine, "name");
    const std::string number = name.starts_with(kPrefix) ? name.substr(6) : "";
    if (!number.empty() && number.find_first_not_of("0123456789") == std::string::npos &&
        base::read_file(text_of(machine, "path") + kRecord, kRecordLimit)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<void> set_exercise(const StudentTools& tools,
                          const std::string& machine,
                          const Exercise& exercise) {
  const Terminal terminal = terminal_of(tools, machine);
  const Ran made = terminal.run(
      {"migctl", "sim", "create", machine, "--gpus", "2x " + tools.board, "--latency", "none"});
  if (!made.ok()) {
    const bool there = made.exit_code == error_info(ErrorCode::kConflict).exit_code;
    return fail(
        there ? ErrorCode::kConflict : ErrorCode::kInvalidInput,
        "the machine is not made: " + made.printed.substr(0, made.printed.find('\n')),
        there ? fmt::format("`migctl sim destroy {}` removes it, --machine takes another", machine)
              : "");
  }
  auto ready = begin(terminal, exercise);
  if (ready) {
    auto folder = folder_of(tools, machine);
    ready = folder ? base::write_file_atomic(
                         *folder + kRecord, std::string(exercise.number) + "\n", 0600)
                   : Result<void>(folder.error());
  }
  if (!ready) {
    destroy(tools, machine);
  }
  return ready;
}

Result<std::string> exercise_on(const StudentTools& tools, const std::string& machine) {
  MIG_ASSIGN_OR_RETURN(const std::string folder, folder_of(tools, machine));
  const auto text = base::read_file(folder + kRecord, kRecordLimit);
  if (!text) {
    return std::string();
  }
  return text->substr(0, text->find('\n'));
}

Result<std::vector<std::string>> make_class(const StudentTools& tools,
                                            std::uint32_t students,
                                            const Exercise& exercise) {
  std::vector<std::string> made;
  for (std::uint32_t i = 1; i <= students; ++i) {
    const std::string machine = fmt::format("{}{:02}", kPrefix, i);
    Result<void> ready = tools.stop != nullptr && *tools.stop
                             ? Result<void>(fail(ErrorCode::kTimeout, "interrupted"))
                             : set_exercise(tools, machine, exercise);
    if (!ready) {
      for (const std::string& name : made) {
        destroy(tools, name);
      }
      Error error = std::move(ready).error();
      if (error.code == ErrorCode::kConflict) {
        error.hint = fmt::format(
            "`migctl lab class --remove` removes a class, `migctl sim destroy {}` a machine of "
            "another origin",
            machine);
      }
      return error;
    }
    made.push_back(machine);
    if (tools.tell) {
      tools.tell(machine);
    }
  }
  return made;
}

Result<std::vector<ClassRow>> look_at_class(const StudentTools& tools,
                                            const std::string& exercise) {
  MIG_ASSIGN_OR_RETURN(const std::vector<std::string> names, machines_of_class(tools));
  if (names.empty()) {
    return fail(ErrorCode::kNotFound,
                "there is no class",
                "migctl lab class --students 12 makes machines for twelve");
  }
  std::vector<ClassRow> rows;
  for (const std::string& name : names) {
    ClassRow row;
    row.machine = name;
    row.exercise = exercise.empty() ? exercise_on(tools, name).value_or("") : exercise;
    const auto inventory = read(terminal_of(tools, name));
    if (!inventory) {
      row.error = inventory.error().message;
    } else if (const Exercise* set = find_exercise(row.exercise);
               set == nullptr || !set->judged || set->number == kByAnswers) {
      row.by_hand = true;
      row.error = set == nullptr ? "no exercise is recorded"
                                 : fmt::format("not judged by the machine's state; handed in: {}",
                                               set->hand_in);
    } else {
      row.verdict = judge(row.exercise, *inventory, GpuIndex{0});
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// What was started in the background: it may be on no GPU, so that destroying one does not end it.
void stop_jobs(const StudentTools& tools, const std::string& machine) {
  const Terminal terminal = terminal_of(tools, machine);
  const auto json = document_of(terminal, {"migctl", "jobs", "--json"});
  if (!json) {
    return;
  }
  std::vector<std::string> words = {"migctl", "stop", "--grace", "2s"};
  const std::size_t options = words.size();
  for (const base::Json& job : member_of(*json, "jobs")) {
    if (job.contains("id") && job["id"].is_number_unsigned() && job.contains("finishedMs") &&
        job["finishedMs"].is_null()) {
      words.push_back(std::to_string(job["id"].get<std::uint64_t>()));
    }
  }
  if (words.size() > options) {
    terminal.run(words);
  }
}

Result<std::vector<std::string>> remove_class(const StudentTools& tools) {
  MIG_ASSIGN_OR_RETURN(std::vector<std::string> names, machines_of_class(tools));
  if (names.empty()) {
    return fail(ErrorCode::kNotFound, "there is no class to remove");
  }
  for (const std::string& name : names) {
    stop_jobs(tools, name);
    MIG_TRY(run(terminal_of(tools, name), {"migctl", "sim", "destroy", name, "--force"}));
  }
  return names;
}

}  // namespace mig::lab
