// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/health.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "kubernetes/objects/device_name.h"

namespace mig::kube {
namespace {

using base::Json;
using base::JsonProblem;
using base::JsonReader;

// Errors of programs ("restart the application" in NVIDIA's list), and notes that ask for nothing
// now: a row to be remapped at the next reset (63), corrected errors (92), a new recovery action
// (154; what it is about has an Xid of its own).
constexpr std::array<std::uint64_t, 13> kPrograms = {
    8, 13, 31, 32, 43, 45, 63, 66, 68, 69, 92, 109, 154};
// Of the whole board even where the driver names an instance.
constexpr std::array<std::uint64_t, 10> kBoards = {46, 61, 62, 64, 74, 79, 95, 119, 120, 140};
constexpr std::uint64_t kMemoryFailed = 48;
constexpr std::uint64_t kContained = 94;
constexpr std::int64_t kPairMs = 10'000;  // between a 48 and its companion
constexpr const char* kXidTaint = "mig.migctl.dev/xid";

template <class List>
bool has(const List& list, std::uint64_t xid) {
  return std::find(list.begin(), list.end(), xid) != list.end();
}

const std::string& uuid_of(const GpuInstance& instance) {
  static const std::string kNone;
  return instance.compute_instances.empty() ? kNone : instance.compute_instances[0].uuid;
}

const GpuInstance* find_uuid(const Gpu& gpu, const std::string& uuid) {
  const auto found = std::find_if(gpu.instances.begin(),
                                  gpu.instances.end(),
                                  [&](const GpuInstance& one) { return uuid_of(one) == uuid; });
  return found == gpu.instances.end() ? nullptr : &*found;
}

std::string name_of(const Gpu& gpu, const GpuInstance& instance) {
  return device_name(gpu, instance.name, instance.placement.start);
}

// Names of all devices that a GPU can have.
std::vector<std::string> all_names(const Gpu& gpu) {
  std::vector<std::string> names = {device_name(gpu)};
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    for (const Placement place : profile.placements) {
      names.push_back(device_name(gpu, profile.name, place.start));
    }
  }
  return names;
}

}  // namespace

XidReach reach_of(std::uint64_t xid, bool on_instance) {
  if (has(kPrograms, xid)) {
    return XidReach::kProgram;
  }
  return has(kBoards, xid) || !on_instance ? XidReach::kGpu : XidReach::kInstance;
}

bool HealthBook::note(const XidNews& news, const Inventory& now) {
  const Gpu* gpu = now.find_gpu(news.gpu_uuid);
  const XidReach reach = reach_of(news.xid, news.gpu_instance.has_value());
  if (gpu == nullptr || reach == XidReach::kProgram) {
    return false;
  }
  HealthRecord record{
      news.gpu_uuid, "", device_name(*gpu), news.xid, news.time_ms, news.time_ms, 1, false};
  if (reach == XidReach::kInstance) {
    const GpuInstance* instance = gpu->find_instance(GpuInstanceId{*news.gpu_instance});
    if (instance == nullptr || uuid_of(*instance).empty()) {
      return false;  // it is gone, and its trouble with it
    }
    record.instance = uuid_of(*instance);
    record.device = name_of(*gpu, *instance);
  }
  for (HealthRecord& known : records_) {
    if (known.gpu_uuid == record.gpu_uuid && known.instance == record.instance &&
        known.xid == record.xid) {
      const bool again = record.last_ms > known.last_ms;
      known.last_ms = std::max(known.last_ms, record.last_ms);
      known.count += again ? 1 : 0;
      return again;
    }
  }
  if (records_.size() >= kMostRecords) {
    return false;
  }
  records_.push_back(std::move(record));
  return true;
}

bool HealthBook::settle(const Inventory& now) {
  bool changed = false;
  const auto over = [&](HealthRecord& record) {
    const Gpu* gpu = now.find_gpu(record.gpu_uuid);
    if (gpu == nullptr) {
      changed = changed || !record.lost;
      record.lost = true;
      return false;
    }
    if (record.lost) {
      return true;  // it was reset, or put in anew
    }
    return !record.instance.empty() && gpu->instances_complete &&
           find_uuid(*gpu, record.instance) == nullptr;
  };
  return std::erase_if(records_, over) > 0 || changed;
}

bool HealthBook::clear(const std::string& device, std::int64_t until_ms) {
  const auto meant = [&](const HealthRecord& record) {
    return record.last_ms <= until_ms &&
           (device.empty() || record.device == device ||
            record.device.compare(0, device.size() + 1, device + "-") == 0);
  };
  return std::erase_if(records_, meant) > 0;
}

// A 48 of a board whose 94 says that an instance has contained it.
bool HealthBook::contained_pair(const HealthRecord& record) const {
  return record.xid == kMemoryFailed && record.instance.empty() &&
         std::any_of(records_.begin(), records_.end(), [&](const HealthRecord& other) {
           return other.xid == kContained && other.gpu_uuid == record.gpu_uuid &&
                  !other.instance.empty() && std::abs(other.last_ms - record.last_ms) <= kPairMs;
         });
}

// An ignored 94 still says that its 48 was contained, so records of ignored Xids are kept.
std::map<std::string, std::vector<Taint>> HealthBook::taints(
    const Inventory& now, const std::string& effect, const std::set<std::uint64_t>& ignored) const {
  constexpr std::size_t kMostOfDevice = 8;
  std::map<std::string, std::vector<Taint>> all;
  for (const HealthRecord& record : records_) {
    const Gpu* gpu = now.find_gpu(record.gpu_uuid);
    if (gpu == nullptr || record.lost || ignored.contains(record.xid) || contained_pair(record)) {
      continue;
    }
    const std::vector<std::string> names =
        record.instance.empty() ? all_names(*gpu) : std::vector<std::string>{record.device};
    for (const std::string& name : names) {
      std::vector<Taint>& of = all[name];
      if (of.size() < kMostOfDevice) {
        of.push_back({kXidTaint, std::to_string(record.xid), effect, record.first_ms});
      }
    }
  }
  return all;
}

Json HealthBook::json() const {
  Json list = Json::array();
  for (const HealthRecord& record : records_) {
    list.push_back({{"gpu", record.gpu_uuid},
                    {"instance", record.instance},
                    {"device", record.device},
                    {"xid", record.xid},
                    {"firstMs", record.first_ms},
                    {"lastMs", record.last_ms},
                    {"count", record.count},
                    {"lost", record.lost}});
  }
  return list;
}

Result<HealthBook> HealthBook::parse(const Json& json) {
  constexpr std::int64_t kLatest = 1LL << 53;
  JsonProblem problem;
  const JsonReader list(json, "records", problem);
  HealthBook book;
  for (const JsonReader& one : list.elements()) {
    if (book.records_.size() >= kMostRecords) {
      return fail(ErrorCode::kTooLarge, fmt::format("more than {} records", kMostRecords));
    }
    one.only({"gpu", "instance", "device", "xid", "firstMs", "lastMs", "count", "lost"});
    book.records_.push_back({one.at("gpu").text(),
                             one.at("instance").text(),
                             one.at("device").text(),
                             one.at("xid").number(),
                             one.at("firstMs").clamped(0, kLatest),
                             one.at("lastMs").clamped(0, kLatest),
                             one.at("count").number(),
                             one.at("lost").boolean()});
  }
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput, problem.text());
  }
  return book;
}

}  // namespace mig::kube
