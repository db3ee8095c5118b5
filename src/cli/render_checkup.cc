// SPDX-License-Identifier: Apache-2.0
#include "cli/render_checkup.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/render_inventory.h"
#include "cli/table.h"

namespace mig::cli {
namespace {

std::string word(Verdict verdict, const Paint& paint) {
  std::string text =
      fmt::format("{:<8}", verdict == Verdict::kNotHere ? "-" : std::string(name_of(verdict)));
  switch (verdict) {
    case Verdict::kOk:
      return paint(Style::kGreen, text);
    case Verdict::kWarning:
      return paint(Style::kYellow, text);
    case Verdict::kProblem:
      return paint(Style::kRed, text);
    case Verdict::kNote:
    case Verdict::kNotHere:
      break;
  }
  return text;
}

bool explains(Verdict verdict) {
  return verdict != Verdict::kOk && verdict != Verdict::kNotHere;
}

// Texts of a finding come from files and processes of others: one line each.
std::string line(const char* label, const std::string& text) {
  return fmt::format("    {:<8} {}\n", label, base::printable(text));
}

std::string summary(const Checkup& checkup) {
  const CheckupCounts counts = checkup.counts();
  std::string text = fmt::format("{}: {}, {}, {} ok",
                                 base::counted(checkup.results.size(), "check"),
                                 base::counted(counts.problem, "problem"),
                                 base::counted(counts.warning, "warning"),
                                 counts.ok);
  text += fmt::format(", {}, {} not here\n", base::counted(counts.note, "note"), counts.not_here);
  return checkup.privileged ? text
                            : text +
                                  "not run as root: processes of others, the kernel log and "
                                  "records of migctl may not have been looked at\n";
}

}  // namespace

std::string render_checkup(const Checkup& checkup,
                           const wire::Source& source,
                           bool all,
                           const Paint& paint) {
  std::string text = simulated_mark(source);
  text += text.empty() ? "" : "\n";
  std::size_t width = 0;
  for (const CheckResult& result : checkup.results) {
    width = std::max(width, result.id.size());
  }
  for (const CheckResult& result : checkup.results) {
    text += fmt::format("{} {:<{}}  {}\n",
                        word(result.verdict, paint),
                        result.id,
                        width,
                        base::printable(result.found));
    if (all || explains(result.verdict)) {
      for (const std::string& evidence : result.evidence) {
        text += line("seen", evidence);
      }
    }
    if (!result.cause.empty()) {
      text += line("because", result.cause);
    }
    for (const std::string& command : result.mend) {
      text += line("mend", command);
    }
  }
  return text + summary(checkup);
}

std::string render_checks(const std::vector<CheckName>& checks, const Paint& paint) {
  Table table({{"CHECK"}, {"WHAT IS RIGHT"}, {"DRIVER"}});
  for (const CheckName& check : checks) {
    table.row({check.id, check.title, check.needs_driver ? "asked" : "-"});
  }
  return table.draw(paint);
}

}  // namespace mig::cli
