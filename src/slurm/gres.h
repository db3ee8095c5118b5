// SPDX-License-Identifier: Apache-2.0
// A machine's instances as Slurm's generic resources: types, device files, numbers, and the lines
// of gres.conf and slurm.conf that say so.
//
// Order: slurmd lists GPUs by the types of the node's line in slurm.conf, in the order of that
// line, and in the order of gres.conf inside of a type; the position in that list is what jobs are
// told (SLURM_STEP_GPUS). Both files are written in one order, types by name, so that the number of
// a device is its line. Tried with Slurm 22.05.8 (tests/slurm).
//
// Threading: pure functions.
#ifndef MIGCTL_SLURM_GRES_H_
#define MIGCTL_SLURM_GRES_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/slurm_values.h"

namespace mig::slurm {

// Slurm 21.08 and later know MultipleFiles, without which an instance cannot be constrained.
struct Version {
  unsigned year = 22, month = 5, patch = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

inline constexpr Version kMultipleFiles{21, 8};
// Since then the NVML plugin takes a type from the name of the MIG device, before from its
// attributes ("Fix some mig profile names", NEWS of 23.02.6).
inline constexpr Version kTypesByName{23, 2, 6};

// Of "slurm 22.05.8" or "slurm-wlm 22.05.8"; nullopt = not understood.
std::optional<Version> parse_version(std::string_view text);

struct Naming {
  std::string node;
  bool nvml_types = false;   // "nvidia_h200_1g.18gb", as Slurm's own NVML plugin says
  bool autodetect = false;   // the plugin finds the devices
  std::string dev = "/dev";  // folder of the nodes
  Version version = {};
};

// "1g.18gb"; whole GPUs: "h200", "a100-sxm4-40gb". With nvml_types for a Slurm before kTypesByName
// "nvidia_h200_1g.16gb": slices and memory of the GPU instance, in GiB, whatever compute instance.
std::string type_of(const Gpu& gpu,
                    const GpuInstance& instance,
                    const ProfileName& profile,
                    const Naming& naming);
std::string type_of(const Gpu& gpu, const Naming& naming);

// Names of the capability nodes below <dev>/nvidia-caps: of the GPU instance and the compute
// instance.
using Capabilities = std::function<Result<std::pair<std::string, std::string>>(
    std::uint32_t gpu_minor, GpuInstanceId gi, ComputeInstanceId ci)>;

// kPermission where the driver did not tell all instances; kNotSupported for a Slurm that cannot
// constrain instances; kDriver where a GPU's minor is unknown.
Result<Files> files_of(const Inventory& machine,
                       const Naming& naming,
                       const Capabilities& capabilities);

// "gpu:1g.18gb:2,gpu:3g.71gb:1".
std::string gres_of(const std::vector<Device>& devices);

// Our part of gres.conf, with its first and last comment.
std::string block_text(const std::vector<Device>& devices, const Naming& naming);

// Differences of two lists of devices, one line each; "they" are what the files say.
std::vector<std::string> device_differences(const std::vector<Device>& they,
                                            const std::vector<Device>& should);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_GRES_H_
