// SPDX-License-Identifier: Apache-2.0
// A CDI file as it is written: devices that a container may be given, each with the changes of that
// container. Written as JSON, which every reader of CDI takes under any file name, since it is YAML
// too; in YAML the name 0:1 would be a number without quotes.
//
// Threading: pure functions of values.
#ifndef MIGCTL_CDI_SPEC_H_
#define MIGCTL_CDI_SPEC_H_

#include <cstdint>
#include <string>
#include <vector>

namespace mig::cdi {

// With explicit type, numbers and mode: a reader then needs no node on the host, and takes no
// numbers of a node that was made anew meanwhile.
struct DeviceNode {
  std::string path;  // in the container, and on the host of a real driver
  std::uint32_t major_number = 0, minor_number = 0;
  std::uint32_t mode = 0;
  std::uint32_t gid = 0;
  friend auto operator<=>(const DeviceNode&, const DeviceNode&) = default;
};

struct Mount {
  std::string host, container;
  bool writable = false;
  friend auto operator<=>(const Mount&, const Mount&) = default;
};

struct Hook {
  std::string name;  // "createContainer"
  std::string path;
  std::vector<std::string> arguments;  // with argv[0]
  std::vector<std::string> env;
};

struct Edits {
  std::vector<std::string> env;
  std::vector<DeviceNode> nodes;
  std::vector<Mount> mounts;
  std::vector<Hook> hooks;
};

// How a device got its name, which decides when the name becomes untrue.
enum class Naming {
  kIndex,    // "0", "0:1": moves when anything changes on its GPU
  kUuid,     // "GPU-...", "MIG-..."
  kOrdinal,  // "1g.18gb-0": moves when anything changes on any GPU
  kSlot,     // the name of a slot
  kAll,      // "all"
};

struct Device {
  std::string name;
  Naming naming = Naming::kIndex;
  std::string gpu_uuid;       // "" = of all GPUs
  std::string instance_uuid;  // "" = a whole GPU, or all
  Edits edits;
};

struct Spec {
  std::string kind;  // "nvidia.com/gpu"
  std::vector<Device> devices;
  Edits common;

  const Device* find(const std::string& name) const;
};

// The lowest version that has what is written: names that begin with a digit. Readers refuse files
// of a version that they do not know, so no higher one is written.
inline constexpr const char* kVersion = "0.5.0";

// The whole file, with a newline at its end.
std::string spec_text(const Spec& spec);

// True for names that CDI's readers accept.
bool is_device_name(const std::string& name);
// True for a "vendor/class" that they accept. One-letter parts are refused: Podman 4.3.1 ends with
// a fault on them.
bool is_kind(const std::string& kind);

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_SPEC_H_
