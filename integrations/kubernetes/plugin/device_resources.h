// SPDX-License-Identifier: Apache-2.0
// A machine as resources of the older device plugin interface, named as NVIDIA's plugin names them
// for its MIG strategies. Pure.
//
// Offered is what exists: a GPU instance with one compute instance that fills it, by its MIG UUID;
// a GPU with MIG off, by its own. A GPU instance that is divided further is not offered: two pods
// would share its memory. A GPU in MIG mode is no device by itself, also with the strategy `none`.
#ifndef MIGCTL_KUBERNETES_PLUGIN_DEVICE_RESOURCES_H_
#define MIGCTL_KUBERNETES_PLUGIN_DEVICE_RESOURCES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

namespace mig::kube {

enum class DeviceStrategy { kNone, kSingle, kMixed };

// kUsage: no strategy of that name.
Result<DeviceStrategy> parse_device_strategy(std::string_view text);

struct PluginDevice {
  std::string id;      // "MIG-...", "GPU-..."
  std::string device;  // name in ResourceSlices, which claims use
  bool healthy = true;
  std::string why;                   // it is not
  std::optional<std::int64_t> numa;  // node; nullopt = unknown
  friend bool operator==(const PluginDevice&, const PluginDevice&) = default;
};

struct PluginResources {
  std::map<std::string, std::vector<PluginDevice>> devices;  // by resource name
  // Why a strategy cannot be kept on this machine, in the words of NVIDIA's plugin; "" = it can.
  std::string trouble;
  friend bool operator==(const PluginResources&, const PluginResources&) = default;
};

struct ResourceInput {
  const Inventory* now = nullptr;
  DeviceStrategy strategy = DeviceStrategy::kMixed;
  // Why this instance or GPU must not be given to a pod; "" = it may. Asked with its UUID.
  std::function<std::string(const std::string& id)> sick;
  std::function<std::optional<std::int64_t>(const Gpu&)> numa;
};

PluginResources plugin_resources(const ResourceInput& input);

// What the kubelet may choose from for a container.
struct Choice {
  std::vector<std::string> available, must_include;
  std::size_t size = 0;
};

// Of `available` so many, `must_include` first, that the most placements of the machine stay free
// for other profiles. Errors: kInvalidInput when the choice contradicts itself.
Result<std::vector<std::string>> preferred_devices(const Inventory& now, const Choice& choice);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_DEVICE_RESOURCES_H_
