// SPDX-License-Identifier: Apache-2.0
// Text -> Spec: the layouts of a file as one list of configs.
#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/layout_source.h"
#include "config/repeats.h"
#include "config/spec.h"
#include "config/spec_parse.h"

namespace mig::config {
namespace {

using Kind = Node::Kind;

constexpr std::size_t kMostConfigs = 1000;
constexpr std::size_t kMostWarnings = 20;

// An unknown key may be a wrapper around a layout, as in the variables of other tools.
Error with_place_of_layout(Error error, const Node& root) {
  for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
    const Node& value = root.items[i + 1];
    for (std::size_t j = 0; value.is(Kind::kMap) && j + 1 < value.items.size(); j += 2) {
      if (value.items[j].text == "mig-configs") {
        error.hint = fmt::format("a layout stands in {} at {}: put it into a file of its own",
                                 base::quoted(root.items[i].text),
                                 value.position.str());
        return error;
      }
    }
  }
  return error;
}

// Configs of one layout: label and value alternate.
Result<std::vector<Node>> configs_of(Node& root) {
  static const std::vector<std::string> kKnown = {"version", "mig-configs"};
  if (!root.is(Kind::kMap)) {
    return complaint(root.position,
                     fmt::format("a layout file is a map with version and mig-configs, not {}",
                                 root.described()));
  }
  if (root.items.empty()) {
    return std::vector<Node>{};
  }
  const auto values = fields(root, "the file", kKnown);
  if (!values) {
    return with_place_of_layout(values.error(), root);
  }
  const Node* version = (*values)[0];
  if (version == nullptr) {
    return complaint(root.position,
                     "unable to parse with missing \"version\" field",
                     "start the file with version: v1");
  }
  if (!version->is(Kind::kScalar) || version->text != "v1") {
    return complaint(version->position,
                     fmt::format("unknown version: {}", version->described()),
                     "this reads version: v1");
  }
  const Node* configs = (*values)[1];
  if (configs == nullptr) {
    return std::vector<Node>{};
  }
  if (!configs->is(Kind::kMap) || configs->items.empty()) {
    return complaint(
        configs->is(Kind::kNull) ? root.position : configs->position,
        "at least one entry in \"mig-configs\" is required, as a map from name to list");
  }
  if (configs->items.size() / 2 > kMostConfigs) {
    return Error{
        ErrorCode::kTooLarge,
        fmt::format("{}: more than {} configs in one file", configs->position.str(), kMostConfigs)};
  }
  return configs->items;
}

class Assembler {
 public:
  Result<void> add(std::vector<Node> configs) {
    for (std::size_t i = 0; i + 1 < configs.size(); i += 2) {
      MIG_TRY(add_config(configs[i], std::move(configs[i + 1])));
    }
    return {};
  }

  Spec take(std::vector<std::string> notes, std::vector<std::string> warnings) {
    warnings.insert(warnings.end(), warnings_.begin(), warnings_.end());
    if (warnings.size() > kMostWarnings) {
      const std::size_t more = warnings.size() - kMostWarnings;
      warnings.resize(kMostWarnings);
      warnings.push_back(fmt::format("{} like these", base::counted(more, "more warning")));
    }
    spec_.notes = std::move(notes);
    spec_.warnings = std::move(warnings);
    return std::move(spec_);
  }

 private:
  Result<void> add_config(const Node& key, Node value) {
    std::optional<Error> conflict = settle_all(value, warnings_);
    const auto it = first_.find(key.text);
    if (it != first_.end()) {
      repeated(key, value, it->second);
      return {};
    }
    if (first_.size() == kMostConfigs) {
      return Error{
          ErrorCode::kTooLarge,
          fmt::format("{}: more than {} configs in one file", key.position.str(), kMostConfigs)};
    }
    MIG_ASSIGN_OR_RETURN(SpecConfig config, read_config(key, value, entries_));
    if (conflict) {
      refuse(config, *std::move(conflict));
    }
    first_.emplace(key.text, Seen{spec_.configs.size(), std::move(value)});
    spec_.configs.push_back(std::move(config));
    return {};
  }

  struct Seen {
    std::size_t index = 0;
    Node value;
  };

  void repeated(const Node& key, const Node& value, const Seen& seen) {
    SpecConfig& config = spec_.configs[seen.index];
    const std::string name = base::quoted(config.label);
    const std::string before = config.position.str();
    if (same_content(seen.value, value)) {
      warnings_.push_back(fmt::format(
          "{}: config {} is there twice with the same content, before at {}; remove one "
          "of the two",
          key.position.str(),
          name,
          before));
    } else if (!config.refused) {
      refuse(config,
             complaint(
                 key.position,
                 fmt::format(
                     "config {} is there twice with different content, before at {}", name, before),
                 "remove one of the two, or give it another name"));
    }
  }

  void refuse(SpecConfig& config, Error why) {
    warnings_.push_back(
        fmt::format("{}: it cannot be used; the other configs of the file can", why.message));
    config.refused = std::move(why);
  }

  Spec spec_;
  std::vector<std::string> warnings_;
  std::unordered_map<std::string, Seen> first_;
  std::size_t entries_ = 0;
};

}  // namespace

Result<Spec> parse_spec(std::string_view text, std::string_view file) {
  MIG_ASSIGN_OR_RETURN(LayoutSources sources, find_layouts(text, file));
  Assembler assembler;
  for (Node& root : sources.layouts) {
    MIG_ASSIGN_OR_RETURN(std::vector<Node> configs, configs_of(root));
    MIG_TRY(assembler.add(std::move(configs)));
  }
  return assembler.take(std::move(sources.notes), std::move(sources.warnings));
}

}  // namespace mig::config
