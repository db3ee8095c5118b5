// SPDX-License-Identifier: Apache-2.0
// Part 6: the right size, and cleaning up.
#include <fmt/format.h>

#include "base/strings.h"
#include "lab/judge.h"
#include "lab/parts.h"

namespace mig::lab {
namespace {

using report::Tone;

constexpr std::chrono::milliseconds kLong{300'000};

std::string or_none(const std::string& text) {
  return text.empty() ? "none" : text;
}

report::Cell fits_cell(const base::Json& row) {
  const base::Json& fits = member_of(row, "fits");
  if (!fits.is_boolean()) {
    return {};
  }
  const bool yes = fits.get<bool>();
  report::Cell cell{yes ? "fits" : "out of memory"};
  cell.tone = yes ? Tone::kGood : Tone::kBad;
  return cell;
}

report::Cell figure(const std::optional<double>& value, const char* format) {
  if (!value) {
    return {};
  }
  return {fmt::format(fmt::runtime(format), *value), *value};
}

// The lab's three models on every profile, by `migctl rightsize`.
void models_table(Chapter& chapter, const base::Json& document) {
  report::Table table;
  table.caption = "The lab's models on the profiles of this board";
  table.columns = {{"model", "", report::Align::kLeft},
                   {"profile", "", report::Align::kLeft},
                   {"throughput", "samples/s", report::Align::kRight},
                   {"peak memory", "MiB", report::Align::kRight},
                   {"verdict", "", report::Align::kLeft}};
  table.origin = chapter.course().origin;
  table.source = report::marked("`migctl rightsize --lab-models`");
  for (const base::Json& row : member_of(document, "rows")) {
    table.rows.push_back({{text_of(row, "model")},
                          {text_of(row, "profile")},
                          figure(number_of(row, "samplesPerSecond"), "{:.0f}"),
                          figure(number_of(row, "peakMemoryMib"), "{:.0f}"),
                          fits_cell(row)});
  }
  chapter.check("each model has been measured", !table.rows.empty());
  std::vector<std::string> answers;
  for (const base::Json& minimum : member_of(document, "minimum")) {
    answers.push_back(
        fmt::format("{}: *{}*", text_of(minimum, "model"), or_none(text_of(minimum, "profile"))));
  }
  for (const base::Json& enough : member_of(document, "enough")) {
    answers.push_back(fmt::format("with 80 % of the whole speed, {}: *{}*",
                                  text_of(enough, "model"),
                                  or_none(text_of(enough, "profile"))));
  }
  chapter.course().findings.sizes = {table};
  chapter.add(std::move(table));
  chapter.question("Minimum required profile for each model", answers);
}

// One size after the other: the training of exercise 3.1 on each profile.
void training_on_each(Chapter& chapter) {
  const Gpu gpu = chapter.gpu();
  report::Table table;
  table.caption = "The training of exercise 3.1 on each size";
  table.columns = {{"profile", "", report::Align::kLeft},
                   {"SMs", "", report::Align::kRight},
                   {"throughput", "steps/s", report::Align::kRight},
                   {"of the largest", "%", report::Align::kRight},
                   {"memory held", "MiB", report::Align::kRight}};
  table.origin = chapter.course().origin;
  table.source = report::marked("`mig-workload train --steps 200 --json`, fp32, batch 128");
  double whole = 0;
  for (const auto* profile :
       {whole_profile(gpu), large_profile(gpu), medium_profile(gpu), small_profile(gpu)}) {
    if (profile == nullptr || chapter.stopped()) {
      continue;
    }
    const Terminal& terminal = chapter.terminal();
    terminal.run({"migctl", "-q", "destroy", "--all", "-i", index_of(chapter.course())});
    const Ran made = terminal.run(
        {"migctl", "-q", "create", "-i", index_of(chapter.course()), profile->name.str()});
    const std::vector<Device> devices = devices_of(chapter.gpu());
    if (!made.ok() || devices.empty()) {
      chapter.check("an instance " + profile->name.str(), false, made.printed);
      return;
    }
    Ways ways;
    ways.environment = {{"CUDA_VISIBLE_DEVICES", devices.front().uuid}};
    const base::Json ran =
        chapter.document({"mig-workload", "train", "--steps", "200", "--json"}, ways);
    const double rate = number_of(ran, "stepsPerSecond").value_or(0);
    whole = whole == 0 ? rate : whole;
    const double held = number_of(ran, "memoryHeldBytes").value_or(0) / (1U << 20U);
    table.rows.push_back({{profile->name.str()},
                          {std::to_string(profile->sm), static_cast<double>(profile->sm)},
                          {fmt::format("{:.1f}", rate), rate},
                          {fmt::format("{:.0f}", whole > 0 ? rate / whole * 100 : 0)},
                          {fmt::format("{:.0f}", held), held}});
  }
  chapter.course().findings.sizes.emplace_back(table);
  chapter.add(std::move(table));
  chapter.words(
      "More SMs are not as much more speed: a part of every step is the host's. So the smallest "
      "profile that holds the memory is often the one to begin with, and a measurement decides.");
}

bool has_models(const Terminal& terminal) {
  const Ran help = terminal.run({"migctl", "rightsize", "--help"});
  return help.ok() && help.printed.find("--lab-models") != std::string::npos;
}

}  // namespace

void right_sizes(Chapter& chapter) {
  const Course& course = chapter.course();
  if (has_models(chapter.terminal())) {
    Ways ways;
    ways.patience = kLong;
    std::vector<std::string> words = {
        "migctl", "-q", "rightsize", "--lab-models", "--seconds", "0.5", "-i", index_of(course)};
    if (course.may_change) {
      words.emplace_back("--create");
    }
    const Ran shown = chapter.show(words, ways);
    chapter.check("the lab's models are measured on the profiles of this board", shown.ok());
    words.emplace_back("--json");
    models_table(chapter, chapter.document(words, ways));
  } else {
    chapter.note("This build has no `migctl rightsize`; the lab's training stands for its models.");
  }
  if (course.may_change) {
    training_on_each(chapter);
  }
  chapter.lab_error(
      "The lab's three models have 4.2, 16.8 and 67.1 million parameters: with Adam that is 67, "
      "268 "
      "and 1074 MB, so all of them fit on the smallest instance, and memory decides nothing. "
      "Throughput does.");
}

void clean_up(Chapter& chapter) {
  const std::string gpu = index_of(chapter.course());
  if (!chapter.course().may_change) {
    chapter.not_run("the layout and the mode stay as they are (--read-only)",
                    {"sudo nvidia-smi mig -dci",
                     "sudo nvidia-smi mig -dgi",
                     "sudo nvidia-smi -i " + gpu + " -mig 0"});
    return;
  }
  if (chapter.gpu().instances.empty() && !set_layout(chapter, Start::kMixed)) {
    return;
  }
  const bool ampere = chapter.gpu().architecture == Architecture::kAmpere;
  chapter.show({"nvidia-smi", "mig", "-i", gpu, "-dci"});
  chapter.show({"nvidia-smi", "mig", "-i", gpu, "-dgi"});
  chapter.show({"nvidia-smi", "-i", gpu, "-mig", "0"});
  if (ampere) {
    chapter.show({"nvidia-smi", "-i", gpu, "--gpu-reset"});
  }
  chapter.show({"nvidia-smi"});
  const auto inventory = chapter.course().bench->read();
  const Verdict verdict =
      inventory ? judge("6.2", *inventory, chapter.course().gpu) : Verdict{"6.2", false, "", {}};
  chapter.check(
      "no instance is left and MIG is off (migctl lab check 6.2)", verdict.passed, verdict.seen);
  chapter.words(
      "With migctl it is one command, which refuses while somebody is on an instance: "
      "`migctl mode disable -i " +
      gpu + "`.");
}

}  // namespace mig::lab
