// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/node_view.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/strings.h"
#include "kubernetes/node_config/names.h"

namespace mig::kube {
namespace {

using base::Json;

constexpr std::size_t kLongestMessage = 1000;  // of an Event: 1024 bytes

const Json* child(const Json& object, const std::string& name) {
  const auto at = object.is_object() ? object.find(name) : object.end();
  return at != object.end() ? &*at : nullptr;
}

std::map<std::string, std::string> texts(const Json* object) {
  std::map<std::string, std::string> out;
  if (object != nullptr && object->is_object()) {
    for (const auto& [name, value] : object->items()) {
      if (value.is_string()) {
        out[name] = value.get<std::string>();
      }
    }
  }
  return out;
}

std::string at(const std::map<std::string, std::string>& map, const char* name) {
  const auto found = map.find(name);
  return found != map.end() ? found->second : std::string();
}

std::string manager_of_state(const Json* fields) {
  if (fields == nullptr || !fields->is_array()) {
    return {};
  }
  const std::string label = std::string("f:") + kStateLabel;
  for (const Json& entry : *fields) {
    const Json* at = child(entry, "fieldsV1");
    for (const char* step : {"f:metadata", "f:labels"}) {
      at = at != nullptr ? child(*at, step) : nullptr;
    }
    const Json* manager = child(entry, "manager");
    if (at != nullptr && child(*at, label) != nullptr && manager != nullptr &&
        manager->is_string()) {
      return manager->get<std::string>();
    }
  }
  return {};
}

// FNV-1a: for telling texts apart, not against somebody who looks for equal ones.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

std::string time_text(std::int64_t now_s) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(now_s)));
}

}  // namespace

NodeView node_view(const Json& node) {
  NodeView view;
  const Json* metadata = child(node, "metadata");
  if (metadata == nullptr) {
    return view;
  }
  const auto plain = texts(metadata);
  view.name = at(plain, "name");
  view.uid = at(plain, "uid");
  view.labels = texts(child(*metadata, "labels"));
  view.wanted = at(view.labels, kConfigLabel);
  view.state = at(view.labels, kStateLabel);
  view.state_manager = manager_of_state(child(*metadata, "managedFields"));
  const auto annotations = texts(child(*metadata, "annotations"));
  view.drain = at(annotations, kDrainAnnotation) == "true";
  view.wish = at(annotations, kWishAnnotation);
  view.written = at(annotations, kWrittenAnnotation);
  view.message = at(annotations, kMessageAnnotation);
  view.since_s = static_cast<std::int64_t>(
      base::parse_decimal(at(annotations, kSinceAnnotation), INT64_MAX).value_or(0));
  const std::string ours = at(annotations, kLabelsAnnotation);
  if (!ours.empty()) {
    view.our_labels = base::split(ours, ',');
  }
  return view;
}

std::string wish_of(const std::string& wanted, const std::string& config_text, bool drain) {
  return fmt::format("{}@{:016x}{}", wanted, hash_of(config_text), drain ? "-drain" : "");
}

std::string wanted_of(const std::string& wish) {
  return wish.substr(0, wish.rfind('@'));
}

bool same_layout_wish(const std::string& a, const std::string& b) {
  const auto without = [](const std::string& wish) {
    return wish.ends_with("-drain") ? wish.substr(0, wish.size() - 6) : wish;
  };
  return without(a) == without(b);
}

std::string note_text(const std::string& message) {
  std::string out = base::printable(message);
  if (out.size() > kLongestMessage) {
    out.resize(kLongestMessage);
    if (const auto end = base::invalid_utf8(out)) {
      out.resize(*end);
    }
    out += "...";
  }
  return out;
}

Json note_patch(const NodeNote& note) {
  return {{"metadata",
           {{"labels", {{kStateLabel, note.state}}},
            {"annotations",
             {{kWishAnnotation, note.wish},
              {kWrittenAnnotation, note.state},
              {kSinceAnnotation, std::to_string(note.since_s)},
              {kMessageAnnotation, note_text(note.message)}}}}}};
}

Json clear_patch() {
  return {{"metadata",
           {{"labels", {{kStateLabel, nullptr}}},
            {"annotations",
             {{kWishAnnotation, nullptr},
              {kWrittenAnnotation, nullptr},
              {kSinceAnnotation, nullptr},
              {kMessageAnnotation, nullptr}}}}}};
}

bool add_labels(const NodeView& node,
                const std::map<std::string, std::string>& labels,
                Json& patch) {
  Json changed = Json::object();
  std::vector<std::string> names;
  for (const auto& [name, value] : labels) {
    names.push_back(name);
    const auto now = node.labels.find(name);
    if (now == node.labels.end() || now->second != value) {
      changed[name] = value;
    }
  }
  for (const std::string& name : node.our_labels) {
    if (!labels.contains(name) && node.labels.contains(name)) {
      changed[name] = nullptr;
    }
  }
  if (changed.empty() && names == node.our_labels) {
    return false;
  }
  for (const auto& [name, value] : changed.items()) {
    patch["metadata"]["labels"][name] = value;
  }
  patch["metadata"]["annotations"][kLabelsAnnotation] =
      names.empty() ? Json(nullptr) : Json(base::join(names, ","));
  return true;
}

Json node_event(const NodeView& node,
                const std::string& reason,
                const std::string& message,
                bool warning,
                std::int64_t now_s) {
  const std::string now = time_text(now_s);
  // Names of nodes have up to 253 bytes, and so have those of Events.
  return {{"apiVersion", "v1"},
          {"kind", "Event"},
          {"metadata",
           {{"generateName", node.name.substr(0, 200) + ".mig-"}, {"namespace", "default"}}},
          {"involvedObject",
           {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node.name}, {"uid", node.uid}}},
          {"reason", reason},
          {"message", note_text(message)},
          {"type", warning ? "Warning" : "Normal"},
          {"source", {{"component", kManager}, {"host", node.name}}},
          {"reportingComponent", kManager},
          {"reportingInstance", node.name.substr(0, 128)},
          {"firstTimestamp", now},
          {"lastTimestamp", now},
          {"count", 1}};
}

}  // namespace mig::kube
