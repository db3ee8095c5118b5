// SPDX-License-Identifier: Apache-2.0
// The process list.
#include <algorithm>

#include <fmt/format.h>

#include "top/glyph.h"
#include "top/parts.h"
#include "top/rows.h"
#include "top/table.h"
#include "top/texts.h"

namespace mig::top {
namespace {

enum ProcessColumn {
  kTagColumn,
  kPidColumn,
  kUserColumn,
  kGpuColumn,
  kInstanceColumn,
  kBytesColumn,
  kTenantColumn,
  kOwnerColumn,
  kNameColumn,
};

const std::vector<Column>& process_columns() {
  static const std::vector<Column> kColumnsOfProcesses = {
      {kTagColumn, "", 1, 1, 0},
      {kPidColumn, "PID", 7, 7, 0, true},
      {kUserColumn, "USER", 8, 10, 3},
      {kGpuColumn, "GPU", 3, 3, 4, true},
      {kInstanceColumn, "GI/CI", 5, 5, 2},
      {kBytesColumn, "MEM", 6, 6, 1, true},
      {kTenantColumn, "TENANT", 9, 16, 5},
      {kOwnerColumn, "OWNER", 12, 50, 6},
      {kNameColumn, "NAME", 6, 60, 0},
  };
  return kColumnsOfProcesses;
}

// Sort key of a column's heading; kSortKeys: none.
std::size_t sort_of(int column) {
  switch (column) {
    case kPidColumn:
      return static_cast<std::size_t>(SortBy::kPid);
    case kUserColumn:
      return static_cast<std::size_t>(SortBy::kUser);
    case kInstanceColumn:
      return static_cast<std::size_t>(SortBy::kInstance);
    case kBytesColumn:
      return static_cast<std::size_t>(SortBy::kMemory);
    case kTenantColumn:
      return static_cast<std::size_t>(SortBy::kTenant);
    case kNameColumn:
      return static_cast<std::size_t>(SortBy::kName);
    default:
      return kSortKeys;
  }
}

bool without_lease(const Canvas& canvas, const ProcessSample& process) {
  return !process.lease && process.gpu_instance && canvas.content.leases_in_use();
}

std::string text_of(const Canvas& canvas, const ProcessRow& row, int column) {
  const ProcessSample& process = *row.process;
  switch (column) {
    case kTagColumn:
      return canvas.view.tagged.contains(row.key.id) ? "*" : " ";
    case kPidColumn:
      return fmt::format("{}", process.pid);
    case kUserColumn:
      return canvas.content.user_of(process);
    case kGpuColumn:
      return fmt::format("{}", row.gpu->index.value);
    case kInstanceColumn:
      return process.gpu_instance
                 ? fmt::format("{}/{}",
                               process.gpu_instance->value,
                               process.compute_instance
                                   ? fmt::format("{}", process.compute_instance->value)
                                   : "?")
                 : "";
    case kBytesColumn:
      return bytes_text(process.memory_bytes);
    case kTenantColumn:
      return without_lease(canvas, process) ? "no lease" : process.tenant;
    case kOwnerColumn:
      return process.owner.str();
    default:
      return std::string(static_cast<std::size_t>(2 * std::min(row.depth, 20)), ' ') +
             (process.name.empty() ? "?" : process.name);
  }
}

Style style_of(const Canvas& canvas, const ProcessRow& row, int column) {
  if (column == kTenantColumn) {
    return without_lease(canvas, *row.process)
               ? canvas.of(Color::kHigh)
               : canvas.of(canvas.content.color_of(row.process->tenant));
  }
  return column == kTagColumn ? canvas.of(Color::kMiddle, true) : Style{};
}

std::string title_of(const Canvas& canvas, std::size_t shown) {
  const View& view = canvas.view;
  std::string where;
  if (view.machine) {
    for (const GpuSample& gpu : canvas.content.sample.gpus) {
      if (gpu.uuid == view.machine->gpu_uuid) {
        where = fmt::format(" on GPU {}", gpu.index.value);
      }
    }
    if (view.machine->instance >= 0) {
      where += fmt::format(" gi={}", view.machine->instance);
    }
    if (view.machine->compute >= 0) {
      where += fmt::format(" ci={}", view.machine->compute);
    }
  }
  const std::size_t all = process_count(canvas.content, view);
  std::string text = fmt::format("Processes{}: ", where);
  text += shown == all ? fmt::format("{}", all) : fmt::format("{} of {}", shown, all);
  text += fmt::format("  by {}{}", name_of(view.sort), view.reverse ? " reversed" : "");
  if (view.tree) {
    text += ", tree";
  }
  if (!view.filter.empty()) {
    text += ", filter \"" + view.filter + "\"";
  }
  if (!view.tagged.empty()) {
    text += fmt::format(", {} tagged", view.tagged.size());
  }
  return text;
}

void draw_heading(const Canvas& canvas, int y, const std::vector<Placed>& at) {
  for (const Placed& one : at) {
    const std::size_t sort = sort_of(one.column.id);
    const bool sorted = sort == static_cast<std::size_t>(canvas.view.sort);
    canvas.grid().put(
        one.x,
        y,
        one.column.right ? right(one.column.title, one.width) : padded(one.column.title, one.width),
        sorted ? canvas.of(Color::kAccent, true) : Canvas::dim());
    if (sort < kSortKeys) {
      canvas.hit(one.x, y, one.width, static_cast<SortBy>(sort));
    }
  }
}

}  // namespace

void draw_processes(const Canvas& canvas, Lines lines) {
  if (lines.height <= 0) {
    return;
  }
  const auto rows = process_rows(canvas.content, canvas.view);
  const int width = canvas.grid().width();
  canvas.grid().put(
      0, lines.y, cut(title_of(canvas, rows.size()), width), canvas.of(Color::kAccent, true));
  if (lines.height < 2) {
    return;
  }
  const auto at = place_columns(process_columns(), 0, width);
  draw_heading(canvas, lines.y + 1, at);
  const int shown = lines.height - 2;
  const int selected = selected_index(rows, canvas.view);
  const int first = first_shown(static_cast<int>(rows.size()), shown, selected);
  for (int i = 0; i < shown && first + i < static_cast<int>(rows.size()); ++i) {
    const int index = first + i;
    const ProcessRow& row = rows[static_cast<std::size_t>(index)];
    const int y = lines.y + 2 + i;
    for (const Placed& one : at) {
      const std::string text = text_of(canvas, row, one.column.id);
      canvas.grid().put(one.x,
                        y,
                        one.column.right ? right(text, one.width) : padded(text, one.width),
                        text == "?" ? Canvas::dim() : style_of(canvas, row, one.column.id),
                        one.width);
    }
    canvas.hit(0, y, width, row.key);
    if (index == selected) {
      canvas.grid().restyle(
          0, y, width, {Color::kPlain, canvas.view.pane == Pane::kProcesses, false, true});
    }
  }
}

}  // namespace mig::top
