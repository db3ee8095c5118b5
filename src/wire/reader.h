// SPDX-License-Identifier: Apache-2.0
// Reads members of a JSON value with their path kept. The first problem sticks in `Problem` and
// later reads give defaults, so that decoders stay straight lines. Private to this room.
#ifndef MIGCTL_WIRE_READER_H_
#define MIGCTL_WIRE_READER_H_

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/document.h"

namespace mig::wire {

class Problem {
 public:
  void report(const std::string& path, std::string_view what);

  bool any() const { return !text_.empty(); }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Reader {
 public:
  Reader(const Json& json, std::string path, Problem& problem)
      : json_(&json), path_(std::move(path)), problem_(&problem) {}

  // The member `key`; a problem when it is missing.
  Reader at(std::string_view key) const;
  // Members other than these are a problem: a typing error must not be lost silently.
  void only(std::initializer_list<std::string_view> keys) const;
  bool has(std::string_view key) const;
  bool is_null() const;

  std::string text() const;
  bool boolean() const;
  std::uint64_t number(std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) const;

  std::uint32_t u32() const {
    return static_cast<std::uint32_t>(number(std::numeric_limits<std::uint32_t>::max()));
  }

  std::vector<Reader> elements() const;
  void complain(std::string_view what) const;

  template <class Fn>
  auto optional(Fn read) const -> std::optional<decltype(read(*this))> {
    if (is_null()) {
      return std::nullopt;
    }
    return read(*this);
  }

 private:
  const Json* json_;
  std::string path_;
  Problem* problem_;
};

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_READER_H_
