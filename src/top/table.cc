// SPDX-License-Identifier: Apache-2.0
#include "top/table.h"

#include <algorithm>

namespace mig::top {
namespace {

int needed(const std::vector<Placed>& columns) {
  int sum = columns.empty() ? 0 : static_cast<int>(columns.size()) - 1;
  for (const Placed& one : columns) {
    sum += one.width;
  }
  return sum;
}

// Columns that the important ones would like to have before there are others.
int comfort(const std::vector<Placed>& columns) {
  int sum = 0;
  for (const Placed& one : columns) {
    sum += std::max(one.column.good - one.width, 0);
  }
  return sum;
}

}  // namespace

std::vector<Placed> place_columns(const std::vector<Column>& columns, int x, int width) {
  std::vector<Placed> out;
  out.reserve(columns.size());
  for (const Column& column : columns) {
    out.push_back({column, 0, column.width});
  }
  for (;;) {
    const auto least =
        std::max_element(out.begin(), out.end(), [](const Placed& a, const Placed& b) {
          return a.column.rank < b.column.rank;
        });
    if (least == out.end() || least->column.rank == 0 ||
        needed(out) + (least->column.rank >= kExtraRank ? comfort(out) : 0) <= width) {
      break;
    }
    out.erase(least);
  }
  for (int left = width - needed(out); left > 0;) {
    const int before = left;
    for (Placed& one : out) {
      if (left > 0 && one.width < one.column.most) {
        ++one.width;
        --left;
      }
    }
    if (left == before) {
      break;
    }
  }
  for (Placed& one : out) {
    one.x = x;
    x += one.width + 1;
  }
  return out;
}

}  // namespace mig::top
