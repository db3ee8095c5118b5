// SPDX-License-Identifier: Apache-2.0
#include "wire/reader.h"

#include <algorithm>

#include <fmt/core.h>

namespace mig::wire {
namespace {

const Json& nothing() {
  static const Json kNull;
  return kNull;
}

}  // namespace

void Problem::report(const std::string& path, std::string_view what) {
  if (text_.empty()) {
    text_ = fmt::format("{}: {}", path.empty() ? "document" : path, what);
  }
}

void Reader::complain(std::string_view what) const {
  problem_->report(path_, what);
}

Reader Reader::at(std::string_view key) const {
  std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  if (!json_->is_object()) {
    complain("an object is expected");
    return {nothing(), std::move(path), *problem_};
  }
  const auto found = json_->find(key);
  if (found == json_->end()) {
    problem_->report(path, "missing");
    return {nothing(), std::move(path), *problem_};
  }
  return {*found, std::move(path), *problem_};
}

void Reader::only(std::initializer_list<std::string_view> keys) const {
  if (!json_->is_object()) {
    return complain("an object is expected");
  }
  for (const auto& item : json_->items()) {
    if (std::find(keys.begin(), keys.end(), item.key()) == keys.end()) {
      return complain(fmt::format("unknown member '{}'", item.key()));
    }
  }
}

bool Reader::has(std::string_view key) const {
  return json_->is_object() && json_->contains(key);
}

bool Reader::is_null() const {
  return json_->is_null();
}

std::string Reader::text() const {
  if (!json_->is_string()) {
    complain("a text is expected");
    return {};
  }
  return json_->get<std::string>();
}

bool Reader::boolean() const {
  if (!json_->is_boolean()) {
    complain("true or false is expected");
    return false;
  }
  return json_->get<bool>();
}

std::uint64_t Reader::number(std::uint64_t max) const {
  if (!json_->is_number_unsigned()) {
    complain("a whole number is expected");
    return 0;
  }
  const auto value = json_->get<std::uint64_t>();
  if (value > max) {
    complain(fmt::format("{} is larger than {}", value, max));
    return 0;
  }
  return value;
}

std::vector<Reader> Reader::elements() const {
  std::vector<Reader> readers;
  if (!json_->is_array()) {
    complain("a list is expected");
    return readers;
  }
  for (std::size_t i = 0; i < json_->size(); ++i) {
    readers.emplace_back((*json_)[i], fmt::format("{}[{}]", path_, i), *problem_);
  }
  return readers;
}

}  // namespace mig::wire
