// SPDX-License-Identifier: Apache-2.0
#include "sim/client/context.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "sim/machine/presence.h"
#include "sim/machine/telemetry.h"

namespace migsim {
namespace {

double share(std::int64_t of_board, double share) {
  return of_board == kUnknown ? 0 : static_cast<double>(of_board) * share;
}

std::string where(const Instance& at) {
  std::string text = "GPU " + std::to_string(at.gpu);
  if (at.gi != kNone) {
    text += " GPU instance " + std::to_string(at.gi) + " compute instance " + std::to_string(at.ci);
  }
  return text;
}

bool holds_slot(const migsim_context& context, const State& state) {
  return context.slot < state.process_top && state.processes[context.slot].used != 0 &&
         state.processes[context.slot].serial == context.serial;
}

}  // namespace

migsim_result check_usable(migsim_context& context, const State& state) {
  if (context.pid != ::getpid()) {
    context.message = "the context belongs to the parent process; attach anew after fork";
    return MIGSIM_INVALID;
  }
  if (context.faulted) {
    context.message =
        "the context on " + where(context.at) + " faulted with an Xid; detach it and attach anew";
    return MIGSIM_FAULTED;
  }
  if (state.gpus[context.at.gpu].lost != 0) {
    context.message = where(context.at) + " has fallen off the bus; only a reboot brings it back";
    return MIGSIM_DEVICE_LOST;
  }
  if (!holds_slot(context, state)) {
    context.message = where(context.at) + " is gone: the machine was rebooted; attach anew";
    return MIGSIM_DEVICE_LOST;
  }
  return MIGSIM_OK;
}

void describe(const migsim_context& context, const State& state, migsim_device& device) {
  const Hardware& hardware = context.machine->hardware();
  const Instance& at = context.at;
  const GpuState& gpu = state.gpus[at.gpu];
  const Board& board = hardware.boards[gpu.board];
  device = migsim_device{};
  std::int64_t sm = board.sm_count;
  double dram_share = 1;
  if (at.gi == kNone) {
    std::snprintf(device.name, sizeof(device.name), "%s", board.name);
    std::memcpy(device.uuid, gpu.uuid, sizeof(device.uuid));
  } else {
    const GiState& gi = gpu.gis[at.gi];
    const CiState& ci = gi.cis[at.ci];
    const CiProfile& profile = board.gi_profiles[gi.profile_index].ci_profiles[ci.profile_index];
    const std::string name = std::string(board.name) + " " + profile.name;
    std::snprintf(device.name, sizeof(device.name), "%s", name.c_str());
    std::memcpy(device.uuid, ci.uuid, sizeof(device.uuid));
    sm = profile.sm;
    dram_share = static_cast<double>(gi.placement.size) / std::max(board.memory_slices, 1U);
  }
  device.uuid[sizeof(device.uuid) - 1] = '\0';
  device.gpu = at.gpu;
  device.gpu_instance = at.gi;
  device.compute_instance = at.ci;
  device.sm_count = sm == kUnknown ? 0 : static_cast<std::uint32_t>(sm);
  if (const auto use = memory_use(hardware, state, at.gpu, at.gi)) {
    device.memory_total = use->total;
    device.memory_free = memory_free(hardware, state, at);
  }
  device.cc_major = static_cast<std::int32_t>(board.cc_major);
  device.cc_minor = static_cast<std::int32_t>(board.cc_minor);
  const double sm_share = sm == kUnknown || board.sm_count == kUnknown || board.sm_count == 0
                              ? 0
                              : static_cast<double>(sm) / static_cast<double>(board.sm_count);
  device.fp32_gflops = share(board.fp32_gflops, sm_share);
  device.tf32_gflops = share(board.tf32_gflops, sm_share);
  device.bf16_gflops = share(board.bf16_gflops, sm_share);
  device.dram_gb_per_s = share(board.dram_mb_per_s, dram_share) / 1000;
  device.pcie_gb_per_s = share(board.pcie_mb_per_s, 1) / 1000;  // MIG does not divide the PCIe link
}

void set_rates(migsim_context& context, State& state, const double (&rate)[kMetricCount]) {
  ProcessState& process = state.processes[context.slot];
  for (std::uint32_t m = 0; m < kMetricCount; ++m) {
    process.rate[m] = std::max(0.0, process.rate[m] + rate[m] - context.rate[m]);
    context.rate[m] = rate[m];
  }
}

void set_wants(migsim_context& context, State& state, const Wants& wants) {
  Wants& all = state.processes[context.slot].wants;
  const auto replace = [&](double Wants::*part) {
    all.*part = std::max(0.0, all.*part + wants.*part - context.wants.*part);
  };
  replace(&Wants::sm);
  replace(&Wants::dram);
  replace(&Wants::pcie_tx);
  replace(&Wants::pcie_rx);
  context.wants = wants;
}

void leave(migsim_context& context) {
  if (context.pid != ::getpid()) {
    return;  // after a fork the attached process is the parent, which stays attached
  }
  Machine::Change change(*context.machine);
  if (!holds_slot(context, *change)) {
    return;
  }
  set_rates(context, *change, {});
  set_wants(context, *change, {});
  for (const auto& [id, bytes] : context.allocations) {
    change->processes[context.slot].memory_bytes -= bytes;
  }
  detach_context(*change, context.slot);
  const bool gone = change->processes[context.slot].used == 0;
  change.commit();
  if (gone) {
    drop_presence(context.machine->dir(), context.serial);
  }
}

}  // namespace migsim
