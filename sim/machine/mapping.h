// SPDX-License-Identifier: Apache-2.0
// Inside sim/machine: how machine.state is laid out and locked.
//
// The file holds a header, the constant Hardware, and two images of State. header.active names the
// image that counts; a Change works on the other one and becomes the state by one store to
// header.active, so a client that dies before it leaves the old state and one that dies after it
// the new. The lock is a robust mutex: after its owner's death the next client gets EOWNERDEAD and
// continues.
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

// Fields that the exported calls read without the lock; copied from the active image.
struct Mirror {
  std::atomic<std::uint32_t> faults_armed;     // some fault is injected
  std::atomic<std::uint32_t> latencies_armed;  // some call's latency was set
  std::atomic<std::uint32_t> latency_permille;
  std::atomic<std::uint32_t> lost_gpus;  // one bit per GPU
  std::atomic<std::uint64_t> generation;
  std::atomic<std::uint64_t> calls;  // State::calls_total, outside of a Change
};

struct Header {
  char magic[16];
  std::uint32_t version;
  std::uint32_t header_size;
  std::uint64_t hardware_size, state_size, file_size;
  char boot_id[40];  // boot id of the host when the lock was made
  pthread_mutex_t lock;
  std::atomic<std::uint32_t> active;      // index of the active image: 0 or 1
  std::atomic<std::uint32_t> torn;        // a lock owner died: the inactive image may be torn
  std::atomic<std::uint64_t> checked_ns;  // time of the last full check of processes
  std::atomic<std::uint64_t> guests_ns;   // time of the last read of the guests' files
  std::atomic<std::uint64_t> begun;       // seqlock: number of changes begun
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
  std::string boot_id;  // boot id of this host, compared with header.boot_id

  // A read-only client cannot take the shared lock: it works on copies of its own.
  std::mutex reader;
  std::unique_ptr<State> seen;  // current state of the machine, guests included
  std::unique_ptr<State> work;  // private image of a read-only client's Change

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
  // Copies the active image over the inactive one and returns the latter; the lock is held.
  State& begin_change();
  // Makes the inactive image the active one.
  void flip();
  void refresh_mirror();
  // Refreshes `seen` to time `now`; `reader` is held.
  void look(std::uint64_t now);
};

// Initialises the process-shared, robust mutex.
int make_lock(pthread_mutex_t& lock);

// Boot id of the host (36 characters); empty when the kernel offers none.
std::string host_boot_id();

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_MAPPING_H_
