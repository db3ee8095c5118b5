// SPDX-License-Identifier: Apache-2.0
#include "apply/layout_diff.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace mig::apply {
namespace {

using DiffKind = Difference::Kind;

const GpuInstance* same_place(const Gpu& gpu, const GpuInstance& wanted) {
  const auto found =
      std::find_if(gpu.instances.begin(), gpu.instances.end(), [&](const GpuInstance& one) {
        return one.placement == wanted.placement && one.name == wanted.name;
      });
  return found == gpu.instances.end() ? nullptr : &*found;
}

// Compute instances of `was` and `is` without a counterpart. They are matched by placement where
// both sides know it, else by name.
using Computes = std::vector<ComputeInstance>;

std::pair<Computes, Computes> unpaired(Computes was, Computes is) {
  const auto pair_up = [&](bool by_place) {
    for (auto one = was.begin(); one != was.end();) {
      const auto partner = std::find_if(is.begin(), is.end(), [&](const ComputeInstance& other) {
        const bool places = one->placement && other.placement;
        return one->name == other.name && places == by_place &&
               (!by_place || one->placement == other.placement);
      });
      if (partner == is.end()) {
        ++one;
        continue;
      }
      is.erase(partner);
      one = was.erase(one);
    }
  };
  pair_up(true);
  pair_up(false);
  return {std::move(was), std::move(is)};
}

std::string id_text(std::uint32_t id, const char* word) {
  return id == kNoInstanceId ? std::string() : fmt::format(" ({}={})", word, id);
}

std::string place(const GpuInstance& instance, bool with_id) {
  return fmt::format("{} at {}:{}{}",
                     instance.name.str(),
                     instance.placement.start,
                     instance.placement.size,
                     with_id ? id_text(instance.id.value, "gi") : "");
}

std::string place(const ComputeInstance& compute, const GpuInstance& in, bool with_id) {
  return fmt::format(
      "compute instance {}{}{} in {}",
      compute.name.str(),
      compute.placement
          ? fmt::format(" at {}:{}", compute.placement->start, compute.placement->size)
          : "",
      with_id ? id_text(compute.id.value, "ci") : "",
      place(in, true));
}

std::string mode_text(MigMode mode) {
  return mode == MigMode::kEnabled ? "enabled" : "disabled";
}

std::string modes_text(const Gpu& gpu) {
  return gpu.mig_current == gpu.mig_pending
             ? mode_text(gpu.mig_current)
             : fmt::format(
                   "{} ({} pending)", mode_text(gpu.mig_current), mode_text(gpu.mig_pending));
}

class Comparison {
 public:
  Comparison(const Gpu& was, const Gpu& now) : was_(was), now_(now), index_(was.index.value) {}

  std::vector<Difference> run() {
    const bool kept =
        modes_kept(was_.mig_current, was_.mig_pending, now_.mig_current, now_.mig_pending);
    if (kept && was_.mig_current != now_.mig_current) {
      return {};  // a change to the pending mode removed the instances
    }
    for (const GpuInstance& instance : now_.instances) {
      compare_to_before(instance);
    }
    if (!kept) {
      add(DiffKind::kMode,
          {},
          {},
          fmt::format("has MIG {}, before: {}", modes_text(now_), modes_text(was_)),
          fmt::format("migctl mode {} -i {}",
                      was_.mig_pending == MigMode::kEnabled ? "enable" : "disable",
                      index_));
    }
    for (const GpuInstance& instance : was_.instances) {
      compare_to_now(instance);
    }
    return std::move(out_);
  }

 private:
  void compare_to_before(const GpuInstance& is) {
    const GpuInstance* was = same_place(was_, is);
    if (was == nullptr) {
      return add(DiffKind::kExtra,
                 is,
                 {},
                 "has " + place(is, true),
                 fmt::format("migctl destroy -i {} --gi {}", index_, is.id.value));
    }
    for (const ComputeInstance& extra :
         unpaired(was->compute_instances, is.compute_instances).second) {
      add(DiffKind::kExtra,
          is,
          extra,
          "has " + place(extra, is, true),
          fmt::format("migctl destroy -i {} --gi {} --ci {}", index_, is.id.value, extra.id.value));
    }
  }

  void compare_to_now(const GpuInstance& was) {
    const GpuInstance* is = same_place(now_, was);
    if (is == nullptr) {
      return add(
          DiffKind::kMissing,
          was,
          {},
          "lacks " + place(was, false),
          fmt::format("migctl create {}:{} -i {}", was.name.str(), was.placement.start, index_));
    }
    for (const ComputeInstance& missing :
         unpaired(was.compute_instances, is->compute_instances).first) {
      add(DiffKind::kMissing, *is, missing, "lacks " + place(missing, *is, false), {});
    }
  }

  void add(DiffKind kind,
           GpuInstance instance,
           std::optional<ComputeInstance> compute,
           const std::string& what,
           std::string command) {
    out_.push_back({kind,
                    was_.uuid,
                    std::move(instance),
                    std::move(compute),
                    fmt::format("GPU {} {}", index_, what),
                    std::move(command)});
  }

  const Gpu& was_;
  const Gpu& now_;
  std::uint32_t index_;
  std::vector<Difference> out_;
};

}  // namespace

bool modes_kept(MigMode was_current, MigMode was_pending, MigMode current, MigMode pending) {
  return pending == was_pending && (current == was_current || current == was_pending);
}

std::vector<Difference> layout_diff(const Plan& plan,
                                    const Inventory& before,
                                    const Inventory& now) {
  std::vector<Difference> out;
  for (const GpuPlan& gpu : plan.gpus) {
    const Gpu* was = before.find_gpu(gpu.uuid);
    const Gpu* is = now.find_gpu(gpu.uuid);
    if (was == nullptr) {
      continue;
    }
    if (is == nullptr) {
      const LostGpu* lost = now.find_lost(was->index);
      out.push_back({DiffKind::kNoAnswer,
                     gpu.uuid,
                     {},
                     {},
                     fmt::format("GPU {} does not answer{}",
                                 was->index.value,
                                 lost != nullptr ? ": " + lost->why.text() : ""),
                     {}});
      continue;
    }
    std::vector<Difference> found = Comparison(*was, *is).run();
    std::move(found.begin(), found.end(), std::back_inserter(out));
  }
  return out;
}

}  // namespace mig::apply
