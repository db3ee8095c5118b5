// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "advise/rightsize.h"
#include "device/processes.h"
#include "base/proc_root.h"
#include "model/instance.h"
#include "node/node.h"
#include "service/rightsize.h"
#include "service/rightsize_checks.h"
#include "service/rightsize_meter.h"

namespace mig::service {
namespace {

using Clock = std::chrono::steady_clock;
using rightsize::Report;
using rightsize::Run;
using rightsize::Size;

constexpr std::chrono::milliseconds kBetweenPolls{200};

struct Where {
  const Gpu* gpu = nullptr;
  std::optional<Instance> instance;
};

// The device that a process of the tree is on, by the driver's list.
Where where_is(const Inventory& inventory, const std::vector<std::uint32_t>& tree) {
  for (const Gpu& gpu : inventory.gpus) {
    for (const Process& process : gpu.processes) {
      if (process.graphics || std::find(tree.begin(), tree.end(), process.pid) == tree.end()) {
        continue;
      }
      Where where{&gpu, std::nullopt};
      for (const Instance& one : instances_of(inventory)) {
        if (one.gpu == gpu.index && process.gpu_instance == one.gpu_instance &&
            (!process.compute_instance || process.compute_instance == one.compute_instance)) {
          where.instance = one;
          break;
        }
      }
      return where;
    }
  }
  return {};
}

void place(Run& run, const Where& where, const std::vector<Size>& sizes) {
  run.place = fmt::format("GPU {} ({})", where.gpu->index.value, where.gpu->name);
  if (!where.instance) {
    return;
  }
  run.how = rightsize::How::kInstance;
  run.place = where.instance->str();
  run.profile = where.instance->profile.str();
  run.sm = where.instance->sm;
  for (const Size& size : sizes) {
    if (size.profile == run.profile) {
      run.share = size.share;
    }
  }
}

// Memory alone: which profiles hold it.
void judge_memory(Report& report, const std::vector<Size>& sizes) {
  if (!report.peak_memory_mib) {
    report.notes.emplace_back("the driver told no memory of the process");
    return;
  }
  for (const Size& size : sizes) {
    if (advise::holds(size, *report.peak_memory_mib, report.memory_margin)) {
      report.notes.push_back(
          fmt::format("the smallest profile that holds its memory is {}; a smaller speed is not "
                      "predicted, as nothing was run on a share",
                      size.profile));
      return;
    }
  }
  report.notes.emplace_back("no profile holds its memory");
}

}  // namespace

Result<Report> rightsize_process(node::Node& node, int pid, double seconds) {
  if (pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH)) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no process {}", pid));
  }
  MIG_ASSIGN_OR_RETURN(const Inventory inventory, node.inventory(node::Age::fresh()));
  const Where where = where_is(inventory, process_tree(pid));
  if (where.gpu == nullptr) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("neither process {} nor one that it started is on a GPU", pid),
                "migctl holders shows who is");
  }
  const std::vector<Size> sizes = rightsize::sizes_of(*where.gpu);
  Report report;
  report.command = fmt::format("pid {} ({})",
                               pid,
                               device::process_name(base::proc_root(), static_cast<std::uint32_t>(pid)));
  report.board = where.gpu->name;
  report.simulated = node.simulated();
  report.driver_version = inventory.driver_version;
  report.memory_margin = kRightsizeMemoryMargin;
  report.shape = advise::shipped_shape();
  Run run;
  place(run, where, sizes);
  MIG_ASSIGN_OR_RETURN(
      Meter meter,
      Meter::of(node,
                where.gpu->index,
                where.instance ? std::optional(where.instance->gpu_instance) : std::nullopt,
                where.instance ? where.instance->uuid : ""));
  meter.begin_activity();
  const auto begin = Clock::now();
  while (std::chrono::duration<double>(Clock::now() - begin).count() < seconds &&
         ::kill(pid, 0) == 0) {
    meter.look(pid);
    std::this_thread::sleep_for(kBetweenPolls);
  }
  run.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  run.activity = meter.end_activity();
  run.peak_memory_mib = meter.peak_memory_mib();
  run.memory_source = meter.memory_source();
  run.error = "a process that runs already is looked at, not measured on a share";
  report.peak_memory_mib = run.peak_memory_mib;
  if (run.activity.busy) {
    report.host_share = 1 - *run.activity.busy;
  }
  report.host_words = advise::host_words(report.host_share, std::nullopt);
  report.runs.push_back(std::move(run));
  judge_memory(report, sizes);
  return report;
}

}  // namespace mig::service
