// SPDX-License-Identifier: Apache-2.0
#include "apply/in_use.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apply/runtime.h"
#include "apply/step_checks.h"
#include "base/strings.h"

namespace mig::apply {
namespace {

using holders::Holder;
using holders::Kind;

bool of_whole_gpu(StepKind kind) {
  return is_mode_step(kind) || kind == StepKind::kResetGpu;
}

// True for an active screen without a visible owner: there is no process to wait for or to signal.
bool is_screen(const Holder& holder) {
  return holder.kind == Kind::kDisplay && holder.pid == 0;
}

// True for holders that may or may not block, depending on driver and board (persistence daemon,
// DCGM, nvidia_drm, a screen), and for short-lived commands: the driver decides.
bool for_the_driver_to_say(const Holder& holder) {
  return !holder.gpu_instance &&
         (holder.kind == Kind::kService || holder.kind == Kind::kKernelModule ||
          is_screen(holder) || holders::is_passing(holder));
}

// True for a process that has the GPU open and runs on no instance. It blocks a reset, and a mode
// change that needs one.
bool only_opened(const Holder& holder) {
  return !holder.gpu_instance && holder.stops == holders::Stops::kReset;
}

bool in_the_way(const Holder& holder, const Step& step, bool resetless) {
  if (holder.gpu != step.gpu) {
    return false;
  }
  if (of_whole_gpu(step.kind)) {
    return !for_the_driver_to_say(holder) &&
           !(resetless && is_mode_step(step.kind) && only_opened(holder));
  }
  if (is_create(step.kind) || !holder.gpu_instance || holder.gpu_instance != step.gpu_instance) {
    return false;
  }
  return step.kind == StepKind::kDestroyGpuInstance || !holder.compute_instance ||
         holder.compute_instance == step.compute_instance;
}

Process process_of(const Holder& holder) {
  Process process;
  process.pid = holder.pid;
  process.name = holder.name;
  process.gpu_instance = holder.gpu_instance;
  process.compute_instance = holder.compute_instance;
  return process;
}

// True when blocker and holder are the same process or the same lease.
bool is_of(const Blocker& blocker, const Holder& holder) {
  if (holder.lease) {
    return blocker.lease && blocker.lease->id == holder.lease->id;
  }
  return blocker.process && blocker.process->pid == holder.pid;
}

bool lists(const Gpu& gpu, const Holder& holder) {
  return std::any_of(gpu.processes.begin(), gpu.processes.end(), [&](const Process& process) {
    return process.pid == holder.pid && (process.gpu_instance == holder.gpu_instance) &&
           (!holder.compute_instance || process.compute_instance == holder.compute_instance);
  });
}

// The last step that concerns the whole GPU; nullptr = none.
const Step* whole_gpu_step(const Plan& plan, const std::string& uuid) {
  const auto found = std::find_if(plan.steps.rbegin(), plan.steps.rend(), [&](const Step& step) {
    return step.gpu_uuid == uuid && of_whole_gpu(step.kind);
  });
  return found == plan.steps.rend() ? nullptr : &*found;
}

void block_whole_gpu(const holders::Report& report, const Step& step, GpuPlan& gpu, Plan& plan) {
  const bool reset = step.kind == StepKind::kResetGpu;
  for (const Holder& holder : report.holders) {
    if (holder.gpu != gpu.gpu) {
      continue;
    }
    if (holders::is_passing(holder) ||
        (!reset && holder.kind != Kind::kService && holder.kind != Kind::kKernelModule &&
         only_opened(holder))) {
      continue;
    }
    if (for_the_driver_to_say(holder)) {
      plan.warnings.push_back(fmt::format("{} may keep GPU {} from being {}",
                                          holder.str(),
                                          gpu.gpu.value,
                                          reset ? "reset" : "switched"));
      continue;
    }
    const bool known = std::any_of(gpu.blockers.begin(),
                                   gpu.blockers.end(),
                                   [&](const Blocker& blocker) { return is_of(blocker, holder); });
    if (!known) {
      Blocker& blocker = gpu.blockers.emplace_back();
      blocker.gpu = gpu.gpu;
      blocker.gpu_instance = holder.gpu_instance;
      blocker.lease = holder.lease;
      if (!holder.lease) {
        blocker.process = process_of(holder);
      }
      blocker.what = holder.str();
      blocker.stops = reset ? Blocker::Stops::kReset : Blocker::Stops::kModeChange;
    }
  }
}

// True when the plan creates the first GPU instance: the driver partitions the memory then, and
// needs the GPU idle.
bool makes_first_instance(const Plan& plan, const GpuPlan& gpu) {
  return gpu.kept.empty() &&
         std::any_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
           return step.gpu_uuid == gpu.uuid && step.kind == StepKind::kCreateGpuInstance;
         });
}

void warn_of_displays(const holders::Report& report, const GpuPlan& gpu, Plan& plan) {
  for (const Holder& holder : report.holders) {
    if (holder.gpu == gpu.gpu && holders::stops_first_instance(holder)) {
      plan.warnings.push_back(fmt::format(
          "{} draws on it: the driver refuses the first GPU instance of a GPU while a "
          "display has memory there{}",
          holder.str(),
          holder.owner.unit.empty() ? std::string()
                                    : fmt::format(" (systemctl stop {})", holder.owner.unit)));
    }
  }
}

// Command that stops the services among the holders; "" = there are none.
std::string stop_hint(const std::vector<Holder>& who, const nvml::Session& session) {
  std::vector<std::string> units;
  for (const Holder& holder : who) {
    if ((holder.kind == Kind::kService || holder.kind == Kind::kDisplay) &&
        !holder.owner.unit.empty() &&
        std::find(units.begin(), units.end(), holder.owner.unit) == units.end()) {
      units.push_back(holder.owner.unit);
    }
  }
  if (units.empty()) {
    return {};
  }
  if (session.simulated()) {
    return fmt::format(
        "stop them (migctl sim clients {} --stop {}; on hardware: systemctl stop {})"
        ", then try again",
        session.control()->machine_name,
        base::join(units, ","),
        base::join(units, " "));
  }
  return fmt::format("stop them (systemctl stop {}), try again, and start them after it",
                     base::join(units, " "));
}

bool concerns(const Holder& holder, const Step& step) {
  if (holder.gpu != step.gpu) {
    return false;
  }
  if (step.kind == StepKind::kCreateGpuInstance) {
    return holders::stops_first_instance(holder);
  }
  return !is_create(step.kind) && (of_whole_gpu(step.kind) || !holder.gpu_instance ||
                                   holder.gpu_instance == step.gpu_instance);
}

}  // namespace

holders::Roots holder_roots(const nvml::Session& session) {
  return holder_roots(places_of(session));
}

holders::Roots holder_roots(const store::Places& places) {
  holders::Roots roots;
  roots.lease_store = places.leases();
  if (!places.machine().simulated()) {
    return roots;
  }
  const std::string tree = places.machine().simulated_dir + "/tree";
  roots.driver_proc = tree + "/proc";
  roots.dev = tree + "/dev";
  roots.machine_proc = tree + "/proc";
  return roots;
}

Result<void> check_open_nodes(const holders::Report& report, const Step& step, bool resetless) {
  std::vector<std::string> who;
  for (const Holder& holder : report.holders) {
    if (in_the_way(holder, step, resetless)) {
      who.push_back(holder.str() + " (" + base::join(holder.evidence, ", ") + ")");
    }
  }
  if (who.empty()) {
    return {};
  }
  return fail(ErrorCode::kInUse,
              fmt::format("cannot {}: in use by {}", step.str(), base::join(who, "; ")),
              "end it or wait for it (--wait 10m), then try again; nothing in use is ever "
              "destroyed");
}

bool only_passing(const holders::Report& report, GpuIndex gpu) {
  return std::all_of(report.holders.begin(), report.holders.end(), [&](const Holder& holder) {
    return holder.gpu != gpu || holders::is_passing(holder);
  });
}

void name_holders(const Inventory& inventory,
                  const nvml::Session& session,
                  const Step& step,
                  Error& error) {
  if (error.code != ErrorCode::kInUse) {
    return;
  }
  const auto report = holders::find_holders(inventory, holder_roots(session));
  std::vector<Holder> there;
  std::vector<std::string> who;
  for (const Holder& holder : report ? report->holders : std::vector<Holder>()) {
    if (concerns(holder, step)) {
      there.push_back(holder);
      who.push_back(holder.str());
    }
  }
  if (!who.empty()) {
    error.message += fmt::format("; there: {}", base::join(who, "; "));
  }
  if (std::string hint = stop_hint(there, session); !hint.empty()) {
    error.hint = std::move(hint);
  }
}

void add_holders(const holders::Report& report, Inventory& inventory) {
  for (Gpu& gpu : inventory.gpus) {
    for (const Holder& holder : report.holders) {
      if (holder.gpu != gpu.index || !holder.gpu_instance) {
        continue;
      }
      if (holder.lease) {
        gpu.leases.push_back(*holder.lease);
      } else if (!lists(gpu, holder)) {
        gpu.processes.push_back(process_of(holder));
      }
    }
  }
}

void add_blockers(const holders::Report& report, Plan& plan) {
  for (GpuPlan& gpu : plan.gpus) {
    if (const Step* step = whole_gpu_step(plan, gpu.uuid)) {
      block_whole_gpu(report, *step, gpu, plan);
    }
    if (makes_first_instance(plan, gpu)) {
      warn_of_displays(report, gpu, plan);
    }
    for (Blocker& blocker : gpu.blockers) {
      for (const Holder& holder : report.holders) {
        if (is_of(blocker, holder) && holder.start_ticks != 0) {
          blocker.start_ticks = holder.start_ticks;
        }
      }
    }
  }
}

void drop_gone(const holders::Report& report, Plan& plan) {
  const auto gone = [&](const Blocker& blocker) {
    const bool named = blocker.process || blocker.lease;
    return named &&
           std::none_of(report.holders.begin(), report.holders.end(), [&](const Holder& holder) {
             return is_of(blocker, holder) && holder.gpu == blocker.gpu &&
                    (blocker.start_ticks == 0 || holder.start_ticks == blocker.start_ticks) &&
                    (!blocker.gpu_instance || !holder.gpu_instance ||
                     holder.gpu_instance == blocker.gpu_instance);
           });
  };
  for (GpuPlan& gpu : plan.gpus) {
    std::erase_if(gpu.blockers, gone);
  }
}

}  // namespace mig::apply
