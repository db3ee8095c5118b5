// SPDX-License-Identifier: Apache-2.0
// The devices of a CDI file, from a reading of the machine; and those of them that a change makes
// untrue.
//
// Threading: functions of their arguments, and of the driver's files.
#ifndef MIGCTL_CDI_DEVICES_H_
#define MIGCTL_CDI_DEVICES_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "cdi/driver_files.h"
#include "cdi/spec.h"

namespace mig::cdi {

// A slot and the MIG UUID of the instance that is there.
using SlotInstance = std::pair<std::string, std::string>;

struct DeviceList {
  std::vector<Device> devices;
  std::vector<std::string> left_out;  // what has no device, and why; one line each
};

// Every compute instance by index (0:1), UUID, profile and ordinal (1g.18gb-0) and by its slots;
// every GPU without MIG by index and UUID; and "all". A GPU in MIG mode is no device, as a process
// in a container cannot use it as a whole.
DeviceList devices_of(const Inventory& now,
                      const std::vector<SlotInstance>& slots,
                      const DriverFiles& files);

// What a change may make untrue.
struct Going {
  bool everything = false;             // nothing is known of the change
  std::set<std::string> gpus;          // all devices of these
  std::set<std::string> instances;     // MIG UUIDs
  std::set<std::string> touched_gpus;  // names by index on these

  bool none() const {
    return !everything && gpus.empty() && instances.empty() && touched_gpus.empty();
  }
};

Going going_by(const Plan& plan, const Inventory& before);
// For a change that is taken up after a crash: everything on the GPUs that it touched.
Going going_by_recovery(const Plan& plan);

bool is_going(const Device& device, const Going& going);

// "1g.18gb+me" as CDI's names allow it: "1g.18gb.me".
std::string profile_word(const ProfileName& profile);

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_DEVICES_H_
