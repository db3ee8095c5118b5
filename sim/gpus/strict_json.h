// SPDX-License-Identifier: Apache-2.0
// Strict reader of hand-written JSON: a duplicate or unknown key, a wrong type or a number out of
// range is an error that names its path. The first error is sticky and later reads return defaults,
// so a loader reads straight through and checks once at the end. Included by .cc files only
// (heavy).
#ifndef MIGCTL_SIM_GPUS_STRICT_JSON_H_
#define MIGCTL_SIM_GPUS_STRICT_JSON_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace migsim {

inline constexpr std::size_t kMaxJsonBytes = 1U << 20U;
inline constexpr int kMaxJsonDepth = 32;

// False, with `error` set, for more than 1 MiB, more than 32 levels, bad syntax or duplicate keys.
bool parse_strict(std::string_view text, nlohmann::json& out, std::string& error);

class ObjectReader {
 public:
  // `error` collects the first error of this reader and of all readers made with the same string.
  ObjectReader(const nlohmann::json& value, std::string path, std::string& error);

  bool has(const char* key) const;
  // The member, or nullptr (with an error) when it is missing.
  const nlohmann::json* member(const char* key);
  const nlohmann::json* array(const char* key, std::size_t max_size);
  std::string text(const char* key, std::size_t max_bytes);
  std::string text_or_null(const char* key, std::size_t max_bytes);  // null reads as ""
  std::int64_t number(const char* key, std::int64_t min, std::int64_t max);
  // null reads as `unknown`.
  std::int64_t number_or(const char* key, std::int64_t min, std::int64_t max, std::int64_t unknown);
  bool flag(const char* key);
  // Reads a hexadecimal string: "0x20b010de".
  std::uint32_t hex(const char* key);
  std::uint32_t hex_or_null(const char* key, std::uint32_t unknown);

  void fail(std::string_view key, const std::string& what);
  std::string path_of(std::string_view key) const;

  bool ok() const { return error_.empty(); }

  // Error on the first key that no read asked for.
  bool finish();

 private:
  const nlohmann::json& value_;
  std::string path_;
  std::string& error_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace migsim

#endif  // MIGCTL_SIM_GPUS_STRICT_JSON_H_
