// SPDX-License-Identifier: Apache-2.0
// Text helpers: checked numbers, nearest names, quoting of user input. Threading: pure functions.
#ifndef MIGCTL_BASE_STRINGS_H_
#define MIGCTL_BASE_STRINGS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mig::base {

// Accepts plain decimal only: no sign, blank, exponent or leading zero ("010" is 8 to some readers
// and 10 to others). nullopt otherwise, and when beyond `max`.
std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t max);

// Accepts "0x" and one to eight hexadecimal digits, either case.
std::optional<std::uint32_t> parse_hex32(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string lower(std::string_view text);

// `text` in double quotes, fit for one line of a message: control bytes as \xNN, cut with "..."
// after `limit` bytes (never inside a UTF-8 character).
std::string quoted(std::string_view text, std::size_t limit = 60);

// `text` without what steers a terminal or reorders a line: control characters (C0, DEL, C1) and
// Unicode's bidirectional and line separators as \u00XX, bytes that are not UTF-8 as \xNN. A
// newline and a tab stay where `lines` says so. For text that another user may have chosen; inside
// of a JSON string the result is valid.
std::string printable(std::string_view text, bool lines = false);

// Count with its noun: "1 GPU", "3 GPUs".
std::string counted(std::uint64_t count, std::string_view noun);

// Damerau-Levenshtein distance: insertions, deletions, substitutions and transpositions.
std::size_t edit_distance(std::string_view a, std::string_view b);

// Up to `count` of `names` nearest to `wanted` by edit distance, nearest first; distant names are
// left out.
std::vector<std::string> nearest(std::string_view wanted,
                                 const std::vector<std::string>& names,
                                 std::size_t count = 3);

// Offset of the first byte that is not part of valid UTF-8 (no overlong forms, no surrogates).
std::optional<std::size_t> invalid_utf8(std::string_view text);

}  // namespace mig::base

#endif  // MIGCTL_BASE_STRINGS_H_
