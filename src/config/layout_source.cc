// SPDX-License-Identifier: Apache-2.0
#include "config/layout_source.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/repeats.h"
#include "config/source_text.h"

namespace mig::config {
namespace {

using Kind = Node::Kind;

constexpr std::size_t kMostDocuments = 100;
constexpr std::string_view kUsualName = "config.yaml";

Node* find(Node& map, std::string_view key) {
  if (!map.is(Kind::kMap)) {
    return nullptr;
  }
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == key) {
      return &map.items[i + 1];
    }
  }
  return nullptr;
}

std::string text_of(Node& map, std::string_view key) {
  Node* node = find(map, key);
  return node != nullptr && node->is(Kind::kScalar) ? node->text : std::string();
}

bool is_layout(Node& root) {
  return find(root, "mig-configs") != nullptr || find(root, "version") != nullptr;
}

// True for a Kubernetes object, which always has a kind and an apiVersion.
bool is_object(Node& root) {
  return !text_of(root, "kind").empty() && !text_of(root, "apiVersion").empty();
}

class Finder {
 public:
  explicit Finder(const SourceText& source) : source_(source) {}

  Result<LayoutSources> run(std::vector<Node> roots) {
    count_ = roots.size();
    for (std::size_t i = 0; i < roots.size(); ++i) {
      place_ = count_ > 1 ? fmt::format("document {} of {}, ", i + 1, count_) : "";
      MIG_TRY(look(roots[i]));
    }
    if (out_.layouts.empty() && count_ > 0) {
      return nothing_;
    }
    if (out_.layouts.size() > 1 || count_ > 1) {
      out_.notes.push_back(fmt::format("{}: {} of {} {} read, as one file",
                                       source_.file(),
                                       base::counted(out_.layouts.size(), "layout"),
                                       base::counted(count_, "document"),
                                       out_.layouts.size() == 1 ? "is" : "are"));
    }
    return std::move(out_);
  }

 private:
  Result<void> look(Node& root) {
    MIG_TRY(settle(root));
    if (is_layout(root) || !root.is(Kind::kMap)) {
      return take_plain(root);
    }
    if (is_object(root)) {
      return look_at_object(root);
    }
    if (Node* values = find(root, "migManager"); values != nullptr) {
      return look_at_values(*values, "migManager");
    }
    for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {  // Helm values
      if (Node* values = find(root.items[i + 1], "migManager"); values != nullptr) {
        MIG_TRY(settle(root.items[i + 1]));
        return look_at_values(*values, root.items[i].text + ".migManager");
      }
    }
    return take_plain(root);
  }

  // Takes the node as a layout; an invalid one is reported by the layout's reader.
  Result<void> take_plain(Node& root) {
    out_.layouts.push_back(std::move(root));
    return {};
  }

  Result<void> look_at_object(Node& root) {
    const std::string kind = text_of(root, "kind");
    if (kind == "List" || kind == "ConfigMapList") {
      Node* items = find(root, "items");
      const bool list = items != nullptr && items->is(Kind::kSequence);
      for (std::size_t i = 0; list && i < items->items.size(); ++i) {
        Node& item = items->items[i];
        if (item.is(Kind::kMap) && is_object(item) && text_of(item, "kind") != "List") {
          MIG_TRY(settle(item));
          MIG_TRY(look_at_object(item));
        }
      }
      if (out_.layouts.empty()) {
        pass_over(root, fmt::format("a {} without a ConfigMap that holds a layout", kind));
      }
      return {};
    }
    Node* metadata = find(root, "metadata");
    const std::string name = metadata == nullptr ? "" : text_of(*metadata, "name");
    const std::string called = name.empty() ? kind : fmt::format("{} {}", kind, base::quoted(name));
    if (kind != "ConfigMap") {
      pass_over(root, called);
      return {};
    }
    Node* data = find(root, "data");
    if (data == nullptr || !data->is(Kind::kMap)) {
      pass_over(root, fmt::format("{} without data", called));
      return {};
    }
    return take_from(*data, "data", called, root);
  }

  Result<void> look_at_values(Node& manager, const std::string& path) {
    MIG_TRY(settle(manager));
    Node* config = find(manager, "config");
    if (config != nullptr) {
      MIG_TRY(settle(*config));
    }
    Node* data = config == nullptr ? nullptr : find(*config, "data");
    if (data == nullptr || !data->is(Kind::kMap)) {
      pass_over(manager, fmt::format("Helm values without {}.config.data", path));
      return {};
    }
    return take_from(*data, path + ".config.data", "Helm values", *data);
  }

  // A ConfigMap's `data` maps file names to texts: takes the usual name, else the only one that is
  // a layout.
  Result<void> take_from(Node& data,
                         const std::string& path,
                         const std::string& holder,
                         const Node& where) {
    MIG_TRY(settle(data));
    if (Node* usual = find(data, kUsualName); usual != nullptr) {
      return take_text(*usual, path, kUsualName, holder);
    }
    std::vector<std::string> names, layouts;
    for (std::size_t i = 0; i + 1 < data.items.size(); i += 2) {
      names.push_back(data.items[i].text);
      Node& value = data.items[i + 1];
      if (value.is(Kind::kScalar)) {
        auto root = parse_text(value);
        if (root && find(*root, "mig-configs") != nullptr) {
          layouts.push_back(data.items[i].text);
        }
      }
    }
    if (layouts.size() == 1) {
      return take_text(*find(data, layouts[0]), path, layouts[0], holder);
    }
    if (layouts.empty()) {
      pass_over(where,
                names.empty() ? fmt::format("{} with empty {}", holder, path)
                              : fmt::format("{}: {} holds {}, and none is a layout file",
                                            holder,
                                            path,
                                            base::join(names, ", ")));
      return {};
    }
    return complaint(data.position,
                     fmt::format("{} of {} holds more than one layout file: {}",
                                 path,
                                 holder,
                                 base::join(layouts, ", ")),
                     fmt::format("leave one, or call one {}", kUsualName));
  }

  Result<Node> parse_text(const Node& scalar) const {
    const SourceText inner = SourceText::inside(source_, scalar.offset, scalar.text);
    MIG_ASSIGN_OR_RETURN(std::vector<Node> roots,
                         parse_documents(inner, {.repeated_keys = true, .most_documents = 1}));
    return roots.empty() ? Node{} : std::move(roots[0]);
  }

  Result<void> take_text(const Node& value,
                         const std::string& path,
                         std::string_view name,
                         const std::string& holder) {
    const std::string whole = fmt::format("{}[{}]", path, base::quoted(name));
    if (!value.is(Kind::kScalar)) {
      return complaint(value.position,
                       fmt::format("{} of {} is {}, not a text", whole, holder, value.described()),
                       fmt::format("write \"{}: |\" and the layout file below it", name));
    }
    MIG_ASSIGN_OR_RETURN(Node root, parse_text(value));
    out_.notes.push_back(
        fmt::format("{}: {}read from {} of {}", value.position.str(), place_, whole, holder));
    if (root.is(Kind::kNull)) {  // empty file in place of a layout
      root = Node{};
      root.kind = Kind::kMap;
      root.position = value.position;
    }
    MIG_TRY(settle(root));
    out_.layouts.push_back(std::move(root));
    return {};
  }

  void pass_over(const Node& where, const std::string& what) {
    out_.notes.push_back(fmt::format("{}: {}passed over: {}", where.position.str(), place_, what));
    nothing_ =
        complaint(where.position,
                  fmt::format("there is no layout here, but {}", what),
                  "a layout file, a ConfigMap with data[\"config.yaml\"] or Helm values with "
                  "migManager.config.data are read");
  }

  // Checks a map on the path to a layout: a duplicate key with different values is ambiguous.
  Result<void> settle(Node& map) {
    if (auto conflict = settle_keys(map, out_.warnings)) {
      return *std::move(conflict);
    }
    return {};
  }

  const SourceText& source_;
  LayoutSources out_;
  Error nothing_;
  std::size_t count_ = 0;
  std::string place_;
};

}  // namespace

Result<LayoutSources> find_layouts(std::string_view text, std::string_view file) {
  MIG_TRY(check_size(text, file));
  const SourceText source(text, file);
  MIG_ASSIGN_OR_RETURN(
      std::vector<Node> roots,
      parse_documents(source, {.repeated_keys = true, .most_documents = kMostDocuments}));
  return Finder(source).run(std::move(roots));
}

}  // namespace mig::config
