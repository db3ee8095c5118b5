// SPDX-License-Identifier: Apache-2.0
#include "config/document.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <istream>
#include <optional>
#include <streambuf>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/strings.h"
#include "config/aliases.h"
#include "config/source_text.h"

namespace mig::config {
namespace {

// Checks before parsing: yaml-cpp takes byte 4 for the end of the text and passes invalid UTF-8 on.
Result<void> check_bytes(const SourceText& source) {
  const std::string_view text = source.text();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r');
    if (control || byte == 0x7F) {
      return complaint(source.at(i),
                       fmt::format("control byte 0x{:02x} does not belong in a layout file", byte));
    }
  }
  if (const auto bad = base::invalid_utf8(text)) {
    return complaint(source.at(*bad),
                     fmt::format("byte 0x{:02x} is not part of UTF-8 text",
                                 static_cast<unsigned char>(text[*bad])),
                     "save the file as UTF-8");
  }
  return {};
}

// For block YAML only: inside "{" and "[", as in JSON, a tab is ordinary white space.
Result<void> check_tabs(const SourceText& source) {
  const std::string_view text = source.text();
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] == '{' || text[first] == '[') {
    return {};
  }
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    const std::size_t indent = line.find_first_not_of(" \t\r");
    const std::size_t tab = line.find('\t');
    if (indent != std::string_view::npos && line[indent] != '#' && tab < indent) {
      return complaint(source.at(start + tab), "a tab is used as indentation", "YAML wants blanks");
    }
    start = end + 1;
  }
  return {};
}

// Builds a tree from yaml-cpp's events. The first error is kept, later events are ignored.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const SourceText& source, const Rules& rules) : source_(source), rules_(rules) {
    frames_.emplace_back();
  }

  const std::optional<Error>& error() const { return error_; }

  std::size_t documents() const { return documents_; }

  // Moves out the documents that are not empty.
  std::vector<Node> take_roots() { return std::move(frames_[0].node.items); }

  SourcePosition at(const YAML::Mark& mark) const { return source_.at(offset(mark)); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > rules_.most_documents) {
      if (rules_.most_documents == 1) {
        fail(at(mark), "a second document starts here", "this file is one document");
      } else {
        fail(at(mark), fmt::format("more than {} documents", rules_.most_documents), {});
      }
    }
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (start(mark, "?", anchor)) {
      add(node(Node::Kind::kNull, mark), anchor);
    }
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!rules_.aliases) {
      fail(at(mark), "an alias (\"*name\") is not accepted", "write the value out");
    }
    if (error_) {
      return;
    }
    auto copy = aliases_.copy(anchor, frames_.size(), at(mark));
    if (copy) {
      add(*std::move(copy));
    } else {
      error_ = std::move(copy).error();
    }
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    if (start(mark, tag, anchor)) {
      Node scalar = node(Node::Kind::kScalar, mark);
      scalar.text = value;
      scalar.quoted = tag == "!";
      keep_tag(tag, scalar);
      add(std::move(scalar), anchor);
    }
  }

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::kSequence, mark, tag, anchor);
  }

  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::kMap, mark, tag, anchor);
  }

  void OnSequenceEnd() override { close(); }

  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    std::unordered_set<std::string> keys;
    YAML::anchor_t anchor = YAML::NullAnchor;
  };

  static std::size_t offset(const YAML::Mark& mark) {
    return static_cast<std::size_t>(std::max(mark.pos, 0));
  }

  Node node(Node::Kind kind, const YAML::Mark& mark) const {
    Node out;
    out.kind = kind;
    out.offset = static_cast<std::uint32_t>(offset(mark));
    out.position = at(mark);
    return out;
  }

  void fail(const SourcePosition& where, const std::string& message, std::string hint) {
    if (!error_) {
      error_ = complaint(where, message, std::move(hint));
    }
  }

  bool start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor && !rules_.aliases) {
      fail(at(mark), "an anchor (\"&name\") is not accepted", "write the value out");
    } else if (!tag.empty() && tag != "?" && tag != "!" && !rules_.tags) {
      fail(at(mark),
           fmt::format("the tag {} is not accepted", base::quoted(tag)),
           "write the value without a tag");
    }
    if (rules_.aliases && !error_ && !aliases_.spend(1)) {
      fail(at(mark), fmt::format("more than {} values", kMostNodes), {});
    }
    return !error_;
  }

  void keep_tag(const std::string& tag, Node& node) const {
    if (rules_.tags && tag != "?" && tag != "!") {
      node.tag = tag;
    }
  }

  void open(Node::Kind kind,
            const YAML::Mark& mark,
            const std::string& tag,
            YAML::anchor_t anchor) {
    if (!start(mark, tag, anchor)) {
      return;
    }
    if (frames_.size() > kDeepest) {
      fail(at(mark), fmt::format("nested deeper than {} levels", kDeepest), {});
      return;
    }
    Frame frame;
    frame.node = node(kind, mark);
    frame.anchor = anchor;
    keep_tag(tag, frame.node);
    frames_.push_back(std::move(frame));
  }

  void close() {
    if (!error_) {
      Node done = std::move(frames_.back().node);
      const YAML::anchor_t anchor = frames_.back().anchor;
      const bool merges = frames_.back().keys.contains("<<");
      frames_.pop_back();
      if (merges && rules_.aliases) {
        if (auto merged = carry_out_merge(done); !merged) {
          error_ = std::move(merged).error();
          return;
        }
      }
      add(std::move(done), anchor);
    }
  }

  void add(Node added, YAML::anchor_t anchor = YAML::NullAnchor) {
    if (anchor != YAML::NullAnchor) {
      aliases_.keep(anchor, added);
    }
    Frame& frame = frames_.back();
    if (frames_.size() == 1 && added.is(Node::Kind::kNull)) {
      return;  // an empty document
    }
    const bool key = frame.node.kind == Node::Kind::kMap && frame.node.items.size() % 2 == 0;
    if (key) {
      check_key(frame, added);
    }
    if (!error_) {
      frame.node.items.push_back(std::move(added));
    }
  }

  void check_key(Frame& frame, const Node& key) {
    if (key.kind != Node::Kind::kScalar) {
      fail(key.position, fmt::format("{} cannot be a key", key.described()), {});
    } else if (key.text == "<<" && !key.quoted && !rules_.aliases) {
      fail(key.position, "a merge key (\"<<\") is not accepted", "write the values out");
    } else if (!frame.keys.insert(key.text).second) {
      frame.node.repeats = true;
      if (!rules_.repeated_keys) {
        fail(key.position,
             fmt::format("key {} is there twice", base::quoted(key.text)),
             "remove one of the two");
      }
    }
  }

  const SourceText& source_;
  const Rules& rules_;
  Aliases aliases_;
  std::vector<Frame> frames_;  // stack of open nodes; the first holds the root
  std::size_t documents_ = 0;
  std::optional<Error> error_;
};

// A stream buffer over a string_view, without a copy.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    auto* begin = const_cast<char*>(text.data());  // non-const interface; the text is only read
    setg(begin, begin, begin + text.size());
  }
};

Result<std::vector<Node>> parse_checked(const SourceText& source, const Rules& rules) {
  TreeBuilder builder(source, rules);
  try {
    ViewBuffer buffer(source.text());
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (!builder.error() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    if (!builder.error()) {
      return complaint(builder.at(e.mark), fmt::format("not valid YAML: {}", e.msg));
    }
  } catch (const std::exception& e) {
    return Error{ErrorCode::kInternal, fmt::format("reading YAML failed: {}", e.what())};
  }
  if (builder.error()) {
    return *builder.error();
  }
  return builder.take_roots();
}

}  // namespace

std::string Node::described() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return fmt::format("{}{}", quoted ? "the text " : "", base::quoted(text));
    case Kind::kSequence:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return {};
}

Error complaint(const SourcePosition& where, const std::string& message, std::string hint) {
  return Error{
      ErrorCode::kInvalidInput, fmt::format("{}: {}", where.str(), message), std::move(hint)};
}

Result<std::vector<Node>> parse_documents(const SourceText& source, const Rules& rules) {
  MIG_TRY(check_bytes(source));
  MIG_TRY(check_tabs(source));
  return parse_checked(source, rules);
}

Result<void> check_size(std::string_view text, std::string_view file) {
  if (text.size() <= kMostBytes) {
    return {};
  }
  return fail(
      ErrorCode::kTooLarge,
      fmt::format(
          "{} holds {} bytes; a layout file has at most {}", file, text.size(), kMostBytes));
}

Result<Node> parse_document(std::string_view text, std::string_view file) {
  MIG_TRY(check_size(text, file));
  MIG_ASSIGN_OR_RETURN(std::vector<Node> roots, parse_documents(SourceText(text, file), {}));
  return roots.empty() ? Node{} : std::move(roots[0]);
}

}  // namespace mig::config
