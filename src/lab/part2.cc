// SPDX-License-Identifier: Apache-2.0
// Part 2: making instances, and choosing one.
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "lab/judge.h"
#include "lab/parts.h"

namespace mig::lab {
namespace {

std::string ids(const GpuInstanceProfile& profile, std::uint32_t count) {
  std::vector<std::string> all(count, std::to_string(profile.id.value));
  return base::join(all, ",");
}

std::vector<std::string> mig(const Course& course, std::vector<std::string> words) {
  std::vector<std::string> all = {"nvidia-smi", "mig", "-i", index_of(course)};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

std::uint32_t sms_of(const Gpu& gpu) {
  std::uint32_t sms = 0;
  for (const GpuInstance& gi : gpu.instances) {
    sms += gi.sm;
  }
  return sms;
}

void record(Chapter& chapter, const Gpu& gpu, const std::string& caption) {
  report::Table table;
  table.caption = caption;
  table.columns = {{"MIG device", "", report::Align::kLeft},
                   {"GI", "", report::Align::kRight},
                   {"SMs", "", report::Align::kRight},
                   {"memory", "GiB", report::Align::kRight},
                   {"UUID", "", report::Align::kLeft}};
  table.source = report::marked("`migctl list --json`");
  table.origin = chapter.course().origin;
  for (const Device& device : devices_of(gpu)) {
    table.rows.push_back({{device.profile},
                          {std::to_string(device.gi), static_cast<double>(device.gi)},
                          {std::to_string(device.sm), static_cast<double>(device.sm)},
                          {gib(device.memory_mib), static_cast<double>(device.memory_mib) / 1024},
                          {report::Text().code(device.uuid)}});
  }
  chapter.add(std::move(table));
}

void judged(Chapter& chapter, std::string_view exercise) {
  const auto inventory = chapter.course().bench->read();
  if (!inventory) {
    chapter.check("the machine can be read", false, inventory.error().message);
    return;
  }
  const Verdict verdict = judge(exercise, *inventory, chapter.course().gpu);
  chapter.check(fmt::format("migctl lab check {} passes", exercise),
                verdict.passed,
                verdict.hints.empty() ? verdict.seen : verdict.hints.front().found);
}

void may_not_change(Chapter& chapter, std::vector<std::string> commands) {
  chapter.not_run("the layout stays as it is (--read-only)", std::move(commands));
}

// The small ones first: what stands in the way of the large one stays.
void show_order_trap(Chapter& chapter, const Gpu& gpu) {
  const auto* small = small_profile(gpu);
  const auto* medium = medium_profile(gpu);
  const auto* large = large_profile(gpu);
  chapter.words(
      "*The order counts.* Two small ones, a medium and a large one fit together. The smallest "
      "first:");
  const Ran trap = chapter.show(
      mig(chapter.course(),
          {"-cgi",
           fmt::format(
               "{},{},{},{}", small->id.value, small->id.value, medium->id.value, large->id.value),
           "-C"}));
  const Gpu after = chapter.gpu();
  const bool blocked = trap.exit_code != 0;
  if (blocked) {
    chapter.words(fmt::format(
        "It failed at the last one, and the {} made before it stay. `migctl create` is all or "
        "nothing, and finds an order:",
        base::counted(after.instances.size(), "instance")));
  }
  chapter.show(mig(chapter.course(), {"-dci"}));
  chapter.show(mig(chapter.course(), {"-dgi"}));
  const Ran done = chapter.show({"migctl",
                                 "-q",
                                 "create",
                                 "-i",
                                 index_of(chapter.course()),
                                 small->name.str(),
                                 small->name.str(),
                                 medium->name.str(),
                                 large->name.str()});
  chapter.check("migctl creates them in an order that works", done.ok());
  static_cast<void>(set_layout(chapter, Start::kMigOn));
}

}  // namespace

bool set_layout(Chapter& chapter, Start start) {
  Course& course = chapter.course();
  const Gpu gpu = chapter.gpu();
  const Terminal& terminal = chapter.terminal();
  const std::vector<Wanted> wanted = start == Start::kSeven   ? wanted_layout("2.1", gpu)
                                     : start == Start::kMixed ? wanted_layout("2.2", gpu)
                                                              : std::vector<Wanted>();
  if (!gpu.instances.empty()) {
    const Ran gone = terminal.run({"migctl", "-q", "destroy", "--all", "-i", index_of(course)});
    if (!gone.ok()) {
      chapter.check("the GPU is empty for the next exercise", false, gone.printed);
      return false;
    }
  }
  std::vector<std::string> words = {"migctl", "-q", "create", "-i", index_of(course)};
  for (const Wanted& one : wanted) {
    words.insert(words.end(), one.count, one.profile.str());
  }
  const Ran made = wanted.empty() ? Ran{} : terminal.run(words);
  if (!wanted.empty() && !made.ok()) {
    chapter.check("the layout that the exercise begins with", false, made.printed);
    return false;
  }
  return true;
}

void uniform_layout(Chapter& chapter) {
  const Gpu before = chapter.gpu();
  const auto* small = small_profile(before);
  const auto* whole = whole_profile(before);
  if (small == nullptr || whole == nullptr) {
    chapter.check("the board has a profile of one slice", false);
    return;
  }
  const std::string list = ids(*small, small->max_count);
  if (!chapter.course().may_change) {
    may_not_change(chapter, {"sudo nvidia-smi mig -cgi " + list + " -C"});
    return;
  }
  if (!set_layout(chapter, Start::kMigOn)) {
    return;
  }
  chapter.show(mig(chapter.course(), {"-cgi", list, "-C"}));
  chapter.show(mig(chapter.course(), {"-lgi"}));
  chapter.show({"nvidia-smi", "-L"});
  chapter.words("One more does not fit, and says so:");
  const Ran eighth =
      chapter.show(mig(chapter.course(), {"-cgi", std::to_string(small->id.value), "-C"}));
  const Gpu after = chapter.gpu();
  chapter.add(report::strip_of(after, "full of the smallest instances"));
  record(chapter, after, "UUID of each MIG instance (the lab's TODO)");
  judged(chapter, "2.1");
  chapter.check(
      fmt::format("{} instances of {} SMs each", small->max_count, small->sm),
      after.instances.size() == small->max_count && sms_of(after) == small->max_count * small->sm,
      fmt::format("{} instances, {} SMs", after.instances.size(), sms_of(after)));
  chapter.check("an instance too many is refused", eighth.exit_code != 0);
  const std::uint32_t board = chapter.course().findings.whole_sms;
  chapter.words(fmt::format(
      "Together they use {} of the {} SMs that MIG can give here{}, and {} of {} memory slices.",
      sms_of(after),
      whole->sm,
      board == 0 ? ""
                 : fmt::format(" ({} of {} that the board has without MIG)", sms_of(after), board),
      after.instances.size() *
          (after.instances.empty() ? 0 : after.instances.front().placement.size),
      after.memory_slices));
  chapter.lab_error(
      "The lab's sample output of `-lgi` shows GPU instance ids 0, 1, ... and a column CI. Real "
      "ids do not begin at 0: an id is a place in a tree over the memory (1 and 2 the halves, 3 to "
      "6 the quarters, 7 to 13 the eighths). And `-lgi` lists GPU instances only; compute "
      "instances "
      "are `-lci`'s.");
}

void mixed_layout(Chapter& chapter) {
  const Gpu before = chapter.gpu();
  const std::vector<Wanted> wanted = wanted_layout("2.2", before);
  const auto* large = large_profile(before);
  const auto* medium = medium_profile(before);
  if (wanted.empty()) {
    chapter.check("the board has profiles of two and three slices", false);
    return;
  }
  const std::string list =
      fmt::format("{},{},{}", large->id.value, medium->id.value, medium->id.value);
  if (!chapter.course().may_change) {
    may_not_change(chapter,
                   {"sudo nvidia-smi mig -dci",
                    "sudo nvidia-smi mig -dgi",
                    "sudo nvidia-smi mig -cgi " + list + " -C"});
    return;
  }
  if (before.instances.empty() && !set_layout(chapter, Start::kSeven)) {
    return;
  }
  chapter.words("GPU instances cannot go while compute instances are on them:");
  const Ran refused = chapter.show(mig(chapter.course(), {"-dgi"}));
  chapter.check("-dgi alone is refused", refused.exit_code != 0);
  chapter.show(mig(chapter.course(), {"-dci"}));
  chapter.show(mig(chapter.course(), {"-dgi"}));
  show_order_trap(chapter, before);
  chapter.words("Now the layout that the exercise asks for:");
  chapter.show(mig(chapter.course(), {"-cgi", list, "-C"}));
  chapter.show(mig(chapter.course(), {"-lgi"}));
  chapter.show({"migctl", "list"});
  const Gpu after = chapter.gpu();
  chapter.add(report::strip_of(after, text_of(wanted)));
  record(chapter, after, "The configuration (the lab's TODO)");
  judged(chapter, "2.2");
  std::vector<std::string> answers;
  std::size_t at = 0;
  for (const Device& device : devices_of(after)) {
    answers.push_back(fmt::format("Instance {} ({}): *{} SMs*, *{} GiB* of memory.",
                                  at++,
                                  device.profile,
                                  device.sm,
                                  gib(device.memory_mib)));
  }
  chapter.question("Document the configuration: SMs and memory of each instance", answers);
  chapter.lab_error(
      "Course texts on MIG have `-cgi 9,9,7,7` for a mix. It cannot work on an A100: two 3g fill "
      "all eight memory slices, and 7 is no profile there.");
}

void select_instance(Chapter& chapter) {
  const std::vector<Device> devices = devices_of(chapter.gpu());
  if (devices.size() < 2) {
    chapter.not_run("needs two instances",
                    {"export CUDA_VISIBLE_DEVICES=MIG-<UUID>", "mig-workload info"});
    return;
  }
  chapter.words(
      "`mig-workload info` does what the lab's test_mig.py does: it prints what CUDA tells of the "
      "device, and takes four fifths of its memory.");
  report::Table table;
  table.caption = "What a program sees";
  table.columns = {{"instance", "", report::Align::kLeft},
                   {"memory", "GB (10^9)", report::Align::kRight},
                   {"SMs", "", report::Align::kRight},
                   {"allocated", "GB (10^9)", report::Align::kRight}};
  table.origin = chapter.course().origin;
  std::vector<std::string> answers;
  for (const Device* device : {&devices.front(), &devices.back()}) {
    Ways ways;
    ways.environment = {{"CUDA_VISIBLE_DEVICES", device->uuid}};
    chapter.show({"mig-workload", "info"}, ways);
    const base::Json seen = chapter.document({"mig-workload", "info", "--json"}, ways);
    const double memory = number_of(seen, "memoryTotalBytes").value_or(0) / 1e9;
    const double sm = number_of(seen, "sm").value_or(0);
    const double taken = number_of(seen, "allocatedBytes").value_or(0) / 1e9;
    table.rows.push_back({{device->profile},
                          {fmt::format("{:.2f}", memory), memory},
                          {fmt::format("{:.0f}", sm), sm},
                          {fmt::format("{:.2f}", taken), taken}});
    answers.push_back(fmt::format("{}: *{:.2f} GB*, {:.0f} SMs.", device->profile, memory, sm));
    chapter.check(fmt::format("a program on {} sees its {} SMs", device->profile, device->sm),
                  sm == static_cast<double>(device->sm));
  }
  chapter.add(std::move(table));
  answers.emplace_back(
      "PyTorch divides by 10^9 (GB), nvidia-smi by 2^30 (GiB): the same memory, two numbers.");
  chapter.question("Compare output: memory of instance 0 and instance 1", answers);
  chapter.lab_error(
      "The exercise speaks of instance 0 as 1g.5gb and instance 1 as 2g.10gb; the layout that "
      "exercise 2.2 has just made is one 3g and two 2g, larger ones first in `nvidia-smi -L`.");
  chapter.lab_error(
      "Other texts have `nvidia-smi mig -gi 5 -ci 0 python train.py`: there is no such command. A "
      "program is put on an instance by CUDA_VISIBLE_DEVICES, before it starts, or by "
      "`migctl run`.");
}

}  // namespace mig::lab
