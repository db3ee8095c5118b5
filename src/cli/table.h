// SPDX-License-Identifier: Apache-2.0
// Aligned columns of text. Numbers right-aligned, words left-aligned; no trailing blanks.
#ifndef MIGCTL_CLI_TABLE_H_
#define MIGCTL_CLI_TABLE_H_

#include <string>
#include <vector>

#include "cli/output.h"

namespace mig::cli {

class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // A cell is one line: a newline in a name makes no row of its own.
  void row(std::vector<std::string> cells);

  bool empty() const { return rows_.empty(); }

  std::string draw(const Paint& paint, std::size_t indent = 2) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_TABLE_H_
