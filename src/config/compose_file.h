// SPDX-License-Identifier: Apache-2.0
// A Compose file, as far as it gives services GPUs: their devices in each form that Compose has,
// variables of the environment that NVIDIA's runtime reads, and what a service wants by our
// extension `x-migctl`. Anchors, aliases and merge keys are resolved. Other parts are let through
// unread.
//
//   services:
//     train:
//       image: train
//       x-migctl: {profile: 1g.10gb}     # or slot, memory, sm, gpu; count, shared
//       devices: ["nvidia.com/gpu=train-a"]
//
// Threading: pure functions. Errors: kInvalidInput with file:line:column; kTooLarge.
#ifndef MIGCTL_CONFIG_COMPOSE_FILE_H_
#define MIGCTL_CONFIG_COMPOSE_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/layout.h"
#include "mig/profile.h"
#include "mig/result.h"

#include "config/interpolate.h"

namespace mig::config {

// What a service wants; all that is given must hold. Nothing given: any instance.
struct ComposeWish {
  std::optional<ProfileName> profile;       // of the compute instance
  std::string slot;                         // a name of `migctl slot`
  std::optional<std::uint64_t> memory_mib;  // at least
  std::optional<std::uint32_t> sm;          // at least
  std::string gpu;                          // index, UUID or PCI address
  std::uint32_t count = 1;
  bool shared = false;  // others may have the same instance
  SourcePosition position;

  std::string str() const;  // for messages: "2 of 1g.10gb"
};

// Where a device of a service is named.
enum class ComposeForm {
  kDevices,      // devices: ["nvidia.com/gpu=NAME"], or a node of the host
  kReservation,  // deploy.resources.reservations.devices: device_ids
  kGpus,         // gpus: device_ids
  kVisible,      // environment: NVIDIA_VISIBLE_DEVICES
  kCuda,         // environment: CUDA_VISIBLE_DEVICES
};

struct ComposeDevice {
  ComposeForm form = ComposeForm::kDevices;
  std::string text;                    // with its variables replaced, where they are known
  std::optional<std::string> unknown;  // a variable that is not: `text` is as it was written
  std::string driver;                  // kReservation, kGpus: "cdi", "nvidia"; "" = not given
  SourcePosition position;
};

// deploy.resources.reservations.devices, or gpus: an entry as a whole.
struct ComposeRequest {
  ComposeForm form = ComposeForm::kReservation;
  std::string driver;
  std::string count;  // "all", "1"; "" = not given
  bool has_ids = false;
  bool has_capabilities = false;
  bool gpu = false;          // capabilities have "gpu"
  bool bare_number = false;  // an id that is not quoted and is a number: Compose refuses it
  SourcePosition position;
};

struct ComposeService {
  std::string name;
  std::string image;  // "" = none
  std::optional<ComposeWish> wish;
  std::vector<ComposeDevice> devices;
  std::vector<ComposeRequest> requests;
  std::vector<std::string> other_devices;  // short forms of `devices` that are no GPU, as written
  bool other_long_devices = false;         // long forms that are no GPU
  // The list stands for earlier files' (tag !override or !reset), which it otherwise extends.
  bool replaces_devices = false, replaces_requests = false;
  // !reset: earlier files' are gone.
  bool resets_gpus = false, resets_visible = false, resets_cuda = false, resets_runtime = false;
  std::optional<SourcePosition> nvidia_runtime;  // runtime: nvidia
  std::optional<SourcePosition> privileged;
  std::optional<SourcePosition> extends;
  bool lists_environment =
      false;  // its environment is a list, from which !reset takes nothing back
  std::uint32_t replicas = 1;
  SourcePosition position;
};

struct ComposeFile {
  std::string file;
  std::vector<ComposeService> services;    // in file order
  std::optional<SourcePosition> includes;  // files that it names, which are not read

  const ComposeService* find(std::string_view name) const;
};

// `file` is used in messages only.
Result<ComposeFile> parse_compose_file(std::string_view text,
                                       std::string_view file,
                                       const Variables& variables);

// A wish in a word, as of a command line: "1g.10gb", "slot:train-a", "20GiB", "any".
Result<ComposeWish> parse_compose_wish(const std::string& word);

// True for "vendor.com/class=name".
bool is_cdi_name(std::string_view text);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_COMPOSE_FILE_H_
