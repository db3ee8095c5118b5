// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/claims/engine.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "kubernetes/claims/checkpoint.h"
#include "kubernetes/claims/devices.h"
#include "kubernetes/claims/record.h"
#include "model/instance.h"

namespace mig::kube {
namespace {

bool same_devices(const ClaimRecord& record, const std::vector<AllocatedDevice>& devices) {
  return std::equal(record.devices.begin(),
                    record.devices.end(),
                    devices.begin(),
                    devices.end(),
                    [](const DeviceRecord& a, const AllocatedDevice& b) { return a.device == b; });
}

std::vector<PreparedDevice> answer_of(const ClaimRecord& record) {
  std::vector<PreparedDevice> answer;
  for (const DeviceRecord& one : record.devices) {
    answer.push_back(
        {one.device.request, one.device.pool, one.device.device, one.device.share_id, {one.cdi}});
  }
  return answer;
}

}  // namespace

struct ClaimEngine::Impl {
  explicit Impl(EngineSettings with)
      : settings(std::move(with)), devices(settings.migd_socket, settings.version) {}

  // One call at a time for a claim.
  class Turn {
   public:
    Turn(Impl& impl, std::string uid) : impl_(impl), uid_(std::move(uid)) {
      const std::lock_guard lock(impl_.mutex);
      auto& own = impl_.turns[uid_];
      own = own ? own : std::make_shared<std::mutex>();
      mutex_ = own;
    }

    ~Turn() {
      mutex_->unlock();
      const std::lock_guard lock(impl_.mutex);
      mutex_.reset();
      if (const auto own = impl_.turns.find(uid_);
          own != impl_.turns.end() && own->second.use_count() == 1) {
        impl_.turns.erase(own);
      }
    }

    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Turn(Turn&&) = delete;
    Turn& operator=(Turn&&) = delete;

    void wait() { mutex_->lock(); }

   private:
    Impl& impl_;
    std::string uid_;
    std::shared_ptr<std::mutex> mutex_;
  };

  void before(std::string_view step) const {
    if (settings.before_step) {
      settings.before_step(step);
    }
  }

  std::optional<ClaimRecord> find(const std::string& uid) {
    const std::lock_guard lock(mutex);
    const auto known = records.find(uid);
    return known == records.end() ? std::nullopt : std::optional(known->second);
  }

  ClaimRecords copy() {
    const std::lock_guard lock(mutex);
    return records;
  }

  // What is known changes with the file, or not at all.
  Result<void> keep(const ClaimRecord& record, std::string_view step) {
    before(step);
    const std::lock_guard lock(mutex);
    ClaimRecords next = records;
    next[record.claim.uid] = record;
    if (next.size() > kMostClaims) {
      return fail(
          ErrorCode::kNoCapacity,
          fmt::format("{} claims are prepared on this node: that is the most", kMostClaims));
    }
    MIG_TRY(write_checkpoint(settings.checkpoint, next));
    records = std::move(next);
    return {};
  }

  Result<void> forget(const std::string& uid) {
    before("forget");
    const std::lock_guard lock(mutex);
    ClaimRecords next = records;
    next.erase(uid);
    MIG_TRY(write_checkpoint(settings.checkpoint, next));
    records = std::move(next);
    return {};
  }

  // Gives all devices back, as far as that goes, and forgets the claim when all are.
  Result<void> give_back(ClaimRecord record) {
    if (record.state != ClaimState::kUnpreparing) {
      record.state = ClaimState::kUnpreparing;
      MIG_TRY(keep(record, "write unpreparing"));
    }
    std::optional<Error> failed;
    for (const DeviceRecord& device : record.devices) {
      before("give back");
      if (auto done = devices.give_back(device); !done && !failed) {
        failed = std::move(done).error();
      }
    }
    if (failed) {
      return *std::move(failed);
    }
    return forget(record.claim.uid);
  }

  Result<void> take_all(ClaimRecord& record) const {
    for (DeviceRecord& device : record.devices) {
      before("take");
      if (auto taken = devices.take(record.claim, device); !taken) {
        return std::move(taken).error().in(device.device.device);
      }
    }
    before("taken");
    return {};
  }

  Result<std::vector<PreparedDevice>> prepare(const ClaimRef& claim,
                                              const std::vector<AllocatedDevice>& allocated) {
    std::optional<ClaimRecord> record = find(claim.uid);
    if (record &&
        (record->state == ClaimState::kUnpreparing || !same_devices(*record, allocated))) {
      MIG_TRY(give_back(*record));
      record.reset();
    }
    if (record && record->state == ClaimState::kPrepared) {
      return again(*std::move(record));
    }
    if (!record) {
      record = ClaimRecord{claim, ClaimState::kPreparing, {}};
      MIG_ASSIGN_OR_RETURN(record->devices, devices.find(claim, allocated));
      MIG_TRY(keep(*record, "write preparing"));
    }
    auto done = take_all(*record);
    if (done) {
      record->state = ClaimState::kPrepared;
      done = keep(*record, "write prepared");
    }
    if (done) {
      return answer_of(*record);
    }
    return undo(*std::move(record), std::move(done).error());
  }

  // A pod of the claim may be running, so nothing is undone. What a reboot took is made anew.
  Result<std::vector<PreparedDevice>> again(ClaimRecord record) {
    const ClaimRecord before_that = record;
    MIG_TRY(take_all(record));
    if (record != before_that) {
      MIG_TRY(keep(record, "write prepared"));
    }
    return answer_of(record);
  }

  Error undo(ClaimRecord record, Error why) {
    devices.forget();
    if (auto undone = give_back(std::move(record)); !undone) {
      why.message +=
          fmt::format("; what was made stays until the next call: {}", undone.error().text());
    }
    return why;
  }

  // Leases that only migd remembers: the checkpoint was lost.
  Result<void> give_back_unknown(const std::string& uid) {
    MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> leases, devices.leases());
    for (const lease::Lease& lease : leases) {
      if (claim_of_key(lease.holder.unit) == uid) {
        MIG_TRY(devices.give_back(record_of(lease)));
      }
    }
    return {};
  }

  Result<void> unprepare(const std::string& uid) {
    if (std::optional<ClaimRecord> record = find(uid)) {
      return give_back(*std::move(record));
    }
    auto done = give_back_unknown(uid);
    // Without migd nothing is known of the claim, which the kubelet must be able to forget.
    const bool away =
        !done && (done.error().code == ErrorCode::kIo || done.error().code == ErrorCode::kTimeout);
    return away ? Result<void>() : done;
  }

  void reconcile_record(const ClaimRecord& record,
                        bool exists,
                        const Inventory& now,
                        const std::vector<lease::Lease>& leases,
                        std::vector<std::string>& lines);
  void finish(const ClaimRecord& record, bool exists, std::vector<std::string>& lines);
  void look_after(ClaimRecord record,
                  const Inventory& now,
                  const std::vector<lease::Lease>& leases,
                  std::vector<std::string>& lines);
  void reconcile_leases(const std::set<std::string>& exist,
                        const std::vector<lease::Lease>& leases,
                        std::vector<std::string>& lines);

  EngineSettings settings;
  Devices devices;
  std::mutex mutex;
  ClaimRecords records;
  std::map<std::string, std::shared_ptr<std::mutex>> turns;  // by claim
};

// A claim that is no more, or whose end was cut short.
void ClaimEngine::Impl::finish(const ClaimRecord& record,
                               bool exists,
                               std::vector<std::string>& lines) {
  const auto done = give_back(record);
  const std::string name = record.claim.str();
  lines.push_back(
      done ? fmt::format("claim {}: given back{}",
                         name,
                         exists ? ", which was cut short" : "; it is no more")
           : fmt::format("claim {}: cannot be given back: {}", name, done.error().text()));
}

// A prepared claim whose instances or leases somebody else, or a reboot, has taken. Leases are
// taken again; an instance is made anew when the claim is prepared, since its pod does not run
// without.
void ClaimEngine::Impl::look_after(ClaimRecord record,
                                   const Inventory& now,
                                   const std::vector<lease::Lease>& leases,
                                   std::vector<std::string>& lines) {
  const std::string name = record.claim.str();
  const ClaimRecord before_that = record;
  const std::vector<Instance> instances = instances_of(now);
  for (DeviceRecord& device : record.devices) {
    const bool there = std::any_of(instances.begin(), instances.end(), [&](const Instance& one) {
      return one.uuid == device.uuid;
    });
    const bool leased = std::any_of(leases.begin(), leases.end(), [&](const lease::Lease& lease) {
      return lease.holder.unit == device.key;
    });
    if (!there && !device.uuid.empty()) {
      lines.push_back(fmt::format("claim {}: {} ({}) is gone; the next prepare makes it anew",
                                  name,
                                  device.device.device,
                                  device.uuid));
      device.uuid.clear();
      device.cdi.clear();
    } else if (there && !leased) {
      const auto taken = devices.take(record.claim, device);
      lines.push_back(fmt::format("claim {}: the lease of {} was gone; {}",
                                  name,
                                  device.uuid,
                                  taken ? "taken again" : taken.error().text()));
    }
  }
  if (record != before_that) {
    if (const auto kept = keep(record, "write repaired"); !kept) {
      lines.push_back(fmt::format("claim {}: {}", name, kept.error().text()));
    }
  }
}

void ClaimEngine::Impl::reconcile_record(const ClaimRecord& seen,
                                         bool exists,
                                         const Inventory& now,
                                         const std::vector<lease::Lease>& leases,
                                         std::vector<std::string>& lines) {
  Turn turn(*this, seen.claim.uid);
  turn.wait();
  const std::optional<ClaimRecord> record = find(seen.claim.uid);
  if (!record || *record != seen) {
    return;  // a call has changed it since
  }
  if (!exists || record->state == ClaimState::kUnpreparing) {
    finish(*record, exists, lines);
  } else if (record->state == ClaimState::kPrepared) {
    look_after(*record, now, leases, lines);
  }
  // One that is preparing: the kubelet asks again, or unprepares it.
}

void ClaimEngine::Impl::reconcile_leases(const std::set<std::string>& exist,
                                         const std::vector<lease::Lease>& leases,
                                         std::vector<std::string>& lines) {
  for (const lease::Lease& lease : leases) {
    const std::string uid = claim_of_key(lease.holder.unit).value_or("");
    Turn turn(*this, uid);
    turn.wait();
    if (find(uid)) {
      continue;
    }
    if (exist.contains(uid)) {
      lines.push_back(
          fmt::format("lease {} of claim {} ({}) is in no checkpoint: it is kept for the claim",
                      lease.id,
                      lease.job,
                      lease.instance.uuid));
      continue;
    }
    const auto done = devices.give_back(record_of(lease));
    lines.push_back(
        fmt::format("lease {} of claim {} ({}), which is no more and in no checkpoint: {}",
                    lease.id,
                    lease.job,
                    lease.instance.uuid,
                    done ? "given back" : done.error().text()));
  }
}

ClaimEngine::ClaimEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ClaimEngine::~ClaimEngine() = default;

Result<std::unique_ptr<ClaimEngine>> ClaimEngine::open(EngineSettings settings) {
  auto impl = std::make_unique<Impl>(std::move(settings));
  MIG_TRY(base::remove_temporaries(impl->settings.checkpoint));
  MIG_ASSIGN_OR_RETURN(impl->records, read_checkpoint(impl->settings.checkpoint));
  return std::unique_ptr<ClaimEngine>(new ClaimEngine(std::move(impl)));
}

Result<std::vector<PreparedDevice>> ClaimEngine::prepare(
    const ClaimRef& claim, const std::vector<AllocatedDevice>& devices) {
  MIG_TRY(check_ref(claim));
  if (devices.size() > kMostDevices) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format(
            "claim {} has {} devices: {} are the most", claim.str(), devices.size(), kMostDevices));
  }
  Impl::Turn turn(*impl_, claim.uid);
  turn.wait();
  auto prepared = impl_->prepare(claim, devices);
  if (!prepared) {
    return std::move(prepared).error().in("preparing claim " + claim.str());
  }
  return prepared;
}

Result<void> ClaimEngine::unprepare(const ClaimRef& claim) {
  MIG_TRY(check_ref(claim));
  Impl::Turn turn(*impl_, claim.uid);
  turn.wait();
  auto done = impl_->unprepare(claim.uid);
  if (!done) {
    return std::move(done).error().in("giving back claim " + claim.str());
  }
  return {};
}

Result<std::vector<std::string>> ClaimEngine::reconcile(const ListClaims& list) {
  const ClaimRecords records = impl_->copy();
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> leases, impl_->devices.leases());
  MIG_ASSIGN_OR_RETURN(const auto now, impl_->devices.inventory());
  MIG_ASSIGN_OR_RETURN(const std::set<std::string> exist, list());
  std::vector<std::string> lines;
  for (const auto& [uid, record] : records) {
    impl_->reconcile_record(record, exist.contains(uid), *now, leases, lines);
  }
  impl_->reconcile_leases(exist, leases, lines);
  return lines;
}

Result<Inventory> ClaimEngine::read_machine() {
  MIG_ASSIGN_OR_RETURN(const auto now, impl_->devices.inventory());
  return *now;
}

std::vector<ClaimRef> ClaimEngine::claims() const {
  std::vector<ClaimRef> all;
  for (const auto& [uid, record] : impl_->copy()) {
    all.push_back(record.claim);
  }
  return all;
}

std::vector<HeldDevice> ClaimEngine::held() const {
  std::vector<HeldDevice> all;
  for (const auto& [uid, record] : impl_->copy()) {
    for (const DeviceRecord& device : record.devices) {
      all.push_back(
          {record.claim, device.device.device, device.gpu_uuid, device.uuid, device.made});
    }
  }
  return all;
}

}  // namespace mig::kube
