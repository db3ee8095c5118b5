// SPDX-License-Identifier: Apache-2.0
// Repeated readings of one machine, equal to read_inventory()'s, with far fewer driver calls while
// nothing changes: the daemon's warm readings. The cache is validated at each read: the number of
// GPUs, modes, GPU instances and compute instances with their placements, and MIG devices are read;
// a GPU that differs is read anew. Volatile data (processes, memory in use, displays) is read every
// time. Constant data of a loaded driver (name, UUID, bus id, profiles, their capacity beside an
// unchanged layout) is cached for the session.
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

  // `options.facts` is required.
  Result<Inventory> read(const nvml::Session& session, const ReadOptions& options);

  // The same for one GPU, for readers that spread their driver calls over time.
  Result<Gpu> read_one(const nvml::Session& session, GpuIndex index, const ReadOptions& options);

  // Drops the cache: the next reading is complete.
  void forget();

 private:
  struct Seen;

  void forget_older(const nvml::Session& session);
  Result<Gpu> read_gpu_again(const nvml::Session& session,
                             GpuIndex index,
                             const ReadOptions& options);

  std::uint64_t epoch_ = 0;                              // session of `seen_`
  std::map<std::uint32_t, std::unique_ptr<Seen>> seen_;  // by GPU index
};

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_CACHED_READER_H_
