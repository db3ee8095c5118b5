// SPDX-License-Identifier: Apache-2.0
// The four bonus challenges, and the troubleshooting guide by `doctor`.
#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "lab/parts.h"

namespace mig::lab {
namespace {

constexpr std::chrono::milliseconds kAsk{10'000};

std::string yaml_of(const std::vector<Wanted>& layout) {
  std::vector<std::string> parts;
  parts.reserve(layout.size());
  for (const Wanted& one : layout) {
    parts.push_back(fmt::format("\"{}\": {}", one.profile.str(), one.count));
  }
  return base::join(parts, ", ");
}

// A layout file for the lab's GPU; false: the chapter says that it cannot be written.
bool write_layout(Chapter& chapter,
                  const std::string& file,
                  std::string_view name,
                  const std::vector<Wanted>& layout) {
  const std::string text = fmt::format(
      "version: v1\nmig-configs:\n  {}:\n    - devices: [{}]\n      mig-enabled: true\n"
      "      mig-devices: {{{}}}\n",
      name,
      chapter.course().gpu.value,
      yaml_of(layout));
  if (base::write_file_atomic(file, text, 0600)) {
    return true;
  }
  chapter.check("the layout file can be written", false, file);
  return false;
}

std::string money(const std::optional<double>& micros) {
  return micros ? fmt::format("{:.2f}", *micros / 1e6) : "";
}

report::Cell price(const base::Json& json, std::string_view key) {
  const auto micros = number_of(json, key);
  return micros ? report::Cell{money(micros), *micros / 1e6} : report::Cell{};
}

void compare_chart(Chapter& chapter, const base::Json& document) {
  const std::string currency = text_of(document, "currency");
  const auto mig = number_of(document, "migHourMicros");
  const auto dedicated = number_of(document, "dedicatedHourMicros");
  if (!mig || !dedicated) {
    chapter.check("a price for MIG and for dedicated GPUs", false);
    return;
  }
  report::BarChart bars;
  bars.head = {"An hour: one GPU by MIG, against the cheapest GPU for each workload",
               currency,
               "",
               report::Origin::kDerived,
               report::marked("`migctl cost compare`; prices: the shipped, dated table unless "
                              "--prices names yours")};
  bars.groups = {"an hour, all the time"};
  bars.series = {{"MIG", {report::Value{*mig / 1e6}}},
                 {"dedicated", {report::Value{*dedicated / 1e6}}}};
  report::Table table;
  table.caption = "What it becomes at other prices and other use";
  table.columns = {{"dedicated prices", "%", report::Align::kRight},
                   {"in use", "%", report::Align::kRight},
                   {"dedicated", currency, report::Align::kRight},
                   {"MIG saves", currency, report::Align::kRight}};
  table.row_headers = false;
  table.origin = report::Origin::kDerived;
  for (const base::Json& line : member_of(document, "sensitivity")) {
    const auto saving = number_of(line, "savingHourMicros");
    report::Cell saves = price(line, "savingHourMicros");
    saves.tone = saving.value_or(0) >= 0 ? report::Tone::kGood : report::Tone::kWarning;
    table.rows.push_back(
        {{fmt::format("{:.0f}", number_of(line, "pricePercent").value_or(0))},
         {fmt::format("{:.0f}", number_of(line, "utilizationPercent").value_or(0))},
         price(line, "dedicatedHourMicros"),
         saves});
  }
  chapter.course().findings.cost = {bars, table};
  chapter.add(std::move(bars));
  chapter.add(std::move(table));
  const auto breaks = number_of(document, "breakEvenPermille");
  chapter.question(
      "Calculate cost savings of MIG vs. dedicated GPUs",
      {fmt::format("An hour of MIG costs {} {}, dedicated GPUs for the same workloads {} {}: MIG "
                   "saves *{} {}* ({:.0f} %) when all of them run all the time.",
                   money(mig),
                   currency,
                   money(dedicated),
                   currency,
                   money(*dedicated - *mig),
                   currency,
                   *dedicated > 0 ? (1 - *mig / *dedicated) * 100 : 0),
       breaks ? fmt::format("Break-even: dedicated GPUs that are rented only while they run are "
                            "cheaper below *{:.0f} %* of the time.",
                            *breaks / 10)
              : "There is no break-even for these prices.",
       "Speed is not in it: whether an instance is as fast as the small GPU must be measured."});
}

// The verdict of doctor's checks that answer the lab's four common issues.
void common_issues(Chapter& chapter, const base::Json& document) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> issues = {
      {"MIG Not Supported", {"mig-support", "driver"}},
      {"Cannot Enable MIG", {"mig-pending", "mig-mode", "holders"}},
      {"Profile Creation Fails", {"room", "empty-instances"}},
      {"Container Access Issues", {"container-toolkit", "cdi-files", "capability-nodes"}}};
  report::Table table;
  table.caption = "The lab's four common issues, and what `doctor` says of this machine";
  table.columns = {{"issue", "", report::Align::kLeft},
                   {"check", "", report::Align::kLeft},
                   {"verdict", "", report::Align::kLeft},
                   {"found", "", report::Align::kLeft}};
  for (const auto& [issue, checks] : issues) {
    for (const base::Json& check : member_of(document, "checks")) {
      const std::string id = text_of(check, "id");
      if (std::find(checks.begin(), checks.end(), id) == checks.end()) {
        continue;
      }
      const std::string verdict = text_of(check, "verdict");
      report::Cell judged{verdict};
      judged.tone = verdict == "ok"        ? report::Tone::kGood
                    : verdict == "problem" ? report::Tone::kBad
                    : verdict == "warning" ? report::Tone::kWarning
                                           : report::Tone::kUnknown;
      table.rows.push_back({{issue}, {report::Text().code(id)}, judged, {text_of(check, "found")}});
    }
  }
  chapter.check("doctor answers for the lab's issues", table.rows.size() >= issues.size());
  chapter.add(std::move(table));
}

}  // namespace

void kubernetes(Chapter& chapter) {
  const Gpu gpu = chapter.gpu();
  chapter.words(
      "The GPU Operator's MIG manager takes its layouts from a ConfigMap in mig-parted's format. "
      "`migctl` reads and writes the same: what is here now, as such a file:");
  const Ran exported = chapter.show({"migctl", "export"});
  chapter.check("the layout can be exported in mig-parted's format", exported.ok());
  Ways ways;
  ways.patience = kAsk;
  const std::string columns = "custom-columns=NODE:.metadata.name,ALLOCATABLE:.status.allocatable";
  const Ran cluster =
      !chapter.course().bench->is_private() && chapter.terminal().has("kubectl")
          ? chapter.terminal().run(
                {"kubectl", "get", "nodes", "--request-timeout=5s", "-o", columns}, ways)
          : Ran{};
  if (cluster.ok()) {
    chapter.add(cluster.transcript());
  }
  const auto* medium = medium_profile(gpu);
  const std::string resource =
      "nvidia.com/mig-" + (medium == nullptr ? "2g.10gb" : medium->name.str());
  const std::string pod =
      fmt::format(R"(kubectl run train --image=mig-training --restart=Never --overrides=)"
                  R"('{{"spec":{{"containers":[{{"name":"train","image":"mig-training",)"
                  R"("resources":{{"limits":{{"{}":1}}}}}}]}}}}')",
                  resource);
  const std::string operator_install =
      "helm install gpu-operator nvidia/gpu-operator -n gpu-operator --create-namespace --set "
      "mig.strategy=mixed";
  const char* why = cluster.ok() ? "a cluster answers; nothing was installed in it"
                    : chapter.course().bench->is_private() ? "a simulated machine is in no cluster"
                                                           : "no cluster answers here";
  chapter.not_run(why,
                  {operator_install,
                   "kubectl label node NODE nvidia.com/mig.config=all-balanced --overwrite",
                   "kubectl get node NODE -o jsonpath='{.status.allocatable}'",
                   pod});
}

void reconfigure(Chapter& chapter) {
  const Gpu before = chapter.gpu();
  const auto* large = large_profile(before);
  const auto* small = small_profile(before);
  const std::vector<Device> devices = devices_of(before);
  if (!chapter.course().may_change || large == nullptr || small == nullptr || devices.empty()) {
    chapter.not_run(
        "nothing is changed here (--read-only)",
        {"migctl plan -f layouts.yaml -c night", "migctl apply -f layouts.yaml -c night"});
    return;
  }
  const std::string file = chapter.course().bench->folder() + "/work/layouts.yaml";
  const std::uint32_t count = std::min(small->max_count - 3, 4U);
  if (!write_layout(chapter, file, "night", {{large->name, 1}, {small->name, count}})) {
    return;
  }
  chapter.words("A training runs on the largest instance, and must not notice. The wanted layout:");
  chapter.show({"cat", file});
  const Terminal& terminal = chapter.terminal();
  Ways ways;
  ways.environment = {{"CUDA_VISIBLE_DEVICES", devices.front().uuid}};
  auto job = terminal.start({"mig-workload", "train", "--seconds", "600", "--announce"}, ways);
  if (!job || !job->wait_output("WorkloadStarted", kToStart, terminal.stop())) {
    chapter.check("the training starts", false);
    return;
  }
  chapter.add(report::strip_of(chapter.gpu(), "before"));
  chapter.show({"migctl", "plan", "-f", file, "-c", "night"});
  const Ran applied = chapter.show({"migctl", "-q", "apply", "-f", file, "-c", "night"});
  chapter.strip("after, the training still on its instance");
  const bool alive = job->running();
  const std::vector<Device> after = devices_of(chapter.gpu());
  chapter.check("the layout changed around the running training", applied.ok());
  chapter.check("the training runs on, on the same instance",
                alive && !after.empty() && after.front().uuid == devices.front().uuid);
  chapter.words("And back:");
  const Ran undone = chapter.show({"migctl", "-q", "undo"});
  chapter.check("the change can be undone while it runs", undone.ok() && job->running());
  job->stop(std::chrono::milliseconds(5000));
  chapter.question(
      "Change the MIG configuration without downtime",
      {"`migctl apply`: what is in use stays where it is, the rest changes around it, each step is "
       "verified, and a failure is undone. What must itself move needs a second instance first: "
       "`migctl apply --migrate` does that with a hook. A running CUDA program cannot be moved "
       "between instances (NVIDIA: cuda-checkpoint does not support MIG)."});
}

void cost_analysis(Chapter& chapter) {
  const Course& course = chapter.course();
  if (course.may_change && !set_layout(chapter, Start::kSeven)) {
    return;
  }
  std::vector<std::string> words = {"migctl", "cost", "compare"};
  const Gpu gpu = chapter.gpu();
  const auto* small = small_profile(gpu);
  if (devices_of(gpu).empty() && small != nullptr) {
    const std::string file = chapter.course().bench->folder() + "/work/uniform.yaml";
    if (!write_layout(chapter, file, "uniform", {{small->name, small->max_count}})) {
      return;
    }
    chapter.words("No instance is there, so the layout of exercise 2.1 is reckoned with:");
    chapter.show({"cat", file});
    words.insert(words.end(), {"-f", file, "-c", "uniform"});
  }
  chapter.show(words);
  words.emplace_back("--json");
  compare_chart(chapter, chapter.document(words));
  if (course.may_change) {
    static_cast<void>(set_layout(chapter, Start::kMixed));
  }
}

void advanced_monitoring(Chapter& chapter) {
  chapter.words(
      "Dashboards for Grafana, alert and recording rules are in `integrations/grafana`: *node* "
      "(one "
      "machine), *fleet*, *tenant*, and *dcgm* for dcgm-exporter's names. They read the series of "
      "exercise 5.2.");
  chapter.not_run("Grafana does not run here, so there is no picture of it",
                  {"migctl serve --listen 127.0.0.1:9400 --dcgm legacy",
                   "docker compose -f integrations/grafana/compose.yaml up -d",
                   "http://localhost:3000      # dashboards: migctl / node"});
  chapter.words("On the terminal, without any of them:");
  chapter.show({"migctl", "top", "--once"});
}

void troubleshooting(Chapter& chapter) {
  chapter.show({"migctl", "doctor"});
  common_issues(chapter, chapter.document({"migctl", "doctor", "--json"}));
}

}  // namespace mig::lab
