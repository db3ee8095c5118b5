// SPDX-License-Identifier: Apache-2.0
// Part 3: several tenants: throughput beside each other, and what a neighbour can do.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "lab/parts.h"

namespace mig::lab {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kJob{120'000};
constexpr const char* kSteps = "400";

struct Job {
  Device device;
  std::string name;
  double alone = 0, together = 0;  // steps a second
};

std::vector<std::string> training(const Job& job) {
  return {"mig-workload", "train", "--steps", kSteps, "--every", kSteps, "--name", job.name};
}

Ways on(const Device& device) {
  Ways ways;
  ways.environment = {{"CUDA_VISIBLE_DEVICES", device.uuid}};
  return ways;
}

// Where jobs run: the instances; without any, the whole GPU three times (time-slicing).
std::vector<Job> jobs_of(const Gpu& gpu) {
  std::vector<Job> jobs;
  for (const Device& device : devices_of(gpu)) {
    if (jobs.size() < 3) {
      jobs.push_back({device, "job_" + std::to_string(jobs.size())});
    }
  }
  while (jobs.empty() || (gpu.instances.empty() && jobs.size() < 3)) {
    jobs.push_back({{gpu.uuid, "whole GPU", 0, 0, 0}, "job_" + std::to_string(jobs.size())});
  }
  return jobs;
}

// "Job job_0: Completed. Throughput: 211.53 iter/sec".
double rate(const std::string& printed) {
  constexpr std::string_view kWord = "Throughput: ";
  const std::size_t at = printed.rfind(kWord);
  if (at == std::string::npos) {
    return 0;
  }
  double value = 0;
  const char* begin = printed.data() + at + kWord.size();
  std::from_chars(begin, printed.data() + printed.size(), value, std::chars_format::fixed);
  return value;
}

void measure_alone(Chapter& chapter, std::vector<Job>& jobs) {
  for (Job& job : jobs) {
    job.alone = rate(chapter.show(training(job), on(job.device)).printed);
  }
}

// All at once, with the lab's `terminal 2` beside them.
bool measure_together(Chapter& chapter, std::vector<Job>& jobs) {
  const Terminal& terminal = chapter.terminal();
  std::vector<launch::Worker> workers;
  std::string typed;
  for (const Job& job : jobs) {
    const std::vector<std::string> words = training(job);
    typed += terminal.typed(words, on(job.device)) + " &\n";
    auto worker = terminal.start(words, on(job.device));
    if (!worker) {
      chapter.check(job.name + " starts", false, worker.error().message);
      return false;
    }
    workers.push_back(std::move(*worker));
  }
  for (launch::Worker& worker : workers) {
    worker.wait_output("Starting on", kToStart, terminal.stop());
  }
  chapter.words("Started together, in the background:");
  const std::size_t script = chapter.section().blocks.size();
  chapter.words("Meanwhile, in another terminal:");
  chapter.show({"nvidia-smi"});
  chapter.show({"nvidia-smi", "pmon", "-c", "1"});
  const Gpu busy = chapter.gpu();
  bool all = true;
  std::string printed;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    all = workers[i].wait(kJob, terminal.stop()) && workers[i].exit_code() == 0 && all;
    jobs[i].together = rate(workers[i].output());
    printed += workers[i].output();
  }
  chapter.insert(script,
                 report::Transcript{typed + "wait",
                                    all ? 0 : 1,
                                    printed,
                                    std::nullopt,
                                    "the lab's launch script; what the jobs printed, one after the "
                                    "other"});
  std::size_t seen = 0;
  for (const Job& job : jobs) {
    seen += std::any_of(busy.processes.begin(),
                        busy.processes.end(),
                        [&](const Process& one) {
                          return one.gpu_instance && one.gpu_instance->value == job.device.gi;
                        })
                ? 1
                : 0;
  }
  if (!busy.instances.empty()) {
    chapter.check("a training on each instance at the same time", seen == jobs.size());
  }
  chapter.check("all trainings end well", all);
  return all;
}

void show_throughput(Chapter& chapter, const std::vector<Job>& jobs, const std::string& source) {
  report::Table table;
  table.caption = "Throughput alone and beside each other";
  table.columns = {{"job", "", report::Align::kLeft},
                   {"instance", "", report::Align::kLeft},
                   {"SMs", "", report::Align::kRight},
                   {"alone", "steps/s", report::Align::kRight},
                   {"together", "steps/s", report::Align::kRight},
                   {"kept", "%", report::Align::kRight}};
  table.origin = chapter.course().origin;
  table.source = report::marked(source);
  report::BarChart chart;
  chart.head = {"Throughput of each job, alone and together",
                "steps/s",
                "For each job two bars: its speed alone, and beside the others",
                chapter.course().origin,
                report::marked(source)};
  chart.series = {{"alone", {}}, {"together", {}}};
  for (const Job& job : jobs) {
    const double kept = job.alone > 0 ? job.together / job.alone : 0;
    table.rows.push_back(
        {{job.name},
         {job.device.profile},
         {job.device.sm == 0 ? "" : std::to_string(job.device.sm)},
         {fmt::format("{:.1f}", job.alone), job.alone},
         {fmt::format("{:.1f}", job.together), job.together},
         {fmt::format("{:.1f}", kept * 100), kept * 100, report::Origin::kDerived}});
    chart.groups.push_back(job.name + " " + job.device.profile);
    chart.series[0].values.emplace_back(report::Value{job.alone});
    chart.series[1].values.emplace_back(report::Value{job.together});
  }
  chapter.course().findings.throughput = {table, chart};
  chapter.add(std::move(table));
  chapter.add(std::move(chart));
}

report::Tone tone_of(const std::string& verdict) {
  if (verdict == "isolated") {
    return report::Tone::kGood;
  }
  return verdict == "killed"   ? report::Tone::kBad
         : verdict == "slowed" ? report::Tone::kWarning
                               : report::Tone::kUnknown;
}

std::string verdict_text(const base::Json& cell) {
  const std::string verdict = text_of(cell, "verdict");
  const auto share = number_of(member_of(cell, "shareOfAlone"), "value");
  return verdict == "slowed" && share ? fmt::format("slowed by {:.0f} %", (1 - *share) * 100)
                                      : verdict;
}

std::optional<report::Value> share_of(const base::Json& cell) {
  const base::Json& share = member_of(cell, "shareOfAlone");
  const auto value = number_of(share, "value");
  if (!value) {
    return std::nullopt;
  }
  return report::Value{*value, number_of(share, "low"), number_of(share, "high")};
}

struct IsolationCharts {
  report::MatrixChart verdicts;
  report::BarChart speeds;
};

IsolationCharts charts_of(const base::Json& document, report::Origin origin) {
  IsolationCharts charts;
  const report::Text source = report::marked(
      "`migctl isolate-test`: speed beside a neighbour as a share of the speed alone, 95 % "
      "interval");
  charts.verdicts.head = {"Verdict by way of sharing and neighbour", "", "", origin, source};
  charts.verdicts.row_title = "neighbour";
  charts.speeds.head = {"Speed kept beside each neighbour", "of alone", "", origin, source};
  charts.speeds.references = {{1.0, "alone"}};
  for (const base::Json& mode : member_of(document, "modes")) {
    if (!text_of(mode, "skipped").empty()) {
      continue;
    }
    charts.verdicts.columns.push_back(text_of(mode, "sharing"));
    report::BarSeries series{text_of(mode, "sharing"), {}};
    std::size_t row = 0;
    for (const base::Json& cell : member_of(mode, "cells")) {
      if (charts.verdicts.columns.size() == 1) {
        charts.verdicts.rows.push_back(text_of(cell, "neighbour"));
        charts.verdicts.cells.emplace_back();
        charts.speeds.groups.push_back(text_of(cell, "neighbour"));
      }
      if (row < charts.verdicts.cells.size()) {
        charts.verdicts.cells[row++].push_back(
            {verdict_text(cell), tone_of(text_of(cell, "verdict")), {}});
      }
      series.values.push_back(share_of(cell));
    }
    charts.speeds.series.push_back(std::move(series));
  }
  return charts;
}

// "MIG: every neighbour isolated; time-slicing: 3 of 6 slowed".
void judge_isolation(Chapter& chapter, const base::Json& document) {
  for (const base::Json& mode : member_of(document, "modes")) {
    const std::string sharing = text_of(mode, "sharing");
    if (!text_of(mode, "skipped").empty()) {
      chapter.note(fmt::format("`{}` was not measured: {}.", sharing, text_of(mode, "skipped")));
      continue;
    }
    std::size_t isolated = 0, all = 0;
    for (const base::Json& cell : member_of(mode, "cells")) {
      ++all;
      isolated += text_of(cell, "verdict") == "isolated" ? 1 : 0;
    }
    const std::string detail = fmt::format("{} of {} neighbours", isolated, all);
    if (sharing == "mig") {
      chapter.check("on an instance of its own no neighbour slows or stops the training",
                    isolated == all && all > 0,
                    detail);
    } else {
      chapter.words(fmt::format("With `{}`, {} left the training alone.", sharing, detail));
    }
  }
}

// The lab's own crash test: 10^10 floats.
void crash_test(Chapter& chapter, const Device& device) {
  constexpr std::uint64_t kAsked = 40'000'000'000;  // torch.randn(10**10): four bytes each
  const Ran ran =
      chapter.show({"mig-workload", "oom", "--bytes", std::to_string(kAsked)}, on(device));
  const std::uint64_t has = device.memory_mib << 20U;
  chapter.check(
      fmt::format("37.3 GiB are {} on {}", has >= kAsked ? "granted" : "refused", device.profile),
      (ran.exit_code == 0) == (has < kAsked));
  const Gpu gpu = chapter.gpu();
  std::string fits;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    if ((profile.memory_mib << 20U) >= kAsked && profile.name.attributes.empty()) {
      fits += (fits.empty() ? "" : ", ") +
              fmt::format("{} ({} GiB)", profile.name.str(), gib(profile.memory_mib));
    }
  }
  chapter.lab_error(fmt::format(
      "`torch.randn(10**10)` asks for 37.3 GiB and is meant to fail. {} A memory test takes the "
      "size from the instance (`mig-workload oom` asks for 1 MiB more than there is).",
      fits.empty() ? "It fails on every instance of this board, but an A100-80's 3g.40gb (about 39 "
                     "GiB) or an H200's 3g.71gb grants it."
                   : "On this board it *succeeds* on " + fits + "."));
  chapter.lab_error(
      "Out of memory is an error of one call in one process: it proves that memory is capped, not "
      "that faults stay apart. A fault test needs an illegal address, an endless kernel or a "
      "killed "
      "process, which `isolate-test` does.");
}

}  // namespace

void concurrent_jobs(Chapter& chapter) {
  const Gpu gpu = chapter.gpu();
  std::vector<Job> jobs = jobs_of(gpu);
  const bool instances = !gpu.instances.empty();
  chapter.words(
      "`mig-workload train` is the lab's training_job.py: the same model (25,175,040 parameters), "
      "Adam, batch 128. Each job first alone, then all at once.");
  measure_alone(chapter, jobs);
  if (chapter.stopped() || !measure_together(chapter, jobs)) {
    return;
  }
  const std::string source =
      gpu.name + fmt::format(", `mig-workload train --steps {}`, fp32, batch 128", kSteps);
  show_throughput(chapter, jobs, source);
  double least = 1e9;
  for (const Job& job : jobs) {
    least = std::min(least, job.alone > 0 ? job.together / job.alone : 0);
  }
  if (instances) {
    chapter.check("no job is slower beside the others than alone (within 5 %)",
                  least >= 0.95,
                  fmt::format("the least kept {:.1f} %", least * 100));
  }
  chapter.question("Are instances isolated?",
                   {instances ? fmt::format("Yes in speed: the job that lost most kept *{:.1f} %* "
                                            "of its speed. In faults: exercise 3.2.",
                                            least * 100)
                              : "There are no instances here (MIG is off): the jobs took turns."});
  chapter.question(
      "Does one job affect others?",
      {instances ? "Not through SMs, memory or its bandwidth, which are divided. Through "
                   "what MIG does not divide, yes: the PCIe link, the host's cores, "
                   "power and clocks."
                 : fmt::format("Yes: the least kept {:.1f} % of its speed.", least * 100)});
  chapter.question(
      "What is the utilization per instance?",
      {"`nvidia-smi` does not tell it with MIG on (N/A). Exercise 5.1 shows what does."});
  chapter.lab_error(
      "`watch -n 1 nvidia-smi mig -i 0 -lgi` shows which instances exist, and no utilisation at "
      "all; nor does `--query-gpu=mig.mode.current`, which the lab queries in 5.1.");
}

void fault_isolation(Chapter& chapter) {
  const std::vector<Device> devices = devices_of(chapter.gpu());
  const Terminal& terminal = chapter.terminal();
  const bool instances = devices.size() >= 2;
  const Device victim = instances ? devices.front() : Device{chapter.gpu().uuid, "whole GPU"};
  auto job =
      terminal.start({"mig-workload", "train", "--seconds", "600", "--announce"}, on(victim));
  if (!job || !job->wait_output("WorkloadStarted", kToStart, terminal.stop())) {
    chapter.check("the training starts", false);
    return;
  }
  chapter.words(
      fmt::format("A training runs on {} (pid {}). Beside it:", victim.profile, job->pid()));
  if (instances) {
    crash_test(chapter, devices.back());
    chapter.show({"mig-workload", "oom"}, on(devices.back()));
  }
  const bool alive = job->running();
  chapter.show({"nvidia-smi", "pmon", "-c", "1"});
  chapter.check("the training is still running", alive);
  job->stop(milliseconds(5000));
  const std::string modes = devices.size() >= 3 ? "mig,time-slicing" : "time-slicing";
  const std::vector<std::string> test = {
      "migctl",
      "-q",
      "isolate-test",
      "--modes",
      modes,
      "--neighbours",
      "dram,tensor,launch,illegal-address,trap,endless-kernel,oom",
      "--rounds",
      "3",
      "--seconds",
      "0.3",
      "-i",
      index_of(chapter.course())};
  chapter.words("The measured answer, in rounds, the order drawn anew in each:");
  Ways patient;
  patient.patience = milliseconds(300'000);
  std::vector<std::string> with_json = test;
  const std::string file = chapter.course().bench->folder() + "/work/isolation.json";
  with_json.insert(with_json.end(), {"--report", file});
  const Ran shown = terminal.run(with_json, patient);
  report::Transcript transcript = shown.transcript();
  transcript.command = terminal.typed(test);
  chapter.add(std::move(transcript));
  const auto text = base::read_file(file, std::size_t{8} << 20U);
  const auto document =
      base::parse_json(text.value_or(""), {std::size_t{8} << 20U, "the isolation report"});
  if (!document) {
    chapter.check("isolate-test gives a result", false, shown.printed);
    return;
  }
  IsolationCharts charts = charts_of(*document, chapter.course().origin);
  judge_isolation(chapter, *document);
  chapter.course().findings.isolation = {charts.verdicts, charts.speeds};
  chapter.add(std::move(charts.verdicts));
  chapter.add(std::move(charts.speeds));
  chapter.question(
      "Verify that job_0 continues running",
      {"It does: above, the training was still there after the crash test, and no fault of a "
       "neighbour ended it in any round.",
       "What \"isolated\" does not cover: the PCIe link, power and clocks, a reset of the whole "
       "GPU, and side channels."});
}

}  // namespace mig::lab
