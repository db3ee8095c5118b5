// SPDX-License-Identifier: Apache-2.0
// A YAML (or JSON) text as a tree that keeps what yaml-cpp's own loader loses: key order, duplicate
// keys (refused here), positions, and whether a scalar was quoted. No type conversion: "010", "no"
// and "1.0" stay texts until a reader that expects a type parses them.
#ifndef MIGCTL_CONFIG_DOCUMENT_H_
#define MIGCTL_CONFIG_DOCUMENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mig/layout.h"
#include "mig/result.h"

namespace mig::config {

inline constexpr std::size_t kMostBytes = 1 << 20;
inline constexpr std::size_t kDeepest = 32;
inline constexpr std::size_t kMostNodes = 100'000;  // with Rules::aliases

class SourceText;

struct Node {
  enum class Kind { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  std::string text;          // kScalar
  bool quoted = false;       // kScalar: quoted or a block scalar, so always a text
  bool repeats = false;      // kMap: has a duplicate key (Rules::repeated_keys)
  std::string tag;           // with Rules::tags: "!override"; "" = none
  std::uint32_t offset = 0;  // byte offset in the parsed text
  SourcePosition position;
  std::vector<Node>
      items;  // kSequence: elements; kMap: key, value, key, value, ... keys are scalars

  bool is(Kind wanted) const { return kind == wanted; }

  // Describes the node for messages: "a list", "the text \"7\"", "nothing".
  std::string described() const;
};

// Error "file:line:column: message", the one format for errors in a text.
Error complaint(const SourcePosition& where, const std::string& message, std::string hint = {});

// kTooLarge when `text` has more than kMostBytes.
Result<void> check_size(std::string_view text, std::string_view file);

// Parses one document or none (kNull). Refused: more than kMostBytes, control bytes, text that is
// not UTF-8, tabs as indentation, anchors, aliases, merge keys, tags, duplicate keys, nesting
// deeper than kDeepest, a second document.
Result<Node> parse_document(std::string_view text, std::string_view file);

// Relaxations that a caller handles itself instead of a refusal.
struct Rules {
  bool repeated_keys = false;  // kept, and marked in Node::repeats
  std::size_t most_documents = 1;
  // Aliases become copies of what their anchors stand at, with its positions, and merge keys are
  // carried out: up to kMostNodes nodes in all, since a few lines of aliases can stand for
  // billions.
  bool aliases = false;
  bool tags = false;  // kept in Node::tag
};

// Parses the non-empty documents, under the same limits; the caller has checked the size.
Result<std::vector<Node>> parse_documents(const SourceText& source, const Rules& rules);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_DOCUMENT_H_
