// SPDX-License-Identifier: Apache-2.0
#include "node/saved_names.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "holders/lease_life.h"
#include "store/leases.h"

namespace mig::node {
namespace {

using store::LeaseRow;

// Visits the members of a lease that a checkpoint stores, by name: numbers and texts.
template <class Row, class Visit>
void each_saved(Row& row, Visit&& visit) {
  visit("id", row.id);
  visit("request", row.request);
  visit("memoryMib", row.instance.memory_mib);
  visit("sm", row.instance.sm);
  visit("slices", row.instance.slices);
  visit("shared", row.shared);
  visit("holderKind", row.holder.kind);
  visit("pid", row.holder.pid);
  visit("startTicks", row.holder.start_ticks);
  visit("heirPid", row.heir.pid);
  visit("heirStart", row.heir.start_ticks);
  visit("stoppable", row.stoppable);
  visit("uid", row.uid);
  visit("priority", row.priority);
  visit("grantedMs", row.granted_ms);
  visit("grantedBootMs", row.granted_boot_ms);
  visit("gpuIndex", row.instance.gpu.value);
  visit("key", row.key);
  visit("profile", row.instance.profile);
  visit("unit", row.holder.unit);
  visit("bootId", row.boot_id);
  visit("tenant", row.tenant);
  visit("job", row.job);
}

// Visitor that writes a member into the checkpoint.
struct Save {
  config::SavedLease& to;

  template <class Number>
  void operator()(const char* name, const Number& value) const {
    to.numbers[name] = static_cast<std::int64_t>(value);
  }

  void operator()(const char* name, const std::optional<std::uint32_t>& value) const {
    to.numbers[name] = value.value_or(0);
  }

  void operator()(const char* name, const std::string& text) const { to.words[name] = text; }

  void operator()(const char* name, const ProfileName& profile) const {
    to.words[name] = profile.str();
  }
};

// Visitor that reads a member; a missing one leaves the value unchanged.
struct Load {
  const config::SavedLease& from;

  template <class Number>
  void operator()(const char* name, Number& value) const {
    if (const auto found = from.numbers.find(name); found != from.numbers.end()) {
      value = static_cast<Number>(found->second);
    }
  }

  void operator()(const char* name, std::optional<std::uint32_t>& value) const {
    std::uint32_t number = 0;
    (*this)(name, number);
    value = number == 0 ? std::nullopt : std::optional(number);
  }

  void operator()(const char* name, std::string& text) const {
    if (const auto found = from.words.find(name); found != from.words.end()) {
      text = found->second;
    }
  }

  void operator()(const char* name, ProfileName& profile) const {
    std::string text;
    (*this)(name, text);
    if (const auto read = ProfileName::parse(text)) {
      profile = *read;
    }
  }
};

constexpr const char* kLimit = "limitMs";

store::SlotRow row_of(const config::SavedSlot& saved) {
  store::SlotRow row;
  row.name = saved.name;
  row.gpu_uuid = saved.gpu_uuid;
  row.pci_bus_id = saved.pci_bus_id;
  row.pci_device_id = saved.pci_device_id;
  row.profile = saved.profile;
  row.start = saved.place.start;
  row.size = saved.place.size;
  if (saved.compute_start) {
    row.ci_start = *saved.compute_start;
  }
  row.uuid = saved.uuid;
  return row;
}

bool same_place(const store::SlotRow& a, const store::SlotRow& b) {
  return a.gpu_uuid == b.gpu_uuid && a.profile == b.profile && a.start == b.start &&
         a.size == b.size && a.ci_start == b.ci_start;
}

// The lease's instance, found by UUID.
struct LeasedPlace {
  const Gpu* gpu = nullptr;
  const GpuInstance* instance = nullptr;
  const ComputeInstance* compute = nullptr;
};

template <class Wanted>
LeasedPlace find_place(const Inventory& now, Wanted&& wanted) {
  for (const Gpu& gpu : now.gpus) {
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        if (wanted(gpu, instance, compute)) {
          return {&gpu, &instance, &compute};
        }
      }
    }
  }
  return {};
}

config::SavedLease saved_of(const LeaseRow& row, const LeasedPlace& place) {
  config::SavedLease saved;
  saved.gpu_uuid = place.gpu->uuid;
  saved.uuid = row.instance.uuid;
  saved.place = place.instance->placement;
  saved.compute_place = place.compute->placement;
  each_saved(row, Save{saved});
  if (row.limit_ms) {
    saved.numbers[kLimit] = *row.limit_ms;
  }
  return saved;
}

LeaseRow row_of(const config::SavedLease& saved, const LeasedPlace& place) {
  LeaseRow row;
  each_saved(row, Load{saved});
  if (const auto limit = saved.numbers.find(kLimit); limit != saved.numbers.end()) {
    row.limit_ms = limit->second;
  }
  if (row.heir.pid != 0) {
    row.heir.kind = lease::LeaseHolder::Kind::kProcess;
  }
  row.shared = std::max(row.shared, 1U);
  row.instance.uuid = place.compute->uuid;
  row.instance.gpu_uuid = place.gpu->uuid;
  row.instance.gpu = place.gpu->index;
  row.instance.gpu_instance = place.instance->id;
  row.instance.compute_instance = place.compute->id;
  row.instance.gpu_minor = place.gpu->minor;
  return row;
}

std::string lease_words(const config::SavedLease& saved) {
  const auto word = [&](const char* name) {
    const auto found = saved.words.find(name);
    return found == saved.words.end() ? std::string() : found->second;
  };
  return fmt::format("lease of {} ({}) for {}", word("tenant"), word("job"), saved.uuid);
}

// Result for one lease, "" = unchanged.
Result<std::string> restore_lease(store::Leases& store,
                                  const config::SavedLease& saved,
                                  const Inventory& now) {
  const LeasedPlace place =
      find_place(now, [&](const Gpu& gpu, const GpuInstance& gi, const auto& ci) {
        return gpu.uuid == saved.gpu_uuid && gi.placement == saved.place &&
               (!saved.compute_place || ci.placement == saved.compute_place);
      });
  if (place.compute == nullptr) {
    return lease_words(saved) + ": no instance is there now; left out";
  }
  LeaseRow row = row_of(saved, place);
  MIG_ASSIGN_OR_RETURN(const std::vector<LeaseRow> rows, store.leases());
  const auto known = std::find_if(rows.begin(), rows.end(), [&](const LeaseRow& other) {
    return other.granted_ms == row.granted_ms && other.uid == row.uid &&
           other.holder.pid == row.holder.pid && other.tenant == row.tenant &&
           other.job == row.job && other.instance.profile == row.instance.profile;
  });
  if (known != rows.end() && known->instance.uuid == row.instance.uuid) {
    return std::string();
  }
  if (known != rows.end()) {
    row.id = known->id;  // it may have been restored earlier, under another id
    MIG_TRY(store.move(row, holders::read_moment(base::system_clock(), "/proc").wall_ms));
    return lease_words(saved) + " is for " + row.instance.uuid + " now";
  }
  const holders::Moment moment = holders::read_moment(base::system_clock(), "/proc");
  if (holders::life_of(row, moment, {}) != holders::Life::kLive) {
    return lease_words(saved) + ": its holder has ended; left out";
  }
  auto added = store.add(row, moment.wall_ms);
  if (!added && added.error().code == ErrorCode::kInUse) {
    return lease_words(saved) + ": somebody else has the instance now; left out";
  }
  if (!added) {
    return std::move(added).error();
  }
  return fmt::format("{} is there again, as lease {}", lease_words(saved), *added);
}

}  // namespace

Result<config::SavedNames> saved_names(const SlotNames& slots,
                                       const std::string& lease_store,
                                       const Inventory& now) {
  config::SavedNames saved;
  MIG_ASSIGN_OR_RETURN(const std::vector<SlotView> views, slots.all(now));
  for (const SlotView& view : views) {
    const store::SlotRow& row = view.row;
    config::SavedSlot& slot = saved.slots.emplace_back();
    slot.name = row.name;
    slot.gpu_uuid = row.gpu_uuid;
    slot.pci_bus_id = row.pci_bus_id;
    slot.pci_device_id = static_cast<std::uint32_t>(row.pci_device_id);
    slot.profile = row.profile;
    slot.place = {static_cast<std::uint32_t>(row.start), static_cast<std::uint32_t>(row.size)};
    if (row.ci_start) {
      slot.compute_start = static_cast<std::uint32_t>(*row.ci_start);
    }
    slot.uuid = row.uuid;
  }
  if (::access(lease_store.c_str(), F_OK) != 0) {
    return saved;
  }
  MIG_ASSIGN_OR_RETURN(store::Leases store, store::Leases::open(lease_store));
  MIG_ASSIGN_OR_RETURN(const std::vector<LeaseRow> rows, store.leases());
  const holders::Moment moment = holders::read_moment(base::system_clock(), "/proc");
  for (const LeaseRow& row : rows) {
    const LeasedPlace place = find_place(now, [&](const Gpu&, const GpuInstance&, const auto& ci) {
      return ci.uuid == row.instance.uuid;
    });
    if (place.compute != nullptr && holders::life_of(row, moment, {}) == holders::Life::kLive) {
      saved.leases.push_back(saved_of(row, place));
    }
  }
  return saved;
}

Result<std::vector<std::string>> restore_names(const config::SavedNames& saved,
                                               const SlotNames& slots,
                                               const std::string& lease_store,
                                               const Inventory& now) {
  std::vector<std::string> lines;
  MIG_ASSIGN_OR_RETURN(const std::vector<SlotView> there, slots.all(now));
  for (const config::SavedSlot& slot : saved.slots) {
    const store::SlotRow row = row_of(slot);
    const auto known = std::find_if(there.begin(), there.end(), [&](const SlotView& view) {
      return view.row.name == row.name;
    });
    if (known != there.end() && same_place(known->row, row)) {
      continue;
    }
    MIG_TRY(slots.set(row, now));
    const Gpu* gpu = now.find_gpu(row.gpu_uuid);
    lines.push_back(
        fmt::format("slot {} is {} on {} at {}:{} again{}",
                    row.name,
                    row.profile,
                    gpu == nullptr ? row.gpu_uuid : fmt::format("GPU {}", gpu->index.value),
                    row.start,
                    row.size,
                    known == there.end() ? "" : "; it was another place meanwhile"));
  }
  if (saved.leases.empty()) {
    return lines;
  }
  MIG_ASSIGN_OR_RETURN(store::Leases store, store::Leases::open(lease_store));
  MIG_TRY(store.transaction([&]() -> Result<void> {
    for (const config::SavedLease& lease : saved.leases) {
      MIG_ASSIGN_OR_RETURN(std::string line, restore_lease(store, lease, now));
      if (!line.empty()) {
        lines.push_back(std::move(line));
      }
    }
    return {};
  }));
  return lines;
}

}  // namespace mig::node
