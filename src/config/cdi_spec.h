// SPDX-License-Identifier: Apache-2.0
// A CDI (Container Device Interface) file, as /etc/cdi and /var/run/cdi hold them: the parts that
// say which devices a container gets. YAML or JSON. Unknown members are let through, since newer
// versions of CDI add some; what is read must have its type.
//
// Threading: pure functions. Errors: kInvalidInput with file:line:column; kTooLarge.
#ifndef MIGCTL_CONFIG_CDI_SPEC_H_
#define MIGCTL_CONFIG_CDI_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

namespace mig::config {

struct CdiNode {
  std::string path;       // in the container
  std::string host_path;  // of the host; equal to `path` unless the file says otherwise
  std::optional<std::uint32_t> major_number, minor_number;
};

// Changes of a container: of a device, or of all devices of the file.
struct CdiEdits {
  std::vector<CdiNode> nodes;
  std::vector<std::string> mounts;  // hostPath of each
  std::vector<std::string> hooks;   // path of each
};

struct CdiDevice {
  std::string name;  // "0", "0:1", "MIG-...", "all"
  CdiEdits edits;
};

struct CdiSpec {
  std::string version, kind;  // "0.5.0", "nvidia.com/gpu"
  std::vector<CdiDevice> devices;
  CdiEdits common;
};

// `file` is used in messages only.
Result<CdiSpec> parse_cdi_spec(std::string_view text, std::string_view file);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_CDI_SPEC_H_
