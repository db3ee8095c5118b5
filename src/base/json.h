// SPDX-License-Identifier: Apache-2.0
// The one reader of untrusted JSON objects: files, sockets, other programs. Members are read
// strictly, with their paths in messages; the first error is sticky in JsonProblem and later reads
// return defaults, so that a decoder is straight-line code with one check at its end.
//
// Threading: not thread-safe. Include in .cc files only: the JSON library is heavy. Example:
//
//   MIG_ASSIGN_OR_RETURN(const base::Json json, base::parse_json(text, {4 << 20, "a plan"}));
//   base::JsonProblem problem;
//   const base::JsonReader reader(json, "", problem);
//   reader.only({"label", "count"});
//   const std::uint32_t count = reader.at("count").u32();
//   if (problem.any()) return fail(ErrorCode::kInvalidInput, problem.text());
#ifndef MIGCTL_BASE_JSON_H_
#define MIGCTL_BASE_JSON_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "mig/result.h"

namespace mig::base {

using Json = nlohmann::ordered_json;  // keeps insertion order

struct JsonText {
  std::size_t most_bytes = 0;
  std::string what;  // name of the text for messages: "a lease request"
};

// kTooLarge above the limit, kInvalidInput for malformed JSON.
Result<Json> parse_json(std::string_view text, const JsonText& about);

class JsonProblem {
 public:
  void report(const std::string& path, std::string_view what);

  bool any() const { return !text_.empty(); }

  // First error: "steps[2].placement.size: a whole number is expected"; "" = none.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class JsonReader {
 public:
  // `json` and `problem` must outlive the reader and all readers made from it.
  JsonReader(const Json& json, std::string path, JsonProblem& problem)
      : json_(&json), path_(std::move(path)), problem_(&problem) {}

  // The member `key`; an error when missing.
  JsonReader at(std::string_view key) const;
  // Any other member is an error: a typing error must not be ignored.
  void only(std::initializer_list<std::string_view> keys) const;
  bool has(std::string_view key) const;
  // True when the member is present and not null.
  bool given(std::string_view key) const;
  bool is_null() const;

  std::string text() const;
  bool boolean() const;
  std::uint64_t number(std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) const;
  // A possibly negative integer, clamped to the bounds.
  std::int64_t clamped(std::int64_t least, std::int64_t most) const;

  // Any number, also a whole one.
  double real() const;

  std::uint32_t u32() const {
    return static_cast<std::uint32_t>(number(std::numeric_limits<std::uint32_t>::max()));
  }

  std::vector<JsonReader> elements() const;
  void complain(std::string_view what) const;

  template <class Read>
  auto optional(Read read) const -> std::optional<decltype(read(*this))> {
    if (is_null()) {
      return std::nullopt;
    }
    return read(*this);
  }

 private:
  const Json* json_;
  std::string path_;
  JsonProblem* problem_;
};

}  // namespace mig::base

#endif  // MIGCTL_BASE_JSON_H_
