// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/resource_names.h"

#include <algorithm>

#include <fmt/format.h>

#include "kubernetes/objects/device_name.h"

namespace mig::kube {

std::string extended_resource_name(const ProfileName& profile) {
  std::string attributes = profile.attributes;
  std::replace(attributes.begin(), attributes.end(), '+', '.');
  std::replace(attributes.begin(), attributes.end(), ',', '.');
  return fmt::format(
      "nvidia.com/mig-{}g.{}gb{}", profile.gpu_slices, profile.memory_gb, attributes);
}

std::string device_class_name(const ProfileName& profile) {
  return fmt::format("mig-{}.migctl.dev", dashed(profile));
}

}  // namespace mig::kube
