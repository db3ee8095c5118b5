// SPDX-License-Identifier: Apache-2.0
#include "lab/chapter.h"

#include <algorithm>

#include <fmt/format.h>

namespace mig::lab {

using report::marked;

Chapter::Chapter(Course& course, std::string number, std::string title, std::uint32_t level)
    : course_(&course), exercise_(std::move(number)) {
  section_.id = "ex-" + exercise_;
  section_.number = exercise_;
  section_.title = std::move(title);
  section_.level = level;
}

Ran Chapter::show(const std::vector<std::string>& words, const Ways& ways) {
  Ran ran = terminal().run(words, ways);
  section_.add(ran.transcript());
  return ran;
}

base::Json Chapter::document(const std::vector<std::string>& words, const Ways& ways) {
  Ways output = ways;
  output.only_output = true;
  const Ran ran = terminal().run(words, output);
  auto json = base::parse_json(ran.printed, {std::size_t{8} << 20U, terminal().typed(words)});
  if (!json) {
    check(ran.typed + " prints a document", false, ran.printed.substr(0, 500));
    return nullptr;
  }
  return *std::move(json);
}

void Chapter::words(std::string_view text) {
  section_.add(report::Paragraph{marked(text)});
}

void Chapter::items(const std::vector<std::string>& texts, bool numbered) {
  report::List list;
  list.numbered = numbered;
  for (const std::string& text : texts) {
    list.items.push_back(marked(text));
  }
  section_.add(std::move(list));
}

void Chapter::check(const std::string& name, bool passed, const std::string& detail) {
  if (stopped()) {
    return;  // what was interrupted proves nothing
  }
  ++course_->findings.checks;
  if (!passed) {
    course_->findings.failed.push_back(exercise_ + ": " + name);
  }
  section_.add(report::Check{name, passed, detail.substr(0, detail.find_last_not_of('\n') + 1)});
}

void Chapter::question(std::string_view text, const std::vector<std::string>& answers) {
  report::Question question;
  question.question = marked(text);
  for (const std::string& answer : answers) {
    question.answer.push_back(marked(answer));
  }
  section_.add(std::move(question));
}

void Chapter::lab_error(const std::string& text) {
  course_->findings.lab_errors.emplace_back(exercise_, text);
  section_.add(report::Notice{report::NoticeKind::kLabError, marked(text), {}});
}

void Chapter::note(const std::string& text) {
  section_.add(report::Notice{report::NoticeKind::kNote, marked(text), {}});
}

void Chapter::not_run(const std::string& why, std::vector<std::string> commands) {
  course_->findings.not_run.push_back(exercise_ + ": " + why);
  section_.add(report::Notice{report::NoticeKind::kNotRun, marked(why), std::move(commands)});
}

void Chapter::add(report::Block block) {
  section_.add(std::move(block));
}

Gpu Chapter::gpu() {
  const auto inventory = course_->bench->read();
  const Gpu* found = inventory ? inventory->find_gpu(course_->gpu) : nullptr;
  if (found == nullptr) {
    check(fmt::format("GPU {} can be read", course_->gpu.value),
          false,
          inventory ? "it is not there" : inventory.error().message);
    return {};
  }
  return *found;
}

void Chapter::insert(std::size_t at, report::Block block) {
  section_.blocks.insert(section_.blocks.begin() + static_cast<std::ptrdiff_t>(at),
                         std::move(block));
}

void Chapter::strip(const std::string& note) {
  section_.add(report::strip_of(gpu(), note));
}

std::string index_of(const Course& course) {
  return std::to_string(course.gpu.value);
}

std::vector<Device> devices_of(const Gpu& gpu) {
  std::vector<Device> devices;
  for (const GpuInstance& gi : gpu.instances) {
    for (const ComputeInstance& ci : gi.compute_instances) {
      devices.push_back(
          {ci.uuid, ci.name.str(), gi.id.value, ci.sm.value_or(gi.sm), gi.memory_mib});
    }
  }
  std::stable_sort(
      devices.begin(), devices.end(), [](const Device& a, const Device& b) { return a.sm > b.sm; });
  return devices;
}

const base::Json& member_of(const base::Json& json, std::string_view key) {
  static const base::Json kNone;
  if (!json.is_object()) {
    return kNone;
  }
  const auto found = json.find(std::string(key));
  return found == json.end() ? kNone : *found;
}

std::string text_of(const base::Json& json, std::string_view key) {
  const base::Json& member = member_of(json, key);
  return member.is_string() ? member.get<std::string>() : "";
}

std::optional<double> number_of(const base::Json& json, std::string_view key) {
  const base::Json& member = member_of(json, key);
  return member.is_number() ? std::optional(member.get<double>()) : std::nullopt;
}

std::string gib(std::uint64_t mib) {
  // As nvidia-smi prints it: cut, not rounded (9856 MiB are 9.62).
  const std::uint64_t hundredths = mib * 100 / 1024;
  return fmt::format("{}.{:02}", hundredths / 100, hundredths % 100);
}

}  // namespace mig::lab
