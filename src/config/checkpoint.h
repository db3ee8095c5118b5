// SPDX-License-Identifier: Apache-2.0
// Checkpoint files: the machine's modes and instances with every placement and id, as JSON. One
// format for two readers: the members of mig-parted's v1 checkpoint, with its structure and names,
// and further members for what that lacks (compute instance placements, ids, names, UUIDs).
// mig-parted restores files of migctl, and migctl those of mig-parted.
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
  std::optional<ProfileName> profile;  // nullopt here and below: absent in mig-parted's files
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
  bool complete = false;  // written by migctl: with placements and names of compute instances
  std::vector<SavedGpu> gpus;
  SavedNames names;
};

// Covers every GPU that supports MIG. kPermission when the driver does not show all instances.
Result<std::string> checkpoint_text(const Inventory& inventory, const SavedNames& names = {});

// `file` is used in messages only. Errors name the member: "file: MigState.Devices[0].UUID ...".
Result<Checkpoint> parse_checkpoint(std::string_view text, std::string_view file);

// The checkpoint as a desired layout with every known placement. kNothingMatched when one of its
// GPUs is not on this machine; kNotSupported when a GPU lacks a profile. GPUs outside of the
// checkpoint stay as they are, with a warning.
Result<DesiredLayout> wish_of(const Checkpoint& checkpoint, const Inventory& inventory);

// Instances that were restored under another MIG UUID than the checkpoint's, one line each: users
// of the old UUID must be told.
std::vector<std::string> renamed(const Checkpoint& checkpoint, const Inventory& inventory);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_CHECKPOINT_H_
