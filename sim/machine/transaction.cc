// SPDX-License-Identifier: Apache-2.0
// Transactions of a machine: lock, View and Change.
#include <algorithm>
#include <cstring>

#include <errno.h>
#include <sched.h>
#include <time.h>

#include "sim/machine/guests.h"
#include "sim/machine/mapping.h"
#include "sim/machine/mig.h"
#include "sim/machine/presence.h"
#include "sim/machine/process.h"
#include "sim/machine/telemetry.h"

namespace migsim {

std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

namespace {

// A zombie shows only in /proc, where a look costs 20 us per process, so the full check is
// rate-limited to these periods. A pid that no longer exists is noticed at once.
constexpr std::uint64_t kViewLooksEveryNs = 10'000'000;
constexpr std::uint64_t kChangeLooksEveryNs = 2'000'000;

// True when the full check of /proc is due.
bool look_in_full(Header& header, std::uint64_t now, std::uint64_t every_ns) {
  const std::uint64_t checked = header.checked_ns.load(std::memory_order_relaxed);
  if (now >= checked && now - checked < every_ns) {
    return false;
  }
  header.checked_ns.store(now, std::memory_order_relaxed);
  return true;
}

bool any_dead(const State& state, const Presence& presence, bool quick) {
  for (std::uint32_t i = 0; i < state.process_top; ++i) {
    if (state.processes[i].used != 0 && !presence.alive(state.processes[i], quick)) {
      return true;
    }
  }
  return false;
}

void settle_all(const Hardware& hardware, State& state, std::uint64_t now) {
  for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
    settle(hardware, state, gpu, now);
  }
}

void copy_bytes(State& to, const State& from, std::size_t begin, std::size_t end) {
  std::memcpy(reinterpret_cast<std::byte*>(&to) + begin,
              reinterpret_cast<const std::byte*>(&from) + begin,
              end - begin);
}

// Copies only what can differ: GPUs and processes beyond those in use are equal in both images.
void copy_used(State& to, const State& from, std::uint32_t gpus) {
  const std::uint32_t processes = std::max(to.process_top, from.process_top);
  copy_bytes(to, from, 0, offsetof(State, gpus) + gpus * sizeof(GpuState));
  copy_bytes(to,
             from,
             offsetof(State, process_top),
             offsetof(State, processes) + processes * sizeof(ProcessState));
  copy_bytes(to, from, offsetof(State, faults), sizeof(State));
}

}  // namespace

void Machine::Impl::lock() {
  if (::pthread_mutex_lock(&header().lock) == EOWNERDEAD) {
    // EOWNERDEAD: the lock's owner died. The active image is whole; the inactive image and the
    // mirror may be torn.
    header().torn.store(1, std::memory_order_relaxed);
    refresh_mirror();
    ::pthread_mutex_consistent(&header().lock);
  }
}

void Machine::Impl::unlock() {
  ::pthread_mutex_unlock(&header().lock);
}

State& Machine::Impl::begin_change() {
  header().begun.fetch_add(1);
  const State& from = image(active());
  State& to = image(active() ^ 1U);
  if (header().torn.load(std::memory_order_relaxed) != 0 || to.process_top > kMaxProcesses) {
    std::memcpy(static_cast<void*>(&to), &from, sizeof(State));
    header().torn.store(0, std::memory_order_relaxed);
  } else {
    copy_used(to, from, std::min(hardware().gpu_count, kMaxGpus));
  }
  return to;
}

void Machine::Impl::flip() {
  header().active.store(active() ^ 1U, std::memory_order_release);
  refresh_mirror();
}

void Machine::Impl::refresh_mirror() {
  const State& state = image(active());
  Mirror& mirror = header().mirror;
  const auto faults = std::any_of(
      std::begin(state.faults), std::end(state.faults), [](auto& f) { return f.used != 0; });
  const auto latencies = std::any_of(std::begin(state.latencies),
                                     std::end(state.latencies),
                                     [](auto& l) { return l.function[0] != '\0'; });
  std::uint32_t lost = 0;
  for (std::uint32_t gpu = 0; gpu < kMaxGpus; ++gpu) {
    if (state.gpus[gpu].lost != 0) {
      lost |= 1U << gpu;
    }
  }
  mirror.faults_armed.store(faults ? 1 : 0, std::memory_order_relaxed);
  mirror.latencies_armed.store(latencies ? 1 : 0, std::memory_order_relaxed);
  mirror.latency_permille.store(state.options.latency_permille, std::memory_order_relaxed);
  mirror.lost_gpus.store(lost, std::memory_order_relaxed);
  mirror.generation.store(state.generation, std::memory_order_release);
}

// Two changes in a row write to both images, so a copy is valid only if no change began meanwhile
// (seqlock).
void Machine::Impl::look(std::uint64_t now) {
  constexpr int kTries = 10000;
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t begun = header().begun.load();
    const State& from = image(active());
    if (from.process_top > kMaxProcesses) {
      break;
    }
    copy_used(*seen, from, std::min(hardware().gpu_count, kMaxGpus));
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (header().begun.load() == begun) {
      break;
    }
    ::sched_yield();
  }
  // The host booted after the owner last opened the machine: show it as rebooted, as the owner's
  // next open will make it.
  if (header().boot_id[0] != '\0' && boot_id != header().boot_id) {
    reboot(hardware(), *seen);
  }
  settle_all(hardware(), *seen, now);
  take_in_guests(hardware(), *seen, guests_folder(dir), false);
  remove_dead_processes(*seen, Presence(dir), true);
  settle_all(hardware(), *seen, now);
}

namespace {

// Period between two reads of the guests' files; a Change always reads them.
constexpr std::uint64_t kGuestsEveryNs = 2'000'000;

bool look_at_guests(Header& header, const State& state, std::uint64_t now) {
  if (state.options.shared == 0) {
    return false;
  }
  const std::uint64_t last = header.guests_ns.load(std::memory_order_relaxed);
  if (now >= last && now - last < kGuestsEveryNs) {
    return false;
  }
  header.guests_ns.store(now, std::memory_order_relaxed);
  return true;
}

}  // namespace

Machine::View::View(Machine& machine) : machine_(machine) {
  Impl& impl = *machine_.impl_;
  if (!impl.writable) {
    impl.reader.lock();
    impl.look(now_ns());
    state_ = impl.seen.get();
    return;
  }
  impl.lock();
  state_ = &impl.image(impl.active());
  if (state_->process_top == 0 && state_->options.shared == 0) {
    return;
  }
  const std::uint64_t now = now_ns();
  const bool full = look_in_full(impl.header(), now, kViewLooksEveryNs);
  const bool guests = look_at_guests(impl.header(), *state_, now);
  const Presence presence(impl.dir);
  if (guests || any_dead(*state_, presence, !full)) {
    State& next = impl.begin_change();
    settle_all(impl.hardware(), next, now);
    bool changed = remove_dead_processes(next, presence, !full) > 0;
    changed =
        (guests && take_in_guests(impl.hardware(), next, guests_folder(impl.dir), true)) || changed;
    if (changed) {
      settle_all(impl.hardware(), next, now);
      impl.flip();
      state_ = &impl.image(impl.active());
    }
  }
}

Machine::View::~View() {
  Impl& impl = *machine_.impl_;
  if (impl.writable) {
    impl.unlock();
  } else {
    impl.reader.unlock();
  }
}

Machine::Change::Change(Machine& machine) : machine_(machine) {
  Impl& impl = *machine_.impl_;
  const std::uint64_t now = now_ns();
  if (!impl.writable) {
    impl.reader.lock();
    impl.look(now);
    std::memcpy(static_cast<void*>(impl.work.get()), impl.seen.get(), sizeof(State));
    state_ = impl.work.get();
    return;
  }
  impl.lock();
  state_ = &impl.begin_change();
  state_->calls_total = impl.header().mirror.calls.load(std::memory_order_relaxed);
  settle_all(impl.hardware(), *state_, now);
  bool changed = false;
  if (state_->process_top > 0) {
    const bool full = look_in_full(impl.header(), now, kChangeLooksEveryNs);
    changed = remove_dead_processes(*state_, Presence(impl.dir), !full) > 0;
  }
  if (state_->options.shared != 0) {
    changed = take_in_guests(impl.hardware(), *state_, guests_folder(impl.dir), true) || changed;
  }
  if (changed) {
    settle_all(impl.hardware(), *state_, now);
  }
}

Machine::Change::~Change() {
  Impl& impl = *machine_.impl_;
  if (impl.writable) {
    impl.unlock();
  } else {
    impl.reader.unlock();
  }
}

bool Machine::Change::commit() {
  if (committed_) {
    return true;
  }
  committed_ = true;
  Impl& impl = *machine_.impl_;
  if (!impl.writable) {
    return tell_as_guest(*impl.seen, *state_, guests_folder(impl.dir));
  }
  settle_all(impl.hardware(), *state_, now_ns());
  impl.flip();
  return true;
}

}  // namespace migsim
