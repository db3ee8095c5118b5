// SPDX-License-Identifier: Apache-2.0
// What pods call a profile. Pure.
//
//   1g.10gb      nvidia.com/mig-1g.10gb        mig-1g-10gb.migctl.dev
//   1g.10gb+me   nvidia.com/mig-1g.10gb.me     mig-1g-10gb-me.migctl.dev
//   1g.24gb-me   nvidia.com/mig-1g.24gb-me     mig-1g-24gb-nome.migctl.dev
//
// The DeviceClasses of the Helm chart are made of the same two names; a test holds them together.
#ifndef MIGCTL_KUBERNETES_OBJECTS_RESOURCE_NAMES_H_
#define MIGCTL_KUBERNETES_OBJECTS_RESOURCE_NAMES_H_

#include <string>

#include "mig/profile.h"

namespace mig::kube {

// As NVIDIA's device plugin names it with the strategy `mixed`, so that old pods run unchanged.
std::string extended_resource_name(const ProfileName& profile);
// Name of the DeviceClass of one profile.
std::string device_class_name(const ProfileName& profile);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_RESOURCE_NAMES_H_
