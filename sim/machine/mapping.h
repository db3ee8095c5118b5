// SPDX-License-Identifier: Apache-2.0
// Inside sim/machine: how machine.state is laid out and locked.
//
// The file holds a header, the constant Hardware, and two images of State. header.active names the
// image that counts; a Change works on the other one and becomes the state by one store to
// header.active, so a client that dies before it leaves the old state and one that dies after it
// the new. The lock is a robust mutex: the next client learns that its holder died and goes on.
#ifndef MIGCTL_SIM_MACHINE_MAPPING_H_
#define MIGCTL_SIM_MACHINE_MAPPING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include <pthread.h>

#include "sim/machine/machine.h"

namespace migsim {

inline constexpr char kMagic[16] = "migctl machine\n";

// What the calls read without the lock; a copy of parts of the active image.
struct Mirror {
  std::atomic<std::uint32_t> faults_armed;     // some fault is injected
  std::atomic<std::uint32_t> latencies_armed;  // some call has a latency of its own
  std::atomic<std::uint32_t> latency_permille;
  std::atomic<std::uint32_t> lost_gpus;  // bit per GPU
  std::atomic<std::uint64_t> generation;
  std::atomic<std::uint64_t> calls;  // State::calls_total while no Change looks
};

struct Header {
  char magic[16];
  std::uint32_t version;
  std::uint32_t header_size;
  std::uint64_t hardware_size, state_size, file_size;
  char boot_id[40];  // of the host that made the lock
  pthread_mutex_t lock;
  std::atomic<std::uint32_t> active;      // 0 or 1
  std::atomic<std::uint32_t> torn;        // a holder died: the other image may differ anywhere
  std::atomic<std::uint64_t> checked_ns;  // when processes were last looked at in full
  std::atomic<std::uint64_t> guests_ns;   // when guests were last taken in
  std::atomic<std::uint64_t> begun;       // changes begun: readers without the lock see by it
  Mirror mirror;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

inline constexpr std::size_t kPage = 4096;

constexpr std::size_t whole_pages(std::size_t size) {
  return (size + kPage - 1) / kPage * kPage;
}

inline constexpr std::size_t kHardwareAt = whole_pages(sizeof(Header));
inline constexpr std::size_t kStateAt = kHardwareAt + whole_pages(sizeof(Hardware));
inline constexpr std::size_t kStateStride = whole_pages(sizeof(State));
inline constexpr std::size_t kFileSize = kStateAt + 2 * kStateStride;

struct Machine::Impl {
  std::string dir;
  std::byte* base = nullptr;  // kFileSize bytes, MAP_SHARED; read-only for all but the owner
  bool writable = false;
  std::uint32_t opened_by = 0;
  std::string boot_id;  // of the host, as header.boot_id

  // Who may only read has no lock to hold: it works on a copy of its own.
  std::mutex reader;
  std::unique_ptr<State> seen;  // the machine as it is, guests included
  std::unique_ptr<State> work;  // a Change's

  Impl() = default;
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Header& header() const { return *reinterpret_cast<Header*>(base); }

  const Hardware& hardware() const {
    return *reinterpret_cast<const Hardware*>(base + kHardwareAt);
  }

  State& image(std::uint32_t which) const {
    return *reinterpret_cast<State*>(base + kStateAt + which * kStateStride);
  }

  std::uint32_t active() const { return header().active.load(std::memory_order_relaxed) & 1U; }

  void lock();
  void unlock();
  // Makes the image that does not count equal to the one that does; the lock is held.
  State& begin_change();
  // Makes it the one that counts.
  void flip();
  void refresh_mirror();
  // Brings `seen` up to now; `reader` is held.
  void look(std::uint64_t now);
};

// Makes the process-shared, robust lock anew.
int make_lock(pthread_mutex_t& lock);

// The host's boot id, 36 characters; empty when the host has none.
std::string host_boot_id();

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_MAPPING_H_
