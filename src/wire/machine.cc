// SPDX-License-Identifier: Apache-2.0
// Single source of truth: one list of members for each value, walked by writer and reader alike. A
// value is an array of its members in that order: keys would be more than half of a document that
// is parsed before a warm command prints, and both sides are of one version.
#include "wire/machine.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "wire/document.h"
#include "wire/readings.h"

namespace mig::wire {
namespace {

constexpr std::size_t kMostBytes = 16U << 20U;

template <class T>
struct IsOptional : std::false_type {};

template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
struct IsVector : std::false_type {};

template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
struct IsId : std::false_type {};

template <class Tag>
struct IsId<Id<Tag>> : std::true_type {};

// JSON is UTF-8, a process's name is arbitrary bytes: beyond ASCII it is encoded as {"hex":
// "c3a4"}.
Json text_json(const std::string& text) {
  const bool plain = std::all_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80U; });
  if (plain) {
    return text;
  }
  std::string hex;
  for (const char c : text) {
    hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return Json{{"hex", hex}};
}

std::optional<std::string> text_of(const Json& json) {
  if (json.is_string()) {
    return json.get<std::string>();
  }
  if (!json.is_object() || !json.contains("hex") || !json["hex"].is_string()) {
    return std::nullopt;
  }
  const auto& hex = json["hex"].get_ref<const std::string&>();
  std::string text;
  for (std::size_t i = 0; i + 2 <= hex.size(); i += 2) {
    unsigned byte = 0;
    const char* end = hex.data() + i + 2;
    if (std::from_chars(hex.data() + i, end, byte, 16).ptr != end) {
      return std::nullopt;
    }
    text.push_back(static_cast<char>(byte));
  }
  return hex.size() % 2 == 0 ? std::optional(text) : std::nullopt;
}

// Writer and reader call `members(walker, value)`, below, for each type.
class Writer {
 public:
  template <class T>
  using Of = const T;

  template <class T>
  static Json json_of(const T& value) {
    if constexpr (IsOptional<T>::value) {
      return value ? json_of(*value) : Json(nullptr);
    } else if constexpr (IsVector<T>::value) {
      Json list = Json::array();
      for (const auto& element : value) {
        list.push_back(json_of(element));
      }
      return list;
    } else if constexpr (IsId<T>::value) {
      return Json(value.value);
    } else if constexpr (std::is_same_v<T, Placement>) {
      return Json::array({value.start, value.size});  // dozens of them
    } else if constexpr (std::is_enum_v<T>) {
      return Json(static_cast<std::uint32_t>(value));
    } else if constexpr (std::is_arithmetic_v<T>) {
      return Json(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return text_json(value);
    } else {
      Writer writer;
      members(writer, value);
      return std::move(writer.json_);
    }
  }

  template <class T>
  void operator()(const char* /*key*/, const T& value) {
    json_.push_back(json_of(value));
  }

 private:
  Json json_ = Json::array();
};

class Walk {  // the first error of a read
 public:
  void report(const char* key, const char* what) {
    if (problem_.empty()) {
      problem_ = fmt::format("{}: {}", key, what);
    }
  }

  bool fine() const { return problem_.empty(); }

  const std::string& problem() const { return problem_; }

 private:
  std::string problem_;
};

class Parser {
 public:
  template <class T>
  using Of = T;

  Parser(const Json& json, Walk& walk) : json_(&json), walk_(&walk) {}

  template <class T>
  void operator()(const char* key, T& value) {
    if (!json_->is_array() || next_ >= json_->size()) {
      return walk_->report(key, "missing");
    }
    read(key, (*json_)[next_++], value);
  }

  template <class T>
  void read_member(const char* key, T& value) {
    const auto found = json_->find(key);
    if (found == json_->end()) {
      return walk_->report(key, "missing");
    }
    read(key, *found, value);
  }

 private:
  template <class T>
  void read(const char* key, const Json& json, T& value) {
    if constexpr (IsOptional<T>::value) {
      if (!json.is_null()) {
        read(key, json, value.emplace());
      }
    } else if constexpr (IsVector<T>::value) {
      read_list(key, json, value);
    } else if constexpr (IsId<T>::value) {
      read(key, json, value.value);
    } else if constexpr (std::is_same_v<T, Placement>) {
      read_placement(key, json, value);
    } else if constexpr (std::is_enum_v<T>) {
      std::uint32_t number = 0;
      read(key, json, number);
      value = static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!json.is_boolean()) {
        return walk_->report(key, "true or false is expected");
      }
      value = json.get<bool>();
    } else if constexpr (std::is_integral_v<T>) {
      read_number(key, json, value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      auto text = text_of(json);
      if (!text) {
        return walk_->report(key, "a text is expected");
      }
      value = *std::move(text);
    } else {
      Parser parser(json, *walk_);
      members(parser, value);
      if (parser.next_ < json.size()) {
        walk_->report(key, "more members than there are");
      }
    }
  }

  template <class T>
  void read_list(const char* key, const Json& json, std::vector<T>& list) {
    if (!json.is_array()) {
      return walk_->report(key, "a list is expected");
    }
    list.resize(json.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
      read(key, json[i], list[i]);
    }
  }

  void read_placement(const char* key, const Json& json, Placement& placement) {
    if (!json.is_array() || json.size() != 2) {
      return walk_->report(key, "start and size are expected");
    }
    read(key, json[0], placement.start);
    read(key, json[1], placement.size);
  }

  template <class T>
  void read_number(const char* key, const Json& json, T& value) {
    const bool negative = std::is_signed_v<T> && json.is_number_integer();
    if (!json.is_number_unsigned() && !negative) {
      return walk_->report(key, "a whole number is expected");
    }
    if (json.is_number_unsigned() &&
        json.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
      return walk_->report(key, "the number is too large");
    }
    value = json.get<T>();
  }

  const Json* json_;
  Walk* walk_;
  std::size_t next_ = 0;  // the next member of the value
};

// Lists of members, once for both directions. What needs no shaping for the Inventory document
// either is in readings.h.
template <class W>
void members(W& walk, typename W::template Of<ProfileName>& name) {
  walk("c", name.compute_slices);
  walk("g", name.gpu_slices);
  walk("gb", name.memory_gb);
  walk("attributes", name.attributes);
  walk("sm", name.sm);
  walk("ci", name.compute_profile);
}

template <class W>
void members(W& walk, typename W::template Of<Process>& process) {
  walk("pid", process.pid);
  walk("name", process.name);
  walk("memoryMib", process.memory_mib);
  walk("gpuInstance", process.gpu_instance);
  walk("computeInstance", process.compute_instance);
  walk("graphics", process.graphics);
}

template <class W>
void members(W& walk, typename W::template Of<ComputeInstance>& instance) {
  walk("id", instance.id);
  walk("nvmlProfile", instance.nvml_profile);
  walk("name", instance.name);
  walk("placement", instance.placement);
  walk("sm", instance.sm);
  walk("uuid", instance.uuid);
  walk("index", instance.device_index);
  compute_instance_readings(walk, instance);
}

template <class W>
void members(W& walk, typename W::template Of<GpuInstance>& instance) {
  walk("id", instance.id);
  walk("profileId", instance.profile_id);
  walk("nvmlProfile", instance.nvml_profile);
  walk("name", instance.name);
  walk("placement", instance.placement);
  gpu_instance_readings(walk, instance);
  walk("computeInstances", instance.compute_instances);
}

template <class W>
void members(W& walk, typename W::template Of<Display>& display) {
  walk("pciClass", display.pci_class);
  walk("attached", display.attached);
  walk("active", display.active);
}

template <class W>
void members(W& walk, typename W::template Of<Engines>& engines) {
  walk("copy", engines.copy);
  walk("decoders", engines.decoders);
  walk("encoders", engines.encoders);
  walk("jpeg", engines.jpeg);
  walk("ofa", engines.ofa);
}

template <class W>
void members(W& walk, typename W::template Of<ComputeInstanceProfile>& profile) {
  walk("nvmlProfile", profile.nvml_profile);
  walk("name", profile.name);
  walk("slices", profile.slices);
  walk("maxCount", profile.max_count);
  walk("sm", profile.sm);
  walk("placements", profile.placements);
  walk("span", profile.span);
}

template <class W>
void members(W& walk, typename W::template Of<GpuInstanceProfile>& profile) {
  walk("nvmlProfile", profile.nvml_profile);
  walk("id", profile.id);
  walk("name", profile.name);
  walk("slices", profile.slices);
  walk("maxCount", profile.max_count);
  walk("sm", profile.sm);
  walk("memoryMib", profile.memory_mib);
  walk("engines", profile.engines);
  walk("p2p", profile.p2p);
  walk("graphics", profile.graphics);
  walk("placements", profile.placements);
  walk("remaining", profile.remaining);
  walk("computeProfiles", profile.compute_profiles);
  walk("derived", profile.compute_profiles_derived);
}

// Without the profiles, which are in a separate list.
template <class W>
void members(W& walk, typename W::template Of<Gpu>& gpu) {
  walk("index", gpu.index);
  gpu_readings(walk, gpu);
  walk("pciDeviceId", gpu.pci_device_id);
  walk("pciSubsystemId", gpu.pci_subsystem_id);
  walk("minor", gpu.minor);
  walk("architecture", gpu.architecture);
  walk("memoryTotalMib", gpu.memory_total_mib);
  walk("migCurrent", gpu.mig_current);
  walk("migPending", gpu.mig_pending);
  walk("maxMigDevices", gpu.max_mig_devices);
  walk("memorySlices", gpu.memory_slices);
  walk("computeSlices", gpu.compute_slices);
  walk("instances", gpu.instances);
  walk("instancesComplete", gpu.instances_complete);
  walk("processes", gpu.processes);
  walk("display", gpu.display);
}

template <class W>
void members(W& walk, typename W::template Of<Error>& error) {
  walk("code", error.code);
  walk("message", error.message);
  walk("hint", error.hint);
  walk("context", error.context);
  walk("nvml", error.nvml);
}

template <class W>
void members(W& walk, typename W::template Of<LostGpu>& lost) {
  walk("index", lost.index);
  walk("why", lost.why);
}

template <class W>
void members(W& walk, typename W::template Of<Inventory>& inventory) {
  walk("isSimulated", inventory.simulated);
  walk("machine", inventory.simulated_machine);
  walk("driverVersion", inventory.driver_version);
  walk("nvmlVersion", inventory.nvml_version);
  walk("generation", inventory.generation);
  walk("gpus", inventory.gpus);
  walk("lost", inventory.lost);
  walk("warnings", inventory.warnings);
}

// Deduplicated profiles: equal boards differ only in remaining capacity, so each list is written
// once, and per GPU its index and the capacities.
struct ProfileLists {
  std::vector<std::vector<GpuInstanceProfile>> lists;
  std::vector<std::uint32_t> of_gpu;
  std::vector<std::vector<std::optional<std::uint32_t>>> remaining;
};

template <class W>
void members(W& walk, typename W::template Of<ProfileLists>& profiles) {
  walk("profiles", profiles.lists);
  walk("profilesOf", profiles.of_gpu);
  walk("remaining", profiles.remaining);
}

ProfileLists lists_of(const Inventory& inventory) {
  ProfileLists out;
  for (const Gpu& gpu : inventory.gpus) {
    std::vector<GpuInstanceProfile> list = gpu.profiles;
    auto& remaining = out.remaining.emplace_back();
    for (GpuInstanceProfile& profile : list) {
      remaining.push_back(std::exchange(profile.remaining, std::nullopt));
    }
    std::size_t which = 0;
    while (which < out.lists.size() && out.lists[which] != list) {
      ++which;
    }
    if (which == out.lists.size()) {
      out.lists.push_back(std::move(list));
    }
    out.of_gpu.push_back(static_cast<std::uint32_t>(which));
  }
  return out;
}

void give_profiles(const ProfileLists& profiles, Inventory& inventory, Walk& walk) {
  if (profiles.of_gpu.size() != inventory.gpus.size() ||
      profiles.remaining.size() != inventory.gpus.size()) {
    return walk.report("profilesOf", "one for each GPU is expected");
  }
  for (std::size_t i = 0; i < inventory.gpus.size(); ++i) {
    const auto& remaining = profiles.remaining[i];
    if (profiles.of_gpu[i] >= profiles.lists.size() ||
        remaining.size() != profiles.lists[profiles.of_gpu[i]].size()) {
      return walk.report("remaining", "one for each profile is expected");
    }
    inventory.gpus[i].profiles = profiles.lists[profiles.of_gpu[i]];
    for (std::size_t p = 0; p < remaining.size(); ++p) {
      inventory.gpus[i].profiles[p].remaining = remaining[p];
    }
  }
}

}  // namespace

std::string machine_document(const Inventory& inventory, MachinePart part) {
  Json document = begin_document("Machine", Source::of(inventory));
  document["inventory"] = Writer::json_of(inventory);
  if (part == MachinePart::kAll) {
    document["profiles"] = Writer::json_of(lists_of(inventory));
  }
  return document.dump();
}

Result<Inventory> parse_machine(std::string_view text) {
  if (text.size() > kMostBytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("a machine of {} bytes; the limit is {}", text.size(), kMostBytes));
  }
  const Json json = Json::parse(text, nullptr, false);
  Walk walk;
  Inventory inventory;
  if (json.is_discarded() || !json.is_object() || json.value("kind", "") != "Machine") {
    return fail(ErrorCode::kInvalidInput, "this is no Machine document");
  }
  Parser parser(json, walk);
  parser.read_member("inventory", inventory);
  if (json.contains("profiles") && walk.fine()) {
    ProfileLists profiles;
    parser.read_member("profiles", profiles);
    if (walk.fine()) {
      give_profiles(profiles, inventory, walk);
    }
  }
  if (!walk.fine()) {
    return fail(ErrorCode::kInvalidInput, "a Machine document: " + walk.problem());
  }
  return inventory;
}

}  // namespace mig::wire
