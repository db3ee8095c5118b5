// SPDX-License-Identifier: Apache-2.0
#include "random_case.h"

#include <algorithm>

#include "model/testing/test_boards.h"

namespace mig::property {
namespace {

const ProfileFacts& facts_of(const BoardFacts& board, int profile) {
  return board.profiles[static_cast<std::size_t>(profile)];
}

int full_size(const ProfileFacts& profile) {
  for (std::size_t i = 0; i < profile.computes.size(); ++i) {
    if (profile.computes[i].name == profile.name) {
      return static_cast<int>(i);
    }
  }
  return 0;
}

// Random compute instances: mostly the full size, often a random part, at times none.
std::vector<HeldCompute> random_inside(Random& random, const ProfileFacts& profile) {
  if (random.chance(55)) {
    return {{full_size(profile), 0, false}};
  }
  std::vector<HeldCompute> out;
  std::vector<bool> taken(16);
  std::vector<int> counts(profile.computes.size());
  for (std::size_t tries = random.below(7); tries-- > 0;) {
    const std::size_t c = random.below(profile.computes.size());
    const ComputeFacts& compute = profile.computes[c];
    const int start = random.of(compute.starts);
    const auto first = taken.begin() + start;
    if (counts[c] < compute.max_count &&
        std::find(first, first + compute.size, true) == first + compute.size) {
      std::fill(first, first + compute.size, true);
      ++counts[c];
      out.push_back({static_cast<int>(c), start, false});
    }
  }
  return out;
}

std::vector<Held> random_state(Random& random, const BruteForce& brute) {
  std::vector<Held> out;
  const bool all_busy = random.chance(1);
  for (const Window& window : random.of(brute.layouts())) {
    Held held{window, false, random_inside(random, facts_of(brute.board(), window.profile))};
    const bool whole = !held.computes.empty() && random.chance(5);
    for (HeldCompute& compute : held.computes) {
      compute.busy = all_busy || whole || random.chance(25);
      held.busy = held.busy || compute.busy;
    }
    held.busy = held.busy || all_busy;
    out.push_back(held);
  }
  return out;
}

std::vector<ComputeWish> wish_inside(Random& random, const ProfileFacts& profile) {
  std::vector<ComputeWish> out;
  const bool places = random.chance(10);
  for (const HeldCompute& compute : random_inside(random, profile)) {
    out.push_back({compute.compute, {}});
    if (places && random.chance(60)) {
      out.back().start = compute.start;
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Wish random_wish(Random& random, const BoardFacts& board, int profile) {
  Wish wish{profile, {}, wish_inside(random, facts_of(board, profile))};
  if (random.chance(8)) {
    wish.start = random.of(facts_of(board, profile).starts);
  }
  return wish;
}

// The current layout with parts left out, changed or added.
std::vector<Wish> mutated(Random& random, const BoardFacts& board, const std::vector<Held>& held) {
  std::vector<Wish> out;
  for (const Held& one : held) {
    if (random.chance(30)) {
      continue;
    }
    Wish wish = random_wish(random, board, one.window.profile);
    if (random.chance(75)) {
      wish.computes.clear();
      for (const HeldCompute& compute : one.computes) {
        wish.computes.push_back({compute.compute, {}});
      }
      std::sort(wish.computes.begin(), wish.computes.end());
    }
    out.push_back(wish);
  }
  for (std::size_t more = random.below(3); more-- > 0;) {
    out.push_back(
        random_wish(random, board, static_cast<int>(random.below(board.profiles.size()))));
  }
  return out;
}

std::vector<Wish> random_wishes(Random& random,
                                const BruteForce& brute,
                                const std::vector<Held>& held) {
  const BoardFacts& board = brute.board();
  if (random.chance(45)) {
    return mutated(random, board, held);
  }
  std::vector<Wish> out;
  for (const Window& window : random.of(brute.layouts())) {
    const bool other = random.chance(8);
    const int profile =
        other ? static_cast<int>(random.below(board.profiles.size())) : window.profile;
    out.push_back(random_wish(random, board, profile));
  }
  return out;
}

ProfileName name_of(const std::string& text) {
  return ProfileName::parse(text).value();
}

Placement run(int start, int size) {
  return {static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(size)};
}

void add_busy(Random& random, const Held& held, const GpuInstance& instance, Gpu& gpu) {
  const bool all =
      std::all_of(held.computes.begin(), held.computes.end(), [](const auto& c) { return c.busy; });
  if (held.busy && all && random.chance(30)) {
    gpu.processes.push_back({500 + instance.id.value, "whole", {}, instance.id, {}});
    return;
  }
  for (std::size_t c = 0; c < held.computes.size(); ++c) {
    if (held.computes[c].busy) {
      gpu.processes.push_back(
          {100 + instance.id.value, "train", {}, instance.id, instance.compute_instances[c].id});
    }
  }
  if (held.busy && held.computes.empty()) {  // on the GPU instance as a whole
    gpu.processes.push_back({900 + instance.id.value, "", {}, instance.id, {}});
  }
}

Gpu gpu_of(Random& random,
           const BoardFacts& board,
           const std::vector<Held>& held,
           std::uint32_t index) {
  Gpu gpu = testing::board(board.key, index);
  for (std::size_t h = 0; h < held.size(); ++h) {
    const ProfileFacts& facts = facts_of(board, held[h].window.profile);
    const GpuInstanceProfile& profile = *gpu.find_profile(name_of(facts.name));
    GpuInstance instance;
    instance.id = {static_cast<std::uint32_t>(h)};
    instance.profile_id = profile.id;
    instance.nvml_profile = profile.nvml_profile;
    instance.name = profile.name;
    instance.placement = run(held[h].window.start, facts.size);
    for (std::size_t c = 0; c < held[h].computes.size(); ++c) {
      const HeldCompute& inside = held[h].computes[c];
      const ComputeFacts& compute = facts.computes[static_cast<std::size_t>(inside.compute)];
      ComputeInstance made;
      made.id = {static_cast<std::uint32_t>(c)};
      made.name = name_of(compute.name);
      made.nvml_profile =
          profile.compute_profiles[static_cast<std::size_t>(inside.compute)].nvml_profile;
      made.placement = run(inside.start, compute.size);
      instance.compute_instances.push_back(made);
    }
    add_busy(random, held[h], instance, gpu);
    gpu.instances.push_back(instance);
  }
  return gpu;
}

DesiredInstance desired_of(const BoardFacts& board, const Wish& wish) {
  const ProfileFacts& facts = facts_of(board, wish.profile);
  DesiredInstance out;
  out.profile = name_of(facts.name);
  if (wish.start) {
    out.placement = run(*wish.start, facts.size);
  }
  bool places = false;
  for (const ComputeWish& inside : wish.computes) {
    const ComputeFacts& compute = facts.computes[static_cast<std::size_t>(inside.compute)];
    out.compute_instances.push_back(name_of(compute.name));
    out.compute_placements.push_back(inside.start ? std::optional(run(*inside.start, compute.size))
                                                  : std::nullopt);
    places = places || inside.start;
  }
  if (!places) {
    out.compute_placements.clear();
  }
  return out;
}

}  // namespace

RandomGpu random_gpu(Random& random, const BruteForce& brute, std::uint32_t index) {
  RandomGpu out;
  out.held = random_state(random, brute);
  out.wishes = random_wishes(random, brute, out.held);
  out.gpu = gpu_of(random, brute.board(), out.held, index);
  out.desired.gpu = {index};
  out.desired.mig_enabled = true;
  for (const Wish& wish : out.wishes) {
    out.desired.instances.push_back(desired_of(brute.board(), wish));
  }
  return out;
}

std::string text_of(const BoardFacts& board, const RandomGpu& random) {
  std::string out = board.key + " has";
  for (const Held& held : random.held) {
    const ProfileFacts& facts = facts_of(board, held.window.profile);
    out += " " + facts.name + "@" + std::to_string(held.window.start) + (held.busy ? "*[" : "[");
    for (const HeldCompute& compute : held.computes) {
      out += " " + facts.computes[static_cast<std::size_t>(compute.compute)].name + "@" +
             std::to_string(compute.start) + (compute.busy ? "*" : "");
    }
    out += "]";
  }
  out += "; wanted";
  for (const Wish& wish : random.wishes) {
    const ProfileFacts& facts = facts_of(board, wish.profile);
    out += " " + facts.name + (wish.start ? "@" + std::to_string(*wish.start) : "") + "[";
    for (const ComputeWish& compute : wish.computes) {
      out += " " + facts.computes[static_cast<std::size_t>(compute.compute)].name +
             (compute.start ? "@" + std::to_string(*compute.start) : "");
    }
    out += "]";
  }
  return out;
}

}  // namespace mig::property
