// SPDX-License-Identifier: Apache-2.0
#include "compose/resolve.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "compose/past.h"

namespace mig::compose {
namespace {

using Kind = Meaning::Kind;

Meaning nothing(std::string rule, std::string why, std::vector<std::string> mend) {
  return {
      Kind::kNothing, "", cdi::Naming::kUuid, std::move(rule), std::move(why), std::move(mend), ""};
}

// "write X (2g.10gb on GPU 0 at 4:2)" for each of up to a few instances.
std::vector<std::string> choices(const Machine& machine,
                                 const std::vector<Placed>& instances,
                                 bool cdi) {
  constexpr std::size_t kMost = 4;
  std::vector<std::string> words;
  for (const Placed& one : instances) {
    if (words.size() == kMost) {
      words.push_back(machine.program + " cdi list shows the others");
      break;
    }
    words.push_back(
        fmt::format("write {} ({})", to_write(machine, one.instance.uuid, cdi), one.str()));
  }
  return words;
}

std::vector<Placed> on_gpu(const Machine& machine, GpuIndex gpu) {
  std::vector<Placed> all = placed_instances(machine.now);
  std::erase_if(all, [&](const Placed& one) { return one.instance.gpu != gpu; });
  return all;
}

std::string when_text(const Machine& machine, const Gone& gone) {
  if (gone.by == nullptr) {
    return "; no change of migctl took it";
  }
  return fmt::format(" until change {} ({}; {} history --change {})",
                     gone.by->id,
                     base::printable(gone.by->command),
                     machine.program,
                     gone.by->id);
}

// The slot at the place, whatever is there now.
const Slot* slot_at(const Machine& machine, const PastInstance& was) {
  for (const Slot& slot : machine.slots) {
    const bool inside = !slot.row.ci_start || !was.compute_placement ||
                        *slot.row.ci_start == was.compute_placement->start;
    if (slot.row.gpu_uuid == was.gpu_uuid && slot.row.start == was.placement.start &&
        slot.row.size == was.placement.size && slot.row.profile == was.profile.str() && inside) {
      return &slot;
    }
  }
  return nullptr;
}

std::string create_command(const Machine& machine, const PastInstance& was) {
  return fmt::format("{} create -i {} {}:{}{}",
                     machine.program,
                     was.gpu.value,
                     was.profile.str(),
                     was.placement.start,
                     was.compute_placement && !was.profile.full_size()
                         ? fmt::format("/{}", was.compute_placement->start)
                         : std::string());
}

Meaning gone_instance(const Machine& machine, const Gone& gone, bool cdi) {
  const Slot* slot = slot_at(machine, gone.was);
  const std::string named =
      slot == nullptr ? "" : fmt::format(", slot {}", base::printable(slot->row.name));
  std::string why =
      fmt::format("gone: it was {}{}{}", text_of(gone.was), named, when_text(machine, gone));
  std::vector<std::string> mend;
  std::string instead;
  if (const auto now = at_place_of(gone.was, machine.now)) {
    instead = now->instance.uuid;
    why += fmt::format("; {} is there now", now->instance.uuid);
    mend.push_back(fmt::format("write {}", to_write(machine, now->instance.uuid, cdi)));
  } else {
    mend.push_back(create_command(machine, gone.was));
    const bool lasts = cdi && slot != nullptr;
    mend.push_back(lasts
                       ? fmt::format("write {}={}", machine.kind, slot->row.name)
                       : fmt::format("{} slot set NAME -i {} -p {} --placement {}:{}, and write {}",
                                     machine.program,
                                     gone.was.gpu.value,
                                     gone.was.profile.str(),
                                     gone.was.placement.start,
                                     gone.was.placement.size,
                                     cdi ? machine.kind + "=NAME" : "the UUID that is then there"));
  }
  Meaning meaning = nothing("gone", std::move(why), std::move(mend));
  meaning.instead = std::move(instead);
  return meaning;
}

// Slots record the last two UUIDs that were seen there, whoever made the instances.
std::optional<Gone> gone_from_slot(const Machine& machine, const std::string& uuid) {
  for (const Slot& slot : machine.slots) {
    const auto profile = ProfileName::parse(slot.row.profile);
    if ((slot.row.uuid != uuid && slot.row.previous_uuid != uuid) || !profile) {
      continue;
    }
    PastInstance was;
    was.uuid = uuid;
    was.gpu_uuid = slot.row.gpu_uuid;
    was.gpu = slot.gpu.value_or(GpuIndex{});
    was.profile = *profile;
    was.placement = {static_cast<std::uint32_t>(slot.row.start),
                     static_cast<std::uint32_t>(slot.row.size)};
    if (slot.row.ci_start) {
      was.compute_placement = Placement{static_cast<std::uint32_t>(*slot.row.ci_start), 0};
    }
    return Gone{std::move(was), nullptr};
  }
  return std::nullopt;
}

Meaning by_uuid(const Machine& machine, const std::string& uuid, bool cdi) {
  if (const auto one = placed(machine.now, uuid)) {
    return {Kind::kInstance, uuid, cdi::Naming::kUuid};
  }
  if (const Gpu* gpu = machine.now.find_gpu(std::string_view(uuid))) {
    if (gpu->mig_current != MigMode::kEnabled) {
      return {Kind::kGpu, uuid, cdi::Naming::kUuid};
    }
    return nothing(
        "mig-gpu",
        fmt::format("GPU {} is in MIG mode: as a whole it is no device", gpu->index.value),
        choices(machine, on_gpu(machine, gpu->index), cdi));
  }
  auto gone = find_gone(machine.past, uuid);
  if (!gone) {
    gone = gone_from_slot(machine, uuid);
  }
  if (gone) {
    return gone_instance(machine, *gone, cdi);
  }
  if (uuid.find('<') != std::string::npos) {
    return nothing("placeholder",
                   "a placeholder: no UUID was put there",
                   choices(machine, placed_instances(machine.now), cdi));
  }
  std::vector<std::string> mend = choices(machine, placed_instances(machine.now), cdi);
  return nothing(
      "unknown", "not on this machine, and migctl's history has no record of it", std::move(mend));
}

// "MIG-GPU-<uuid>/<gi>/<ci>", what drivers before R470 called an instance.
std::optional<Meaning> by_old_id(const Machine& machine, const std::string& id, bool cdi) {
  constexpr std::string_view kBegin = "MIG-GPU-";
  const std::vector<std::string> parts = base::split(id, '/');
  if (!id.starts_with(kBegin) || parts.size() != 3) {
    return std::nullopt;
  }
  const auto gi = base::parse_decimal(parts[1], UINT32_MAX);
  const auto ci = base::parse_decimal(parts[2], UINT32_MAX);
  const std::string gpu_uuid = parts[0].substr(4);
  const std::string begin = "the form of before R470, which no driver since knows";
  for (const Placed& one : placed_instances(machine.now)) {
    if (gi && ci && one.instance.gpu_uuid == gpu_uuid && one.instance.gpu_instance.value == *gi &&
        one.instance.compute_instance.value == *ci) {
      Meaning meaning =
          nothing("old-id",
                  fmt::format("{}: it means {}", begin, one.str()),
                  {fmt::format("write {}", to_write(machine, one.instance.uuid, cdi))});
      meaning.instead = one.instance.uuid;
      return meaning;
    }
  }
  const Gpu* gpu = machine.now.find_gpu(std::string_view(gpu_uuid));
  return nothing("old-id",
                 gpu == nullptr
                     ? begin + ", and its GPU is not on this machine"
                     : fmt::format("{}, and GPU {} has no such instance", begin, gpu->index.value),
                 gpu == nullptr ? choices(machine, placed_instances(machine.now), cdi)
                                : choices(machine, on_gpu(machine, gpu->index), cdi));
}

// "0", "0:1".
std::optional<Meaning> by_index(const Machine& machine, const std::string& name, bool cdi) {
  const std::size_t colon = name.find(':');
  const auto index = base::parse_decimal(name.substr(0, colon), UINT32_MAX);
  const auto part = colon == std::string::npos
                        ? std::nullopt
                        : base::parse_decimal(name.substr(colon + 1), UINT32_MAX);
  if (!index || (colon != std::string::npos && !part)) {
    return std::nullopt;
  }
  const Gpu* gpu = machine.now.find_gpu(GpuIndex{static_cast<std::uint32_t>(*index)});
  if (gpu == nullptr) {
    return nothing("no-gpu",
                   fmt::format("there is no GPU {}", *index),
                   {machine.program + " list shows the GPUs"});
  }
  if (!part) {
    Meaning whole = by_uuid(machine, gpu->uuid, cdi);
    whole.naming = cdi::Naming::kIndex;
    return whole;
  }
  const std::vector<Placed> all = on_gpu(machine, gpu->index);
  for (const Placed& one : all) {
    if (one.device_index == part) {
      return Meaning{Kind::kInstance, one.instance.uuid, cdi::Naming::kIndex};
    }
  }
  return nothing("no-index",
                 fmt::format("GPU {} has no MIG device {}: {}",
                             *index,
                             *part,
                             gpu->mig_current != MigMode::kEnabled
                                 ? "MIG is off"
                                 : "it has " + base::counted(all.size(), "instance")),
                 choices(machine, all, cdi));
}

}  // namespace

std::string to_write(const Machine& machine, const std::string& uuid, bool cdi) {
  const cdi::Device* name = cdi ? lasting_name(machine, uuid) : nullptr;
  return !cdi ? uuid : machine.kind + "=" + (name == nullptr ? uuid : name->name);
}

Meaning resolve(const Machine& machine, const std::string& name, bool cdi) {
  if (name == "all") {
    return {Kind::kAll, "", cdi::Naming::kAll};
  }
  for (const cdi::Device& device : machine.devices) {
    if (device.name == name) {
      return device.instance_uuid.empty()
                 ? Meaning{Kind::kGpu, device.gpu_uuid, device.naming}
                 : Meaning{Kind::kInstance, device.instance_uuid, device.naming};
    }
  }
  if (auto old = by_old_id(machine, name, cdi)) {
    return *std::move(old);
  }
  if (name.starts_with("MIG-") || name.starts_with("GPU-")) {
    return by_uuid(machine, name, cdi);
  }
  if (auto index = by_index(machine, name, cdi)) {
    return *std::move(index);
  }
  for (const Slot& slot : machine.slots) {
    if (slot.row.name == name) {
      return nothing("empty-slot",
                     fmt::format("slot {} has no instance now: {}", name, slot.note),
                     {fmt::format("{} create -i {} {}:{}",
                                  machine.program,
                                  slot.gpu ? slot.gpu->value : 0,
                                  slot.row.profile,
                                  slot.row.start)});
    }
  }
  return nothing("unknown",
                 "the name of no instance and no slot here",
                 {machine.program + " cdi list shows the names"});
}

}  // namespace mig::compose
