// SPDX-License-Identifier: Apache-2.0
// Reads the same machine again and again, as read_inventory() would each time, with far fewer calls
// while nothing changes: the daemon's warm readings. Never answers from memory alone. Each reading
// asks the driver for what can have changed by somebody else's hand: the number of GPUs, modes, GPU
// instances with their places, compute instances with theirs, MIG devices; where any of it differs
// from what was seen, that GPU is read anew. What changes by itself (processes, memory in use,
// displays) is read every time. What a loaded driver never changes about a GPU (name, UUID, bus id,
// profiles, what of them still fits beside an unchanged layout) is kept as long as the session.
//
// Threading: as the session. Errors: those of read_inventory().
#ifndef MIGCTL_DEVICE_CACHED_READER_H_
#define MIGCTL_DEVICE_CACHED_READER_H_

#include <cstdint>
#include <map>
#include <memory>

#include "mig/inventory.h"
#include "mig/result.h"

#include "device/inventory_reader.h"
#include "nvml/session.h"

namespace mig::device {

class CachedReader {
 public:
  CachedReader();
  ~CachedReader();
  CachedReader(const CachedReader&) = delete;
  CachedReader& operator=(const CachedReader&) = delete;
  CachedReader(CachedReader&&) = delete;
  CachedReader& operator=(CachedReader&&) = delete;

  // `options.facts` must be given.
  Result<Inventory> read(const nvml::Session& session, const ReadOptions& options);

  // The next reading asks for everything.
  void forget();

 private:
  struct Seen;

  Result<Gpu> read_gpu_again(const nvml::Session& session,
                             GpuIndex index,
                             const ReadOptions& options);

  std::uint64_t epoch_ = 0;                              // of the session that `seen_` is from
  std::map<std::uint32_t, std::unique_ptr<Seen>> seen_;  // by GPU index
};

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_CACHED_READER_H_
