// SPDX-License-Identifier: Apache-2.0
// Part 5: what every instance does, and its metrics for Prometheus.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "lab/page_picture.h"
#include "lab/parts.h"
#include "lab/watcher.h"

namespace mig::lab {
namespace {

// A board whose driver counts activity, for the chart that an Ampere board cannot give.
constexpr const char* kCounts = "h100-sxm5-80gb";

report::LineChart chart(const std::string& title,
                        const std::string& unit,
                        std::vector<report::Line> lines,
                        const std::vector<report::Mark>& marks,
                        report::Origin origin,
                        const std::string& source) {
  report::LineChart drawn;
  drawn.head = {title,
                unit,
                "A line for each instance while trainings start one after the other",
                origin,
                report::marked(source)};
  drawn.lines = std::move(lines);
  drawn.marks = marks;
  return drawn;
}

void keep(Chapter& chapter, report::LineChart drawn) {
  chapter.course().findings.utilisation.emplace_back(drawn);
  chapter.add(std::move(drawn));
}

// The daemon's page as a browser shows it; without a browser the way to it.
void page_in_a_browser(Chapter& chapter, const Terminal& terminal, const std::string& socket) {
  auto picture = picture_of_page(terminal, socket, chapter.course().bench->folder());
  if (!picture) {
    chapter.not_run("no picture of the daemon's page: " + picture.error().message,
                    {"migctl serve --listen 127.0.0.1:9400", "http://localhost:9400"});
    return;
  }
  chapter.add(report::Picture{
      std::move(*picture),
      "The daemon's page in a browser: the GPU's instances to scale, lines of memory and power of "
      "one of them, and the layout over time",
      "The same in a browser: the daemon's page after the trainings"});
}

// Trainings under the eyes of a daemon; its history. `page`: its page is shown, too.
std::vector<Tick> watched(Chapter& chapter,
                          const Terminal& terminal,
                          const std::vector<Device>& devices,
                          std::vector<report::Mark>& marks,
                          bool page) {
  const std::string socket = chapter.course().bench->folder() + "/work/watch.sock";
  auto daemon = Daemon::start(terminal, socket);
  if (!daemon) {
    chapter.check("the daemon starts", false, daemon.error().message);
    return {};
  }
  marks = train_in_turn(terminal, devices, 2.5);
  const auto history = daemon->get("/v1/history?period=tick");
  if (!history) {
    chapter.check("the daemon tells its history", false, history.error().message);
    return {};
  }
  if (page) {
    page_in_a_browser(chapter, terminal, socket);
  }
  return ticks_of(*history);
}

void scale(std::vector<report::Line>& lines, double factor) {
  for (report::Line& line : lines) {
    for (report::Point& point : line.points) {
      if (point.y) {
        *point.y *= factor;
      }
    }
  }
}

// Activity of the same layout on a Hopper board, where the driver counts it.
void watch_where_it_counts(Chapter& chapter) {
  Bench& bench = *chapter.course().bench;
  auto other = bench.beside("hopper", kCounts);
  if (!other) {
    chapter.check("a second simulated machine", false, other.error().message);
    return;
  }
  chapter.words(fmt::format(
      "On this board the driver counts no activity with MIG on (GPM begins with Hopper; on an A100 "
      "DCGM's profiling fields do it). So that there is something to see, the same on a second "
      "simulated machine, `{}`:",
      kCounts));
  const std::vector<std::vector<std::string>> commands = {
      {"migctl", "-q", "mode", "enable", "-i", "0"},
      {"migctl", "-q", "create", "-i", "0", "3g.40gb", "2g.20gb", "2g.20gb"}};
  for (const auto& words : commands) {
    const Ran ran = other->run(words);
    chapter.add(ran.transcript());
    if (!ran.ok()) {
      chapter.check("the second machine's layout", false, ran.printed);
      return;
    }
  }
  std::vector<Device> devices;
  Ways document;
  document.only_output = true;
  const Ran list = other->run({"migctl", "list", "--json"}, document);
  const auto json = base::parse_json(list.printed, {std::size_t{8} << 20U, "the machine"});
  if (!json) {
    return;
  }
  for (const base::Json& gpu : member_of(*json, "gpus")) {
    for (const base::Json& gi : member_of(gpu, "gpuInstances")) {
      for (const base::Json& ci : member_of(gi, "computeInstances")) {
        devices.push_back({text_of(ci, "uuid"),
                           text_of(ci, "profile"),
                           static_cast<std::uint32_t>(number_of(gi, "id").value_or(0)),
                           static_cast<std::uint32_t>(number_of(gi, "sm").value_or(0)),
                           0});
      }
    }
  }
  std::vector<report::Mark> marks;
  const std::vector<Tick> ticks = watched(chapter, *other, devices, marks, false);
  std::vector<report::Line> sm = lines_of(ticks, &Tick::sm);
  chapter.check("the sampler has activity of each instance there", sm.size() == devices.size());
  scale(sm, 100);
  keep(chapter,
       chart("SM activity of each instance (H100, second machine)",
             "%",
             std::move(sm),
             marks,
             report::Origin::kSimulated,
             "`GET /v1/history?period=tick` of `migctl serve --sample 250ms`, by GPM"));
}

void monitor_script(Chapter& chapter) {
  const std::string gpu = index_of(chapter.course());
  chapter.show(
      {"nvidia-smi", "-i", gpu, "--query-gpu=utilization.gpu,utilization.memory", "--format=csv"});
  chapter.show({"nvidia-smi", "pmon", "-c", "1"});
  chapter.show({"migctl", "top", "--once"});
  chapter.lab_error(
      "monitor_mig.sh queries `mig.mode.current` under \"Per-Instance Utilization\": that is the "
      "mode, no utilisation. With MIG on `utilization.gpu` is N/A; what an instance does comes "
      "from "
      "GPM counters (Hopper and later) or DCGM's profiling fields.");
}

struct Series {
  std::set<std::string> own, dcgm;  // GPU instances that have series
  std::vector<std::string> shown;   // some lines, as scraped
  std::size_t lines = 0;
  bool legacy_utilisation = false;
};

std::string label(const std::string& line, const std::string& name) {
  const std::size_t at = line.find(name + "=\"");
  if (at == std::string::npos) {
    return {};
  }
  const std::size_t begin = at + name.size() + 2;
  return line.substr(begin, line.find('"', begin) - begin);
}

Series series_of(const std::string& page) {
  Series series;
  for (const std::string& line : base::split(page, '\n')) {
    if (line.empty() || line.front() == '#') {
      continue;
    }
    ++series.lines;
    series.legacy_utilisation =
        series.legacy_utilisation || line.starts_with("DCGM_FI_DEV_GPU_UTIL");
    const bool own = line.starts_with("mig_instance_memory_used_bytes") ||
                     line.starts_with("mig_instance_sm_activity_ratio") ||
                     line.starts_with("mig_instance_power_watts");
    const bool dcgm = line.starts_with("DCGM_FI_DEV_FB_USED") ||
                      line.starts_with("DCGM_FI_PROF_GR_ENGINE_ACTIVE");
    if (own) {
      series.own.insert(label(line, "gi"));
    }
    if (dcgm && !label(line, "GPU_I_ID").empty()) {
      series.dcgm.insert(label(line, "GPU_I_ID"));
    }
    if (own || dcgm) {
      series.shown.push_back(line);
    }
  }
  return series;
}

}  // namespace

void watch_instances(Chapter& chapter) {
  const std::vector<Device> devices = devices_of(chapter.gpu());
  monitor_script(chapter);
  if (!chapter.course().bench->is_private()) {
    chapter.not_run(
        "the charts need a daemon, which on this machine is the administrator's to start",
        {"sudo systemctl start migd        # or: migctl serve --sample 1s",
         "curl --unix-socket /run/migctl/migd.sock 'http://localhost/v1/history?period=tick'"});
    return;
  }
  chapter.words(
      "`migctl serve --sample 250ms` watches while a training starts on each instance in turn:");
  std::vector<report::Mark> marks;
  const std::vector<Tick> ticks = watched(chapter, chapter.terminal(), devices, marks, true);
  const std::string source = "`GET /v1/history?period=tick` of `migctl serve --sample 250ms`";
  const report::Origin origin = chapter.course().origin;
  std::vector<report::Line> memory = lines_of(ticks, &Tick::memory_mib);
  chapter.check("the sampler has the memory of each instance", memory.size() == devices.size());
  keep(chapter,
       chart("Memory in use of each instance", "MiB", std::move(memory), marks, origin, source));
  keep(chapter,
       chart("Power attributed to each instance",
             "W",
             lines_of(ticks, &Tick::watts),
             marks,
             origin,
             source + "; the board has one meter, which is divided (docs/reference/watch.md)"));
  std::vector<report::Line> sm = lines_of(ticks, &Tick::sm);
  if (!sm.empty()) {
    scale(sm, 100);
    keep(chapter, chart("SM activity of each instance", "%", std::move(sm), marks, origin, source));
  } else {
    watch_where_it_counts(chapter);
  }
  chapter.question("Display MIG instance info", {"`migctl list`, or `nvidia-smi mig -lgi`."});
  chapter.question("Query per-instance metrics",
                   {"`migctl top` on the terminal, `GET /v1/sample` and `/v1/history` of the "
                    "daemon, `/metrics` for Prometheus."});
}

void export_metrics(Chapter& chapter) {
  const std::vector<Device> devices = devices_of(chapter.gpu());
  if (!chapter.course().bench->is_private()) {
    chapter.not_run("the exporter is the daemon, which on this machine is the administrator's",
                    {"migctl serve --listen 127.0.0.1:9400 --dcgm legacy",
                     "curl http://127.0.0.1:9400/metrics | grep mig_instance_"});
    return;
  }
  const std::string socket = chapter.course().bench->folder() + "/work/metrics.sock";
  auto daemon = Daemon::start(chapter.terminal(), socket);
  if (!daemon) {
    chapter.check("the exporter starts", false, daemon.error().message);
    return;
  }
  train_in_turn(chapter.terminal(), {devices.front()}, 0.5);
  const auto page = daemon->get("/metrics?dcgm=legacy");
  if (!page) {
    chapter.check("the exporter answers", false, page.error().message);
    return;
  }
  const Series series = series_of(*page);
  report::Transcript shown;
  shown.command = "curl -s --unix-socket " + socket +
                  " 'http://localhost/metrics?dcgm=legacy' | grep -E "
                  "'^(mig_instance_(memory_used|power|sm_act)|DCGM_FI_DEV_FB_USED)'";
  shown.printed = base::join(series.shown, "\n") + "\n";
  shown.note = fmt::format("asked by migctl lab itself; {} series in all", series.lines);
  chapter.add(std::move(shown));
  std::size_t instances = 0;
  for (const Device& device : devices) {
    instances += series.own.count(std::to_string(device.gi));
  }
  chapter.check("each instance has series of its own, told apart by gpu_uuid and gi",
                instances == devices.size(),
                fmt::format("{} of {}", instances, devices.size()));
  chapter.check("each instance has DCGM's series, told apart by GPU_I_ID",
                series.dcgm.size() == devices.size(),
                fmt::format("{} of {}", series.dcgm.size(), devices.size()));
  chapter.check("DCGM_FI_DEV_GPU_UTIL is absent with MIG on", !series.legacy_utilisation);
  chapter.question(
      "Verify MIG instance metrics are exposed, with separate labels",
      {fmt::format("They are: {} instances, each with its own `gi` (and `GPU_I_ID` and "
                   "`GPU_I_PROFILE` in DCGM's names).",
                   instances)});
  chapter.lab_error(
      "The lab greps for `DCGM_FI_DEV_GPU_UTIL`. DCGM does not export it for MIG instances: the "
      "answer would be an empty page. `DCGM_FI_PROF_GR_ENGINE_ACTIVE` is the field to look at.");
  chapter.not_run("NVIDIA's own exporter needs DCGM and its image, which are not here",
                  {"docker run -d --rm --gpus all --cap-add SYS_ADMIN -p 9400:9400 "
                   "nvcr.io/nvidia/k8s/dcgm-exporter:3.1.8-3.1.5-ubuntu20.04",
                   "curl http://localhost:9400/metrics | grep DCGM_FI_PROF_GR_ENGINE_ACTIVE"});
}

}  // namespace mig::lab
