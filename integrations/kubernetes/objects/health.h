// SPDX-License-Identifier: Apache-2.0
// Health of devices from Xids: what each one concerns, for how long, and the DeviceTaints of it.
//
//   a program's own error (13, 31, 43, 45, ...)     nothing: the instance is as good as before
//   contained (94), or any other that names a GPU   that instance, until it is made anew
//   instance
//   of the board (79, 95, 119, ...), or one that     every device of the GPU, until the GPU was
//   lost names no instance                               and is back, the machine was booted, or an
//                                                   administrator clears it
//
// Sources: NVIDIA's list of Xid errors and its page on the memory errors of Ampere and later. A 48
// says that memory failed; the 94 or 95 that comes with it says whether the error was contained. So
// a 48 of a board counts as what its companion is, and for itself only when none comes.
//
// Pure; a plain value.
#ifndef MIGCTL_KUBERNETES_OBJECTS_HEALTH_H_
#define MIGCTL_KUBERNETES_OBJECTS_HEALTH_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "base/json.h"
#include "kubernetes/objects/slices.h"

namespace mig::kube {

struct XidNews {
  std::string gpu_uuid;
  std::optional<std::uint32_t> gpu_instance;
  std::uint64_t xid = 0;
  std::int64_t time_ms = 0;
};

enum class XidReach { kProgram, kInstance, kGpu };

// Of an Xid that names an instance (`on_instance`), or none.
XidReach reach_of(std::uint64_t xid, bool on_instance);

struct HealthRecord {
  std::string gpu_uuid;
  std::string instance;  // MIG UUID; "" = the GPU as a whole
  std::string device;    // name, of the instance's device or the GPU's
  std::uint64_t xid = 0;
  std::int64_t first_ms = 0, last_ms = 0;
  std::uint64_t count = 0;
  bool lost = false;  // the GPU has been away since
  friend bool operator==(const HealthRecord&, const HealthRecord&) = default;
};

class HealthBook {
 public:
  static constexpr std::size_t kMostRecords = 1000;

  // True when it concerns a device.
  bool note(const XidNews& news, const Inventory& now);
  // Ends what is over; true when something was.
  bool settle(const Inventory& now);
  // Ends what an administrator has looked at: of a device, of a GPU ("gpu-0": its instances too),
  // or all (""), as far as it happened until then.
  bool clear(const std::string& device, std::int64_t until_ms);

  // By name of device, for resource_slices(); none of `ignored` Xids.
  std::map<std::string, std::vector<Taint>> taints(const Inventory& now,
                                                   const std::string& effect,
                                                   const std::set<std::uint64_t>& ignored) const;

  const std::vector<HealthRecord>& records() const { return records_; }

  base::Json json() const;
  static Result<HealthBook> parse(const base::Json& json);

 private:
  bool contained_pair(const HealthRecord& record) const;

  std::vector<HealthRecord> records_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_HEALTH_H_
