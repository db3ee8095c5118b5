// SPDX-License-Identifier: Apache-2.0
#include "compose/wishes.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "cdi/devices.h"
#include "model/gpu_word.h"

namespace mig::compose {
namespace {

using config::ComposeWish;

bool fits(const Inventory& now, const ComposeWish& wish, const Seat& seat) {
  const Gpu* gpu = wish.gpu.empty() ? nullptr : GpuWord(wish.gpu).find(now);
  return (!wish.profile || seat.instance.profile == *wish.profile) &&
         (!wish.memory_mib || seat.instance.memory_mib >= *wish.memory_mib) &&
         (!wish.sm || (seat.instance.sm && *seat.instance.sm >= *wish.sm)) &&
         (wish.slot.empty() || seat.slot == wish.slot) &&
         (wish.gpu.empty() || (gpu != nullptr && gpu->index == seat.instance.gpu));
}

// One instance that a service is to get.
struct Unit {
  std::size_t wanted = 0;
  std::vector<std::size_t> seats;  // that serve, the best first
};

// Kuhn's algorithm: units without a common seat, by augmenting paths.
class Matching {
 public:
  Matching(const std::vector<Unit>& units, std::size_t seats)
      : units_(units), of_seat_(seats, kNone), seen_(seats) {}

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  bool add(std::size_t unit) {
    std::fill(seen_.begin(), seen_.end(), false);
    return augment(unit);
  }

  const std::vector<std::size_t>& of_seat() const { return of_seat_; }

 private:
  bool augment(std::size_t unit) {
    for (const std::size_t seat : units_[unit].seats) {  // nobody is moved without need
      if (of_seat_[seat] == kNone) {
        of_seat_[seat] = unit;
        return true;
      }
    }
    for (const std::size_t seat : units_[unit].seats) {
      if (seen_[seat]) {
        continue;
      }
      seen_[seat] = true;
      if (augment(of_seat_[seat])) {
        of_seat_[seat] = unit;
        return true;
      }
    }
    return false;
  }

  const std::vector<Unit>& units_;
  std::vector<std::size_t> of_seat_;
  std::vector<bool> seen_;
};

std::string there_are(const std::vector<Seat>& seats) {
  std::map<std::string, std::size_t> counts;
  for (const Seat& seat : seats) {
    ++counts[seat.instance.profile.str()];
  }
  std::vector<std::string> words;
  words.reserve(counts.size());
  for (const auto& [profile, count] : counts) {
    words.push_back(fmt::format("{}x {}", count, profile));
  }
  return words.empty() ? "there is no instance" : "to be had: " + base::join(words, ", ");
}

// The seat of a slot, which is added when it has no instance now.
Result<std::size_t> seat_of_slot(const Machine& machine,
                                 const Wanted& wanted,
                                 std::vector<Seat>& seats) {
  const std::string& name = wanted.wish.slot;
  for (std::size_t i = 0; i < seats.size(); ++i) {
    if (seats[i].slot == name) {
      return i;
    }
  }
  std::vector<std::string> names;
  for (const Slot& slot : machine.slots) {
    names.push_back(slot.row.name);
    if (slot.row.name == name && cdi::is_device_name(name)) {
      Seat seat;
      seat.slot = name;
      seat.instance.uuid = slot.uuid;
      seat.instance.gpu = slot.gpu.value_or(GpuIndex{});
      seat.instance.profile = ProfileName::parse(slot.row.profile).value_or(ProfileName{});
      seat.place = fmt::format("slot {}, {}", name, slot.note.empty() ? "no instance" : slot.note);
      seats.push_back(std::move(seat));
      return seats.size() - 1;
    }
  }
  const auto near = base::nearest(name, names, 1);
  return fail(
      ErrorCode::kNotFound,
      fmt::format(
          "service {}: there is no slot {}", base::quoted(wanted.service), base::quoted(name)),
      near.empty() ? machine.program + " slot set names one" : "did you mean " + near[0] + "?");
}

Result<std::vector<std::size_t>> seats_for(const Machine& machine,
                                           const Wanted& wanted,
                                           std::vector<Seat>& seats) {
  std::vector<std::size_t> serving;
  if (!wanted.wish.gpu.empty() && GpuWord(wanted.wish.gpu).find(machine.now) == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("service {}: there is no GPU {}",
                            base::quoted(wanted.service),
                            base::quoted(wanted.wish.gpu)),
                machine.program + " list shows the GPUs");
  }
  if (!wanted.wish.slot.empty()) {
    MIG_ASSIGN_OR_RETURN(const std::size_t seat, seat_of_slot(machine, wanted, seats));
    serving.push_back(seat);
    if (seats[seat].instance.uuid.empty() || fits(machine.now, wanted.wish, seats[seat])) {
      return serving;
    }
    return fail(ErrorCode::kNothingMatched,
                fmt::format("service {} asks for {}, and the slot has {}",
                            base::quoted(wanted.service),
                            wanted.wish.str(),
                            seats[seat].place));
  }
  for (std::size_t i = 0; i < seats.size(); ++i) {
    const bool meant = wanted.uuid.empty() ? fits(machine.now, wanted.wish, seats[i])
                                           : seats[i].instance.uuid == wanted.uuid;
    if (meant) {
      serving.push_back(i);
    }
  }
  // The smallest that serves; first those that nobody has leased or named.
  std::stable_sort(serving.begin(), serving.end(), [&](std::size_t a, std::size_t b) {
    const Seat &one = seats[a], &two = seats[b];
    const auto rank = [](const Seat& seat) {
      return std::tuple(!seat.lease.empty(),
                        seat.instance.memory_mib,
                        seat.instance.sm.value_or(0),
                        !seat.slot.empty());
    };
    return rank(one) < rank(two);
  });
  if (serving.empty()) {
    return fail(
        ErrorCode::kNothingMatched,
        fmt::format("service {}: no instance is {}: {}",
                    base::quoted(wanted.service),
                    wanted.wish.str(),
                    there_are(seats)),
        machine.program + " create makes one; or -f LAYOUT -c CONFIG for those that will be");
  }
  return serving;
}

// A service that shares gets seats that no other has for itself.
Result<void> share(const Wanted& wanted,
                   const std::vector<std::size_t>& serving,
                   const Matching& matching,
                   std::vector<std::size_t>& seats) {
  for (const std::size_t seat : serving) {
    if (matching.of_seat()[seat] == Matching::kNone && seats.size() < wanted.wish.count) {
      seats.push_back(seat);
    }
  }
  if (seats.size() == wanted.wish.count) {
    return {};
  }
  return fail(ErrorCode::kNoCapacity,
              fmt::format("service {}: no instance is left for {}: those that serve belong to "
                          "services that do not share",
                          base::quoted(wanted.service),
                          wanted.wish.str()));
}

}  // namespace

std::vector<Seat> seats_of(const Machine& machine) {
  std::vector<Seat> seats;
  for (const Placed& one : placed_instances(machine.now)) {
    Seat seat{one.instance, one.str(), "", "", one.lease};
    for (const cdi::Device& device : machine.devices) {
      if (device.instance_uuid != one.instance.uuid || one.instance.uuid.empty()) {
        continue;
      }
      if (device.naming == cdi::Naming::kSlot && seat.slot.empty()) {
        seat.slot = device.name;
      } else if (device.naming == cdi::Naming::kOrdinal) {
        seat.ordinal = device.name;
      }
    }
    seats.push_back(std::move(seat));
  }
  return seats;
}

std::vector<Seat> seats_of(const Machine& machine, const DesiredLayout& layout) {
  std::vector<Seat> seats;
  std::map<std::string, std::uint32_t> ordinals;
  const auto add = [&](const Gpu& gpu,
                       const ProfileName& of_gi,
                       const ProfileName& compute,
                       const std::string& slot) {
    Seat seat;
    seat.instance.profile = compute;
    seat.instance.gpu = gpu.index;
    seat.instance.gpu_uuid = gpu.uuid;
    seat.slot = slot;
    if (const GpuInstanceProfile* profile = gpu.find_profile(of_gi)) {
      seat.instance.memory_mib = profile->memory_mib;
      if (compute.full_size()) {
        seat.instance.sm = profile->sm;
      }
    }
    const std::string word = cdi::profile_word(compute);
    seat.ordinal = fmt::format("{}-{}", word, ordinals[word]++);
    seat.place = fmt::format("{} on GPU {}, of the layout", compute.str(), gpu.index.value);
    seats.push_back(std::move(seat));
  };
  for (const Gpu& gpu : machine.now.gpus) {
    const auto desired = std::find_if(layout.gpus.begin(),
                                      layout.gpus.end(),
                                      [&](const DesiredGpu& one) { return one.gpu == gpu.index; });
    if (desired == layout.gpus.end()) {
      for (const GpuInstance& instance : gpu.instances) {
        for (const ComputeInstance& compute : instance.compute_instances) {
          add(gpu, instance.name, compute.name, slot_of(machine, compute.uuid));
        }
      }
      continue;
    }
    for (const DesiredInstance& instance : desired->instances) {
      for (const ProfileName& compute : instance.compute_instances) {
        add(gpu, instance.profile, compute, "");
      }
    }
  }
  return seats;
}

Result<std::vector<std::vector<std::size_t>>> assign(const Machine& machine,
                                                     const std::vector<Wanted>& wanted,
                                                     std::vector<Seat>& seats) {
  std::vector<Unit> units;
  std::vector<std::vector<std::size_t>> serving;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    MIG_ASSIGN_OR_RETURN(std::vector<std::size_t> of, seats_for(machine, wanted[i], seats));
    for (std::uint32_t n = 0; n < wanted[i].wish.count && !wanted[i].wish.shared; ++n) {
      units.push_back({i, of});
    }
    serving.push_back(std::move(of));
  }
  std::vector<std::vector<std::size_t>> seats_of_wanted(wanted.size());
  Matching matching(units, seats.size());
  for (std::size_t unit = 0; unit < units.size(); ++unit) {
    if (!matching.add(unit)) {
      const Wanted& one = wanted[units[unit].wanted];
      return fail(
          ErrorCode::kNoCapacity,
          fmt::format("service {}: no instance is left for {}: each serves one service, and {}",
                      base::quoted(one.service),
                      one.wish.str(),
                      there_are(seats)),
          machine.program +
              " create makes more; services that may share one say x-migctl: {shared: true}");
    }
  }
  for (std::size_t seat = 0; seat < seats.size(); ++seat) {
    if (matching.of_seat()[seat] != Matching::kNone) {
      seats_of_wanted[units[matching.of_seat()[seat]].wanted].push_back(seat);
    }
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].wish.shared) {
      MIG_TRY(share(wanted[i], serving[i], matching, seats_of_wanted[i]));
    }
  }
  return seats_of_wanted;
}

std::string why_not(const Machine& machine, const ComposeWish& wish, const std::string& uuid) {
  for (const Seat& seat : seats_of(machine)) {
    if (seat.instance.uuid == uuid) {
      return fits(machine.now, wish, seat) ? "" : seat.place;
    }
  }
  return uuid;
}

}  // namespace mig::compose
