// SPDX-License-Identifier: Apache-2.0
// Container engines as command lines: what an installed Docker or Podman can do, in which form it
// takes a device, and which words a user may not give it beside ours.
//
//   MIG_ASSIGN_OR_RETURN(const EngineFacts facts, read_engine(EngineKind::kPodman));
//
// CDI names: Podman since 4.1; Docker since 25 with {"features": {"cdi": true}}, since 28.2
// without. Docker tells by CDISpecDirs in `docker info`, which is empty while CDI is off. Older
// ones take an instance as --gpus "device=MIG-...", with NVIDIA's container toolkit. Podman 4.3.1
// was tried; Docker by the fields of its API's SystemInfo.
//
// Threading: functions of their arguments and of the installed programs.
#ifndef MIGCTL_LAUNCH_ENGINE_H_
#define MIGCTL_LAUNCH_ENGINE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "model/lease_values.h"

namespace mig::launch {

enum class EngineKind { kDocker, kPodman };

const char* name_of(EngineKind kind);  // "docker", which is its program too

enum class DeviceForm {
  kCdi,       // --device nvidia.com/gpu=MIG-...
  kGpusFlag,  // --gpus "device=MIG-...": Docker before 25
};

struct EngineFacts {
  EngineKind kind = EngineKind::kPodman;
  std::string program;  // its path
  std::string version;  // "4.3.1"
  DeviceForm form = DeviceForm::kCdi;
  // nullopt: it makes no cgroups; containers stay in that of the process that starts them.
  std::optional<lease::ContainerCgroups> cgroups;
  std::vector<std::string> cdi_folders;  // that it reads, in the order of precedence
  bool by_service = false;               // Podman's client asks a service instead of working itself
};

// From `docker info --format '{{json .}}'` or `podman info --format json`. kNotSupported with what
// to set, where it takes no instance in any form; kInvalidInput for other text.
Result<EngineFacts> parse_engine(EngineKind kind, std::string_view info);

// The same of root's Podman from `podman --version` and the defaults in `podman --help`, which are
// those of its settings: a twentieth of the time of `podman info`, which asks the package manager
// for the versions of its parts. nullopt: they do not tell; `podman info` does.
std::optional<EngineFacts> parse_podman_help(std::string_view version, std::string_view help);

// Asks the installed engine. kNotFound: not installed; kUsage: its client is told to work on
// another machine (engine_place.h); kIo: it does not answer.
Result<EngineFacts> read_engine(EngineKind kind);

// What the words after ours tell: those of the engine's `run`, its image, and the command.
struct EngineWords {
  std::string name;     // --name; "" = none is given
  std::string id_file;  // --cidfile
};

// kUsage for words that would give the container another instance, take it out of its lease's
// cgroup, or start it again behind the lease's back; and where no image is given.
Result<EngineWords> check_engine_words(EngineKind kind, const std::vector<std::string>& words);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_ENGINE_H_
