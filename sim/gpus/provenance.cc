// SPDX-License-Identifier: Apache-2.0
#include "sim/gpus/provenance.h"

#include <map>

namespace migsim {

namespace {

using Counts = std::map<std::string, int, std::less<>>;

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
  const std::string kind = entry.text("kind", 16);
  if (!kind.empty() && kind != "measured" && kind != "documented" && kind != "inferred") {
    entry.fail("kind", "expected measured, documented or inferred, found \"" + kind + "\"");
  }
  entry.text("source", 400);
  entry.text_or_null("driver", 32);
  entry.text("date", 10);
  entry.finish();
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

void check_provenance_list(ObjectReader& block, std::string& error) {
  read_list(block, error);
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
