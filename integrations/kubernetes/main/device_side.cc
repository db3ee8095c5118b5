// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/device_side.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "kubernetes/main/pci_place.h"
#include "kubernetes/objects/device_name.h"

namespace mig::kube {
namespace {

constexpr std::chrono::seconds kTidyPeriod{10};
constexpr std::string_view kWholeGpuCdi = "nvidia.com/gpu=";

// The GPU and the GPU instance of an id; nullptr: of none, or the GPU as a whole.
std::pair<const Gpu*, const GpuInstance*> find(const Inventory& now, const std::string& id) {
  for (const Gpu& gpu : now.gpus) {
    if (gpu.uuid == id) {
      return {&gpu, nullptr};
    }
    for (const GpuInstance& instance : gpu.instances) {
      for (const auto& compute : instance.compute_instances) {
        if (compute.uuid == id) {
          return {&gpu, &instance};
        }
      }
    }
  }
  return {nullptr, nullptr};
}

}  // namespace

std::string not_for_pods(const MachineState& state,
                         const std::set<std::string>& of_pods,
                         const std::string& id) {
  bool leased_to_a_pod = false;  // known at once after a restart, before the kubelet's list is
  for (const auto& lease : state.leases) {
    if (lease.instance.uuid != id) {
      continue;
    }
    if (device_of_lease(lease) != id) {
      return fmt::format("lease {} of {} has it{}",
                         lease.id,
                         lease.tenant,
                         lease.job.empty() ? "" : " (" + lease.job + ")");
    }
    leased_to_a_pod = true;
  }
  if (leased_to_a_pod || of_pods.count(id) > 0) {
    return "";  // its processes are a pod's
  }
  const auto [gpu, instance] = find(state.inventory, id);
  if (gpu == nullptr) {
    return "there is no such device now";
  }
  const auto processes = instance == nullptr ? gpu->processes : gpu->processes_on(instance->id);
  for (const auto& process : processes) {
    if (!process.graphics) {
      return fmt::format("process {} uses it, which is no pod's that the kubelet lists",
                         process.pid);
    }
  }
  return "";
}

DeviceSide::DeviceSide(const Settings& settings, Log& log, const Stop& stop)
    : settings_(settings),
      log_(log),
      stop_(stop),
      migd_(settings.migd_socket),
      leases_(settings.migd_socket) {}

Result<std::unique_ptr<DeviceSide>> DeviceSide::start(const Settings& settings,
                                                      Log& log,
                                                      const Stop& stop) {
  std::unique_ptr<DeviceSide> made(new DeviceSide(settings, log, stop));
  MIG_ASSIGN_OR_RETURN(made->xids_, XidWatch::open(health_settings(settings), log));
  DeviceCalls calls;
  calls.allocate = [raw = made.get()](const std::string& resource,
                                      const std::vector<PluginDevice>& devices) {
    return raw->allocate(resource, devices);
  };
  calls.prefer = [raw = made.get()](const Choice& choice) -> Result<std::vector<std::string>> {
    std::shared_ptr<const MachineState> state;
    {
      const std::lock_guard lock(raw->mutex_);
      state = raw->state_;
    }
    if (!state) {
      return fail(ErrorCode::kIo, "migd has not told the machine yet");
    }
    return preferred_devices(state->inventory, choice);
  };
  MIG_ASSIGN_OR_RETURN(made->plugin_,
                       DevicePlugin::start(settings.device_dir, std::move(calls), log.tell()));
  made->keeper_ = std::jthread([raw = made.get()] { raw->keep_leases(); });
  return made;
}

void DeviceSide::watch_node(ApiClient& api) {
  xids_->watch_node(api, settings_.node_name, [this] { offer(); });
}

DeviceSide::~DeviceSide() {
  if (xids_) {
    xids_->end();
  }
  if (keeper_.joinable()) {
    keeper_.join();  // `stop` was asked
  }
  plugin_.reset();
}

void DeviceSide::see(const std::shared_ptr<const MachineState>& state) {
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
  }
  offer();
}

void DeviceSide::offer() {
  const std::lock_guard lock(mutex_);
  if (!state_) {
    return;
  }
  ResourceInput input;
  input.now = &state_->inventory;
  input.strategy = parse_device_strategy(settings_.mig_strategy).value_or(DeviceStrategy::kMixed);
  const auto taints = xids_->taints(state_->inventory);
  input.sick = [&](const std::string& id) {
    const auto [gpu, instance] = find(state_->inventory, id);
    std::string ill = gpu == nullptr ? "" : illness(*gpu, instance, taints);
    return ill.empty() ? not_for_pods(*state_, of_pods_, id) : ill;
  };
  input.numa = [](const Gpu& gpu) { return numa_node("/sys", gpu.pci_bus_id); };
  PluginResources resources = plugin_resources(input);
  strategy_trouble_ = resources.trouble;
  log_.state("strategy " + settings_.mig_strategy, resources.trouble);
  plugin_->offer(std::move(resources.devices));
}

Result<std::string> DeviceSide::take(const std::string& resource, const PluginDevice& device) {
  std::shared_ptr<const MachineState> state;
  {
    const std::lock_guard lock(mutex_);
    state = state_;
  }
  const auto [gpu, instance] =
      state ? find(state->inventory, device.id) : std::pair<const Gpu*, const GpuInstance*>();
  if (gpu == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("{} is not there any more", device.id));
  }
  if (instance == nullptr) {
    return std::string(kWholeGpuCdi) + device.id;  // migd leases instances only
  }
  return leases_.take(resource, device.id, gpu->uuid, instance->name, instance->placement.start);
}

Result<Granted> DeviceSide::allocate(const std::string& resource,
                                     const std::vector<PluginDevice>& devices) {
  Granted granted;
  std::vector<std::string> ids;
  for (const auto& device : devices) {
    // What was taken before a failure is given back when no pod has it, after a while.
    MIG_ASSIGN_OR_RETURN(std::string name, take(resource, device));
    granted.cdi_ids.push_back(std::move(name));
    ids.push_back(device.id);
    const std::lock_guard lock(mutex_);
    of_pods_.insert(device.id);
  }
  if (settings_.device_list == "envvar") {
    granted.cdi_ids.clear();
    granted.environment["NVIDIA_VISIBLE_DEVICES"] = base::join(ids, ",");
  }
  log_.say(Weight::kInfo, fmt::format("{} of {} given to a pod", base::join(ids, ", "), resource));
  return granted;
}

void DeviceSide::keep_leases() {
  while (!stop_.wait(kTidyPeriod)) {
    const auto tidied = leases_.tidy(settings_.pod_resources);
    log_.state("leases of pods", tidied ? "" : tidied.error().text());
    if (!tidied) {
      continue;  // nothing is known, so nothing is given back
    }
    for (const auto& line : tidied->lines) {
      log_.say(Weight::kInfo, line);
    }
    for (const auto& id : tidied->unleased) {
      // A pod of before this program, or of before its leases were lost.
      const auto taken = take("a pod", {.id = id});
      if (!taken && taken.error().code != ErrorCode::kNotFound) {
        log_.state("device " + id + " of a pod", taken.error().text());
      }
    }
    {
      const std::lock_guard lock(mutex_);
      of_pods_ = tidied->of_pods;
    }
    offer();
  }
}

std::string DeviceSide::trouble() const {
  const std::string trouble = plugin_->trouble();
  const std::lock_guard lock(mutex_);
  return trouble.empty() ? strategy_trouble_ : trouble;
}

}  // namespace mig::kube
