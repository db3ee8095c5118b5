// SPDX-License-Identifier: Apache-2.0
#include "node/slot_view.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/compute_names.h"
#include "model/slots.h"

namespace mig::node {
namespace {

constexpr std::size_t kLongestName = 63;

Result<void> check_name(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  const bool good = !name.empty() && name.size() <= kLongestName && name[0] != '-' &&
                    name[0] != '.' && std::all_of(name.begin(), name.end(), fits);
  if (good) {
    return {};
  }
  return fail(ErrorCode::kInvalidInput,
              fmt::format("{} is no name for a slot", base::quoted(name)),
              "up to 63 of a-z 0-9 - . _, and no - or . first: train-a");
}

Placement place_of(const store::SlotRow& row) {
  return {static_cast<std::uint32_t>(row.start), static_cast<std::uint32_t>(row.size)};
}

// The GPU of the slot by UUID, at whatever address, else the one at its PCI address.
const Gpu* gpu_of(const store::SlotRow& row, const Inventory& inventory, bool& stand_in) {
  stand_in = false;
  if (const Gpu* gpu = inventory.find_gpu(std::string_view(row.gpu_uuid))) {
    return gpu;
  }
  for (const Gpu& gpu : inventory.gpus) {
    if (gpu.pci_bus_id == row.pci_bus_id &&
        static_cast<std::int64_t>(gpu.pci_device_id) == row.pci_device_id) {
      stand_in = true;
      return &gpu;
    }
  }
  return nullptr;
}

bool overlap(Placement a, Placement b) {
  return a.start < b.end() && b.start < a.end();
}

const ComputeInstance* compute_of(const store::SlotRow& row, const GpuInstance& instance) {
  for (const ComputeInstance& compute : instance.compute_instances) {
    const bool there =
        !row.ci_start ||
        (compute.placement && static_cast<std::int64_t>(compute.placement->start) == *row.ci_start);
    if (compute.name.str() == row.profile && there) {
      return &compute;
    }
  }
  return nullptr;
}

// Compute instances that occupy the slot's placement or, without a placement of its own and with no
// room left, all of them.
void look_for_room(const store::SlotRow& row,
                   const ProfileName& name,
                   const GpuInstanceProfile& profile,
                   const GpuInstance& instance,
                   SlotView& view) {
  const ComputeInstanceProfile* compute = find_compute_profile(profile, name);
  std::vector<Placement> places;
  for (const Placement at : compute == nullptr ? std::vector<Placement>() : compute->placements) {
    if (!row.ci_start || static_cast<std::int64_t>(at.start) == *row.ci_start) {
      places.push_back(at);
    }
  }
  const auto taken = [&](Placement at) {
    return std::any_of(instance.compute_instances.begin(),
                       instance.compute_instances.end(),
                       [&](const ComputeInstance& other) {
                         return other.placement && overlap(*other.placement, at);
                       });
  };
  if (std::any_of(places.begin(), places.end(), [&](Placement at) { return !taken(at); })) {
    return;
  }
  for (const ComputeInstance& other : instance.compute_instances) {
    if (!other.placement || std::any_of(places.begin(), places.end(), [&](Placement at) {
          return overlap(*other.placement, at);
        })) {
      view.in_the_way.emplace_back(instance.id, other.id);
    }
  }
}

void look_inside(const store::SlotRow& row, const Gpu& gpu, SlotView& view) {
  const Placement place = place_of(row);
  const auto name = ProfileName::parse(row.profile);
  for (const GpuInstance& instance : gpu.instances) {
    if (!overlap(instance.placement, place)) {
      continue;
    }
    const ComputeInstance* compute = compute_of(row, instance);
    const bool its_own =
        instance.placement == place && name && instance.name == name->gpu_instance();
    if (its_own && compute != nullptr) {
      view.state = SlotState::kReady;
      view.uuid = compute->uuid;
      view.gpu_instance = instance.id;
      view.compute_instance = compute->id;
      return;
    }
    view.state = SlotState::kTaken;
    view.note += fmt::format("{}{} gi={} is at {}:{}{}",
                             view.note.empty() ? "" : ", ",
                             instance.name.str(),
                             instance.id.value,
                             instance.placement.start,
                             instance.placement.size,
                             its_own ? " without that compute instance" : "");
    const GpuInstanceProfile* profile = gpu.find_profile(instance.name);
    if (its_own && profile != nullptr) {
      look_for_room(row, *name, *profile, instance, view);
    } else {
      view.in_the_way.emplace_back(instance.id, std::nullopt);
    }
  }
  if (view.state == SlotState::kTaken) {
    return;
  }
  view.state = SlotState::kEmpty;
  view.note = "nothing is there";
}

// Prefix of a command that frees the slot first: "when nobody uses it: migctl destroy -i 0 --gi 2;
// then ".
std::string clear_command(const SlotView& view) {
  if (view.in_the_way.empty()) {
    return "make it: ";
  }
  std::vector<std::string> commands;
  for (const auto& [instance, compute] : view.in_the_way) {
    commands.push_back(
        fmt::format("migctl destroy -i {} --gi {}{}",
                    view.gpu->value,
                    instance.value,
                    compute ? fmt::format(" --ci {}", compute->value) : std::string()));
  }
  return fmt::format("when nobody uses {}: {}; then ",
                     commands.size() == 1 ? "it" : "them",
                     base::join(commands, "; "));
}

}  // namespace

Result<store::SlotRow> slot_row(const SlotRequest& request, const Inventory& inventory) {
  MIG_TRY(check_name(request.name));
  const Gpu* gpu = inventory.find_gpu(request.gpu);
  if (gpu == nullptr) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("there is no GPU {}", request.gpu.value),
                "migctl list shows the GPUs");
  }
  const GpuInstanceProfile* profile = gpu->find_profile(request.profile.gpu_instance());
  if (profile == nullptr) {
    return fail(
        ErrorCode::kNotSupported,
        fmt::format(
            "GPU {} ({}) has no profile {}", gpu->index.value, gpu->name, request.profile.str()),
        "migctl profiles lists them");
  }
  const ComputeInstanceProfile* compute = find_compute_profile(*profile, request.profile);
  if (compute == nullptr) {
    std::vector<std::string> names;
    for (const ComputeInstanceProfile& one : profile->compute_profiles) {
      names.push_back(one.name.str());
    }
    return fail(
        ErrorCode::kNotSupported,
        fmt::format(
            "GPU {} ({}) has no profile {}", gpu->index.value, gpu->name, request.profile.str()),
        fmt::format("inside {} there are {}", profile->name.str(), base::join(names, ", ")));
  }
  const auto place =
      std::find_if(profile->placements.begin(), profile->placements.end(), [&](Placement p) {
        return p.start == request.start && (!request.size || p.size == *request.size);
      });
  if (profile->placements.empty()) {
    return fail(
        ErrorCode::kPermission,
        fmt::format("cannot tell whether {} can be at {} on GPU {} ({}): the driver does not "
                    "tell this user its places",
                    request.profile.str(),
                    request.start,
                    gpu->index.value,
                    gpu->name),
        "run it as root (sudo), or as the owner of the simulated machine");
  }
  if (place == profile->placements.end()) {
    std::vector<std::string> places;
    for (const Placement p : profile->placements) {
      places.push_back(fmt::format("{}:{}", p.start, p.size));
    }
    return fail(ErrorCode::kNoCapacity,
                fmt::format("{} cannot be at {}{} on {}",
                            request.profile.str(),
                            request.start,
                            request.size ? fmt::format(":{}", *request.size) : "",
                            gpu->name),
                "it can be at " + base::join(places, ", "));
  }
  store::SlotRow row;
  row.name = request.name;
  row.gpu_uuid = gpu->uuid;
  row.pci_bus_id = gpu->pci_bus_id;
  row.pci_device_id = gpu->pci_device_id;
  row.profile = compute->name.str();
  row.start = place->start;
  row.size = place->size;
  if (request.ci_start) {
    row.ci_start = *request.ci_start;
  }
  row.uuid = look_at(row, inventory).uuid;
  return row;
}

SlotView look_at(const store::SlotRow& row, const Inventory& inventory) {
  SlotView view;
  view.row = row;
  const Gpu* gpu = gpu_of(row, inventory, view.stand_in);
  if (gpu == nullptr) {
    view.note = fmt::format(
        "GPU {} is not on this machine, nor one of its model at {}", row.gpu_uuid, row.pci_bus_id);
    return view;
  }
  view.gpu = gpu->index;
  if (gpu->mig_current != MigMode::kEnabled) {
    view.state = SlotState::kMigOff;
    view.note = fmt::format("MIG is off on GPU {}", gpu->index.value);
  } else {
    look_inside(row, *gpu, view);
  }
  if (view.stand_in) {
    view.note += fmt::format("{}GPU {} at {} stands in for {}",
                             view.note.empty() ? "" : "; ",
                             gpu->uuid,
                             gpu->pci_bus_id,
                             row.gpu_uuid);
  }
  return view;
}

std::string create_word(const store::SlotRow& row) {
  return fmt::format("{}:{}{}",
                     row.profile,
                     row.start,
                     row.ci_start ? fmt::format("/{}", *row.ci_start) : std::string());
}

Result<SlotView> resolve(const store::SlotRow& row, const Inventory& inventory) {
  SlotView view = look_at(row, inventory);
  if (view.state == SlotState::kReady && !view.uuid.empty()) {
    return view;
  }
  const std::string make =
      view.gpu ? fmt::format("migctl create {} -i {}", create_word(row), view.gpu->value)
               : std::string();
  const std::string where =
      fmt::format("slot {} ({} at {}:{}{})",
                  row.name,
                  row.profile,
                  row.start,
                  row.size,
                  view.gpu ? fmt::format(" on GPU {}", view.gpu->value) : std::string());
  switch (view.state) {
    case SlotState::kReady:
      return fail(ErrorCode::kDriver,
                  fmt::format("{} is there, but the driver tells no UUID of it", where),
                  "run this as root");
    case SlotState::kNoGpu:
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: {}", where, view.note),
                  fmt::format("name it anew: migctl slot set {} --gpu ...", row.name));
    case SlotState::kTaken:
      return fail(ErrorCode::kConflict,
                  fmt::format("{}: {}", where, view.note),
                  clear_command(view) + make);
    case SlotState::kMigOff:
      return fail(ErrorCode::kNothingMatched,
                  fmt::format("{}: {}", where, view.note),
                  fmt::format("migctl mode enable -i {}; then {}", view.gpu->value, make));
    case SlotState::kEmpty:
      break;
  }
  return fail(
      ErrorCode::kNothingMatched, fmt::format("{}: {}", where, view.note), "make it: " + make);
}

}  // namespace mig::node
