// SPDX-License-Identifier: Apache-2.0
// Inside of config/: a text that knows where each of its bytes stands, also when it is itself the
// content of a scalar of another text (a layout file in a ConfigMap's data): its places are then
// those of the outer file, so that an error can be gone to with an editor.
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
  // Both live as long as this. A byte-order mark, which some editors write, is left out.
  SourceText(std::string_view text, std::string_view file);

  // The content of a scalar (its value, as a YAML reader gives it) that begins at byte `begin` of
  // `outer`; both live as long as this. Each byte has its own place where the scalar is a literal
  // block ("|") or in quotes; elsewhere (">", plain) all are at the scalar's beginning.
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
  // Without outer_: where lines begin, and the characters before each byte. Indexed once: a
  // minified megabyte has hundreds of thousands of nodes on one line.
  std::vector<std::size_t> lines_ = {0};
  std::vector<std::uint32_t> characters_;
  // With outer_: the byte of it that each byte of text_ comes from, and that behind the last.
  std::vector<std::uint32_t> places_;
};

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_SOURCE_TEXT_H_
