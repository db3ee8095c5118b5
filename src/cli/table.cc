// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>

#include "base/strings.h"

namespace mig::cli {
namespace {

constexpr std::size_t kGap = 2;

}  // namespace

void Table::row(std::vector<std::string> cells) {
  for (std::string& cell : cells) {
    cell = base::printable(cell);
  }
  rows_.push_back(std::move(cells));
}

std::string Table::draw(const Paint& paint, std::size_t indent) const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = columns_[c].title.size();
    for (const auto& cells : rows_) {
      width = std::max(width, c < cells.size() ? cells[c].size() : 0);
    }
    widths.push_back(width);
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text(indent, ' ');
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const std::string cell = c < cells.size() ? cells[c] : std::string();
      const std::string pad(widths[c] - cell.size(), ' ');
      text += columns_[c].right ? pad + cell : cell + pad;
      text += std::string(kGap, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  std::vector<std::string> titles;
  for (const auto& column : columns_) {
    titles.push_back(column.title);
  }
  std::string out = paint(Style::kDim, line(titles)) + "\n";
  for (const auto& cells : rows_) {
    out += line(cells) + "\n";
  }
  return out;
}

}  // namespace mig::cli
