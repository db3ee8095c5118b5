// SPDX-License-Identifier: Apache-2.0
// The CDI file of a machine, for the command line: write it and keep it in step from then on, show
// it, hold it against the machine, give it up.
//
//   MIG_ASSIGN_OR_RETURN(const CdiWritten done, cdi_generate(node, {}));
//
// Errors: kConflict when another file names the same devices, when the path holds a file of another
// program, or while a change is under way; kPermission, kIo for the path; kInvalidInput for a kind
// that CDI does not allow; kNotFound when the driver's libraries, or a hook program, are in no
// known place; kDriver.
#ifndef MIGCTL_SERVICE_CDI_H_
#define MIGCTL_SERVICE_CDI_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/cdi_devices.h"
#include "model/checkup.h"
#include "node/node.h"

namespace mig::service {

struct CdiRequest {
  std::string output;                        // "" = the last one, else the default
  std::string kind;                          // "" = the last one, else nvidia.com/gpu
  std::string hooks;                         // "none", "nvidia", "check"; "" = the last, else none
  std::vector<std::string> library_folders;  // empty = the last
  bool management = false;                   // the machine as a whole, for those who manage it
  bool replace = false;                      // a file that is there and not ours
};

struct CdiWritten {
  std::string path;
  std::string kind;
  std::size_t devices = 0;
  bool changed = false;               // the file was written, or removed
  std::vector<std::string> left_out;  // what has no device, and why
};

// Writes the file and keeps it in step from now on: every change of the layout rewrites it.
// Management files are written once; they do not change with the layout.
Result<CdiWritten> cdi_generate(node::Node& node, const CdiRequest& request);

// What `--hooks check` has a container's runtime run (cdi/start_check.h).
Result<void> cdi_hook(const std::string& file, const std::string& name, const std::string& numbers);

// The text only; nothing is written or kept.
Result<std::string> cdi_text(node::Node& node, const CdiRequest& request);

// The devices for the machine as it is, and whether the kept file has each.
Result<CdiDeviceList> cdi_list(node::Node& node);

// The name of an instance for container engines: "nvidia.com/gpu=MIG-...". Where the kept file does
// not have it, `device` is "" and `missing` says why and what to do.
struct CdiName {
  std::string device, missing;
};

CdiName cdi_name(node::Node& node, const std::string& uuid);

// Checks of the kept file. `program`: as the user calls this program, for the commands that mend.
Result<std::vector<CheckResult>> cdi_check(node::Node& node, const std::string& program);

// Removes the file, and keeps none any more. nullopt: none was kept. `forget`: the file may stay
// where it cannot be removed.
Result<std::optional<std::string>> cdi_remove(node::Node& node, bool forget);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CDI_H_
