// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <algorithm>

#include <fmt/format.h>

namespace mig::base {
namespace {

const Json& nothing() {
  static const Json kNull;
  return kNull;
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonText& about) {
  if (text.size() > about.most_bytes) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format("{} of {} bytes; the limit is {}", about.what, text.size(), about.most_bytes));
  }
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{}: not JSON: {}", about.what, error.what()));
  }
}

void JsonProblem::report(const std::string& path, std::string_view what) {
  if (text_.empty()) {
    text_ = fmt::format("{}: {}", path.empty() ? "document" : path, what);
  }
}

void JsonReader::complain(std::string_view what) const {
  problem_->report(path_, what);
}

JsonReader JsonReader::at(std::string_view key) const {
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

void JsonReader::only(std::initializer_list<std::string_view> keys) const {
  if (!json_->is_object()) {
    return complain("an object is expected");
  }
  for (const auto& item : json_->items()) {
    if (std::find(keys.begin(), keys.end(), item.key()) == keys.end()) {
      return complain(fmt::format("unknown member '{}'", item.key()));
    }
  }
}

bool JsonReader::has(std::string_view key) const {
  return json_->is_object() && json_->contains(key);
}

bool JsonReader::given(std::string_view key) const {
  return has(key) && !json_->find(key)->is_null();
}

bool JsonReader::is_null() const {
  return json_->is_null();
}

std::string JsonReader::text() const {
  if (!json_->is_string()) {
    complain("a text is expected");
    return {};
  }
  return json_->get<std::string>();
}

bool JsonReader::boolean() const {
  if (!json_->is_boolean()) {
    complain("true or false is expected");
    return false;
  }
  return json_->get<bool>();
}

std::uint64_t JsonReader::number(std::uint64_t max) const {
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

std::int64_t JsonReader::clamped(std::int64_t least, std::int64_t most) const {
  if (!json_->is_number_integer()) {
    complain("a whole number is expected");
    return 0;
  }
  if (json_->is_number_unsigned() &&
      json_->get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return most;
  }
  return std::clamp(json_->get<std::int64_t>(), least, most);
}

double JsonReader::real() const {
  if (!json_->is_number()) {
    complain("a number is expected");
    return 0;
  }
  return json_->get<double>();
}

std::vector<JsonReader> JsonReader::elements() const {
  std::vector<JsonReader> readers;
  if (!json_->is_array()) {
    complain("a list is expected");
    return readers;
  }
  for (std::size_t i = 0; i < json_->size(); ++i) {
    readers.emplace_back((*json_)[i], fmt::format("{}[{}]", path_, i), *problem_);
  }
  return readers;
}

}  // namespace mig::base
