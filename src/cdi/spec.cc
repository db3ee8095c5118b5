// SPDX-License-Identifier: Apache-2.0
#include "cdi/spec.h"

#include <algorithm>
#include <string_view>

#include "base/json.h"

namespace mig::cdi {
namespace {

using base::Json;

Json node_json(const DeviceNode& node) {
  Json json = {{"path", node.path},
               {"type", "c"},
               {"major", node.major_number},
               {"minor", node.minor_number},
               {"fileMode", node.mode},
               {"permissions", "rwm"}};
  if (node.gid != 0) {
    json["gid"] = node.gid;
  }
  return json;
}

Json mount_json(const Mount& mount) {
  Json options = mount.writable ? Json::array({"rw"}) : Json::array({"ro"});
  for (const char* option : {"nosuid", "nodev", "rbind", "rprivate"}) {
    options.push_back(option);
  }
  return {{"hostPath", mount.host},
          {"containerPath", mount.container},
          {"options", std::move(options)}};
}

Json hook_json(const Hook& hook) {
  Json json = {{"hookName", hook.name}, {"path", hook.path}, {"args", hook.arguments}};
  if (!hook.env.empty()) {
    json["env"] = hook.env;
  }
  return json;
}

template <class Values, class Encode>
void add(Json& json, const char* key, const Values& values, const Encode& encode) {
  if (values.empty()) {
    return;
  }
  Json list = Json::array();
  for (const auto& value : values) {
    list.push_back(encode(value));
  }
  json[key] = std::move(list);
}

Json edits_json(const Edits& edits) {
  Json json = Json::object();
  add(json, "env", edits.env, [](const std::string& one) { return Json(one); });
  add(json, "deviceNodes", edits.nodes, node_json);
  add(json, "mounts", edits.mounts, mount_json);
  add(json, "hooks", edits.hooks, hook_json);
  return json;
}

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_plain(char c) {
  return is_letter(c) || (c >= '0' && c <= '9');
}

bool is_made_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_plain(c) || others.find(c) != std::string_view::npos;
  });
}

bool is_part_of_kind(std::string_view part) {
  constexpr std::size_t kLongest = 63;
  return part.size() > 1 && part.size() <= kLongest && is_letter(part.front()) &&
         is_plain(part.back()) && is_made_of(part, "_-.");
}

}  // namespace

const Device* Spec::find(const std::string& name) const {
  const auto found = std::find_if(
      devices.begin(), devices.end(), [&](const Device& one) { return one.name == name; });
  return found == devices.end() ? nullptr : &*found;
}

std::string spec_text(const Spec& spec) {
  Json devices = Json::array();
  for (const Device& device : spec.devices) {
    devices.push_back({{"name", device.name}, {"containerEdits", edits_json(device.edits)}});
  }
  const Json json = {{"cdiVersion", kVersion},
                     {"kind", spec.kind},
                     {"devices", std::move(devices)},
                     {"containerEdits", edits_json(spec.common)}};
  constexpr int kIndent = 1;
  return json.dump(kIndent) + "\n";
}

bool is_device_name(const std::string& name) {
  return !name.empty() && is_plain(name.front()) && is_plain(name.back()) &&
         is_made_of(name, "_-.:");
}

bool is_kind(const std::string& kind) {
  const std::size_t slash = kind.find('/');
  return slash != std::string::npos && is_part_of_kind(std::string_view(kind).substr(0, slash)) &&
         is_part_of_kind(std::string_view(kind).substr(slash + 1)) &&
         kind.find('.', slash) == std::string::npos;  // a dot in the class needs CDI 0.6.0
}

}  // namespace mig::cdi
