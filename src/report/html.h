// SPDX-License-Identifier: Apache-2.0
// The parts of the HTML page. Private to this room.
#ifndef MIGCTL_REPORT_HTML_H_
#define MIGCTL_REPORT_HTML_H_

#include <cstddef>
#include <optional>
#include <set>
#include <string>

#include "model/report_values.h"
#include "report/charts.h"
#include "report/limits.h"

namespace mig::report {

// What the parts of one page share.
struct PageState {
  bool simulated = false;
  std::size_t drawings = 0;    // so far; their ids are made of it
  std::set<std::string> ids;   // of sections
  std::set<Origin> origins;    // that were shown

  // A simulated machine's own figures say so in the drawing; those of documents and of hardware
  // are none.
  Place next_place(const std::optional<Origin>& origin);
};

std::string inline_html(const Text& text, std::size_t most = kMostTextBytes);
std::string origin_html(const std::optional<Origin>& origin, PageState& page);
std::string notice_html(const Notice& notice);
// `caption`: false where the place above has it.
std::string table_html(const Table& table, PageState& page, bool caption = true);
std::string matrix_cell(const MatrixCell& cell);
std::string block_html(const Block& block, PageState& page);

// The style sheet and its part for simulated machines, with the hashes that the policy names.
std::string style_html(bool simulated);
std::string policy_html(bool simulated);

}  // namespace mig::report

#endif  // MIGCTL_REPORT_HTML_H_
