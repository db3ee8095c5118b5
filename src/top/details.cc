// SPDX-License-Identifier: Apache-2.0
// Details of the selected row, in words.
#include <fmt/format.h>

#include "top/parts.h"
#include "top/rows.h"
#include "top/texts.h"

namespace mig::top {
namespace {

std::string energy_text(const std::optional<std::uint64_t>& millijoules) {
  constexpr double kMillijoulesPerWattHour = 3'600'000;
  return millijoules
             ? fmt::format("{:.2f} Wh", static_cast<double>(*millijoules) / kMillijoulesPerWattHour)
             : "?";
}

void add_activity(std::vector<std::string>& out,
                  ActivitySource source,
                  const std::string& reason,
                  const Activity& activity) {
  if (source == ActivitySource::kUnknown) {
    out.push_back("activity   unknown: " + (reason.empty() ? "no reason was given" : reason));
    return;
  }
  out.push_back(fmt::format("activity   from {}: SM {}, occupancy {}, tensor {}, DRAM {}",
                            name_of(source),
                            percent(activity.sm),
                            percent(activity.occupancy),
                            percent(activity.tensor),
                            percent(activity.dram)));
  out.push_back(fmt::format("pipes      FP64 {}, FP32 {}, FP16 {}, integer {}, graphics {}",
                            percent(activity.fp64),
                            percent(activity.fp32),
                            percent(activity.fp16),
                            percent(activity.integer),
                            percent(activity.graphics)));
}

void add_uses(std::vector<std::string>& out,
              const Content& content,
              const std::vector<InstanceUse>& uses) {
  for (const InstanceUse& use : uses) {
    out.push_back(fmt::format("lease      {} of {}{}, since {}",
                              use.lease,
                              use.tenant,
                              use.job.empty() ? "" : " (" + use.job + ")",
                              age_text(content.now_ms - use.since_ms)));
  }
  if (uses.empty()) {
    out.emplace_back("lease      none");
  }
}

void add_gpu(std::vector<std::string>& out, const GpuSample& gpu) {
  out.push_back(fmt::format("GPU {}      {}, {}", gpu.index.value, gpu.name, gpu.pci_bus_id));
  out.push_back("UUID       " + gpu.uuid);
  add_activity(out, gpu.source, gpu.activity_reason, gpu.activity);
  out.push_back(fmt::format("SMs        {} in all, {} in instances, {} stranded",
                            gpu.sm_total ? fmt::format("{}", *gpu.sm_total) : "?",
                            gpu.sm_allocated,
                            gpu.sm_stranded ? fmt::format("{}", *gpu.sm_stranded) : "?"));
  out.push_back(fmt::format("power      {} W of {} W, energy {}, unattributed {}",
                            watts_text(gpu.power_watts),
                            watts_text(gpu.power_limit_watts),
                            energy_text(gpu.energy_mj),
                            energy_text(gpu.energy_unattributed_mj)));
  std::string room;
  for (const GpuSample::Room& one : gpu.room) {
    if (one.free > 0) {
      room += fmt::format("{}{} x {}", room.empty() ? "" : ", ", one.free, one.profile);
    }
  }
  out.push_back("would fit  " + (gpu.room.empty() ? "?" : room.empty() ? "nothing" : room));
}

void add_instance(std::vector<std::string>& out, const Content& content, const MachineRow& row) {
  const GpuInstanceSample& instance = *row.instance;
  out.push_back(fmt::format("instance   {} gi={} on GPU {} at {}:{}, {} SMs",
                            instance.profile,
                            instance.id.value,
                            row.gpu->index.value,
                            instance.placement.start,
                            instance.placement.size,
                            instance.sm));
  for (const ComputeInstanceSample& compute : instance.compute_instances) {
    if (row.compute == nullptr || row.compute == &compute) {
      out.push_back(
          fmt::format("ci={}       {} {}", compute.id.value, compute.profile, compute.uuid));
    }
  }
  add_activity(out, instance.source, instance.activity_reason, instance.activity);
  add_uses(out, content, row.compute != nullptr ? row.compute->uses : uses_of(instance));
  out.push_back(fmt::format("memory     {} (of the GPU instance)",
                            memory_text(instance.memory_used_bytes, instance.memory_total_bytes)));
  out.push_back(fmt::format("power      {} W, energy {} (its share of the board's)",
                            watts_text(instance.power_watts),
                            energy_text(instance.energy_mj)));
  out.push_back(fmt::format("generation {:x}", instance.generation));
}

void add_process(std::vector<std::string>& out, const Content& content, const ProcessRow& row) {
  const ProcessSample& process = *row.process;
  out.push_back(fmt::format("pid {}  {}", process.pid, process.name.empty() ? "?" : process.name));
  out.push_back("user       " + content.user_of(process));
  out.push_back("memory     " + bytes_text(process.memory_bytes));
  out.push_back("tenant     " + (process.tenant.empty() ? "?" : process.tenant));
  out.push_back("lease      " + (process.lease ? fmt::format("{}", *process.lease)
                                               : std::string("runs without one")));
  const std::string owner = process.owner.str();
  out.push_back("owner      " + (owner.empty() ? "?" : owner));
  out.push_back(row.key.id.start_ticks == 0
                    ? "host       not visible here: of another container or host"
                    : fmt::format("started    {} ticks after boot", row.key.id.start_ticks));
  out.emplace_back("SM use     unknown: no driver tells it per process in MIG mode");
}

}  // namespace

std::vector<std::string> details_of(const Content& content, const View& view) {
  std::vector<std::string> out;
  if (view.pane == Pane::kProcesses) {
    const auto rows = process_rows(content, view);
    const int selected = selected_index(rows, view);
    if (selected >= 0) {
      add_process(out, content, rows[static_cast<std::size_t>(selected)]);
      return out;
    }
  }
  const auto rows = machine_rows(content.sample);
  const int selected = selected_index(rows, view);
  if (selected >= 0 && rows[static_cast<std::size_t>(selected)].instance != nullptr) {
    add_instance(out, content, rows[static_cast<std::size_t>(selected)]);
  } else if (selected >= 0) {
    add_gpu(out, *rows[static_cast<std::size_t>(selected)].gpu);
  } else {
    out.push_back("source     " + content.source);
    out.push_back("driver     " + content.sample.driver_version + ", NVML " +
                  content.sample.nvml_version);
    for (const CollectorHealth& part : content.sample.collectors) {
      out.push_back(fmt::format("{:<10} {}{}",
                                part.name,
                                part.success ? "read" : "not read",
                                part.error.empty() ? "" : ": " + part.error));
    }
    out.emplace_back("nothing is selected: arrows select a GPU or an instance");
  }
  return out;
}

}  // namespace mig::top
