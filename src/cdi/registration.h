// SPDX-License-Identifier: Apache-2.0
// Which CDI file migctl keeps in step with the machine, and how: written by `cdi generate`, read by
// every process that changes the layout. It lies beside the journal and outlives a reboot, which
// the CDI file in /var/run need not.
//
// Threading: functions of the file system. Errors: kPermission when another user could change it
// (it says where root writes), kInvalidInput, kIo.
#ifndef MIGCTL_CDI_REGISTRATION_H_
#define MIGCTL_CDI_REGISTRATION_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

namespace mig::cdi {

// Programs that the container's runtime runs before its start.
enum class Hooks {
  kNone,    // none: each library is mounted under every name, into the loader's default folders
  kNvidia,  // nvidia-cdi-hook makes links and the loader's cache
  kCheck,   // as none, and migctl looks whether the device is still what the file says
};

const char* name_of(Hooks hooks);  // "none"
std::optional<Hooks> hooks_named(const std::string& name);

struct Registration {
  std::string path;  // of the CDI file
  std::string kind = "nvidia.com/gpu";
  Hooks hooks = Hooks::kNone;
  std::string hook_program;                  // of kNvidia and kCheck
  std::vector<std::string> library_folders;  // searched first
  friend bool operator==(const Registration&, const Registration&) = default;
};

// "/var/lib/migctl/cdi.json" for "/var/lib/migctl/journal.db".
std::string registration_file(const std::string& journal);

// nullopt: no CDI file is kept.
Result<std::optional<Registration>> read_registration(const std::string& file);
Result<void> write_registration(const std::string& file, const Registration& registration);
Result<void> remove_registration(const std::string& file);

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_REGISTRATION_H_
