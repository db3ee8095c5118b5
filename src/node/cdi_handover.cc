// SPDX-License-Identifier: Apache-2.0
#include "node/cdi_handover.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "apply/after_change.h"
#include "base/clock.h"
#include "node/slot_names.h"

namespace mig::node {
namespace {

constexpr std::chrono::seconds kPatience{10};

Error cannot_withdraw(Error error, const std::string& path) {
  error = std::move(error).in(
      "nothing was changed: the CDI file still hands over what this change "
      "would take away");
  error.hint = "make " + path + " writable, or let it be kept no longer: migctl cdi remove";
  return error;
}

}  // namespace

CdiHandover::CdiHandover(const store::Places& places, std::function<std::string()> nvml_file)
    : places_(places), nvml_file_(std::move(nvml_file)) {}

std::string CdiHandover::registration_file() const {
  return cdi::registration_file(places_.journal());
}

bool CdiHandover::active() const {
  return ::access(registration_file().c_str(), F_OK) == 0;
}

Result<std::optional<cdi::Registration>> CdiHandover::registration() const {
  return cdi::read_registration(registration_file());
}

cdi::Roots CdiHandover::roots() const {
  cdi::Roots roots;
  if (places_.machine().simulated()) {
    roots.simulated_dir = places_.machine().simulated_dir;
    const std::string tree = roots.simulated_dir + "/tree";
    roots.dev = tree + "/dev";
    roots.proc = tree + "/proc";
    roots.sys = tree + "/sys";
  }
  return roots;
}

cdi::Keeper& CdiHandover::keeper() {
  if (!keeper_) {
    keeper_ = std::make_unique<cdi::Keeper>(roots(), nvml_file_());
  }
  return *keeper_;
}

std::vector<cdi::SlotInstance> CdiHandover::slots(const Inventory& now) const {
  std::vector<cdi::SlotInstance> found;
  const auto views = SlotNames(places_.slots()).all(now);
  for (const SlotView& view : views ? *views : std::vector<SlotView>()) {
    if (view.state == SlotState::kReady) {
      found.emplace_back(view.row.name, view.uuid);
    }
  }
  return found;
}

Result<cdi::Made> CdiHandover::make(const Inventory& now, const cdi::Registration& registration) {
  return keeper().make(now, slots(now), registration);
}

Result<cdi::Made> CdiHandover::make_management(const Inventory& now,
                                               const cdi::Registration& registration) {
  return keeper().make_management(now, registration);
}

bool CdiHandover::try_lock() {
  const auto dir = places_.runtime_dir();
  auto taken = dir ? base::FileLock::acquire(*dir + "/cdi.lock",
                                             std::chrono::milliseconds(0),
                                             base::system_clock(),
                                             "write the CDI file")
                   : Result<base::FileLock>(dir.error());
  if (!taken) {
    return false;
  }
  lock_.emplace(*std::move(taken));
  return true;
}

Result<void> CdiHandover::lock() {
  if (lock_) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const std::string dir, places_.runtime_dir());
  MIG_ASSIGN_OR_RETURN(
      base::FileLock taken,
      base::FileLock::acquire(
          dir + "/cdi.lock", kPatience, base::system_clock(), "write the CDI file"));
  lock_.emplace(std::move(taken));
  return {};
}

// Where the file cannot be made any more (libraries that are gone), none is better than an old one.
Result<void> CdiHandover::withdraw(const cdi::Registration& registration,
                                   const Inventory& before,
                                   const cdi::Going& going) {
  const auto made = make(before, registration);
  auto done = cdi::put(made ? cdi::without(made->spec, going) : cdi::Spec{}, registration.path);
  if (!done) {
    unlock();
    return cannot_withdraw(std::move(done).error(), registration.path);
  }
  return {};
}

Result<void> CdiHandover::withdraw(const Plan& plan, const Inventory& before, bool recovery) {
  MIG_ASSIGN_OR_RETURN(const auto registered, registration());
  const cdi::Going going = recovery ? cdi::going_by_recovery(plan) : cdi::going_by(plan, before);
  if (!registered || going.none()) {
    return {};
  }
  MIG_TRY(lock());
  return withdraw(*registered, before, going);
}

Result<void> CdiHandover::withdraw_all() {
  MIG_ASSIGN_OR_RETURN(const auto registered, registration());
  if (!registered) {
    return {};
  }
  MIG_TRY(lock());
  auto done = cdi::put({}, registered->path);
  if (!done) {
    unlock();
    return cannot_withdraw(std::move(done).error(), registered->path);
  }
  return {};
}

Result<void> CdiHandover::renew(const Inventory* now) {
  MIG_ASSIGN_OR_RETURN(const auto registered, registration());
  if (!registered) {
    unlock();
    return {};
  }
  const auto failed = [&](Error error) {
    unlock();
    error = std::move(error).in("the CDI file " + registered->path + " lacks devices");
    error.hint = "migctl cdi generate writes it again";
    return error;
  };
  if (now == nullptr) {
    return failed(Error{ErrorCode::kDriver, "the machine cannot be read", {}, {}, {}});
  }
  if (auto taken = lock(); !taken) {
    return failed(std::move(taken).error());
  }
  const auto made = make(*now, *registered);
  if (!made) {
    return failed(made.error());
  }
  if (auto written = cdi::put(made->spec, registered->path); !written) {
    return failed(std::move(written).error());
  }
  known_ = *now;
  unlock();
  return {};
}

bool CdiHandover::drifted(const Inventory& now) {
  if (!active()) {
    known_.reset();
    return false;
  }
  const bool differs = known_ && apply::differs(*known_, now);
  known_ = now;
  return differs;
}

}  // namespace mig::node
