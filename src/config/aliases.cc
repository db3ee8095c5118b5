// SPDX-License-Identifier: Apache-2.0
#include "config/aliases.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

namespace mig::config {
namespace {

// Number of nodes, and of levels. Recursion: parsed nodes are at most kDeepest levels deep.
std::pair<std::size_t, std::size_t> measure(const Node& node) {
  std::size_t nodes = 1, height = 0;
  for (const Node& item : node.items) {
    const auto [below, levels] = measure(item);
    nodes += below;
    height = std::max(height, levels);
  }
  return {nodes, height + 1};
}

void add_missing(const Node& from, std::unordered_set<std::string>& keys, Node& map) {
  for (std::size_t i = 0; i + 1 < from.items.size(); i += 2) {
    if (keys.insert(from.items[i].text).second) {
      map.items.push_back(from.items[i]);
      map.items.push_back(from.items[i + 1]);
    }
  }
}

}  // namespace

bool Aliases::spend(std::size_t nodes) {
  spent_ += nodes;
  return spent_ <= kMostNodes;
}

void Aliases::keep(std::size_t anchor, const Node& node) {
  const auto [nodes, height] = measure(node);
  // The copy that is kept counts too: anchors inside of anchors are kept once for each.
  spent_ += nodes;
  kept_[anchor] = {node, nodes, height};
}

Result<Node> Aliases::copy(std::size_t anchor, std::size_t depth, const SourcePosition& where) {
  const auto of = kept_.find(anchor);
  if (of == kept_.end()) {
    return complaint(where, "an alias stands inside of the value of its own anchor");
  }
  if (!spend(of->second.nodes)) {
    return complaint(where,
                     fmt::format("with its aliases the text has more than {} values", kMostNodes));
  }
  if (depth + of->second.height > kDeepest + 1) {
    return complaint(where, fmt::format("with its aliases nested deeper than {} levels", kDeepest));
  }
  return of->second.node;
}

Result<void> carry_out_merge(Node& map) {
  Node merged = map;
  merged.items.clear();
  std::unordered_set<std::string> keys;
  const Node* wanted = nullptr;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == "<<" && !map.items[i].quoted) {
      wanted = &map.items[i + 1];
      continue;
    }
    keys.insert(map.items[i].text);
    merged.items.push_back(map.items[i]);
    merged.items.push_back(map.items[i + 1]);
  }
  if (wanted == nullptr) {
    return {};
  }
  const auto refuse = [](const Node& node) {
    return complaint(node.position,
                     fmt::format("\"<<\" takes a map or a list of maps, not {}", node.described()));
  };
  if (wanted->is(Node::Kind::kMap)) {
    add_missing(*wanted, keys, merged);
  } else if (wanted->is(Node::Kind::kSequence)) {
    for (const Node& item : wanted->items) {
      if (!item.is(Node::Kind::kMap)) {
        return refuse(item);
      }
      add_missing(item, keys, merged);
    }
  } else {
    return refuse(*wanted);
  }
  map = std::move(merged);
  return {};
}

}  // namespace mig::config
