// SPDX-License-Identifier: Apache-2.0
#include "lab/course.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/strings.h"
#include "lab/parts.h"

namespace mig::lab {
namespace {

struct Part {
  const char* number;
  const char* heading;  // of a new part of the report; "" = none
  const char* title;
  void (*run)(Chapter&);
  Start start;
  bool changes;  // needs the layout it starts with; else takes what is there
};

// In the lab's order.
const std::vector<Part>& parts() {
  static const std::vector<Part> kParts = {
      {"1.1",
       "Part 1: MIG configuration basics",
       "Enable MIG mode",
       enable_mode,
       Start::kMigOff,
       false},
      {"1.2", "", "Explore MIG profiles", explore_profiles, Start::kMigOn, true},
      {"2.1",
       "Part 2: Creating and managing instances",
       "Uniform configuration",
       uniform_layout,
       Start::kMigOn,
       true},
      {"2.2", "", "Mixed configuration", mixed_layout, Start::kSeven, true},
      {"2.3", "", "Instance selection", select_instance, Start::kMixed, true},
      {"3.1",
       "Part 3: Multi-tenant workload isolation",
       "Concurrent workloads",
       concurrent_jobs,
       Start::kMixed,
       true},
      {"3.2", "", "Fault isolation", fault_isolation, Start::kMixed, true},
      {"4.1", "Part 4: MIG with containers", "Docker with MIG", containers, Start::kMixed, true},
      {"4.2", "", "Compose for several instances", compose_services, Start::kMixed, true},
      {"5.1",
       "Part 5: Monitoring and metrics",
       "Collect MIG metrics",
       watch_instances,
       Start::kMixed,
       true},
      {"5.2", "", "Export metrics to Prometheus", export_metrics, Start::kMixed, true},
      {"6.1",
       "Part 6: Best practices and clean-up",
       "Right-sizing workloads",
       right_sizes,
       Start::kMigOn,
       true},
      {"6.2", "", "Clean-up and reset", clean_up, Start::kMixed, true},
      {"deliverable2",
       "Deliverables",
       "Performance analysis",
       performance_analysis,
       Start::kMigOff,
       false},
      {"deliverable3", "", "Best practices", best_practices, Start::kMigOff, false},
      {"deliverable4", "", "Use case recommendations", use_cases, Start::kMigOff, false},
      {"bonus1", "Bonus challenges", "Kubernetes integration", kubernetes, Start::kMixed, true},
      {"bonus2", "", "Dynamic reconfiguration", reconfigure, Start::kMixed, true},
      {"bonus3", "", "Cost analysis", cost_analysis, Start::kMixed, true},
      {"bonus4", "", "Advanced monitoring", advanced_monitoring, Start::kMixed, true},
      {"troubleshooting",
       "Troubleshooting",
       "What doctor finds",
       troubleshooting,
       Start::kMixed,
       true}};
  return kParts;
}

bool chosen(const std::vector<std::string>& only, std::string_view number) {
  return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& one) {
           return one == number || (one == "deliverables" && number.starts_with("deliverable")) ||
                  (one == "bonus" && number.starts_with("bonus"));
         });
}

Result<void> check_numbers(const std::vector<std::string>& only) {
  std::vector<std::string> all = course_numbers();
  all.insert(all.end(), {"deliverables", "bonus"});
  for (const std::string& one : only) {
    if (std::find(all.begin(), all.end(), one) == all.end()) {
      return fail(ErrorCode::kUsage,
                  "lab: there is no exercise " + base::quoted(one),
                  "there are: " + base::join(all, ", "));
    }
  }
  return {};
}

// On a machine that is not the lab's own nothing of others is touched.
Result<void> check_free(const Gpu& gpu) {
  if (!gpu.processes.empty() || !gpu.leases.empty()) {
    return fail(ErrorCode::kInUse,
                fmt::format("lab: GPU {} is in use ({})",
                            gpu.index.value,
                            base::counted(gpu.processes.size(), "process")),
                "end what runs there, choose another GPU with -i, or look only: --read-only");
  }
  if (!gpu.instances.empty()) {
    return fail(ErrorCode::kInUse,
                fmt::format("lab: GPU {} has {}, and the lab would remove them",
                            gpu.index.value,
                            base::counted(gpu.instances.size(), "instance")),
                "destroy them yourself, choose another GPU with -i, or look only: --read-only");
  }
  return {};
}

// An exercise that is run without the one before it begins with the layout it needs.
bool prepare(Chapter& chapter, const Part& part) {
  if (!part.changes || !chapter.course().may_change) {
    return true;
  }
  const Gpu gpu = chapter.gpu();
  if (gpu.mig_current != MigMode::kEnabled) {
    const Ran ran = chapter.terminal().run(
        {"migctl", "-q", "mode", "enable", "-i", index_of(chapter.course())});
    if (!ran.ok()) {
      chapter.check("MIG can be switched on for this exercise", false, ran.printed);
      return false;
    }
  }
  const std::vector<Wanted> wanted = part.start == Start::kSeven   ? wanted_layout("2.1", gpu)
                                     : part.start == Start::kMixed ? wanted_layout("2.2", gpu)
                                                                   : std::vector<Wanted>();
  std::size_t count = 0;
  for (const Wanted& one : wanted) {
    count += one.count;
  }
  const bool there =
      gpu.instances.size() == count &&
      std::all_of(wanted.begin(), wanted.end(), [&](const Wanted& one) {
        return std::any_of(gpu.instances.begin(), gpu.instances.end(), [&](const GpuInstance& gi) {
          return gi.name == one.profile;
        });
      });
  return there || set_layout(chapter, part.start);
}

// "2.2"; "Bonus 1", "Deliverable 3"; "" for what has none.
std::string shown_number(std::string_view number) {
  for (const auto& [word, shown] : {std::pair<std::string_view, const char*>{"bonus", "Bonus "},
                                    {"deliverable", "Deliverable "}}) {
    if (number.starts_with(word)) {
      return shown + std::string(number.substr(word.size()));
    }
  }
  return number == "troubleshooting" ? "" : std::string(number);
}

report::Section heading(const std::string& title) {
  report::Section section;
  section.title = title;
  section.level = 1;
  return section;
}

report::Section summary(const Outcome& outcome, const Course& course, double seconds) {
  report::Section section = heading("Summary");
  section.id = "summary";
  const bool good = outcome.failed.empty() && !outcome.stopped;
  report::Text verdict;
  verdict.plain(fmt::format("{} of {} checks hold; {} in {:.0f} s.",
                            outcome.checks - outcome.failed.size(),
                            outcome.checks,
                            base::counted(outcome.done.size(), "part"),
                            seconds));
  if (outcome.stopped) {
    verdict.plain(" The lab was interrupted.");
  }
  section.add(
      report::Notice{good ? report::NoticeKind::kGood : report::NoticeKind::kProblem, verdict, {}});
  const auto list = [&](const char* title, const std::vector<std::string>& lines) {
    if (lines.empty()) {
      return;
    }
    section.add(report::Paragraph{report::Text().emphasis(title)});
    report::List items;
    for (const std::string& line : lines) {
      items.items.push_back(report::marked(line));
    }
    section.add(std::move(items));
  };
  list("What does not hold", outcome.failed);
  list("What was not run here, and why", outcome.not_run);
  std::vector<std::string> errors;
  for (const auto& [number, text] : course.findings.lab_errors) {
    errors.push_back(fmt::format("{}: {}", number, text));
  }
  list("What is wrong in the lab's own text", errors);
  return section;
}

report::Section submit(const Course& course) {
  report::Section section = heading("What to submit");
  section.id = "submit";
  report::List list;
  list.numbered = true;
  for (const char* item :
       {"*Configuration screenshots*: [1.1](#ex-1.1) MIG enabled, [2.1](#ex-2.1) and "
        "[2.2](#ex-2.2) "
        "two profile configurations, [3.1](#ex-3.1) running workloads. Commands with what they "
        "printed stand for pictures.",
        "*Performance analysis*: [deliverable 2](#ex-deliverable2).",
        "*Best practices document*: [deliverable 3](#ex-deliverable3).",
        "*Use case recommendations*: [deliverable 4](#ex-deliverable4)."}) {
    list.items.push_back(report::marked(item));
  }
  section.add(std::move(list));
  if (const auto& made = course.bench->made()) {
    section.add(report::Paragraph{report::marked("The machine that all of it ran on:")});
    section.add(made->transcript());
  }
  return section;
}

void describe(report::Report& report, const Inventory& inventory, const Gpu& gpu) {
  report.title = "GPU sharing with Multi-Instance GPU: the lab";
  report.subtitle = "Every exercise, question, deliverable and bonus challenge, as it ran";
  report.simulated = inventory.simulated;
  report.simulated_machine = inventory.simulated_machine;
  report.machine = {{"GPU", gpu.name},
                    {"UUID", report::Text().code(gpu.uuid)},
                    {"Driver", inventory.driver_version},
                    {"NVML", inventory.nvml_version}};
}

void run_parts(const CourseRequest& request, Course& course, Outcome& outcome) {
  const auto& all = parts();
  std::string pending;
  for (const Part& part : all) {
    pending = *part.heading != '\0' ? part.heading : pending;
    if (!chosen(request.only, part.number) || course.bench->terminal().stopped()) {
      continue;
    }
    if (course.tell) {
      course.tell(fmt::format("{} {}", part.number, part.title));
    }
    Chapter chapter(course, part.number, part.title);
    chapter.number_to_show(shown_number(part.number));
    if (prepare(chapter, part)) {
      part.run(chapter);
    }
    if (!pending.empty()) {
      outcome.report.sections.push_back(heading(pending));
      pending.clear();
    }
    outcome.report.sections.push_back(chapter.section());
    outcome.done.emplace_back(part.number);
  }
}

// Leaves a machine that is not the lab's own as it was found.
void put_back(const Course& course, const Gpu& found) {
  const Terminal& terminal = course.bench->terminal();
  Ways all_the_way;
  all_the_way.to_the_end = true;
  if (course.bench->is_private() || !course.may_change) {
    return;
  }
  const auto now = course.bench->read();
  const Gpu* gpu = now ? now->find_gpu(course.gpu) : nullptr;
  if (gpu == nullptr) {
    return;
  }
  if (!gpu->instances.empty()) {
    terminal.run({"migctl", "-q", "destroy", "--all", "-i", index_of(course)}, all_the_way);
  }
  if (gpu->mig_current != found.mig_current) {
    const char* word = found.mig_current == MigMode::kEnabled ? "enable" : "disable";
    terminal.run({"migctl", "-q", "mode", word, "-i", index_of(course)}, all_the_way);
  }
}

}  // namespace

std::vector<std::string> course_numbers() {
  std::vector<std::string> numbers;
  for (const Part& part : parts()) {
    numbers.emplace_back(part.number);
  }
  return numbers;
}

Result<Outcome> run_course(const CourseRequest& request) {
  MIG_TRY(check_numbers(request.only));
  const auto begin = std::chrono::steady_clock::now();
  MIG_ASSIGN_OR_RETURN(const std::unique_ptr<Bench> bench, Bench::open(request.bench));
  MIG_ASSIGN_OR_RETURN(const Inventory inventory, bench->read());
  const Gpu* gpu = inventory.find_gpu(request.gpu);
  if (gpu == nullptr) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("lab: there is no GPU {}", request.gpu.value));
  }
  // Hardware is never met by mistake, and a simulation never taken for it.
  if (bench->is_private() && !inventory.simulated) {
    return fail(ErrorCode::kInternal, "lab: the private machine is not simulated");
  }
  if (!bench->is_private() && !request.read_only) {
    MIG_TRY(check_free(*gpu));
  }
  Course course;
  course.bench = bench.get();
  course.gpu = request.gpu;
  course.may_change = !request.read_only;
  course.origin = inventory.simulated ? report::Origin::kSimulated : report::Origin::kMeasured;
  course.image = request.image;
  course.tell = request.tell;
  Outcome outcome;
  describe(outcome.report, inventory, *gpu);
  outcome.report.program = request.program;
  outcome.report.created_ms = request.now_ms;
  run_parts(request, course, outcome);
  put_back(course, *gpu);
  outcome.stopped = bench->terminal().stopped();
  outcome.checks = course.findings.checks;
  outcome.failed = course.findings.failed;
  outcome.not_run = course.findings.not_run;
  outcome.lab_errors = course.findings.lab_errors;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  auto& sections = outcome.report.sections;
  sections.insert(sections.begin(), submit(course));
  sections.insert(sections.begin(), summary(outcome, course, seconds));
  return outcome;
}

}  // namespace mig::lab
