// SPDX-License-Identifier: Apache-2.0
// Desired layouts. A Spec is the text of a layout file (mig-parted's v1 format) as values; a
// DesiredLayout is one selected config, resolved against an Inventory: one entry per named GPU.
#ifndef MIG_LAYOUT_H_
#define MIG_LAYOUT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mig/error.h"
#include "mig/ids.h"
#include "mig/profile.h"

namespace mig {

struct SourcePosition {
  std::string file;         // "-" = standard input
  int line = 0;             // 1-based
  int column = 0;           // 1-based
  std::string str() const;  // Text "layouts.yaml:7:11".
};

// A device filter: "0xDDDDVVVV" or "0xDDDDVVVV:0xSDSDSVSV".
struct DeviceFilter {
  std::uint32_t device_id = 0;
  std::optional<std::uint32_t> subsystem_id;
  SourcePosition position;
};

struct SpecDevices {
  ProfileName profile;
  std::uint32_t count = 0;
  SourcePosition position;
};

struct SpecEntry {
  std::vector<DeviceFilter> filters;                  // empty = any GPU
  std::optional<std::vector<std::uint32_t>> devices;  // nullopt = "all"; else NVML indices
  bool mig_enabled = false;
  std::vector<SpecDevices> mig_devices;  // in file order
  SourcePosition position;
};

struct SpecConfig {
  std::string label;
  std::vector<SpecEntry> entries;
  SourcePosition position;
  std::optional<Error> refused = {};  // ambiguous (duplicate keys that differ): cannot be selected
};

struct Spec {
  std::vector<SpecConfig> configs;         // in file order
  std::vector<std::string> notes = {};     // what was read where, for a wrapped layout
  std::vector<std::string> warnings = {};  // about the file as a whole
};

// A desired GPU instance and its compute instances.
struct DesiredInstance {
  ProfileName profile;                         // of the GPU instance (full size)
  std::vector<ProfileName> compute_instances;  // empty = none; usually one, equal to profile
  std::optional<Placement> placement;          // nullopt = the planner chooses
  SourcePosition position;
  // Placements of the compute instances, in the same order; shorter or nullopt = the planner
  // chooses.
  std::vector<std::optional<Placement>> compute_placements;
};

struct DesiredGpu {
  GpuIndex gpu;
  bool mig_enabled = false;
  std::vector<DesiredInstance> instances;
  SourcePosition position;
};

// Spare room: so many more GPU instances of this profile must still fit after a change.
struct SpareRoom {
  ProfileName profile;
  std::uint32_t count = 1;
};

struct DesiredLayout {
  std::string label;
  std::vector<DesiredGpu> gpus;  // ascending index; unnamed GPUs stay as they are
  std::vector<std::string> warnings;
  // All of it at once, anywhere on the GPUs with MIG on (machine-wide).
  std::vector<SpareRoom> spare = {};
};

}  // namespace mig

#endif  // MIG_LAYOUT_H_
