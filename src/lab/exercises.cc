// SPDX-License-Identifier: Apache-2.0
#include "lab/exercises.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace mig::lab {
namespace {

const GpuInstanceProfile* profile_of(const Gpu& gpu, std::uint32_t slices) {
  const GpuInstanceProfile* found = nullptr;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    if (profile.slices == slices && profile.name.attributes.empty() &&
        (found == nullptr || profile.memory_mib < found->memory_mib)) {
      found = &profile;
    }
  }
  return found;
}

constexpr std::array<Exercise, 13> kAll = {{
    {"1.1",
     "Enable MIG mode",
     "Switch MIG mode of GPU 0 on, and leave GPU 1 as it is. Note every error that you meet.\n",
     "the mode of GPU 0 as nvidia-smi prints it",
     Start::kMigOff,
     true},
    {"1.2",
     "Explore MIG profiles",
     "List the profiles of GPU 0 and answer:\n"
     "  1. how many of the smallest instances can you create?\n"
     "  2. how much memory has an instance of three slices (3g), in GiB?\n"
     "  3. how many SMs has an instance of two slices (2g)?\n",
     "the three answers: migctl lab check 1.2 --answers N,GIB,N",
     Start::kMigOn,
     true},
    {"2.1",
     "Uniform configuration",
     "Cut GPU 0 into as many of the smallest instances as it holds, each with a compute "
     "instance.\nWrite down the UUID of each.\n",
     "the UUIDs (nvidia-smi -L)",
     Start::kMigOn,
     true},
    {"2.2",
     "Mixed configuration",
     "GPU 0 is full of the instances of exercise 2.1. Replace them: one instance of three slices "
     "(3g)\nand two of two slices (2g), each with a compute instance of its full size.\n",
     "SMs and memory of each instance",
     Start::kSeven,
     true},
    {"2.3",
     "Instance selection",
     "Run a program on one of the instances of GPU 0, chosen by its UUID, and compare what it "
     "sees on\nthe large and on a smaller one. Let one run while you check:\n"
     "  CUDA_VISIBLE_DEVICES=MIG-... mig-workload train --seconds 600 &\n",
     "memory and SMs that the program saw on each",
     Start::kMixed,
     true},
    {"3.1",
     "Concurrent workloads",
     "Run three trainings at once, each on an instance of its own:\n"
     "  CUDA_VISIBLE_DEVICES=MIG-... mig-workload train --seconds 600 --name job_0 &\n"
     "Check while they run.\n",
     "throughput of each, alone and beside the others",
     Start::kMixed,
     true},
    {"3.2",
     "Fault isolation",
     "Let a program fail on one instance while another one trains, and show whether the "
     "training notices.\n",
     "the verdict, and what the failing program did",
     Start::kMixed,
     false},
    {"4.1",
     "Docker with MIG",
     "Start a container on one instance, then one on each.\n",
     "the commands, and what a container sees",
     Start::kMixed,
     false},
    {"4.2",
     "Compose",
     "Write a Compose file with a service for each instance.\n",
     "the file",
     Start::kMixed,
     false},
    {"5.1",
     "Collect MIG metrics",
     "Show what every instance does while trainings run.\n",
     "utilisation of each instance over time",
     Start::kMixed,
     false},
    {"5.2",
     "Export metrics to Prometheus",
     "Let a Prometheus exporter serve the metrics of every instance.\n",
     "the series of each instance, with their labels",
     Start::kMixed,
     false},
    {"6.1",
     "Right-sizing",
     "Find the smallest profile for each of the lab's models.\n",
     "the table: model, profile, memory, throughput, fits or not",
     Start::kMigOn,
     false},
    {"6.2",
     "Clean-up and reset",
     "Remove all instances of GPU 0 and switch MIG mode off.\n",
     "the mode of GPU 0, and the empty list of instances",
     Start::kMixed,
     true},
}};

}  // namespace

const std::vector<Exercise>& exercises() {
  static const std::vector<Exercise> kVector(kAll.begin(), kAll.end());
  return kVector;
}

const Exercise* find_exercise(std::string_view number) {
  const auto& all = exercises();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const Exercise& one) { return one.number == number; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> exercise_numbers() {
  std::vector<std::string> numbers;
  for (const Exercise& one : exercises()) {
    numbers.emplace_back(one.number);
  }
  return numbers;
}

const GpuInstanceProfile* small_profile(const Gpu& gpu) {
  return profile_of(gpu, 1);
}

const GpuInstanceProfile* medium_profile(const Gpu& gpu) {
  return profile_of(gpu, 2);
}

const GpuInstanceProfile* large_profile(const Gpu& gpu) {
  return profile_of(gpu, 3);
}

const GpuInstanceProfile* whole_profile(const Gpu& gpu) {
  const GpuInstanceProfile* found = nullptr;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    if (profile.name.attributes.empty() && (found == nullptr || profile.slices > found->slices)) {
      found = &profile;
    }
  }
  return found;
}

std::vector<Wanted> wanted_layout(std::string_view exercise, const Gpu& gpu) {
  const auto* small = small_profile(gpu);
  const auto* medium = medium_profile(gpu);
  const auto* large = large_profile(gpu);
  if (exercise == "2.1" && small != nullptr) {
    return {{small->name, small->max_count}};
  }
  const bool mixed = exercise == "2.2" || exercise == "2.3" || exercise.starts_with("3.") ||
                     exercise.starts_with("4.") || exercise.starts_with("5.");
  if (mixed && medium != nullptr && large != nullptr) {
    return {{large->name, 1}, {medium->name, 2}};
  }
  return {};
}

std::string text_of(const std::vector<Wanted>& wanted) {
  std::string text;
  for (const Wanted& one : wanted) {
    text +=
        (text.empty() ? "" : " + ") +
        (one.count == 1 ? one.profile.str() : fmt::format("{} x {}", one.count, one.profile.str()));
  }
  return text.empty() ? "no instance" : text;
}

}  // namespace mig::lab
