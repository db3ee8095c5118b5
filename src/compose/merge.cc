// SPDX-License-Identifier: Apache-2.0
#include "compose/merge.h"

#include <algorithm>

namespace mig::compose {
namespace {

using config::ComposeDevice;
using config::ComposeForm;
using config::ComposeRequest;
using config::ComposeService;

template <class T>
void take_last(const std::optional<T>& from, std::optional<T>& to) {
  if (from) {
    to = from;
  }
}

bool names_any(const ComposeService& service, ComposeForm form) {
  return std::any_of(service.devices.begin(), service.devices.end(), [&](const ComposeDevice& one) {
    return one.form == form;
  });
}

void drop(ComposeService& service, ComposeForm form) {
  std::erase_if(service.devices, [&](const ComposeDevice& one) { return one.form == form; });
  std::erase_if(service.requests, [&](const ComposeRequest& one) { return one.form == form; });
}

void merge(const ComposeService& from, ComposeService& to) {
  if (from.replaces_devices) {
    drop(to, ComposeForm::kDevices);
    to.other_devices.clear();
    to.other_long_devices = false;
  }
  if (from.replaces_requests) {
    drop(to, ComposeForm::kReservation);
  }
  if (from.resets_gpus) {
    drop(to, ComposeForm::kGpus);
  }
  for (const ComposeForm variable : {ComposeForm::kVisible, ComposeForm::kCuda}) {
    const bool reset = variable == ComposeForm::kVisible ? from.resets_visible : from.resets_cuda;
    if (reset || names_any(from, variable)) {
      drop(to, variable);
    }
  }
  to.devices.insert(to.devices.end(), from.devices.begin(), from.devices.end());
  to.requests.insert(to.requests.end(), from.requests.begin(), from.requests.end());
  to.other_devices.insert(
      to.other_devices.end(), from.other_devices.begin(), from.other_devices.end());
  to.other_long_devices = to.other_long_devices || from.other_long_devices;
  to.image = from.image.empty() ? to.image : from.image;
  to.replicas = from.replicas == 1 ? to.replicas : from.replicas;
  to.lists_environment = to.lists_environment || from.lists_environment;
  take_last(from.wish, to.wish);
  if (from.resets_runtime) {
    to.nvidia_runtime.reset();
  }
  take_last(from.nvidia_runtime, to.nvidia_runtime);
  take_last(from.privileged, to.privileged);
  take_last(from.extends, to.extends);
}

}  // namespace

std::vector<ComposeService> merged_services(const std::vector<config::ComposeFile>& files) {
  std::vector<ComposeService> services;
  for (const config::ComposeFile& file : files) {
    for (const ComposeService& one : file.services) {
      const auto there = std::find_if(services.begin(),
                                      services.end(),
                                      [&](const ComposeService& s) { return s.name == one.name; });
      if (there == services.end()) {
        services.push_back(one);
      } else {
        merge(one, *there);
      }
    }
  }
  return services;
}

}  // namespace mig::compose
