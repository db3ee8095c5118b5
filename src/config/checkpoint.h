// SPDX-License-Identifier: Apache-2.0
// Checkpoint files: the machine's modes and instances with every placement and id, as JSON. One
// format for two readers: the members that mig-parted's v1 checkpoint has, in its shape and under
// its names, and beside them what it leaves out (compute instance placements, ids, names, UUIDs).
// mig-parted restores our files; we restore its.
#ifndef MIGCTL_CONFIG_CHECKPOINT_H_
#define MIGCTL_CONFIG_CHECKPOINT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/result.h"

#include "config/checkpoint_names.h"

namespace mig::config {

inline constexpr std::size_t kMostCheckpointBytes = 4U << 20;

struct SavedCompute {
  std::uint32_t nvml_profile = 0;
  std::optional<ProfileName> profile;  // nullopt here and below: mig-parted's file does not tell
  std::optional<Placement> placement;
  std::optional<ComputeInstanceId> id;
  std::string uuid;
};

struct SavedInstance {
  std::uint32_t nvml_profile = 0;
  Placement placement;
  std::optional<ProfileName> profile;
  std::optional<GpuInstanceId> id;
  std::vector<SavedCompute> compute_instances;
};

struct SavedGpu {
  std::string uuid;
  bool mig_enabled = false;
  std::vector<SavedInstance> instances;
};

struct Checkpoint {
  std::string file;
  bool complete = false;  // ours: with compute instance placements and names
  std::vector<SavedGpu> gpus;
  SavedNames names;
};

// Every GPU that can do MIG. kPermission when the driver does not show all instances.
Result<std::string> checkpoint_text(const Inventory& inventory, const SavedNames& names = {});

// `file` is only for messages. Errors name the member: "file: MigState.Devices[0].UUID ...".
Result<Checkpoint> parse_checkpoint(std::string_view text, std::string_view file);

// The checkpoint as a wish with every place that it knows. kNothingMatched when a GPU of it is not
// on this machine; kNotSupported when a GPU has no such profile. GPUs that it does not name stay as
// they are, with a warning.
Result<DesiredLayout> wish_of(const Checkpoint& checkpoint, const Inventory& inventory);

// Instances that are back at their places under another MIG UUID than the file tells, one
// line each: whoever knows them by the old one must be told.
std::vector<std::string> renamed(const Checkpoint& checkpoint, const Inventory& inventory);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_CHECKPOINT_H_
