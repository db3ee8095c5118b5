// SPDX-License-Identifier: Apache-2.0
#include "driver_walk.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace mig::property {
namespace {

using migsim::kNone;

const ProfileFacts* profile_of(const BoardFacts& board, std::uint32_t id) {
  for (const ProfileFacts& profile : board.profiles) {
    if (profile.id == static_cast<int>(id)) {
      return &profile;
    }
  }
  return nullptr;
}

Windows windows_of(const BoardFacts& board, const GpuShot& gpu) {
  Windows out;
  for (const GiShot& gi : gpu.instances) {
    const ProfileFacts* profile = profile_of(board, gi.profile_id);
    if (profile != nullptr) {
      out.push_back(
          {static_cast<int>(profile - board.profiles.data()), static_cast<int>(gi.start)});
    }
  }
  return out;
}

bool fits(const BoardFacts& board, const GpuShot& gpu, Window more) {
  Windows windows = windows_of(board, gpu);
  windows.push_back(more);
  return board.legal(windows);
}

bool fits_somewhere(const BoardFacts& board, const GpuShot& gpu, int profile) {
  const auto& starts = board.profiles[static_cast<std::size_t>(profile)].starts;
  return std::any_of(starts.begin(), starts.end(), [&](int start) {
    return fits(board, gpu, {profile, start});
  });
}

bool compute_free(const GiShot& gi, int start, int size) {
  return std::none_of(gi.computes.begin(), gi.computes.end(), [&](const CiShot& ci) {
    return start < static_cast<int>(ci.start + ci.size) &&
           static_cast<int>(ci.start) < start + size;
  });
}

bool compute_fits(const ProfileFacts& holder,
                  const GiShot& gi,
                  const ComputeFacts& wanted,
                  std::uint32_t profile) {
  int slices = wanted.slices;
  int same = 1;
  for (const CiShot& ci : gi.computes) {
    for (const ComputeFacts& one : holder.computes) {
      slices += one.number == static_cast<int>(ci.profile) ? one.slices : 0;
    }
    same += ci.profile == profile ? 1 : 0;
  }
  return slices <= holder.slices && same <= wanted.max_count &&
         std::any_of(wanted.starts.begin(), wanted.starts.end(), [&](int start) {
           return compute_free(gi, start, wanted.size);
         });
}

}  // namespace

migsim::Fault random_fault(Random& random, std::uint32_t gpus) {
  static const std::vector<const char*> kCalls = {
      "nvmlDeviceCreateGpuInstance",
      "nvmlDeviceCreateGpuInstanceWithPlacement",
      "nvmlGpuInstanceDestroy",
      "nvmlGpuInstanceCreateComputeInstance",
      "nvmlGpuInstanceCreateComputeInstanceWithPlacement",
      "nvmlComputeInstanceDestroy",
      "nvmlDeviceSetMigMode",
      "nvmlDeviceGetMigMode",
      "nvmlDeviceGetGpuInstances",
      "nvmlGpuInstanceGetInfo",
      "nvmlDeviceGetComputeRunningProcesses_v3",
      "nvmlDeviceGetHandleByUUID",
      "reset_gpu",
      "*"};
  static const std::vector<int> kCodes = {NVML_ERROR_IN_USE,
                                          NVML_ERROR_UNKNOWN,
                                          NVML_ERROR_TIMEOUT,
                                          NVML_ERROR_INSUFFICIENT_RESOURCES,
                                          NVML_ERROR_NO_PERMISSION,
                                          NVML_ERROR_INVALID_ARGUMENT,
                                          NVML_ERROR_NOT_FOUND,
                                          NVML_ERROR_INSUFFICIENT_POWER,
                                          NVML_ERROR_RESET_REQUIRED};
  migsim::Fault fault;
  fault.used = 1;
  std::strncpy(fault.function, random.of(kCalls), sizeof(fault.function) - 1);
  fault.gpu = random.chance(50) ? kNone : static_cast<std::uint32_t>(random.below(gpus));
  const bool any = std::strcmp(fault.function, "*") == 0;
  fault.nth = 1 + static_cast<std::uint32_t>(random.below(any ? 400 : 4));
  fault.repeat = random.chance(90) ? 1 : static_cast<std::uint32_t>(random.below(4));
  const std::size_t dice = random.below(100);
  fault.action = dice < 88   ? migsim::FaultAction::kFail
                 : dice < 94 ? migsim::FaultAction::kXid
                 : dice < 98 ? migsim::FaultAction::kHang
                             : migsim::FaultAction::kGpuLost;
  fault.code = fault.action == migsim::FaultAction::kXid ? 31 : random.of(kCodes);
  fault.hang_ms = 1;
  return fault;
}

std::string still_sound(const World& world,
                        const Shot& before,
                        const Shot& after,
                        std::int32_t killed,
                        std::uint64_t detached) {
  if (after.broken != nullptr) {
    return fmt::format("invariant of the simulator: {}", after.broken);
  }
  for (std::uint32_t i = 0; i < after.gpus.size(); ++i) {
    const Windows windows = windows_of(world.board(i), after.gpus[i]);
    if (windows.size() != after.gpus[i].instances.size() || !world.board(i).legal(windows)) {
      return fmt::format("GPU {} holds what its board file does not allow", i);
    }
  }
  for (const ProcessShot& process : before.processes) {
    if (process.pid == killed || process.serial == detached) {
      continue;
    }
    const auto now =
        std::find_if(after.processes.begin(), after.processes.end(), [&](const ProcessShot& other) {
          return other.serial == process.serial && other.gpu == process.gpu &&
                 other.gi == process.gi && other.ci == process.ci && other.pid == process.pid;
        });
    if (now == after.processes.end()) {
      return fmt::format("pid {} on GPU {} gi={} ci={} was thrown out",
                         process.pid,
                         process.gpu,
                         process.gi,
                         process.ci);
    }
    if (process.gi == kNone) {
      continue;
    }
    // The same instance by serial, not a successor with its id.
    const GiShot* was = before.gpus[process.gpu].find(process.gi);
    const GiShot* is = after.gpus[process.gpu].find(process.gi);
    const auto serial_of = [&](const GiShot& gi) {
      const auto ci = std::find_if(gi.computes.begin(), gi.computes.end(), [&](const CiShot& c) {
        return c.id == process.ci;
      });
      return ci == gi.computes.end() ? 0 : ci->serial;
    };
    if (is == nullptr || was->serial != is->serial || serial_of(*was) != serial_of(*is)) {
      return fmt::format("what pid {} runs on was destroyed: GPU {} gi={} ci={}",
                         process.pid,
                         process.gpu,
                         process.gi,
                         process.ci);
    }
  }
  return {};
}

nvmlDevice_t DriverWalk::device(std::uint32_t gpu) {
  nvmlDevice_t out = nullptr;
  return world_.nvml().nvmlDeviceGetHandleByIndex_v2(gpu, &out) == NVML_SUCCESS ? out : nullptr;
}

std::uint32_t DriverWalk::some_gi(const GpuShot& gpu) {
  if (gpu.instances.empty() || random_.chance(10)) {
    return static_cast<std::uint32_t>(random_.below(migsim::kMaxGis + 1));
  }
  return random_.of(gpu.instances).id;
}

DriverWalk::Effect DriverWalk::create_gi(const Shot& before, std::uint32_t gpu) {
  const BoardFacts& board = world_.board(gpu);
  const GpuShot& shot = before.gpus[gpu];
  const int profile = static_cast<int>(random_.below(board.profiles.size()));
  const ProfileFacts& facts = board.profiles[static_cast<std::size_t>(profile)];
  Effect effect;
  effect.changes_layout = true;
  const bool may = shot.current && !shot.lost;
  const nvmlDevice_t handle = device(gpu);
  nvmlGpuInstance_t made = nullptr;
  if (random_.chance(60)) {
    effect.what = fmt::format("create {} on GPU {}", facts.name, gpu);
    effect.legal = may && fits_somewhere(board, shot, profile);
    effect.code =
        world_.nvml().nvmlDeviceCreateGpuInstance(handle, static_cast<unsigned>(facts.id), &made);
    return effect;
  }
  const int start =
      random_.chance(80)
          ? random_.of(facts.starts)
          : static_cast<int>(random_.below(static_cast<std::size_t>(board.memory_slices) + 2));
  const nvmlGpuInstancePlacement_t at{static_cast<unsigned>(start),
                                      static_cast<unsigned>(facts.size)};
  effect.what = fmt::format("create {}@{} on GPU {}", facts.name, start, gpu);
  effect.legal = may && std::count(facts.starts.begin(), facts.starts.end(), start) > 0 &&
                 fits(board, shot, {profile, start});
  effect.code = world_.nvml().nvmlDeviceCreateGpuInstanceWithPlacement(
      handle, static_cast<unsigned>(facts.id), &at, &made);
  return effect;
}

DriverWalk::Effect DriverWalk::create_ci(const Shot& before, std::uint32_t gpu) {
  const GpuShot& shot = before.gpus[gpu];
  const std::uint32_t id = some_gi(shot);
  Effect effect;
  effect.changes_layout = true;
  effect.what = fmt::format("create a compute instance in GPU {} gi={}", gpu, id);
  nvmlGpuInstance_t instance = nullptr;
  effect.code = world_.nvml().nvmlDeviceGetGpuInstanceById(device(gpu), id, &instance);
  const GiShot* gi = shot.find(id);
  if (effect.code != NVML_SUCCESS || gi == nullptr) {
    effect.legal = gi != nullptr && !shot.lost;
    return effect;
  }
  const ProfileFacts& holder = *profile_of(world_.board(gpu), gi->profile_id);
  const std::size_t index = random_.below(holder.computes.size());
  const ComputeFacts& wanted = holder.computes[index];
  const auto profile = static_cast<std::uint32_t>(wanted.number);
  nvmlComputeInstance_t made = nullptr;
  effect.legal = !shot.lost && wanted.told && compute_fits(holder, *gi, wanted, profile);
  if (random_.chance(60)) {
    effect.code = world_.nvml().nvmlGpuInstanceCreateComputeInstance(instance, profile, &made);
    return effect;
  }
  const int start = random_.of(wanted.starts);
  const nvmlComputeInstancePlacement_t at{static_cast<unsigned>(start),
                                          static_cast<unsigned>(wanted.size)};
  effect.legal = effect.legal && compute_free(*gi, start, wanted.size);
  effect.code = world_.nvml().nvmlGpuInstanceCreateComputeInstanceWithPlacement(
      instance, profile, &at, &made);
  return effect;
}

DriverWalk::Effect DriverWalk::destroy_gi(const Shot& before, std::uint32_t gpu) {
  const GpuShot& shot = before.gpus[gpu];
  const std::uint32_t id = some_gi(shot);
  Effect effect;
  effect.changes_layout = true;
  effect.what = fmt::format("destroy GPU {} gi={}", gpu, id);
  const GiShot* gi = shot.find(id);
  effect.legal = gi != nullptr && !shot.lost && gi->computes.empty();
  nvmlGpuInstance_t instance = nullptr;
  effect.code = world_.nvml().nvmlDeviceGetGpuInstanceById(device(gpu), id, &instance);
  if (effect.code == NVML_SUCCESS) {
    effect.code = world_.nvml().nvmlGpuInstanceDestroy(instance);
  }
  return effect;
}

DriverWalk::Effect DriverWalk::destroy_ci(const Shot& before, std::uint32_t gpu) {
  const GpuShot& shot = before.gpus[gpu];
  const std::uint32_t id = some_gi(shot);
  const GiShot* gi = shot.find(id);
  std::uint32_t ci = static_cast<std::uint32_t>(random_.below(migsim::kMaxCis));
  if (gi != nullptr && !gi->computes.empty() && random_.chance(90)) {
    ci = random_.of(gi->computes).id;
  }
  Effect effect;
  effect.changes_layout = true;
  effect.what = fmt::format("destroy GPU {} gi={} ci={}", gpu, id, ci);
  const bool exists = gi != nullptr && std::any_of(gi->computes.begin(),
                                                   gi->computes.end(),
                                                   [&](const CiShot& one) { return one.id == ci; });
  effect.legal = exists && !shot.lost && !before.runs_on(gpu, id, ci);
  nvmlGpuInstance_t instance = nullptr;
  nvmlComputeInstance_t compute = nullptr;
  effect.code = world_.nvml().nvmlDeviceGetGpuInstanceById(device(gpu), id, &instance);
  if (effect.code == NVML_SUCCESS) {
    effect.code = world_.nvml().nvmlGpuInstanceGetComputeInstanceById(instance, ci, &compute);
  }
  if (effect.code == NVML_SUCCESS) {
    effect.code = world_.nvml().nvmlComputeInstanceDestroy(compute);
  }
  return effect;
}

// Remaining capacity is positive exactly when the board file allows one more.
DriverWalk::Effect DriverWalk::ask(const Shot& before, std::uint32_t gpu) {
  const BoardFacts& board = world_.board(gpu);
  const int profile = static_cast<int>(random_.below(board.profiles.size()));
  const ProfileFacts& facts = board.profiles[static_cast<std::size_t>(profile)];
  Effect effect;
  effect.what = fmt::format("remaining {} on GPU {}", facts.name, gpu);
  unsigned count = 0;
  effect.code = world_.nvml().nvmlDeviceGetGpuInstanceRemainingCapacity(
      device(gpu), static_cast<unsigned>(facts.id), &count);
  ++tally_.asked;
  effect.told_exactly = false;
  effect.legal = true;
  if (effect.code == NVML_SUCCESS && before.gpus[gpu].current &&
      (count > 0) != fits_somewhere(board, before.gpus[gpu], profile)) {
    effect.legal = false;
  }
  return effect;
}

DriverWalk::Effect DriverWalk::processes(const Shot& before, std::uint32_t gpu) {
  Effect effect;
  effect.legal = true;
  effect.told_exactly = false;
  effect.what = "processes";
  const std::size_t dice = random_.below(100);
  if (dice < (before.processes.size() < 4 ? 50U : 15U)) {
    migsim::Instance at{gpu, kNone, kNone};
    const GpuShot& shot = before.gpus[gpu];
    if (shot.current && !shot.instances.empty()) {
      const GiShot& gi = random_.of(shot.instances);
      at.gi = gi.id;
      at.ci = gi.computes.empty() ? 0 : random_.of(gi.computes).id;
    }
    tally_.attached += world_.attach(random_, at) ? 1 : 0;
  } else if (!before.processes.empty() && dice < 85) {
    const ProcessShot& process = random_.of(before.processes);
    effect.detached = process.serial;
    world_.detach(process.slot);
  } else if (!before.processes.empty() && dice < 95) {
    world_.allocate(random_.of(before.processes).slot, std::uint64_t{random_.below(8192)} << 20U);
  } else if (dice >= 95) {
    effect.killed = world_.kill_one(random_);
    ++tally_.killed;
  }
  return effect;
}

DriverWalk::Effect DriverWalk::trouble(std::uint32_t gpu) {
  Effect effect;
  effect.legal = true;
  effect.told_exactly = false;
  const std::size_t dice = random_.below(200);
  if (dice == 0) {
    effect.what = "lose a GPU";
    world_.lose(gpu);
    ++tally_.lost;
  } else if (dice < 120) {
    effect.what = "inject";
    world_.inject(random_fault(random_, world_.gpu_count()));
    ++tally_.faults;
  } else {
    effect.what = "clear faults";
    world_.clear_faults();
  }
  return effect;
}

DriverWalk::Effect DriverWalk::power(const Shot& before, std::uint32_t gpu) {
  Effect effect;
  effect.legal = true;
  effect.told_exactly = false;
  const bool lost = std::any_of(
      before.gpus.begin(), before.gpus.end(), [](const GpuShot& one) { return one.lost; });
  const std::size_t dice = random_.below(100);
  if (lost || dice < 3) {
    effect.what = "reboot";
    effect.ends_everything = true;
    world_.clear_faults();
    world_.reboot();
    ++tally_.reboots;
  } else if (dice < 80) {
    const unsigned mode = random_.chance(80) ? 1 : 0;
    effect.what = fmt::format("mode {} on GPU {}", mode, gpu);
    nvmlReturn_t activation = NVML_SUCCESS;
    effect.code = world_.nvml().nvmlDeviceSetMigMode(device(gpu), mode, &activation);
    effect.changes_layout = true;
  } else {
    effect.what = fmt::format("reset GPU {}", gpu);
    effect.code = static_cast<nvmlReturn_t>(world_.session().control()->reset_gpu(gpu));
    effect.changes_layout = true;
  }
  return effect;
}

DriverWalk::Effect DriverWalk::act(const Shot& before) {
  const auto gpu = static_cast<std::uint32_t>(random_.below(world_.gpu_count()));
  const bool dead = !before.gpus[gpu].current || before.gpus[gpu].lost;
  const std::size_t dice = random_.below(1000);
  if (dead && random_.chance(40)) {
    return power(before, gpu);
  }
  if (dice < 280) {
    return create_gi(before, gpu);
  }
  if (dice < 500) {
    return create_ci(before, gpu);
  }
  if (dice < 640) {
    return destroy_ci(before, gpu);
  }
  if (dice < 780) {
    return destroy_gi(before, gpu);
  }
  if (dice < 820) {
    return ask(before, gpu);
  }
  if (dice < 960) {
    return processes(before, gpu);
  }
  if (dice < 985) {
    return trouble(gpu);
  }
  return power(before, gpu);
}

std::string DriverWalk::judge(const Shot& before, const Shot& after, const Effect& effect) {
  if (!effect.ends_everything) {
    if (std::string wrong = still_sound(world_, before, after, effect.killed, effect.detached);
        !wrong.empty()) {
      return wrong;
    }
  } else if (after.broken != nullptr) {
    return after.broken;
  }
  const bool ok = effect.code == NVML_SUCCESS;
  if (!effect.told_exactly && !effect.legal) {
    return "another answer than the board file's";
  }
  if (effect.told_exactly && ok && !effect.legal) {
    return "done, but the board file or a process forbids it";
  }
  if (effect.told_exactly && !ok && effect.legal && !world_.faults_armed()) {
    return fmt::format("refused with {}, but nothing stands in the way",
                       static_cast<int>(effect.code));
  }
  const bool same = layout_text(before) == layout_text(after);
  if (effect.told_exactly && ok && same) {
    return "done, but nothing has changed";
  }
  if (!ok && !same) {
    return fmt::format("refused with {}, but the layout has changed",
                       static_cast<int>(effect.code));
  }
  if (effect.changes_layout) {
    ++(ok ? tally_.done : tally_.refused);
    tally_.in_use += effect.code == NVML_ERROR_IN_USE ? 1 : 0;
  }
  return {};
}

std::string DriverWalk::step() {
  const Shot before = world_.look();
  const Effect effect = act(before);
  const Shot after = world_.look();
  std::string wrong = judge(before, after, effect);
  if (wrong.empty()) {
    return {};
  }
  return fmt::format(
      "{}: {}\nbefore:\n{}after:\n{}", effect.what, wrong, layout_text(before), layout_text(after));
}

}  // namespace mig::property
