// SPDX-License-Identifier: Apache-2.0
#include "sim/gpus/provenance.h"

#include <algorithm>
#include <array>
#include <map>

namespace migsim {

namespace {

using Counts = std::map<std::string, int, std::less<>>;

constexpr std::array<std::string_view, 5> kKinds = {
    "measured", "captured", "documented", "derived", "assumed"};

// Reads the source of a figure or label: kind, source, driver, date.
void read_source(ObjectReader& entry) {
  const std::string kind = entry.text("kind", 16);
  if (!kind.empty() && std::ranges::find(kKinds, kind) == kKinds.end()) {
    entry.fail(
        "kind",
        "expected measured, captured, documented, derived or assumed, found \"" + kind + "\"");
  }
  entry.text("source", 400);
  entry.text_or_null("driver", 32);
  entry.text("date", 10);
  entry.finish();
}

void read_entry(ObjectReader& entry, Counts& named) {
  if (const nlohmann::json* of = entry.array("of", 64)) {
    for (const nlohmann::json& name : *of) {
      if (!name.is_string()) {
        entry.fail("of", "expected names of figures");
        continue;
      }
      ++named[name.get<std::string>()];
    }
  }
  read_source(entry);
}

Counts read_list(ObjectReader& block, std::string& error) {
  Counts named;
  if (const nlohmann::json* list = block.array("provenance", 16)) {
    std::size_t index = 0;
    for (const nlohmann::json& value : *list) {
      ObjectReader entry(
          value, block.path_of("provenance") + "[" + std::to_string(index++) + "]", error);
      read_entry(entry, named);
    }
  }
  return named;
}

}  // namespace

Sources::Sources(ObjectReader& block, std::string& error) : error_(error) {
  const nlohmann::json* list = block.member("sources");
  if (list == nullptr) {
    return;
  }
  if (!list->is_object() || list->empty() || list->size() > 64) {
    block.fail("sources", "expected an object of 1 to 64 sources");
    return;
  }
  for (const auto& item : list->items()) {
    ObjectReader entry(item.value(), block.path_of("sources") + "." + item.key(), error);
    read_source(entry);
    named_[item.key()] = 0;
  }
}

void Sources::check_from(ObjectReader& object, std::span<const std::string_view> groups) {
  const nlohmann::json* from = object.member("from");
  if (from == nullptr) {
    return;
  }
  ObjectReader labels(*from, object.path_of("from"), error_);
  for (const std::string_view group : groups) {
    const std::string label = labels.text(std::string(group).c_str(), 64);
    const auto it = named_.find(label);
    if (it == named_.end()) {
      labels.fail(group, "\"" + label + "\" is none of the block's sources");
      return;
    }
    ++it->second;
  }
  labels.finish();
}

void Sources::finish(ObjectReader& block) {
  for (const auto& [label, times] : named_) {
    if (times == 0) {
      block.fail("sources", "\"" + label + "\" is the source of nothing");
    }
  }
}

void check_provenance(ObjectReader& block, const nlohmann::json& value, std::string& error) {
  const Counts named = read_list(block, error);
  if (!value.is_object()) {
    return;
  }
  for (const auto& item : value.items()) {
    if (item.key() == "provenance") {
      continue;
    }
    const auto it = named.find(item.key());
    const int times = it == named.end() ? 0 : it->second;
    if (times != (item.value().is_null() ? 0 : 1)) {
      block.fail(item.key(),
                 item.value().is_null() ? "is null but has provenance"
                                        : "must be named in exactly one provenance entry");
    }
  }
  for (const auto& [name, times] : named) {
    if (!value.contains(name)) {
      block.fail("provenance", "names \"" + name + "\", which is not in this block");
    }
  }
}

}  // namespace migsim
