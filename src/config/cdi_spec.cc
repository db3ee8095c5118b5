// SPDX-License-Identifier: Apache-2.0
#include "config/cdi_spec.h"

#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/document.h"

namespace mig::config {
namespace {

using Kind = Node::Kind;

// Member of a map; nullptr: not there, or null.
const Node* member(const Node& map, std::string_view key) {
  for (std::size_t i = 0; map.is(Kind::kMap) && i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == key) {
      return map.items[i + 1].is(Kind::kNull) ? nullptr : &map.items[i + 1];
    }
  }
  return nullptr;
}

Error wrong(const Node& node, std::string_view key, std::string_view expected) {
  return complaint(node.position, fmt::format("{} is {}, not {}", key, expected, node.described()));
}

Result<std::string> text_of(const Node& map, std::string_view key) {
  const Node* node = member(map, key);
  if (node == nullptr) {
    return complaint(map.position, fmt::format("{} is missing", key));
  }
  if (!node->is(Kind::kScalar)) {
    return wrong(*node, key, "a text");
  }
  return node->text;
}

Result<std::optional<std::uint32_t>> number_of(const Node& map, std::string_view key) {
  const Node* node = member(map, key);
  if (node == nullptr) {
    return std::optional<std::uint32_t>();
  }
  const auto number =
      node->is(Kind::kScalar) ? base::parse_decimal(node->text, UINT32_MAX) : std::nullopt;
  if (!number) {
    return wrong(*node, key, "a whole number");
  }
  return std::optional(static_cast<std::uint32_t>(*number));
}

// Elements of a list; none where it is missing.
Result<const std::vector<Node>*> list_of(const Node& map, std::string_view key) {
  static const std::vector<Node> kNone;
  const Node* node = member(map, key);
  if (node == nullptr) {
    return &kNone;
  }
  if (!node->is(Kind::kSequence)) {
    return wrong(*node, key, "a list");
  }
  return &node->items;
}

Result<CdiNode> read_node(const Node& map) {
  CdiNode node;
  MIG_ASSIGN_OR_RETURN(node.path, text_of(map, "path"));
  node.host_path = node.path;
  if (member(map, "hostPath") != nullptr) {
    MIG_ASSIGN_OR_RETURN(node.host_path, text_of(map, "hostPath"));
  }
  MIG_ASSIGN_OR_RETURN(node.major_number, number_of(map, "major"));
  MIG_ASSIGN_OR_RETURN(node.minor_number, number_of(map, "minor"));
  return node;
}

Result<CdiEdits> read_edits(const Node& owner) {
  CdiEdits edits;
  const Node* map = member(owner, "containerEdits");
  if (map == nullptr) {
    return edits;
  }
  if (!map->is(Kind::kMap)) {
    return wrong(*map, "containerEdits", "a map");
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<Node>* nodes, list_of(*map, "deviceNodes"));
  for (const Node& node : *nodes) {
    MIG_ASSIGN_OR_RETURN(CdiNode read, read_node(node));
    edits.nodes.push_back(std::move(read));
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<Node>* mounts, list_of(*map, "mounts"));
  for (const Node& mount : *mounts) {
    MIG_ASSIGN_OR_RETURN(std::string path, text_of(mount, "hostPath"));
    edits.mounts.push_back(std::move(path));
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<Node>* hooks, list_of(*map, "hooks"));
  for (const Node& hook : *hooks) {
    MIG_ASSIGN_OR_RETURN(std::string path, text_of(hook, "path"));
    edits.hooks.push_back(std::move(path));
  }
  return edits;
}

}  // namespace

Result<CdiSpec> parse_cdi_spec(std::string_view text, std::string_view file) {
  MIG_ASSIGN_OR_RETURN(const Node root, parse_document(text, file));
  if (root.is(Kind::kNull)) {
    return fail(ErrorCode::kInvalidInput, fmt::format("{}: the file is empty", file));
  }
  if (!root.is(Kind::kMap)) {
    return complaint(root.position, "a CDI file is a map, not " + root.described());
  }
  CdiSpec spec;
  MIG_ASSIGN_OR_RETURN(spec.version, text_of(root, "cdiVersion"));
  MIG_ASSIGN_OR_RETURN(spec.kind, text_of(root, "kind"));
  MIG_ASSIGN_OR_RETURN(spec.common, read_edits(root));
  MIG_ASSIGN_OR_RETURN(const std::vector<Node>* devices, list_of(root, "devices"));
  for (const Node& device : *devices) {
    CdiDevice read;
    MIG_ASSIGN_OR_RETURN(read.name, text_of(device, "name"));
    MIG_ASSIGN_OR_RETURN(read.edits, read_edits(device));
    spec.devices.push_back(std::move(read));
  }
  if (spec.devices.empty()) {
    return complaint(root.position, "a CDI file without devices is refused by its readers");
  }
  return spec;
}

}  // namespace mig::config
