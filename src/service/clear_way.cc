// SPDX-License-Identifier: Apache-2.0
#include "service/clear_way.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "service/user_hook.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenPlans = 250ms;
constexpr auto kBetweenLines = 10s;
// The driver may list a process for a moment after its end.
constexpr auto kAfterEviction = 5s;
constexpr auto kEvictHookTime = 10min;

std::string seconds_left(std::chrono::nanoseconds left) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
  return seconds >= 120 ? fmt::format("{} min {} s", seconds / 60, seconds % 60)
                        : fmt::format("{} s", seconds);
}

}  // namespace

std::string blockers_text(const Plan& plan) {
  std::vector<std::string> words;
  for (const GpuPlan& gpu : plan.gpus) {
    for (const Blocker& blocker : gpu.blockers) {
      if (std::find(words.begin(), words.end(), blocker.what) == words.end()) {
        words.push_back(blocker.what);
      }
    }
  }
  return base::join(words, "; ");
}

bool ClearWay::stop_wanted() const {
  return options_.stop != nullptr && *options_.stop;
}

void ClearWay::tell(const std::string& line) const {
  if (options_.tell) {
    options_.tell(line);
  }
}

Result<Plan> ClearWay::plan(const MakePlan& make) {
  MIG_ASSIGN_OR_RETURN(Plan plan, make());
  if (plan.blocked() && options_.wait.count() > 0) {
    MIG_ASSIGN_OR_RETURN(plan, wait(make, std::move(plan)));
  }
  if (plan.blocked() && options_.evict) {
    return evict(make, plan);
  }
  return plan;
}

// The result is still blocked only if an eviction follows.
Result<Plan> ClearWay::wait(const MakePlan& make, Plan plan) {
  std::string told;
  std::chrono::nanoseconds next_line{};
  for (;;) {
    if (stop_wanted()) {
      return fail(
          ErrorCode::kRolledBack,
          "stopped on request while waiting for " + blockers_text(plan) + ": nothing was changed");
    }
    const auto now = clock_.monotonic();
    const std::string who = blockers_text(plan);
    if (now >= deadline_) {
      if (options_.evict) {
        return plan;
      }
      return fail(ErrorCode::kTimeout,
                  fmt::format("waited {} in vain for: {}", seconds_left(options_.wait), who),
                  "nothing was changed; wait longer, or have them stopped with --evict");
    }
    if (who != told || now >= next_line) {
      tell(fmt::format("waiting for {}; {} left", who, seconds_left(deadline_ - now)));
      told = who;
      next_line = now + kBetweenLines;
    }
    node_.rest();
    clock_.sleep(std::min<std::chrono::nanoseconds>(kBetweenPlans, deadline_ - now));
    MIG_ASSIGN_OR_RETURN(plan, make());
    if (!plan.blocked()) {
      return plan;
    }
  }
}

Result<void> ClearWay::hook(const apply::Evictee& who) {
  tell("running the evict hook for " + who.text);
  std::string output;
  return run_user_hook(
      {"evict", options_.evict_hook, kEvictHookTime, options_.stop},
      {{"MIGCTL_PID", fmt::format("{}", who.pid)},
       {"MIGCTL_PROCESS_START", fmt::format("{}", who.start_ticks)},
       {"MIGCTL_GPU", fmt::format("{}", who.gpu.value)},
       {"MIGCTL_GPU_INSTANCE",
        who.gpu_instance ? fmt::format("{}", who.gpu_instance->value) : std::string()},
       {"MIGCTL_WHO", who.text}},
      output);
}

Result<Plan> ClearWay::evict(const MakePlan& make, const Plan& plan) {
  MIG_ASSIGN_OR_RETURN(const holders::Report report, node_.holders());
  MIG_ASSIGN_OR_RETURN(const std::vector<apply::Evictee> who, apply::evictees(plan, report));
  apply::EvictOptions options;
  options.grace = *options_.evict;
  options.tell = options_.tell;
  options.stop = options_.stop;
  if (!options_.evict_hook.empty()) {
    options.hook = [this](const apply::Evictee& one) { return hook(one); };
  }
  MIG_TRY(apply::evict(who, options, clock_));
  const auto deadline = clock_.monotonic() + kAfterEviction;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(Plan now, make());
    if (!now.blocked() || clock_.monotonic() >= deadline || stop_wanted()) {
      return now;
    }
    clock_.sleep(kBetweenPlans);
  }
}

bool ClearWay::hopeless(const Plan& refused) const {
  if (const auto cut_short = node_.interrupted(); !cut_short || *cut_short) {
    return true;
  }
  if (!options_.saved_plan) {
    return false;  // a retry plans again from the current state
  }
  const auto now = node_.inventory();
  return !now || plan_generation(*now, refused) != refused.generation;
}

bool ClearWay::again(const Error& error, const Plan& refused) {
  const bool passing = error.code == ErrorCode::kInUse || error.code == ErrorCode::kConflict;
  if (!passing || stop_wanted() || clock_.monotonic() >= deadline_) {
    return false;
  }
  if (error.code == ErrorCode::kConflict && hopeless(refused)) {
    return false;
  }
  tell(error.text() + "; trying again");
  node_.rest();
  clock_.sleep(kBetweenPlans);
  return true;
}

}  // namespace mig::service
