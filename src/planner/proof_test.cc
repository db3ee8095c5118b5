// SPDX-License-Identifier: Apache-2.0
// Refusals against an oracle: each reason by counting and trying, each hint by planning it. Random
// boards, idle and busy instances, desired layouts with and without given placements.
#include <algorithm>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "model/testing/test_boards.h"
#include "planner/planner.h"
#include "planner/refusal_names.h"

namespace mig::planner {
namespace {

using refusal::count_of;
using refusal::Named;
using refusal::Names;
using refusal::parse;
using refusal::shape_of;
using refusal::split;
using testing::add_instance;
using testing::add_process;
using testing::board;

std::size_t below(std::mt19937& random, std::size_t n) {
  return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
}

bool cross(Placement a, Placement b) {
  return a.start < b.end() && b.start < a.end();
}

// Checks one refusal's message against its input.
class Refusal {
 public:
  Refusal(const Gpu& gpu, const DesiredLayout& wish, const Error& error)
      : gpu_(gpu), wish_(wish), message_(error.message), hint_(error.hint), code_(error.code) {
    for (const DesiredInstance& one : wish.gpus[0].instances) {
      wanted_.push_back({shape_of(one), one.placement, one});
    }
  }

  void check() {
    if (code_ == ErrorCode::kInUse) {
      check_in_use();
    } else {
      ASSERT_EQ(code_, ErrorCode::kNoCapacity) << told();
      std::string reason;
      const std::string stays = "beside what stays there: ";
      if (const std::size_t at = message_.find(stays); at != std::string::npos) {
        reason = message_.substr(at + stays.size());
      } else {
        reason = message_.substr(message_.find(gpu_.name + "): ") + gpu_.name.size() + 3);
      }
      check_reason(reason);
    }
    check_hint();
  }

  static std::map<std::string, std::size_t>& seen() {
    static std::map<std::string, std::size_t> counts;
    return counts;
  }

 private:
  std::string told() const {
    std::string text = message_ + "\nhint: " + hint_ + "\nthere:";
    for (const GpuInstance& instance : gpu_.instances) {
      text += " " + instance.name.str() + "@" + std::to_string(instance.placement.start) +
              (gpu_.processes_on(instance.id).empty() ? "" : "*");
      for (const ComputeInstance& compute : instance.compute_instances) {
        text += "/" + compute.name.str();
      }
    }
    text += "\nwished:";
    for (const Named& one : wanted_) {
      text += " " + one.shape + (one.place ? "@" + std::to_string(one.place->start) : "");
    }
    return text;
  }

  bool plans(const Gpu& gpu, const std::vector<DesiredInstance>& instances) const {
    DesiredLayout layout{"hint", {{gpu.index, true, instances, {}}}, {}};
    return plan(testing::inventory({gpu}), layout, {}).has_value();
  }

  const GpuInstanceProfile& profile(const std::string& text) const {
    return *gpu_.find_profile(ProfileName::parse(text).value().gpu_instance());
  }

  // Splits the desired instances into those that exist at their placement and the others.
  void divide(Names& stay, Names& rest) const {
    std::set<std::uint32_t> used;
    for (const Named& one : wanted_) {
      const auto there =
          std::find_if(gpu_.instances.begin(), gpu_.instances.end(), [&](const GpuInstance& is) {
            DesiredInstance as;
            as.profile = is.name;
            for (const ComputeInstance& compute : is.compute_instances) {
              as.compute_instances.push_back(compute.name);
            }
            return used.count(is.id.value) == 0 && one.place == is.placement &&
                   shape_of(as) == one.shape;
          });
      if (there == gpu_.instances.end()) {
        rest.push_back(one);
      } else {
        used.insert(there->id.value);
        stay.push_back(one);
      }
    }
  }

  // Each of `names` must match a different desired instance.
  void expect_wished(const Names& names, bool places = true) const {
    Names left = wanted_;
    for (const Named& one : names) {
      const auto at = std::find_if(left.begin(), left.end(), [&](const Named& other) {
        return (one.shape == other.shape || one.shape == other.wish.profile.str()) &&
               (!places || one.place == other.place);
      });
      ASSERT_NE(at, left.end()) << one.shape << " was not wished so often\n" << told();
      left.erase(at);
    }
  }

  // Oracle by brute force: placements without overlap, given ones as given.
  bool can_lie(const Names& names, std::size_t next, std::vector<Placement>& taken) const {
    if (next == names.size()) {
      return true;
    }
    for (const Placement at : profile(names[next].wish.profile.str()).placements) {
      const bool free = std::none_of(
          taken.begin(), taken.end(), [&](Placement other) { return cross(at, other); });
      if (!free || names[next].place.value_or(at) != at) {
        continue;
      }
      taken.push_back(at);
      if (can_lie(names, next + 1, taken)) {
        return true;
      }
      taken.pop_back();
    }
    return false;
  }

  bool can_lie(const Names& names) const {
    std::vector<Placement> taken;
    return can_lie(names, 0, taken);
  }

  void check_reason(const std::string& reason) const {
    std::smatch m;
    if (std::regex_match(
            reason,
            m,
            std::regex(R"((\S+) has (\d+) legal placements? \(.*\); at most (\d+) fits?)"))) {
      ++seen()["most fit"];
      const std::size_t fit = std::stoul(m[3]);
      EXPECT_EQ(profile(m[1]).placements.size(), std::stoul(m[2])) << told();
      EXPECT_GT(count_of(wanted_, m[1]), fit) << told();
      const Names one = parse(m[1]);
      EXPECT_TRUE(can_lie(Names(fit, one.front()))) << told();
      EXPECT_FALSE(profile(m[1]).max_count > fit && can_lie(Names(fit + 1, one.front()))) << told();
    } else if (std::regex_match(
                   reason,
                   m,
                   std::regex(R"(of (\S+) the driver allows at most (\d+) on this GPU)"))) {
      ++seen()["driver allows"];
      EXPECT_EQ(profile(m[1]).max_count, std::stoul(m[2])) << told();
      EXPECT_GT(count_of(wanted_, m[1]), std::stoul(m[2])) << told();
    } else if (std::regex_match(
                   reason,
                   m,
                   std::regex(
                       R"((.*) need (\d+) (memory slots|compute slices) and the GPU has (\d+))"))) {
      ++seen()[m[3]];
      const bool memory = m[3] == "memory slots";
      std::size_t sum = 0;
      for (const Named& one : parse(m[1])) {
        const auto& of = profile(one.wish.profile.str());
        sum += memory ? of.placements.front().size : of.slices;
      }
      expect_wished(parse(m[1]), false);
      EXPECT_EQ(sum, std::stoul(m[2])) << told();
      EXPECT_EQ(memory ? gpu_.memory_slices : gpu_.compute_slices, std::stoul(m[4])) << told();
      EXPECT_GT(sum, std::stoul(m[4])) << told();
    } else if (std::regex_match(reason, m, std::regex(R"((.*): only one instance .*)"))) {
      ++seen()["one extension"];
      const Names names = parse(m[1]);
      expect_wished(names, false);
      EXPECT_GE(std::count_if(
                    names.begin(),
                    names.end(),
                    [](const Named& one) { return one.shape.find("+me") != std::string::npos; }),
                2)
          << told();
    } else if (std::regex_match(reason, m, std::regex(R"((.*): the instance with \+me\.all .*)"))) {
      ++seen()["all media"];
      const Names names = parse(m[1]);
      expect_wished(names, false);
      EXPECT_TRUE(std::any_of(names.begin(), names.end(), [](const Named& one) {
        return one.shape.find("+me.all") != std::string::npos;
      })) << told();
      EXPECT_TRUE(std::any_of(names.begin(), names.end(), [&](const Named& one) {
        const Engines& of = profile(one.wish.profile.str()).engines;
        return one.shape.find("+me.all") == std::string::npos &&
               of.decoders + of.encoders + of.jpeg + of.ofa > 0;
      })) << told();
    } else if (std::regex_match(reason, m, std::regex(R"((.*) always overlap: (.*))"))) {
      ++seen()["always overlap"];
      expect_wished(parse(m[1]));
      EXPECT_FALSE(can_lie(parse(m[1]))) << told();
    } else {
      ASSERT_TRUE(std::regex_match(reason, m, std::regex(R"((.*) overlap)"))) << told();
      ++seen()["overlap"];
      const Names two = parse(m[1], " and ");
      ASSERT_EQ(two.size(), 2U) << told();
      ASSERT_TRUE(two[0].place && two[1].place) << told();
      expect_wished(two);
      EXPECT_TRUE(cross(*two[0].place, *two[1].place)) << told();
    }
  }

  // The named instances block: without them a plan exists, and no smaller number would do.
  void check_in_use() const {
    ++seen()["in use"];
    Gpu empty = gpu_;
    empty.instances.clear();
    empty.processes.clear();
    EXPECT_TRUE(plans(empty, wish_.gpus[0].instances)) << told();
    std::set<std::uint32_t> named;
    const std::regex blocker(R"(gi=(\d+) \()");
    for (auto it = std::sregex_iterator(message_.begin(), message_.end(), blocker);
         it != std::sregex_iterator();
         ++it) {
      named.insert(static_cast<std::uint32_t>(std::stoul((*it)[1])));
    }
    std::set<std::uint32_t> busy;
    for (const Process& process : gpu_.processes) {
      busy.insert(process.gpu_instance->value);
    }
    std::size_t fewest = busy.size() + 1;
    bool named_will_do = false;
    for (std::size_t set = 0; set < std::size_t{1} << busy.size(); ++set) {
      std::set<std::uint32_t> gone;
      std::size_t bit = 0;
      for (const std::uint32_t id : busy) {
        if ((set >> bit++ & 1) != 0) {
          gone.insert(id);
        }
      }
      Gpu then = gpu_;
      std::erase_if(then.processes,
                    [&](const Process& p) { return gone.count(p.gpu_instance->value) != 0; });
      if (!plans(then, wish_.gpus[0].instances)) {
        continue;
      }
      fewest = std::min(fewest, gone.size());
      named_will_do = named_will_do || gone == named;
    }
    EXPECT_TRUE(named_will_do) << told();
    EXPECT_EQ(named.size(), fewest) << told();
    std::smatch m;
    if (std::regex_search(message_, m, std::regex(" and the layout has no (.*)"))) {
      for (const std::string& missing : split(m[1], ", ")) {
        EXPECT_EQ(count_of(wanted_, missing), 0U) << told();
      }
    }
  }

  void check_hint() const {
    const std::string hint = hint_.substr(0, hint_.find("; or wait for it to end"));
    Names stay;
    Names rest;
    divide(stay, rest);
    std::smatch m;
    Names all = stay;
    const auto add = [&](const Names& more) { all.insert(all.end(), more.begin(), more.end()); };
    bool part = true;  // the hint is a part of the desired layout: as large as possible
    if (std::regex_match(hint, m, std::regex("at other places it would fit: (.*)"))) {
      ++seen()["hint: elsewhere"];
      add(parse(m[1]));
      EXPECT_EQ(all.size(), wanted_.size()) << told();
      part = false;
    } else if (std::regex_match(hint, m, std::regex("with what runs kept, (.*) fit"))) {
      ++seen()["hint: what runs"];
      all = parse(m[1]);
      part = false;
    } else if (std::regex_match(hint, m, std::regex("of these, (.*) would fit"))) {
      ++seen()["hint: of these"];
      EXPECT_TRUE(stay.empty()) << told();
      add(parse(m[1]));
    } else if (std::regex_match(hint, m, std::regex("beside what stays, (.*) would fit"))) {
      ++seen()["hint: beside"];
      EXPECT_FALSE(stay.empty()) << told();
      add(parse(m[1]));
    } else {
      ASSERT_TRUE(hint.starts_with("no more fits beside what stays")) << told();
      ++seen()["hint: no more"];
    }
    EXPECT_TRUE(plans(gpu_, wishes(all))) << "the hint does not plan\n" << told();
    if (part) {
      expect_wished(all);
      expect_none_more(all);
    }
  }

  static std::vector<DesiredInstance> wishes(const Names& names) {
    std::vector<DesiredInstance> out;
    for (const Named& one : names) {
      out.push_back(one.wish);
    }
    return out;
  }

  void expect_none_more(const Names& part) const {
    Names left = wanted_;
    for (const Named& one : part) {
      const auto at = std::find_if(left.begin(), left.end(), [&](const Named& other) {
        return one.shape == other.shape && one.place == other.place;
      });
      if (at != left.end()) {
        left.erase(at);
      }
    }
    for (const Named& one : left) {
      std::vector<DesiredInstance> more = wishes(part);
      more.push_back(one.wish);
      EXPECT_FALSE(plans(gpu_, more)) << one.shape << " fits beside it too\n" << told();
    }
  }

  const Gpu& gpu_;
  const DesiredLayout& wish_;
  const std::string message_, hint_;
  const ErrorCode code_;
  Names wanted_;
};

// A GPU with instances as a driver would have placed them, some busy, some with several compute
// instances.
Gpu random_gpu(std::mt19937& random, const char* key) {
  Gpu gpu = board(key);
  for (std::size_t tries = below(random, 7); tries > 0; --tries) {
    const GpuInstanceProfile& profile = gpu.profiles[below(random, gpu.profiles.size())];
    DesiredLayout all{"there", {{gpu.index, true, {}, {}}}, {}};
    const auto add = [&](const ProfileName& name, Placement at) {
      all.gpus[0].instances.push_back({name, {name}, at, {}});
    };
    for (const GpuInstance& instance : gpu.instances) {
      add(instance.name, instance.placement);
    }
    const Placement at = profile.placements[below(random, profile.placements.size())];
    add(profile.name, at);
    Gpu empty = gpu;
    empty.instances.clear();
    empty.processes.clear();
    if (!plan(testing::inventory({empty}), all, {})) {
      continue;
    }
    const ComputeInstanceProfile& smallest = profile.compute_profiles.front();
    const bool cut = below(random, 4) == 0 && !smallest.name.full_size();
    const std::string name = profile.name.str();
    const std::string inside = cut ? smallest.name.str() : name;
    const GpuInstance made = add_instance(gpu, name.c_str(), at.start, {inside.c_str()});
    if (below(random, 2) == 0) {
      add_process(gpu, made, 4000 + made.id.value);
    }
  }
  return gpu;
}

DesiredLayout random_wish(std::mt19937& random, const Gpu& gpu) {
  DesiredLayout out{"wish", {{gpu.index, true, {}, {}}}, {}};
  auto& instances = out.gpus[0].instances;
  const bool beside = below(random, 2) == 0;  // as `create` plans: beside what exists
  for (const GpuInstance& is : beside ? gpu.instances : std::vector<GpuInstance>()) {
    DesiredInstance as;
    as.profile = is.name;
    as.placement = is.placement;
    for (const ComputeInstance& compute : is.compute_instances) {
      as.compute_instances.push_back(compute.name);
    }
    instances.push_back(as);
  }
  for (std::size_t n = 1 + below(random, 5); n > 0; --n) {
    const GpuInstanceProfile& profile = gpu.profiles[below(random, gpu.profiles.size())];
    DesiredInstance one{profile.name, {profile.name}, std::nullopt, {}};
    const ProfileName& smallest = profile.compute_profiles.front().name;
    if (below(random, 5) == 0 && !smallest.full_size()) {
      one.compute_instances = {smallest};
    }
    if (below(random, 3) == 0) {
      one.placement = profile.placements[below(random, profile.placements.size())];
    }
    instances.insert(instances.end(), 1 + below(random, 8) / 6, one);
  }
  return out;
}

TEST(Proof, EveryReasonIsTrueAndEveryHintPlans) {
  std::mt19937 random(20261128);
  std::size_t refused = 0;
  for (const char* key : {"a100_sxm4_40gb", "a30_24gb", "h200_141gb", "rtx_pro_6000_server"}) {
    for (int round = 0; round < 400; ++round) {
      const Gpu gpu = random_gpu(random, key);
      const DesiredLayout wish = random_wish(random, gpu);
      const auto planned = plan(testing::inventory({gpu}), wish, {});
      if (planned) {
        continue;
      }
      ++refused;
      Refusal(gpu, wish, planned.error()).check();
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
  EXPECT_GT(refused, 600U);
  for (const char* kind : {"most fit",
                           "driver allows",
                           "memory slots",
                           "compute slices",
                           "one extension",
                           "all media",
                           "always overlap",
                           "overlap",
                           "in use",
                           "hint: elsewhere",
                           "hint: what runs",
                           "hint: of these",
                           "hint: beside",
                           "hint: no more"}) {
    EXPECT_GT(Refusal::seen()[kind], 0U) << kind;
  }
}

}  // namespace
}  // namespace mig::planner
