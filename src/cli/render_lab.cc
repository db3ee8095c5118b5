// SPDX-License-Identifier: Apache-2.0
#include "cli/render_lab.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/render_inventory.h"
#include "cli/table.h"

namespace mig::cli {
namespace {

std::string line(const Paint& paint, const char* name, const std::string& text) {
  return text.empty()
             ? ""
             : fmt::format("  {} {}\n", paint(Style::kDim, fmt::format("{:<8}", name)), text);
}

std::string hint_text(const lab::Hint& hint, const Paint& paint) {
  return line(paint, "found", hint.found) + line(paint, "missing", hint.missing) +
         line(paint, "see", hint.shows) + line(paint, "because", hint.why) +
         line(paint, "next", hint.next);
}

}  // namespace

std::string lab_check_text(const lab::Verdict& verdict,
                           const wire::Source& source,
                           const Paint& paint) {
  std::string text =
      source.simulated ? fmt::format("SIMULATED machine \"{}\"\n", source.machine) : "";
  text += fmt::format(
      "exercise {}: {}\n",
      verdict.exercise,
      verdict.passed ? paint(Style::kGreen, "right") : paint(Style::kYellow, "not yet"));
  text += line(paint, "seen", verdict.seen);
  for (const lab::Hint& hint : verdict.hints) {
    text += "\n" + hint_text(hint, paint);
  }
  return text;
}

std::string lab_class_text(const std::vector<lab::ClassRow>& rows, const Paint& paint) {
  Table table({{"MACHINE"}, {"EXERCISE"}, {"STATE"}, {"MISTAKE"}, {"WHAT IS THERE"}});
  std::size_t right = 0;
  for (const lab::ClassRow& row : rows) {
    right += row.verdict.passed ? 1 : 0;
    table.row({row.machine,
               row.exercise.empty() ? "?" : row.exercise,
               row.by_hand          ? "by hand"
               : row.verdict.passed ? "right"
               : !row.error.empty() ? "unread"
                                    : "not yet",
               row.verdict.hints.empty() ? "" : row.verdict.hints.front().mistake,
               row.error.empty() ? row.verdict.seen : row.error});
  }
  return fmt::format("SIMULATED machines of a class: {} of {} right\n", right, rows.size()) +
         table.draw(paint) + "`migctl --sim MACHINE lab check` says more of one\n";
}

std::string lab_exercises_text(const Paint& paint) {
  Table table({{"EXERCISE"}, {"TITLE"}, {"CHECKED BY `lab check`"}});
  for (const lab::Exercise& one : lab::exercises()) {
    table.row({std::string(one.number), std::string(one.title), one.judged ? "yes" : "no"});
  }
  return table.draw(paint, 0);
}

std::string lab_task_text(const lab::Exercise& exercise,
                          const std::string& machine,
                          const Paint& paint) {
  std::string text = fmt::format(
      "{}\n\n{}\nHand in: {}.\n\n",
      paint(Style::kBold, fmt::format("Exercise {}: {}", exercise.number, exercise.title)),
      exercise.task,
      exercise.hand_in);
  text += fmt::format(
      "Your machine is SIMULATED, and its name is {0}. Enter it, work, and leave by `exit`:\n"
      "  migctl sim shell {0}\n",
      machine);
  if (exercise.judged) {
    text += fmt::format("When you think that you are done:\n  migctl --sim {} lab check {}\n",
                        machine,
                        exercise.number);
  }
  return text +
         fmt::format("To begin anew: migctl sim destroy {0}, and this command again.\n", machine);
}

}  // namespace mig::cli
