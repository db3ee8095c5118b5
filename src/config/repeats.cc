// SPDX-License-Identifier: Apache-2.0
#include "config/repeats.h"

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::config {
namespace {

// Indices of the map's keys, in a stable sort by text.
std::vector<std::size_t> sorted_keys(const Node& map) {
  std::vector<std::size_t> keys;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    keys.push_back(i);
  }
  std::stable_sort(keys.begin(), keys.end(), [&](std::size_t a, std::size_t b) {
    return map.items[a].text < map.items[b].text;
  });
  return keys;
}

bool same_maps(const Node& a, const Node& b) {
  const std::vector<std::size_t> left = sorted_keys(a);
  const std::vector<std::size_t> right = sorted_keys(b);
  return std::equal(left.begin(), left.end(), right.begin(), [&](std::size_t i, std::size_t j) {
    return a.items[i].text == b.items[j].text && same_content(a.items[i + 1], b.items[j + 1]);
  });
}

}  // namespace

bool same_content(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.items.size() != b.items.size()) {
    return false;
  }
  if (a.is(Node::Kind::kMap)) {
    return same_maps(a, b);
  }
  return a.text == b.text && a.quoted == b.quoted &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), same_content);
}

std::optional<Error> settle_keys(Node& map, std::vector<std::string>& warnings) {
  if (!map.repeats) {
    return std::nullopt;
  }
  std::optional<Error> conflict;
  std::unordered_map<std::string, std::size_t> first;
  std::vector<Node> kept;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    Node& key = map.items[i];
    Node& value = map.items[i + 1];
    const auto [it, fresh] = first.try_emplace(key.text, kept.size());
    if (fresh) {
      kept.push_back(std::move(key));
      kept.push_back(std::move(value));
      continue;
    }
    const std::string before = kept[it->second].position.str();
    const std::string name = base::quoted(key.text);
    if (same_content(kept[it->second + 1], value)) {
      warnings.push_back(fmt::format(
          "{}: {} is there twice with the same content, before at {}; remove one of the two",
          key.position.str(),
          name,
          before));
    } else if (!conflict) {
      conflict = complaint(
          key.position,
          fmt::format("{} is there twice with different content, before at {}", name, before),
          "remove one of the two");
    }
  }
  map.items = std::move(kept);
  map.repeats = false;
  return conflict;
}

std::optional<Error> settle_all(Node& node, std::vector<std::string>& warnings) {
  std::optional<Error> first;
  for (Node& item : node.items) {  // inner maps first: compared values are settled
    if (auto conflict = settle_all(item, warnings); conflict && !first) {
      first = std::move(conflict);
    }
  }
  if (auto conflict = settle_keys(node, warnings); conflict && !first) {
    first = std::move(conflict);
  }
  return first;
}

}  // namespace mig::config
