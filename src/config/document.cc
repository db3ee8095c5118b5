// SPDX-License-Identifier: Apache-2.0
#include "config/document.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <istream>
#include <iterator>
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

namespace mig::config {
namespace {

// Line and column of a byte; columns count characters, as editors do. Indexed once: a minified
// megabyte has hundreds of thousands of nodes on one line.
class Positions {
 public:
  Positions(std::string_view text, std::string_view file) : file_(file) {
    characters_.reserve(text.size() + 1);
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      characters_.push_back(count);
      count += (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 ? 1 : 0;
      if (text[i] == '\n') {
        lines_.push_back(i + 1);
      }
    }
    characters_.push_back(count);
  }

  SourcePosition at(std::size_t offset) const {
    offset = std::min(offset, characters_.size() - 1);
    const auto line = std::upper_bound(lines_.begin(), lines_.end(), offset);
    const std::uint32_t column = characters_[offset] - characters_[*std::prev(line)];
    return {file_, static_cast<int>(line - lines_.begin()), static_cast<int>(column) + 1};
  }

 private:
  std::string file_;
  std::vector<std::size_t> lines_ = {0};
  std::vector<std::uint32_t> characters_;  // before each byte
};

// What must be settled before the parser sees a byte: yaml-cpp takes byte 4 for the end of the text
// and passes broken UTF-8 on.
Result<void> check_bytes(std::string_view text, const Positions& positions) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r');
    if (control || byte == 0x7F) {
      return complaint(positions.at(i),
                       fmt::format("control byte 0x{:02x} does not belong in a layout file", byte));
    }
  }
  if (const auto bad = base::invalid_utf8(text)) {
    return complaint(positions.at(*bad),
                     fmt::format("byte 0x{:02x} is not part of UTF-8 text",
                                 static_cast<unsigned char>(text[*bad])),
                     "save the file as UTF-8");
  }
  return {};
}

// Block YAML only: inside "{" and "[", as in JSON, a tab is ordinary white space.
Result<void> check_tabs(std::string_view text, const Positions& positions) {
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
      return complaint(
          positions.at(start + tab), "a tab is used as indentation", "YAML wants blanks");
    }
    start = end + 1;
  }
  return {};
}

// Collects yaml-cpp's events into a tree. The first complaint is kept, later events are dropped.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const Positions& positions) : positions_(positions) {
    frames_.emplace_back();
  }

  const std::optional<Error>& error() const { return error_; }

  std::size_t documents() const { return documents_; }

  Node take_root() {
    return frames_[0].node.items.empty() ? Node{} : std::move(frames_[0].node.items[0]);
  }

  SourcePosition at(const YAML::Mark& mark) const {
    return positions_.at(static_cast<std::size_t>(std::max(mark.pos, 0)));
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      fail(at(mark), "a second document starts here", "a layout file is one document");
    }
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (start(mark, "?", anchor)) {
      add(Node{Node::Kind::kNull, {}, false, at(mark), {}});
    }
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    fail(at(mark), "an alias (\"*name\") is not accepted", "write the value out");
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    if (start(mark, tag, anchor)) {
      add(Node{Node::Kind::kScalar, value, tag == "!", at(mark), {}});
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
  };

  void fail(const SourcePosition& where, const std::string& message, std::string hint) {
    if (!error_) {
      error_ = complaint(where, message, std::move(hint));
    }
  }

  bool start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      fail(at(mark), "an anchor (\"&name\") is not accepted", "write the value out");
    } else if (!tag.empty() && tag != "?" && tag != "!") {
      fail(at(mark),
           fmt::format("the tag {} is not accepted", base::quoted(tag)),
           "write the value without a tag");
    }
    return !error_;
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
    frame.node.kind = kind;
    frame.node.position = at(mark);
    frames_.push_back(std::move(frame));
  }

  void close() {
    if (!error_) {
      Node done = std::move(frames_.back().node);
      frames_.pop_back();
      add(std::move(done));
    }
  }

  void add(Node node) {
    Frame& frame = frames_.back();
    const bool key = frame.node.kind == Node::Kind::kMap && frame.node.items.size() % 2 == 0;
    if (key) {
      check_key(frame, node);
    }
    if (!error_) {
      frame.node.items.push_back(std::move(node));
    }
  }

  void check_key(Frame& frame, const Node& node) {
    if (node.kind != Node::Kind::kScalar) {
      fail(node.position, fmt::format("{} cannot be a key", node.described()), {});
    } else if (node.text == "<<" && !node.quoted) {
      fail(node.position, "a merge key (\"<<\") is not accepted", "write the values out");
    } else if (!frame.keys.insert(node.text).second) {
      fail(node.position,
           fmt::format("key {} is there twice", base::quoted(node.text)),
           "remove one of the two");
    }
  }

  const Positions& positions_;
  std::vector<Frame> frames_;  // the first holds the root
  std::size_t documents_ = 0;
  std::optional<Error> error_;
};

// Reads a view without copying it.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    auto* begin = const_cast<char*>(text.data());  // streambuf's interface; only ever read
    setg(begin, begin, begin + text.size());
  }
};

Result<Node> parse_checked(std::string_view text, const Positions& positions) {
  TreeBuilder builder(positions);
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (builder.documents() < 2 && !builder.error() && parser.HandleNextDocument(builder)) {
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
  return builder.take_root();
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

Result<Node> parse_document(std::string_view text, std::string_view file) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.size() > kMostBytes) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format(
            "{} holds {} bytes; a layout file has at most {}", file, text.size(), kMostBytes));
  }
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text.remove_prefix(kByteOrderMark.size());  // some editors put it there
  }
  const Positions positions(text, file);
  MIG_TRY(check_bytes(text, positions));
  MIG_TRY(check_tabs(text, positions));
  return parse_checked(text, positions);
}

}  // namespace mig::config
