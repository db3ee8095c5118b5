// SPDX-License-Identifier: Apache-2.0
#include "doctor/check.h"

#include <algorithm>

namespace mig::doctor {

void Finding::raise(Verdict to) {
  const auto rank = [](Verdict of) { return of == Verdict::kNotHere ? -1 : static_cast<int>(of); };
  if (rank(to) > rank(verdict)) {
    verdict = to;
  }
}

void Finding::add_mend(std::string command) {
  if (std::find(mend.begin(), mend.end(), command) == mend.end()) {
    mend.push_back(std::move(command));
  }
}

Finding not_here(std::string why) {
  return {Verdict::kNotHere, std::move(why), {}, {}, {}};
}

Finding not_read(const Error& error) {
  Finding finding = not_here("could not be read: " + error.text());
  if (!error.hint.empty()) {
    finding.mend.push_back(error.hint);
  }
  return finding;
}

const std::vector<Check>& check_table() {
  static const std::vector<Check> kChecks = {
      {"driver", "The driver loads and answers", true, check_driver},
      {"driver-version",
       "Library and kernel module are of one version",
       false,
       check_driver_version},
      {"modules", "The driver's kernel modules are loaded", false, check_modules},
      {"nouveau", "No other driver claims the GPUs' module", false, check_nouveau},
      {"module-options", "Options of the kernel module suit MIG", false, check_module_options},
      {"pci", "Every NVIDIA GPU on the bus is the driver's", false, check_pci},
      {"gpu-lost", "Every GPU can be opened", true, check_lost},
      {"xid", "The kernel log has no Xid errors", false, check_xid},
      {"ecc", "No uncorrected memory errors, no ECC change pending", true, check_ecc},
      {"row-remap", "No memory repair is pending or failed", true, check_remap},
      {"recovery", "The driver asks for no recovery action", true, check_recovery},
      {"mig-support", "The GPUs support MIG", true, check_mig_support},
      {"display-mode", "No board has its display outputs on", true, check_display},
      {"mig-mode", "MIG is on and used", true, check_mode},
      {"mig-pending", "No change of MIG mode is pending", true, check_pending},
      {"holders", "Nobody holds a GPU", true, check_holders},
      {"persistence", "Persistence mode is on", true, check_persistence},
      {"fabric", "The NVSwitch fabric is ready", true, check_fabric},
      {"empty-instances", "Every GPU instance has a compute instance", true, check_empty_instances},
      {"room", "Free memory slots can be used", true, check_room},
      {"drift", "The layout is the last that migctl made", true, check_drift},
      {"unleased", "Every process on an instance has a lease", true, check_unleased},
      {"device-nodes", "Device nodes are there and open to users", false, check_devices},
      {"capability-nodes", "Every instance has its capability nodes", true, check_capabilities},
      {"cdi-files", "CDI files can be read and do not conflict", false, check_cdi_files},
      {"cdi-devices", "CDI devices are the instances that exist", true, check_cdi_devices},
      {"cdi-driver", "CDI files mount the driver that is loaded", false, check_cdi_driver},
      {"container-toolkit", "The container toolkit is there and recent", false, check_toolkit},
      {"cgroup", "Control groups can hold jobs and devices", false, check_cgroup},
      {"permissions", "This user may read and change instances", true, check_permissions},
      {"state-folder", "migctl's records are safe and whole", false, check_state_folder},
      {"state-space", "There is room for migctl's records", false, check_space},
      {"interrupted", "No change was cut short", false, check_interrupted},
      {"migd", "The daemon answers and is of this version", false, check_daemon},
  };
  return kChecks;
}

}  // namespace mig::doctor
