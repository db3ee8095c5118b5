// SPDX-License-Identifier: Apache-2.0
#include "lab/judge.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "lab/exercises.h"
#include "lab/hints.h"

namespace mig::lab {
namespace {

using Hints = std::vector<Hint>;

// The mode is the first thing: without it nothing else can be right.
std::optional<Hint> mode_mistake(const Inventory& inventory, const Gpu& gpu) {
  if (gpu.mig_current == MigMode::kEnabled) {
    return gpu.mig_pending == MigMode::kDisabled ? std::optional(mig_going_off(gpu)) : std::nullopt;
  }
  if (gpu.mig_current == MigMode::kUnsupported) {
    return no_mig(gpu);
  }
  if (gpu.mig_pending == MigMode::kEnabled) {
    return mig_pending(gpu);
  }
  for (const Gpu& other : inventory.gpus) {
    if (other.index != gpu.index && other.mig_current == MigMode::kEnabled) {
      return mode_on_other_gpu(gpu, other);
    }
  }
  return mig_off(gpu);
}

// An instance that is nearly a missing one: with other attributes, or the same memory.
std::optional<Hint> lookalike(const Gpu& gpu, const Difference& difference) {
  for (const Wanted& extra : difference.extra) {
    for (const Wanted& missing : difference.missing) {
      if (!extra.profile.attributes.empty() &&
          extra.profile.gpu_slices == missing.profile.gpu_slices) {
        return variant(gpu, extra, missing);
      }
      if (extra.profile.gpu_slices != missing.profile.gpu_slices &&
          extra.profile.memory_gb == missing.profile.memory_gb) {
        return same_memory(gpu, extra, missing);
      }
    }
  }
  return std::nullopt;
}

// The mistake in which instances there are; nullopt: they are the wanted ones.
std::optional<Hint> layout_mistake(const Inventory& inventory,
                                   const Gpu& gpu,
                                   const std::vector<Wanted>& wanted) {
  const Difference difference = difference_of(gpu, wanted);
  if (difference.missing.empty() && difference.extra.empty()) {
    return std::nullopt;
  }
  if (gpu.instances.empty()) {
    for (const Gpu& other : inventory.gpus) {
      if (other.index != gpu.index && !other.instances.empty()) {
        return wrong_gpu(gpu, other, wanted);
      }
    }
    return nothing_yet(gpu, wanted);
  }
  if (auto mistake = lookalike(gpu, difference)) {
    return mistake;
  }
  const bool nothing_wanted_is_there = difference.kept == 0;
  if (nothing_wanted_is_there) {
    return left_over(gpu, difference, wanted);
  }
  if (difference.extra.empty()) {
    return no_place(gpu, difference) ? order_blocks(gpu, difference)
                                     : too_few(gpu, difference, wanted);
  }
  const bool too_many_of_a_wanted_one =
      std::any_of(difference.extra.begin(), difference.extra.end(), [&](const Wanted& extra) {
        return std::any_of(wanted.begin(), wanted.end(), [&](const Wanted& one) {
          return one.profile == extra.profile;
        });
      });
  return too_many_of_a_wanted_one ? wrong_mix(gpu, difference, wanted)
                                  : left_over(gpu, difference, wanted);
}

Hints compute_mistakes(const Gpu& gpu) {
  Hints hints;
  for (const GpuInstance& gi : gpu.instances) {
    if (gi.compute_instances.empty()) {
      hints.push_back(no_compute_instance(gpu, gi));
    } else if (gi.compute_instances.size() > 1) {
      hints.push_back(shared_by_compute_instances(gpu, gi));
    } else if (!gi.compute_instances.front().name.full_size()) {
      hints.push_back(smaller_compute_instance(gpu, gi));
    }
  }
  return hints;
}

// 2.3: something runs on an instance; 3.1: three programs on three instances.
Hints process_mistakes(std::string_view exercise, const Gpu& gpu) {
  std::map<std::uint32_t, std::size_t> by_instance;
  std::size_t all = 0;
  for (const Process& process : gpu.processes) {
    if (process.gpu_instance && !process.graphics) {
      ++by_instance[process.gpu_instance->value];
      ++all;
    }
  }
  if (all == 0) {
    return {nothing_runs(gpu)};
  }
  if (exercise == "3.1" && by_instance.size() < 3) {
    return {all >= 3 || by_instance.size() < all ? two_on_one(gpu, by_instance.size(), all)
                                                 : too_few_run(gpu, all)};
  }
  return {};
}

Hints clean_up_mistakes(const Gpu& gpu) {
  if (gpu.mig_current == MigMode::kDisabled && gpu.mig_pending != MigMode::kEnabled) {
    return {};
  }
  if (!gpu.processes.empty()) {
    return {still_in_use(gpu)};
  }
  if (!gpu.instances.empty()) {
    return {still_instances(gpu)};
  }
  return {gpu.mig_pending == MigMode::kDisabled ? mig_going_off(gpu) : mode_still_on(gpu)};
}

Hints mistakes(std::string_view exercise, const Inventory& inventory, const Gpu& gpu) {
  if (exercise == "6.2") {
    return clean_up_mistakes(gpu);
  }
  if (auto mistake = mode_mistake(inventory, gpu)) {
    return {std::move(*mistake)};
  }
  const std::vector<Wanted> wanted = wanted_layout(exercise, gpu);
  if (wanted.empty()) {
    return {};
  }
  if (auto mistake = layout_mistake(inventory, gpu, wanted)) {
    Hints hints = {std::move(*mistake)};
    for (Hint& hint : compute_mistakes(gpu)) {
      hints.push_back(std::move(hint));
    }
    return hints;
  }
  Hints hints = compute_mistakes(gpu);
  if (hints.empty() && (exercise == "2.3" || exercise == "3.1")) {
    hints = process_mistakes(exercise, gpu);
  }
  return hints;
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  return code == std::errc() && at == end ? std::optional(value) : std::nullopt;
}

}  // namespace

Verdict judge(std::string_view exercise, const Inventory& inventory, GpuIndex index) {
  Verdict verdict{std::string(exercise), false, "", {}};
  const Gpu* gpu = inventory.find_gpu(index);
  if (gpu == nullptr) {
    verdict.seen = fmt::format("GPU {} is not there", index.value);
    verdict.hints.push_back(no_gpu(inventory, index));
    return verdict;
  }
  verdict.seen = seen_text(*gpu);
  verdict.hints = mistakes(exercise, inventory, *gpu);
  verdict.passed = verdict.hints.empty();
  return verdict;
}

Verdict judge_answers(const std::vector<std::string>& answers,
                      const Inventory& inventory,
                      GpuIndex index) {
  Verdict verdict{"1.2", false, "", {}};
  const Gpu* gpu = inventory.find_gpu(index);
  if (gpu == nullptr) {
    verdict.hints.push_back(no_gpu(inventory, index));
    return verdict;
  }
  verdict.seen = "answers " + base::join(answers, ", ");
  const auto* small = small_profile(*gpu);
  const auto* medium = medium_profile(*gpu);
  const auto* large = large_profile(*gpu);
  if (small == nullptr || medium == nullptr || large == nullptr) {
    verdict.hints.push_back(no_mig(*gpu));
    return verdict;
  }
  if (answers.size() != 3) {
    verdict.hints.push_back(three_answers(answers.size()));
    return verdict;
  }
  const double gib = static_cast<double>(large->memory_mib) / 1024;
  if (number(answers[0]) != static_cast<double>(small->max_count)) {
    verdict.hints.push_back(wrong_count(*gpu, *small, answers[0]));
  }
  if (const auto told = number(answers[1]); !told || std::fabs(*told - gib) > 0.05) {
    verdict.hints.push_back(wrong_memory(*gpu, *large, answers[1]));
  }
  if (number(answers[2]) != static_cast<double>(medium->sm)) {
    verdict.hints.push_back(wrong_sms(*gpu, *medium, answers[2]));
  }
  verdict.passed = verdict.hints.empty();
  return verdict;
}

}  // namespace mig::lab
