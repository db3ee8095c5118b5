// SPDX-License-Identifier: Apache-2.0
#include "node/saved_names.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "holders/lease_life.h"
#include "store/leases.h"

namespace mig::node {
namespace {

using store::LeaseRow;

constexpr std::array<std::pair<const char*, std::int64_t LeaseRow::*>, 17> kNumbers = {{
    {"id", &LeaseRow::id},
    {"request", &LeaseRow::request},
    {"memoryMib", &LeaseRow::memory_mib},
    {"sm", &LeaseRow::sm},
    {"slices", &LeaseRow::slices},
    {"shared", &LeaseRow::shared},
    {"holderKind", &LeaseRow::holder_kind},
    {"pid", &LeaseRow::pid},
    {"startTicks", &LeaseRow::start_ticks},
    {"heirPid", &LeaseRow::heir_pid},
    {"heirStart", &LeaseRow::heir_start},
    {"stoppable", &LeaseRow::stoppable},
    {"uid", &LeaseRow::uid},
    {"priority", &LeaseRow::priority},
    {"grantedMs", &LeaseRow::granted_ms},
    {"grantedBootMs", &LeaseRow::granted_boot_ms},
    {"gpuIndex", &LeaseRow::gpu_index},
}};

constexpr std::array<std::pair<const char*, std::string LeaseRow::*>, 6> kWords = {{
    {"key", &LeaseRow::key},
    {"profile", &LeaseRow::profile},
    {"unit", &LeaseRow::unit},
    {"bootId", &LeaseRow::boot_id},
    {"tenant", &LeaseRow::tenant},
    {"job", &LeaseRow::job},
}};

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

// The instance that the lease is for, by its UUID.
struct Seat {
  const Gpu* gpu = nullptr;
  const GpuInstance* instance = nullptr;
  const ComputeInstance* compute = nullptr;
};

template <class Wanted>
Seat find_seat(const Inventory& now, Wanted&& wanted) {
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

config::SavedLease saved_of(const LeaseRow& row, const Seat& seat) {
  config::SavedLease saved;
  saved.gpu_uuid = seat.gpu->uuid;
  saved.uuid = row.uuid;
  saved.place = seat.instance->placement;
  saved.compute_place = seat.compute->placement;
  for (const auto& [name, member] : kNumbers) {
    saved.numbers[name] = row.*member;
  }
  for (const auto& [name, member] : kWords) {
    saved.words[name] = row.*member;
  }
  if (row.limit_ms) {
    saved.numbers[kLimit] = *row.limit_ms;
  }
  return saved;
}

LeaseRow row_of(const config::SavedLease& saved, const Seat& seat) {
  LeaseRow row;
  const auto number = [&](const char* name) {
    const auto found = saved.numbers.find(name);
    return found == saved.numbers.end() ? 0 : found->second;
  };
  for (const auto& [name, member] : kNumbers) {
    row.*member = number(name);
  }
  for (const auto& [name, member] : kWords) {
    if (const auto found = saved.words.find(name); found != saved.words.end()) {
      row.*member = found->second;
    }
  }
  if (saved.numbers.count(kLimit) != 0) {
    row.limit_ms = number(kLimit);
  }
  row.shared = std::max<std::int64_t>(row.shared, 1);
  row.uuid = seat.compute->uuid;
  row.gpu_uuid = seat.gpu->uuid;
  row.gpu_index = seat.gpu->index.value;
  row.gpu_instance = seat.instance->id.value;
  row.compute_instance = seat.compute->id.value;
  if (seat.gpu->minor) {
    row.gpu_minor = *seat.gpu->minor;
  }
  return row;
}

std::string lease_words(const config::SavedLease& saved) {
  const auto word = [&](const char* name) {
    const auto found = saved.words.find(name);
    return found == saved.words.end() ? std::string() : found->second;
  };
  return fmt::format("lease of {} ({}) for {}", word("tenant"), word("job"), saved.uuid);
}

// What became of one, "" = it is as it was.
Result<std::string> restore_lease(store::Leases& store,
                                  const config::SavedLease& saved,
                                  const Inventory& now) {
  const Seat seat = find_seat(now, [&](const Gpu& gpu, const GpuInstance& gi, const auto& ci) {
    return gpu.uuid == saved.gpu_uuid && gi.placement == saved.place &&
           (!saved.compute_place || ci.placement == saved.compute_place);
  });
  if (seat.compute == nullptr) {
    return lease_words(saved) + ": no instance is there now; left out";
  }
  LeaseRow row = row_of(saved, seat);
  MIG_ASSIGN_OR_RETURN(const std::vector<LeaseRow> rows, store.leases());
  const auto known = std::find_if(rows.begin(), rows.end(), [&](const LeaseRow& other) {
    return other.granted_ms == row.granted_ms && other.uid == row.uid && other.pid == row.pid &&
           other.tenant == row.tenant && other.job == row.job && other.profile == row.profile;
  });
  if (known != rows.end() && known->uuid == row.uuid) {
    return std::string();
  }
  if (known != rows.end()) {
    row.id = known->id;  // it may have been restored before, under another number
    MIG_TRY(store.move(row));
    return lease_words(saved) + " is for " + row.uuid + " now";
  }
  const holders::Moment moment = holders::read_moment(base::system_clock(), "/proc");
  if (holders::life_of(row, moment, {}) != holders::Life::kLive) {
    return lease_words(saved) + ": its holder has ended; left out";
  }
  auto added = store.add(row);
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
    const Seat seat = find_seat(
        now, [&](const Gpu&, const GpuInstance&, const auto& ci) { return ci.uuid == row.uuid; });
    if (seat.compute != nullptr && holders::life_of(row, moment, {}) == holders::Life::kLive) {
      saved.leases.push_back(saved_of(row, seat));
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
