// SPDX-License-Identifier: Apache-2.0
// Inside of service/: whether MPS v3 with the memory limits of cgroups can be had here, by looking.
#ifndef MIGCTL_SERVICE_SHARING_NEEDS_H_
#define MIGCTL_SERVICE_SHARING_NEEDS_H_

#include <optional>
#include <string>

#include "mig/result.h"

namespace mig::service {

// What a machine says of itself.
struct SharingHost {
  std::string driver_version;              // "580.159.04"; "" = not told
  std::optional<int> cuda_version;         // 13040 = CUDA 13.4
  std::string kernel;                      // "6.1.0-37-amd64"
  std::optional<std::string> controllers;  // cgroup.controllers; nullopt: no cgroup v2 here
};

// Reads kernel and cgroups; `root` "" or a folder in place of /.
SharingHost look_at_host(std::string driver_version,
                         std::optional<int> cuda_version,
                         const std::string& root);

// "" = all is here; else what is needed and what was found. A pure function.
std::string dmem_missing(const SharingHost& host);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_SHARING_NEEDS_H_
