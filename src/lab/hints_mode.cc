// SPDX-License-Identifier: Apache-2.0
// Hints about MIG mode, programs, clean-up and the answers of exercise 1.2.
#include <fmt/format.h>

#include "base/strings.h"
#include "lab/hints.h"

namespace mig::lab {
namespace {

std::string gpu_text(const Gpu& gpu) {
  return std::to_string(gpu.index.value);
}

std::string mode_query(const Gpu& gpu) {
  return fmt::format("nvidia-smi -i {} --query-gpu=mig.mode.current,mig.mode.pending --format=csv",
                     gpu.index.value);
}

bool needs_reset(const Gpu& gpu) {
  return gpu.architecture == Architecture::kAmpere;
}

std::string who_is_there(const Gpu& gpu) {
  if (gpu.processes.empty()) {
    return "migctl holders says who still has it open";
  }
  const Process& first = gpu.processes.front();
  return fmt::format("{} on it, for example pid {}{}",
                     base::counted(gpu.processes.size(), "process"),
                     first.pid,
                     first.name.empty() ? "" : " (" + base::printable(first.name) + ")");
}

}  // namespace

Hint no_gpu(const Inventory& inventory, GpuIndex index) {
  return {"no-gpu",
          fmt::format("the machine has {}", base::counted(inventory.gpus.size(), "GPU")),
          fmt::format("GPU {}", index.value),
          "nvidia-smi -L",
          "the exercise is about one GPU, by its index",
          "check on the machine of the exercise: migctl --sim NAME lab check ..."};
}

Hint no_mig(const Gpu& gpu) {
  return {"not-supported",
          fmt::format("GPU {} ({}) has no MIG", gpu.index.value, gpu.name),
          "a GPU with MIG",
          "migctl profiles",
          "MIG is a feature of A30, A100, H100, H200, B200 and RTX PRO 6000, and of their drivers",
          "migctl doctor --check mig-support says what this one lacks"};
}

Hint mig_off(const Gpu& gpu) {
  return {"mig-off",
          fmt::format("MIG is off on GPU {}", gpu.index.value),
          "MIG mode enabled: without it a GPU has no instances",
          mode_query(gpu),
          "the mode is a property of each GPU, and instances can be made only while it is on",
          "nvidia-smi -i " + gpu_text(gpu) + " -mig 1" +
              (needs_reset(gpu) ? ", and the reset that this architecture needs: nvidia-smi -i " +
                                      gpu_text(gpu) + " --gpu-reset"
                                : "")};
}

Hint mig_pending(const Gpu& gpu) {
  return {"mig-pending",
          fmt::format("GPU {}: MIG is off now and will be on after a reset (pending: Enabled)",
                      gpu.index.value),
          "current: Enabled",
          mode_query(gpu),
          "the driver accepted the change, but the GPU was in use, so the reset that puts it into "
          "effect did not happen; " +
              who_is_there(gpu),
          "end those programs, then nvidia-smi -i " + gpu_text(gpu) + " --gpu-reset"};
}

Hint mig_going_off(const Gpu& gpu) {
  return {
      "mig-pending",
      fmt::format("GPU {}: MIG is on now and will be off after a reset (pending: Disabled)",
                  gpu.index.value),
      "current and pending the same",
      mode_query(gpu),
      "the GPU was in use when the mode was set, so the reset did not happen; " + who_is_there(gpu),
      "end those programs, then nvidia-smi -i " + gpu_text(gpu) + " --gpu-reset"};
}

Hint mode_on_other_gpu(const Gpu& gpu, const Gpu& other) {
  return {"mode-on-other-gpu",
          fmt::format("MIG is on on GPU {}, and off on GPU {}", other.index.value, gpu.index.value),
          fmt::format("MIG mode enabled on GPU {}", gpu.index.value),
          "nvidia-smi --query-gpu=index,mig.mode.current --format=csv",
          "the mode is set for each GPU by itself; -i says for which, and without it for all",
          fmt::format("nvidia-smi -i {} -mig 0, then nvidia-smi -i {} -mig 1",
                      other.index.value,
                      gpu.index.value)};
}

Hint nothing_runs(const Gpu& gpu) {
  return {"nothing-runs",
          fmt::format("the layout is right, and no program runs on an instance of GPU {}",
                      gpu.index.value),
          "a program on an instance while you check",
          "nvidia-smi pmon -c 1",
          "a process is on the instance that CUDA_VISIBLE_DEVICES names when it starts; `export` "
          "after the start changes nothing",
          "CUDA_VISIBLE_DEVICES=MIG-... mig-workload train --seconds 600 &   (UUIDs: nvidia-smi "
          "-L)"};
}

Hint two_on_one(const Gpu& gpu, std::size_t instances, std::size_t programs) {
  return {"two-on-one-instance",
          fmt::format("{} on {} of GPU {}",
                      base::counted(programs, "program"),
                      base::counted(instances, "instance"),
                      gpu.index.value),
          "three programs, each on an instance of its own",
          "migctl list   (or nvidia-smi: the GI column of the processes)",
          "two programs on one instance take turns: they share its SMs and its memory, which MIG "
          "does not divide further. A UUID that was copied twice is the usual cause",
          "give each program another UUID, or let migctl run find a free one"};
}

Hint too_few_run(const Gpu& gpu, std::size_t programs) {
  return {"too-few-run",
          fmt::format("{} on GPU {}", base::counted(programs, "program"), gpu.index.value),
          "three programs at once",
          "nvidia-smi pmon -c 1",
          "the others have ended, or failed to start: their output says why",
          "start all three in the background (&), with --seconds 600, and check again"};
}

Hint still_in_use(const Gpu& gpu) {
  return {"still-in-use",
          fmt::format("GPU {} is in use: {}", gpu.index.value, who_is_there(gpu)),
          "no program, no instance, MIG off",
          "nvidia-smi pmon -c 1",
          "an instance with a program on it is not destroyed (\"In use by another client\")",
          "let the programs end, or end them; then -dci, -dgi, -mig 0"};
}

Hint still_instances(const Gpu& gpu) {
  std::size_t compute = 0;
  for (const GpuInstance& gi : gpu.instances) {
    compute += gi.compute_instances.size();
  }
  const bool has_compute = compute > 0;
  return {"left-over",
          fmt::format("{} and {} are left on GPU {}",
                      base::counted(gpu.instances.size(), "GPU instance"),
                      base::counted(compute, "compute instance"),
                      gpu.index.value),
          "none, and MIG off",
          has_compute ? "nvidia-smi mig -lci" : "nvidia-smi mig -lgi",
          "compute instances go first: a GPU instance that has one is in use, and -dgi refuses",
          std::string(has_compute ? "nvidia-smi mig -dci, then " : "") +
              "nvidia-smi mig -dgi, then nvidia-smi -i " + gpu_text(gpu) + " -mig 0"};
}

Hint mode_still_on(const Gpu& gpu) {
  return {"mig-on",
          fmt::format("no instance is left, and MIG is still on on GPU {}", gpu.index.value),
          "MIG mode disabled",
          mode_query(gpu),
          "a GPU with MIG on and without instances can run nothing at all",
          "nvidia-smi -i " + gpu_text(gpu) + " -mig 0" +
              (needs_reset(gpu) ? ", then nvidia-smi -i " + gpu_text(gpu) + " --gpu-reset" : "")};
}

Hint three_answers(std::size_t given) {
  return {"three-answers",
          base::counted(given, "answer"),
          "three: a count, GiB, a count",
          "nvidia-smi mig -lgip",
          "exercise 1.2 asks three questions",
          "migctl lab check 1.2 --answers N,GIB,N"};
}

Hint wrong_count(const Gpu&, const GpuInstanceProfile& profile, const std::string& answer) {
  return {"wrong-count",
          "the first answer is " + base::quoted(answer),
          "how many " + profile.name.str() + " can be created",
          "nvidia-smi mig -lgip   (Instances Free/Total)",
          "the memory has eight slices on most boards and the compute part seven: the scarcer one "
          "decides",
          "read Total, not Free: Free counts what is there already"};
}

Hint wrong_memory(const Gpu&, const GpuInstanceProfile& profile, const std::string& answer) {
  return {"wrong-memory",
          "the second answer is " + base::quoted(answer),
          "the memory of a " + profile.name.str() + " in GiB",
          "nvidia-smi mig -lgip   (Memory GiB)",
          fmt::format("the name says {} GB, and that is the slice's size rounded: the driver keeps "
                      "a part of it, and counts in GiB (2^30 bytes)",
                      profile.name.memory_gb),
          "read the Memory column, not the name"};
}

Hint wrong_sms(const Gpu& gpu, const GpuInstanceProfile& profile, const std::string& answer) {
  const GpuInstanceProfile* whole = whole_profile(gpu);
  return {"wrong-sms",
          "the third answer is " + base::quoted(answer),
          "how many SMs a " + profile.name.str() + " has",
          "nvidia-smi mig -lgip   (SM)",
          fmt::format("SMs are not shared out by sevenths of the board's: {} slices have {} SMs "
                      "here, and one slice {}",
                      whole == nullptr ? 7 : whole->slices,
                      whole == nullptr ? 0 : whole->sm,
                      small_profile(gpu) == nullptr ? 0 : small_profile(gpu)->sm),
          "read the SM column"};
}

}  // namespace mig::lab
