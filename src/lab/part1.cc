// SPDX-License-Identifier: Apache-2.0
// Part 1: MIG mode and profiles.
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "lab/judge.h"
#include "lab/parts.h"

namespace mig::lab {
namespace {

std::vector<std::string> ask_mode(const std::string& gpu) {
  return {"nvidia-smi",
          "-i",
          gpu,
          "--query-gpu=mig.mode.current,mig.mode.pending",
          "--format=csv,noheader"};
}

bool contains(const Ran& ran, std::string_view text) {
  return ran.printed.find(text) != std::string::npos;
}

// "TODO: Document any errors encountered": both that a lab usually meets, on purpose. On a private
// machine only: elsewhere the GPU is not for playing.
void meet_errors(Chapter& chapter, const std::string& gpu, bool ampere) {
  const Terminal& terminal = chapter.terminal();
  chapter.words("*Errors met, on purpose.* Without root:");
  Ways as_user;
  as_user.environment = {{"MIGSIM_AS_USER", "1"}};
  const Ran refused = chapter.show({"nvidia-smi", "-i", gpu, "-mig", "1"}, as_user);
  chapter.check("a user without rights is refused", refused.exit_code != 0);
  if (!ampere) {
    return;
  }
  chapter.words("With a program on the GPU: the mode stays *pending*, and the reset is refused.");
  auto job = terminal.start({"mig-workload", "train", "--seconds", "600", "--announce"});
  if (!job || !job->wait_output("WorkloadStarted", kToStart, terminal.stop())) {
    chapter.check("a training starts on the whole GPU", false);
    return;
  }
  const Ran pending = chapter.show({"nvidia-smi", "-i", gpu, "-mig", "1"});
  const Ran mode = chapter.show(ask_mode(gpu));
  const Ran reset = chapter.show({"nvidia-smi", "-i", gpu, "--gpu-reset"});
  job->stop(kToEnd);
  chapter.check("the mode is pending while a program has the GPU",
                contains(mode, "Disabled, Enabled"),
                mode.printed);
  chapter.check("the reset is refused while a program has the GPU", reset.exit_code != 0);
  chapter.words("The program has ended; the reset now takes it into effect.");
  static_cast<void>(pending);
}

}  // namespace

void enable_mode(Chapter& chapter) {
  const std::string gpu = index_of(chapter.course());
  chapter.show({"nvidia-smi", "-L"});
  const Ran before = chapter.show(ask_mode(gpu));
  const Gpu board = chapter.gpu();
  const bool ampere = board.architecture == Architecture::kAmpere;
  if (board.mig_current == MigMode::kDisabled) {
    chapter.words("The whole board, as a program sees it without MIG:");
    chapter.show({"mig-workload", "info", "--look-only"});
    const base::Json seen = chapter.document({"mig-workload", "info", "--look-only", "--json"});
    chapter.course().findings.whole_sms =
        static_cast<std::uint32_t>(number_of(seen, "sm").value_or(0));
  }
  if (!chapter.course().may_change) {
    chapter.not_run("the mode stays as it is (--read-only)",
                    {"sudo nvidia-smi -i " + gpu + " -mig 1",
                     "sudo nvidia-smi -i " + gpu + " --gpu-reset      # Ampere only"});
  } else if (board.mig_current == MigMode::kEnabled) {
    chapter.note("MIG is on already.");
  } else {
    if (chapter.course().bench->is_private()) {
      meet_errors(chapter, gpu, ampere);
    }
    if (chapter.gpu().mig_pending != MigMode::kEnabled) {
      chapter.show({"nvidia-smi", "-i", gpu, "-mig", "1"});
    }
    if (ampere) {
      chapter.show({"nvidia-smi", "-i", gpu, "--gpu-reset"});
    }
    const Ran after = chapter.show(ask_mode(gpu));
    chapter.check("MIG mode is Enabled", contains(after, "Enabled, Enabled"), after.printed);
    chapter.strip("MIG on, no instance yet");
  }
  chapter.lab_error(
      "The lab resets the GPU on every board. A change of the mode needs a reset on *Ampere* only "
      "(A30, A100); on Hopper and later it takes effect at once. Source: NVIDIA's MIG user guide.");
  chapter.question(
      "Document any errors encountered",
      {"`Insufficient Permissions`: the mode is root's to change. `In use by another client`, and "
       "the mode stays pending: somebody has the GPU open - a job, DCGM, nvidia-persistenced, a "
       "device plugin, a display. `migctl holders` and `migctl doctor --check mig-pending` name "
       "them.",
       ampere ? "Here: " + before.printed.substr(0, before.printed.find('\n')) +
                    " before (current, pending)."
              : "On this board no reset was needed."});
}

void explore_profiles(Chapter& chapter) {
  const Gpu gpu = chapter.gpu();
  if (gpu.mig_current == MigMode::kEnabled) {
    chapter.show({"nvidia-smi", "mig", "-i", index_of(chapter.course()), "-lgip"});
    chapter.show({"nvidia-smi", "mig", "-i", index_of(chapter.course()), "-lgipp"});
  }
  chapter.show({"migctl", "profiles"});
  const auto* small = small_profile(gpu);
  const auto* medium = medium_profile(gpu);
  const auto* large = large_profile(gpu);
  const auto* whole = whole_profile(gpu);
  if (small == nullptr || medium == nullptr || large == nullptr || whole == nullptr) {
    chapter.check("the board has profiles of one, two and three slices", false);
    return;
  }
  report::Table table;
  table.caption = "GPU instance profiles of this board";
  table.columns = {{"profile", "", report::Align::kLeft},
                   {"id", "", report::Align::kRight},
                   {"instances", "", report::Align::kRight},
                   {"memory", "GiB", report::Align::kRight},
                   {"SMs", "", report::Align::kRight},
                   {"SMs of all of them", "", report::Align::kRight}};
  table.source = report::marked("`migctl profiles`: the driver's answer");
  table.origin = chapter.course().origin;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    const double all = static_cast<double>(profile.max_count) * profile.sm;
    table.rows.push_back(
        {{profile.name.str()},
         {std::to_string(profile.id.value), static_cast<double>(profile.id.value)},
         {std::to_string(profile.max_count), static_cast<double>(profile.max_count)},
         {gib(profile.memory_mib), static_cast<double>(profile.memory_mib) / 1024},
         {std::to_string(profile.sm), static_cast<double>(profile.sm)},
         {fmt::format("{:.0f}", all), all, report::Origin::kDerived}});
  }
  chapter.add(std::move(table));
  const std::vector<std::string> right = {
      std::to_string(small->max_count), gib(large->memory_mib), std::to_string(medium->sm)};
  chapter.question(fmt::format("How many {} instances can you create?", small->name.str()),
                   {fmt::format("*{}*.", right[0])});
  chapter.question(
      fmt::format("What is the memory per instance for {}?", large->name.str()),
      {fmt::format("*{} GiB* ({} MiB). The name says {} GB; the driver counts in GiB and keeps a "
                   "part.",
                   right[1],
                   large->memory_mib,
                   large->name.memory_gb)});
  chapter.question(fmt::format("How many SMs does a {} instance have?", medium->name.str()),
                   {fmt::format("*{}*.", right[2])});
  Inventory inventory;
  inventory.gpus.push_back(gpu);
  chapter.check("migctl lab check 1.2 takes these three answers",
                judge_answers(right, inventory, gpu.index).passed);
  if (gpu.name.find("A100") != std::string::npos && medium->name.memory_gb == 10) {
    chapter.lab_error(fmt::format(
        "The lab's sample prints 9.75 GiB for 2g.10gb. This driver says {}: the figure is the "
        "driver's, and older ones printed more. Read it off your own machine.",
        gib(medium->memory_mib)));
  }
}

}  // namespace mig::lab
