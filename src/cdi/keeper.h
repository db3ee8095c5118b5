// SPDX-License-Identifier: Apache-2.0
// Makes the CDI file of a machine, and writes it. The file is replaced as a whole (a reader has the
// old one or the new one) and only where it differs. Without any device there is no file, since
// readers refuse one without devices.
//
//   cdi::Keeper keeper(roots, {nvml_file});
//   MIG_ASSIGN_OR_RETURN(const cdi::Made made, keeper.make(inventory, slots, registration));
//   MIG_TRY(cdi::put(made.spec, registration.path));
//
// Threading: not thread-safe.
#ifndef MIGCTL_CDI_KEEPER_H_
#define MIGCTL_CDI_KEEPER_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "cdi/devices.h"
#include "cdi/driver_files.h"
#include "cdi/registration.h"
#include "cdi/spec.h"

namespace mig::cdi {

struct Made {
  Spec spec;
  std::vector<std::string> left_out;  // see DeviceList
};

class Keeper {
 public:
  // `nvml`: the file of the NVML library that is loaded.
  Keeper(Roots roots, std::string nvml) : roots_(std::move(roots)), nvml_(std::move(nvml)) {}

  // The file for the machine as it is. Makes missing capability nodes, as root. kNotFound: no
  // driver libraries; kDriver.
  Result<Made> make(const Inventory& now,
                    const std::vector<SlotInstance>& slots,
                    const Registration& registration);

  // All GPUs, the right to change instances and the right to monitor, for a container that manages
  // the machine: device "all". Without nodes of instances, so that it stays true when they change.
  Result<Made> make_management(const Inventory& now, const Registration& registration);

  const Roots& roots() const { return roots_; }

 private:
  Result<Edits> common_edits(const Inventory& now, const Registration& registration);
  Result<void> add_libraries(const Inventory& now, const Registration& registration, Edits& edits);

  Roots roots_;
  std::string nvml_;
  std::optional<Edits> libraries_;  // found once: they do not change with the layout
  std::optional<Registration> found_for_;
};

inline constexpr const char* kManagementKind = "management.nvidia.com/gpu";

// The devices that stay true.
Spec without(Spec spec, const Going& going);

enum class Written { kUnchanged, kReplaced, kRemoved };

// Replaces the file, or removes it when there is no device. Missing folders are made (0755), the
// file is 0644: rootless engines read it as their users.
Result<Written> put(const Spec& spec, const std::string& path);

// Where a machine's file lies unless somebody says otherwise.
std::string default_path(const Roots& roots);

// A simulated machine's file names the numbers of a real driver's nodes: where there is one, it
// may only lie in the machine's own tree, where no engine reads it.
Result<void> may_lie_at(const Roots& roots, const std::string& path);

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_KEEPER_H_
