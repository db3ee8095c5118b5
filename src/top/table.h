// SPDX-License-Identifier: Apache-2.0
// Columns of a table that fit a width: the least important are left out, and what is left over goes
// to the flexible ones. Threading: pure functions.
#ifndef MIGCTL_TOP_TABLE_H_
#define MIGCTL_TOP_TABLE_H_

#include <string_view>
#include <vector>

namespace mig::top {

struct Column {
  int id = 0;
  std::string_view title;
  int width = 0;  // the least
  int most = 0;   // where there is room; at least `width`
  int rank = 0;   // 0 = never left out; the highest go first
  bool right = false;
  int good = 0;  // that it has before there is a column of kExtraRank or more; 0 = `width`
};

constexpr int kExtraRank = 10;

struct Placed {
  Column column;
  int x = 0, width = 0;
};

// One blank between two columns.
std::vector<Placed> place_columns(const std::vector<Column>& columns, int x, int width);

}  // namespace mig::top

#endif  // MIGCTL_TOP_TABLE_H_
