// SPDX-License-Identifier: Apache-2.0
// For tests and benchmarks: what kube-scheduler 1.36 does with ResourceSlices
// (k8s.io/dynamic-resource-allocation/structured, checkAvailableCounters and allocateOne), written
// from its rules and from nothing of objects/: slices by name, devices in their order, the first
// one that is wanted, is not allocated and leaves no counter of the pool below what is consumed.
#ifndef MIGCTL_KUBERNETES_OBJECTS_TEST_SCHEDULER_H_
#define MIGCTL_KUBERNETES_OBJECTS_TEST_SCHEDULER_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace mig::kube {

struct TestDevice {
  std::string name;
  base::Json json;
  std::map<std::string, std::int64_t> consumes;  // "gpu-0/memory-slice-1"
};

class TestScheduler {
 public:
  explicit TestScheduler(const std::vector<base::Json>& slices) { publish(slices); }

  // What is allocated stays allocated, by name.
  void publish(std::vector<base::Json> slices) {
    std::sort(slices.begin(), slices.end(), [](const base::Json& a, const base::Json& b) {
      return a["metadata"]["name"].get<std::string>() < b["metadata"]["name"].get<std::string>();
    });
    counters_.clear();
    devices_.clear();
    for (const base::Json& slice : slices) {
      const base::Json& spec = slice["spec"];
      for (const base::Json& set : spec.value("sharedCounters", base::Json::array())) {
        for (const auto& [name, value] : set["counters"].items()) {
          counters_[set["name"].get<std::string>() + "/" + name] = amount(value);
        }
      }
      for (const base::Json& device : spec.value("devices", base::Json::array())) {
        TestDevice one{device["name"], device, {}};
        for (const base::Json& set : device.value("consumesCounters", base::Json::array())) {
          for (const auto& [name, value] : set["counters"].items()) {
            one.consumes[set["counterSet"].get<std::string>() + "/" + name] = amount(value);
          }
        }
        devices_.push_back(std::move(one));
      }
    }
    left_ = counters_;
    for (const std::string& name : allocated_) {
      consume(name, 1);
    }
  }

  const std::vector<TestDevice>& devices() const& { return devices_; }

  const std::vector<TestDevice>& devices() && = delete;

  const std::set<std::string>& allocated() const { return allocated_; }

  const std::map<std::string, std::int64_t>& counters() const { return counters_; }

  void drop_counter(const std::string& name) {
    counters_.erase(name);
    left_.erase(name);
    for (TestDevice& device : devices_) {
      device.consumes.erase(name);
    }
  }

  // A device that consumes nothing is not asked for counters.
  bool admits(const TestDevice& device) const {
    if (allocated_.contains(device.name)) {
      return false;
    }
    if (device.consumes.empty()) {
      return true;
    }
    // One counter below zero is enough: the scheduler looks at all counters of the pool.
    return std::none_of(
               left_.begin(), left_.end(), [](const auto& one) { return one.second < 0; }) &&
           std::all_of(device.consumes.begin(), device.consumes.end(), [&](const auto& one) {
             return left_.at(one.first) >= one.second;
           });
  }

  void allocate(const std::string& name) {
    if (allocated_.insert(name).second) {
      consume(name, 1);
    }
  }

  void release(const std::string& name) {
    if (allocated_.erase(name) > 0) {
      consume(name, -1);
    }
  }

  // Name of the device that a claim gets; nullopt: none.
  std::optional<std::string> allocate_first(
      const std::function<bool(const TestDevice&)>& selector) {
    for (const TestDevice& device : devices_) {
      if (selector(device) && admits(device)) {
        allocate(device.name);
        return device.name;
      }
    }
    return std::nullopt;
  }

 private:
  static std::int64_t amount(const base::Json& value) {
    const auto text = value["value"].get<std::string>();
    char* end = nullptr;
    const std::int64_t number = std::strtoll(text.c_str(), &end, 10);
    if (end == text.c_str() || *end != '\0') {
      std::abort();  // a counter is a plain number here
    }
    return number;
  }

  void consume(const std::string& name, std::int64_t sign) {
    for (const TestDevice& device : devices_) {
      if (device.name == name) {
        for (const auto& [counter, value] : device.consumes) {
          left_[counter] -= sign * value;
        }
      }
    }
  }

  std::map<std::string, std::int64_t> counters_, left_;
  std::vector<TestDevice> devices_;
  std::set<std::string> allocated_;
};

inline std::string profile_of(const TestDevice& device) {
  const base::Json& attributes = device.json["attributes"];
  return attributes.contains("profile") ? attributes["profile"]["string"].get<std::string>() : "";
}

inline std::uint32_t start_of(const TestDevice& device) {
  return device.json["attributes"]["start"]["int"].get<std::uint32_t>();
}

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_TEST_SCHEDULER_H_
