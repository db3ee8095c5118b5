// SPDX-License-Identifier: Apache-2.0
// Inside of config/: a text with the source position of each byte, also when the text is the
// content of a scalar in another file (a layout in a ConfigMap's data): positions then refer to the
// outer file, so that an editor can jump to an error.
#ifndef MIGCTL_CONFIG_SOURCE_TEXT_H_
#define MIGCTL_CONFIG_SOURCE_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mig/layout.h"

namespace mig::config {

class SourceText {
 public:
  // Views: text and file must outlive this object. A byte-order mark is skipped.
  SourceText(std::string_view text, std::string_view file);

  // The value of a scalar that begins at byte `begin` of `outer`, as a source text; both must
  // outlive the result. Literal blocks ("|") and quoted scalars have a position for each byte;
  // folded (">") and plain ones only the scalar's beginning.
  static SourceText inside(const SourceText& outer, std::size_t begin, std::string_view value);

  std::string_view text() const { return text_; }

  const std::string& file() const { return file_; }

  // Columns count characters, as editors do.
  SourcePosition at(std::size_t offset) const;

 private:
  SourceText(const SourceText& outer, std::string_view value, std::vector<std::uint32_t> places);

  std::string_view text_;
  std::string file_;
  const SourceText* outer_ = nullptr;
  // Without outer_: offsets of line beginnings, and the number of characters before each byte.
  // Indexed once: minified text of a megabyte may have hundreds of thousands of nodes on one line.
  std::vector<std::size_t> lines_ = {0};
  std::vector<std::uint32_t> characters_;
  // With outer_: offset in it of each byte of text_, and the offset behind the last.
  std::vector<std::uint32_t> places_;
};

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_SOURCE_TEXT_H_
