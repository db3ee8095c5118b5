// SPDX-License-Identifier: Apache-2.0
#include "config/source_text.h"

#include <gtest/gtest.h>

#include "config/document.h"

namespace mig::config {
namespace {

// `outer` is a map of one key; returns the positions of its value's bytes as "line:column" in a
// row.
std::string places(const std::string& outer) {
  const SourceText source(outer, "f");
  const auto roots = parse_documents(source, {});
  if (!roots) {
    return roots.error().message;
  }
  const Node& scalar = (*roots)[0].items[1];
  const SourceText inner = SourceText::inside(source, scalar.offset, scalar.text);
  std::string out;
  for (std::size_t i = 0; i < scalar.text.size(); ++i) {
    const SourcePosition at = inner.at(i);
    out += (i == 0 ? "" : " ") + std::to_string(at.line) + ":" + std::to_string(at.column);
  }
  return out;
}

TEST(SourceText, CountsCharactersAndLeavesOutTheMark) {
  const SourceText text("\xEF\xBB\xBF\xC3\xA9 b\nc", "f");
  EXPECT_EQ(text.text(), "\xC3\xA9 b\nc");
  EXPECT_EQ(text.at(3).str(), "f:1:3");
  EXPECT_EQ(text.at(5).str(), "f:2:1");
  EXPECT_EQ(text.at(99).str(), "f:2:2");
}

TEST(SourceText, LiteralBlocksByLineAndColumn) {
  EXPECT_EQ(places("k: |\n  ab\n\n   c\n"), "2:3 2:4 2:5 3:1 4:3 4:4 4:5");
  EXPECT_EQ(places("k: |-\n  ab\n"), "2:3 2:4");
  EXPECT_EQ(places("k: |2\n   ab\n  c\n"), "2:3 2:4 2:5 2:6 3:3 3:4");
  EXPECT_EQ(places("k: |\r\n  a\r\n  b\r\n"), "2:3 2:4 3:3 3:4");
  EXPECT_EQ(places("k: | # words\n  a\n"), "2:3 2:4");
}

TEST(SourceText, QuotesByEscapesAndFolds) {
  EXPECT_EQ(places(R"(k: "a\nb\u00e9c")"), "1:5 1:6 1:8 1:9 1:9 1:15");
  EXPECT_EQ(places("k: 'it''s'"), "1:5 1:6 1:7 1:9");
  EXPECT_EQ(places("k: \"ab  \n   c\n\n   d\""), "1:5 1:6 1:9 2:4 2:5 4:4");
  EXPECT_EQ(places("k: \"ab\\\n   c\""), "1:5 1:6 2:4");
  EXPECT_EQ(places(R"(k: "\x41\t\U0001F600")"), "1:5 1:9 1:11 1:11 1:11 1:11");
}

TEST(SourceText, ElsewhereTheBeginning) {
  EXPECT_EQ(places("k: >\n  ab\n"), "1:4 1:4 1:4");
  EXPECT_EQ(places("k: ab"), "1:4 1:4");
}

}  // namespace
}  // namespace mig::config
