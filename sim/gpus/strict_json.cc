// SPDX-License-Identifier: Apache-2.0
#include "sim/gpus/strict_json.h"

#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

namespace migsim {

namespace {

const char* const kTypeNames[] = {"null", "an object", "an array", "a text", "true or false"};

std::string describe(const nlohmann::json& value) {
  if (value.is_number()) {
    return value.dump();
  }
  const auto type = static_cast<std::size_t>(value.type());
  return type < std::size(kTypeNames) ? kTypeNames[type] : "something else";
}

bool parse_hex(const std::string& text, std::uint32_t& out) {
  if (text.size() < 3 || text.size() > 10 || !text.starts_with("0x") ||
      text.find_first_not_of("0123456789abcdefABCDEF", 2) != std::string::npos) {
    return false;
  }
  out = static_cast<std::uint32_t>(std::strtoul(text.c_str() + 2, nullptr, 16));
  return true;
}

}  // namespace

bool parse_strict(std::string_view text, nlohmann::json& out, std::string& error) {
  if (text.size() > kMaxJsonBytes) {
    error = "larger than 1 MiB";
    return false;
  }
  // nlohmann keeps the last of two duplicate keys; the parser callback sees both.
  std::vector<std::set<std::string>> keys;
  std::string problem;
  const auto callback = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kMaxJsonDepth && problem.empty()) {
      problem = "nested deeper than 32 levels";
    }
    if (event == Event::object_start) {
      keys.emplace_back();
    } else if (event == Event::object_end) {
      keys.pop_back();
    } else if (event == Event::key && !keys.back().insert(value.get<std::string>()).second &&
               problem.empty()) {
      problem = "duplicate key \"" + value.get<std::string>() + "\"";
    }
    return problem.empty();
  };
  try {
    out = nlohmann::json::parse(text, callback, true, false);
  } catch (const nlohmann::json::exception& e) {
    error = e.what();
    return false;
  }
  error = problem;
  return problem.empty();
}

ObjectReader::ObjectReader(const nlohmann::json& value, std::string path, std::string& error)
    : value_(value), path_(std::move(path)), error_(error) {
  if (!value_.is_object() && error_.empty()) {
    error_ =
        (path_.empty() ? "document" : path_) + ": expected an object, found " + describe(value_);
  }
}

std::string ObjectReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void ObjectReader::fail(std::string_view key, const std::string& what) {
  if (error_.empty()) {
    error_ = path_of(key) + ": " + what;
  }
}

bool ObjectReader::has(const char* key) const {
  return value_.is_object() && value_.contains(key);
}

const nlohmann::json* ObjectReader::member(const char* key) {
  asked_.insert(key);
  if (!value_.is_object()) {
    return nullptr;
  }
  const auto it = value_.find(key);
  if (it == value_.end()) {
    fail(key, "missing");
    return nullptr;
  }
  return &*it;
}

const nlohmann::json* ObjectReader::array(const char* key, std::size_t max_size) {
  const nlohmann::json* value = member(key);
  if (value == nullptr) {
    return nullptr;
  }
  if (!value->is_array()) {
    fail(key, "expected an array, found " + describe(*value));
    return nullptr;
  }
  if (value->size() > max_size) {
    fail(
        key,
        "at most " + std::to_string(max_size) + " entries, found " + std::to_string(value->size()));
    return nullptr;
  }
  return value;
}

std::string ObjectReader::text(const char* key, std::size_t max_bytes) {
  const nlohmann::json* value = member(key);
  if (value == nullptr) {
    return {};
  }
  if (!value->is_string()) {
    fail(key, "expected a text, found " + describe(*value));
    return {};
  }
  auto text = value->get<std::string>();
  if (text.empty() || text.size() > max_bytes) {
    fail(key,
         "expected 1 to " + std::to_string(max_bytes) + " bytes, found " +
             std::to_string(text.size()));
    return {};
  }
  return text;
}

std::string ObjectReader::text_or_null(const char* key, std::size_t max_bytes) {
  const nlohmann::json* value = member(key);
  return value == nullptr || value->is_null() ? std::string() : text(key, max_bytes);
}

std::int64_t ObjectReader::number(const char* key, std::int64_t min, std::int64_t max) {
  const nlohmann::json* value = member(key);
  if (value == nullptr) {
    return min;
  }
  const bool fits = value->is_number_integer() &&
                    (!value->is_number_unsigned() ||
                     value->get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX));
  const std::int64_t number = fits ? value->get<std::int64_t>() : 0;
  if (!fits || number < min || number > max) {
    fail(key,
         "expected an integer from " + std::to_string(min) + " to " + std::to_string(max) +
             ", found " + describe(*value));
    return min;
  }
  return number;
}

std::int64_t ObjectReader::number_or(const char* key,
                                     std::int64_t min,
                                     std::int64_t max,
                                     std::int64_t unknown) {
  const nlohmann::json* value = member(key);
  return value == nullptr || value->is_null() ? unknown : number(key, min, max);
}

bool ObjectReader::flag(const char* key) {
  const nlohmann::json* value = member(key);
  if (value == nullptr) {
    return false;
  }
  if (!value->is_boolean()) {
    fail(key, "expected true or false, found " + describe(*value));
    return false;
  }
  return value->get<bool>();
}

std::uint32_t ObjectReader::hex(const char* key) {
  const std::string digits = text(key, 10);
  std::uint32_t number = 0;
  if (!digits.empty() && !parse_hex(digits, number)) {
    fail(key, "expected a number such as \"0x20b010de\", found \"" + digits + "\"");
  }
  return number;
}

std::uint32_t ObjectReader::hex_or_null(const char* key, std::uint32_t unknown) {
  const nlohmann::json* value = member(key);
  return value == nullptr || value->is_null() ? unknown : hex(key);
}

bool ObjectReader::finish() {
  if (value_.is_object()) {
    for (const auto& item : value_.items()) {
      if (!asked_.contains(item.key())) {
        fail(item.key(), "unknown key");
      }
    }
  }
  return ok();
}

}  // namespace migsim
