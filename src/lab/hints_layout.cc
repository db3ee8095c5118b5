// SPDX-License-Identifier: Apache-2.0
// Hints about which instances there are.
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "lab/hints.h"

namespace mig::lab {
namespace {

std::vector<Wanted> what_is_there(const Gpu& gpu) {
  std::vector<Wanted> there;
  for (const GpuInstance& gi : gpu.instances) {
    const auto same = std::find_if(
        there.begin(), there.end(), [&](const Wanted& one) { return one.profile == gi.name; });
    if (same == there.end()) {
      there.push_back({gi.name, 1});
    } else {
      ++same->count;
    }
  }
  return there;
}

std::string id_of(const Gpu& gpu, const ProfileName& name) {
  const GpuInstanceProfile* profile = gpu.find_profile(name);
  return profile == nullptr ? name.str() : std::to_string(profile->id.value);
}

// "9,14,14": larger ones first, as they must be created.
std::string ids_of(const Gpu& gpu, std::vector<Wanted> wanted) {
  std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) {
    return a.profile.gpu_slices > b.profile.gpu_slices;
  });
  std::string text;
  for (const Wanted& one : wanted) {
    for (std::uint32_t i = 0; i < one.count; ++i) {
      text += (text.empty() ? "" : ",") + id_of(gpu, one.profile);
    }
  }
  return text;
}

std::string create(const Gpu& gpu, const std::vector<Wanted>& wanted) {
  return fmt::format("nvidia-smi mig -i {} -cgi {} -C", gpu.index.value, ids_of(gpu, wanted));
}

std::string destroy_all(const Gpu& gpu) {
  return fmt::format("nvidia-smi mig -i {0} -dci, then nvidia-smi mig -i {0} -dgi",
                     gpu.index.value);
}

std::string list_of(const Gpu& gpu) {
  return fmt::format("nvidia-smi mig -i {} -lgi", gpu.index.value);
}

std::string instance_text(const GpuInstance& gi) {
  return fmt::format("{} at {}:{}", gi.name.str(), gi.placement.start, gi.placement.size);
}

// Memory slots that instances hold.
std::uint32_t slots_held(const Gpu& gpu) {
  std::uint32_t slots = 0;
  for (const GpuInstance& gi : gpu.instances) {
    slots += gi.placement.size;
  }
  return slots;
}

}  // namespace

Difference difference_of(const Gpu& gpu, const std::vector<Wanted>& wanted) {
  Difference difference;
  const std::vector<Wanted> there = what_is_there(gpu);
  const auto count_in = [](const std::vector<Wanted>& list, const ProfileName& name) {
    const auto found = std::find_if(
        list.begin(), list.end(), [&](const Wanted& one) { return one.profile == name; });
    return found == list.end() ? 0U : found->count;
  };
  for (const Wanted& one : wanted) {
    const std::uint32_t has = count_in(there, one.profile);
    difference.kept += std::min(has, one.count);
    if (has < one.count) {
      difference.missing.push_back({one.profile, one.count - has});
    }
  }
  for (const Wanted& one : there) {
    const std::uint32_t may = count_in(wanted, one.profile);
    if (one.count > may) {
      difference.extra.push_back({one.profile, one.count - may});
    }
  }
  return difference;
}

bool no_place(const Gpu& gpu, const Difference& difference) {
  return std::any_of(
      difference.missing.begin(), difference.missing.end(), [&](const Wanted& missing) {
        const GpuInstanceProfile* profile = gpu.find_profile(missing.profile);
        return profile != nullptr && profile->remaining && *profile->remaining == 0;
      });
}

std::string seen_text(const Gpu& gpu) {
  const char* mode = gpu.mig_current == MigMode::kEnabled    ? "MIG on"
                     : gpu.mig_current == MigMode::kDisabled ? "MIG off"
                                                             : "no MIG";
  std::string text = fmt::format("GPU {}, {}", gpu.index.value, mode);
  std::vector<GpuInstance> instances = gpu.instances;
  std::sort(instances.begin(), instances.end(), [](const GpuInstance& a, const GpuInstance& b) {
    return a.placement.start < b.placement.start;
  });
  std::vector<std::string> parts;
  parts.reserve(instances.size());
  for (const GpuInstance& gi : instances) {
    parts.push_back(instance_text(gi));
  }
  return text + (parts.empty() ? gpu.mig_current == MigMode::kEnabled ? ": no instance" : ""
                               : ": " + base::join(parts, ", "));
}

Hint wrong_gpu(const Gpu& gpu, const Gpu& other, const std::vector<Wanted>& wanted) {
  return {"wrong-gpu",
          fmt::format("{} on GPU {}, nothing on GPU {}",
                      text_of(what_is_there(other)),
                      other.index.value,
                      gpu.index.value),
          text_of(wanted) + fmt::format(" on GPU {}", gpu.index.value),
          "nvidia-smi mig -lgi   (the first column is the GPU)",
          "-i chooses the GPU; without it a command of `nvidia-smi mig` acts on every GPU that has "
          "MIG on",
          fmt::format("nvidia-smi mig -i {0} -dci, nvidia-smi mig -i {0} -dgi, then {1}",
                      other.index.value,
                      create(gpu, wanted))};
}

Hint nothing_yet(const Gpu& gpu, const std::vector<Wanted>& wanted) {
  return {"no-instance",
          fmt::format("MIG is on on GPU {}, and there is no instance", gpu.index.value),
          text_of(wanted),
          list_of(gpu),
          "switching MIG on creates nothing: until there is an instance no program finds a device",
          create(gpu, wanted)};
}

Hint variant(const Gpu& gpu, const Wanted& extra, const Wanted& missing) {
  return {"variant",
          fmt::format("{}, which is {} with `{}`",
                      text_of({extra}),
                      missing.profile.str(),
                      extra.profile.attributes),
          text_of({missing}) + " more",
          "nvidia-smi mig -lgip   (two profiles of one size, different ids and engines)",
          "`+me` takes the media engines (decoder, JPEG, OFA), of which there is one set: only one "
          "such instance can exist, and programs that ask for the plain profile do not get it",
          fmt::format("destroy it, then {}", create(gpu, {missing}))};
}

Hint same_memory(const Gpu& gpu, const Wanted& extra, const Wanted& missing) {
  const auto* has = gpu.find_profile(extra.profile);
  const auto* needs = gpu.find_profile(missing.profile);
  return {
      "same-memory-other-slices",
      fmt::format(
          "{} with {} SMs", text_of({extra}), has == nullptr ? "?" : std::to_string(has->sm)),
      fmt::format(
          "{} with {} SMs", text_of({missing}), needs == nullptr ? "?" : std::to_string(needs->sm)),
      "nvidia-smi mig -lgip   (compare ID and SM)",
      "the number before the g is compute, the one after it memory: two profiles may have the "
      "same memory and another share of the SMs",
      fmt::format("destroy it, then {}", create(gpu, {missing}))};
}

Hint left_over(const Gpu& gpu, const Difference& difference, const std::vector<Wanted>& wanted) {
  const bool compute =
      std::any_of(gpu.instances.begin(), gpu.instances.end(), [](const GpuInstance& gi) {
        return !gi.compute_instances.empty();
      });
  return {"left-over",
          text_of(difference.extra) + " on the GPU that the exercise does not ask for",
          text_of(wanted) + (difference.missing.empty() ? " and nothing else" : ""),
          list_of(gpu),
          compute
              ? "new instances do not replace old ones: what is there keeps its memory slices. "
                "-dgi refuses while a compute instance is on a GPU instance, so -dci comes first"
              : "compute instances are gone, and their GPU instances still hold the memory: "
                "-dci alone frees nothing",
          (compute ? destroy_all(gpu) : fmt::format("nvidia-smi mig -i {} -dgi", gpu.index.value)) +
              ", then " + create(gpu, wanted)};
}

Hint order_blocks(const Gpu& gpu, const Difference& difference) {
  const std::uint32_t held = slots_held(gpu);
  return {"order",
          seen_text(gpu) + fmt::format("; {} of {} memory slices are free, and no {} fits",
                                       gpu.memory_slices - std::min(held, gpu.memory_slices),
                                       gpu.memory_slices,
                                       difference.missing.front().profile.str()),
          text_of(difference.missing) + " more",
          "nvidia-smi mig -lgipp   (where each profile may begin), nvidia-smi mig -lgi (what is "
          "where)",
          "an instance lies at fixed places: what was made first, or put somewhere by hand, stands "
          "where the larger one would have to begin. The sum fits, the places do not",
          "destroy the smaller ones and create the largest first, in one -cgi; migctl plan and "
          "migctl apply find an order that works"};
}

Hint too_few(const Gpu& gpu, const Difference& difference, const std::vector<Wanted>& wanted) {
  return {
      "too-few",
      fmt::format("{} of {} that are asked for",
                  difference.kept,
                  [&] {
                    std::uint32_t all = 0;
                    for (const Wanted& one : wanted) {
                      all += one.count;
                    }
                    return all;
                  }()),
      text_of(difference.missing) + " more, and there is room for it",
      list_of(gpu) + "   (count the lines); nvidia-smi mig -lgip shows Free",
      "-cgi makes one instance for each id in its list: seven need the id seven times. What was "
      "made before a failure stays",
      create(gpu, difference.missing)};
}

Hint wrong_mix(const Gpu& gpu, const Difference& difference, const std::vector<Wanted>& wanted) {
  std::string sizes;
  for (const Wanted& one : what_is_there(gpu)) {
    const auto found = std::find_if(gpu.instances.begin(),
                                    gpu.instances.end(),
                                    [&](const GpuInstance& gi) { return gi.name == one.profile; });
    sizes += fmt::format("{}{} x {} slices",
                         sizes.empty() ? "" : " + ",
                         one.count,
                         found == gpu.instances.end() ? 0 : found->placement.size);
  }
  return {
      "wrong-mix",
      text_of(what_is_there(gpu)),
      text_of(wanted),
      list_of(gpu),
      fmt::format("{} are {} of the {} memory slices of this GPU, so {} is in the way of {}",
                  sizes,
                  slots_held(gpu),
                  gpu.memory_slices,
                  text_of(difference.extra),
                  difference.missing.empty() ? "others" : text_of(difference.missing)),
      fmt::format("destroy {} (nvidia-smi mig -i {} -dci -gi N, then -dgi -gi N){}",
                  text_of(difference.extra),
                  gpu.index.value,
                  difference.missing.empty() ? "" : ", then " + create(gpu, difference.missing))};
}

Hint no_compute_instance(const Gpu& gpu, const GpuInstance& gi) {
  return {"no-compute-instance",
          fmt::format("GPU instance {} ({}) has no compute instance", gi.id.value, gi.name.str()),
          "a compute instance on each GPU instance",
          fmt::format("nvidia-smi mig -i {} -lci   (and nvidia-smi -L lists no MIG device for it)",
                      gpu.index.value),
          "a GPU instance is memory and engines; programs run on a compute instance, and only that "
          "has a MIG-... UUID. -C after -cgi makes it at once",
          fmt::format("nvidia-smi mig -i {} -gi {} -cci", gpu.index.value, gi.id.value)};
}

Hint smaller_compute_instance(const Gpu& gpu, const GpuInstance& gi) {
  const ComputeInstance& ci = gi.compute_instances.front();
  return {"smaller-compute-instance",
          fmt::format("GPU instance {} ({}) has a compute instance {}: {} of its {} SMs",
                      gi.id.value,
                      gi.name.str(),
                      ci.name.str(),
                      ci.sm ? std::to_string(*ci.sm) : "?",
                      gi.sm),
          "a compute instance of its full size",
          fmt::format("nvidia-smi mig -i {} -lci; the name in nvidia-smi -L begins with {}c",
                      gpu.index.value,
                      ci.name.compute_slices),
          "a compute instance may be smaller than its GPU instance (-cci 0 is one slice): the rest "
          "of the SMs lies idle, while the memory is all there",
          fmt::format("nvidia-smi mig -i {0} -dci -gi {1}, then nvidia-smi mig -i {0} -gi {1} -cci",
                      gpu.index.value,
                      gi.id.value)};
}

Hint shared_by_compute_instances(const Gpu& gpu, const GpuInstance& gi) {
  return {"shared-gpu-instance",
          fmt::format("GPU instance {} ({}) is shared by {}",
                      gi.id.value,
                      gi.name.str(),
                      base::counted(gi.compute_instances.size(), "compute instance")),
          "one compute instance of its full size",
          fmt::format("nvidia-smi mig -i {} -lci   (several lines with one GPU instance)",
                      gpu.index.value),
          "compute instances of one GPU instance have SMs of their own and share its memory, its "
          "bandwidth and its cache: neighbours there slow each other, and one can fill the memory "
          "of all",
          fmt::format("nvidia-smi mig -i {0} -dci -gi {1}, then nvidia-smi mig -i {0} -gi {1} -cci",
                      gpu.index.value,
                      gi.id.value)};
}

}  // namespace mig::lab
