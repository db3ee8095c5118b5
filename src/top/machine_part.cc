// SPDX-License-Identifier: Apache-2.0
// The upper half of a frame: each GPU with its strip of slots, its instances nested below.
#include <algorithm>

#include <fmt/format.h>

#include "top/braille.h"
#include "top/glyph.h"
#include "top/parts.h"
#include "top/rows.h"
#include "top/table.h"
#include "top/texts.h"

namespace mig::top {
namespace {

enum MachineColumn {
  kPlace,
  kProfile,
  kTenant,
  kSmColumn,
  kDramColumn,
  kTensorColumn,
  kMemoryColumn,
  kWatts,
  kAge,
  kXid,
  kPlot,
  kIdle,
  kOccupancy,
  kTx,
  kRx,
  kUuid,
};

constexpr int kWideEnough = 120;  // columns, from which on a strip has a second line

const std::vector<Column>& machine_columns() {
  static const std::vector<Column> kColumnsOfRows = {
      {kPlace, "GI/CI", 6, 6, 0},
      {kProfile, "PROFILE", 10, 14, 2, false, 12},
      {kTenant, "TENANT JOB", 10, 26, 5, false, 18},
      {kSmColumn, "SM", 9, 17, 1, false, 11},
      {kDramColumn, "DRAM", 9, 17, 4, false, 11},
      {kTensorColumn, "TC", 4, 4, 7},
      {kMemoryColumn, "MEMORY", 10, 11, 3, true},
      {kWatts, "W", 4, 5, 6, true},
      {kAge, "AGE", 4, 4, 8, true},
      {kXid, "XID", 3, 4, 9, true},
      {kPlot, "SM, 60 s", kPlotColumns, kPlotColumns, 12},
      {kOccupancy, "OCC", 4, 4, 11, true},
      {kIdle, "IDLE", 4, 4, 10, true},
      {kTx, "PCIe TX", 8, 8, 13, true},
      {kRx, "PCIe RX", 8, 8, 14, true},
      {kUuid, "MIG UUID", 41, 41, 15},
  };
  return kColumnsOfRows;
}

struct RowValues {
  const Activity* activity = nullptr;  // nullptr: not of this row
  std::optional<std::uint64_t> used, total;
  std::optional<double> watts;
  bool memory = true, power = true;
};

RowValues values_of(const MachineRow& row) {
  if (row.compute != nullptr) {
    RowValues values;
    values.activity = row.compute->activity ? &*row.compute->activity : nullptr;
    values.memory = false;  // of the GPU instance
    values.power = false;
    return values;
  }
  if (row.instance != nullptr) {
    const GpuInstanceSample& instance = *row.instance;
    return {&instance.activity,
            instance.memory_used_bytes,
            instance.memory_total_bytes,
            instance.power_watts};
  }
  return {&row.gpu->activity,
          row.gpu->memory_used_bytes,
          row.gpu->memory_total_bytes,
          row.gpu->power_watts};
}

void draw_load(const Canvas& canvas, const Placed& at, int y, const std::optional<double>& ratio) {
  constexpr int kNumber = 4;
  const std::string text = right(percent(ratio), kNumber);
  const int bar = at.width - kNumber - 1;
  if (!ratio) {
    canvas.grid().put(at.x, y, padded("?", at.width), Canvas::dim());
    return;
  }
  const Style style = canvas.of(load_color(*ratio));
  draw_bar(canvas.grid(), at.x, y, bar, *ratio, canvas.view.unicode, style);
  canvas.grid().put(at.x + bar, y, text, style, kNumber + 1);
}

std::optional<std::uint64_t> last_xid(const MachineRow& row) {
  const XidCount* last = nullptr;
  for (const XidCount& xid : row.gpu->xids) {
    const bool here =
        row.instance == nullptr ? !xid.gpu_instance : xid.gpu_instance == row.instance->id;
    if (here && (last == nullptr || xid.last_ms > last->last_ms)) {
      last = &xid;
    }
  }
  return last == nullptr || row.compute != nullptr ? std::nullopt : std::optional(last->xid);
}

std::vector<InstanceUse> uses_of_row(const MachineRow& row) {
  if (row.compute != nullptr) {
    return row.compute->uses;
  }
  return row.instance == nullptr ? std::vector<InstanceUse>() : uses_of(*row.instance);
}

std::string tenant_text(const std::vector<InstanceUse>& uses) {
  std::string text;
  for (const InstanceUse& use : uses) {
    text += (text.empty() ? "" : ", ") + use.tenant + (use.job.empty() ? "" : " " + use.job);
  }
  return text;
}

std::string gpu_title(const GpuSample& gpu) {
  std::string text = fmt::format("GPU {} {}", gpu.index.value, gpu.name);
  if (gpu.temperature_celsius) {
    text += fmt::format(" {:.0f}C", *gpu.temperature_celsius);
  }
  if (gpu.sm_stranded && *gpu.sm_stranded > 0) {
    text += fmt::format(", {} SMs stranded", *gpu.sm_stranded);
  }
  if (gpu.drift.value_or(false)) {
    text += ", drift";
  }
  return text;
}

std::string uuid_of(const MachineRow& row) {
  if (row.instance == nullptr) {
    return row.gpu->uuid;
  }
  if (row.compute != nullptr) {
    return row.compute->uuid;
  }
  return row.instance->compute_instances.size() == 1 ? row.instance->compute_instances[0].uuid : "";
}

// Text of the columns that have no bar; "" = nothing to say.
std::string text_of(const Canvas& canvas, const MachineRow& row, int column) {
  const RowValues values = values_of(row);
  const Activity none;
  const Activity& activity = values.activity != nullptr ? *values.activity : none;
  switch (column) {
    case kTensorColumn:
      return percent(activity.tensor);
    case kOccupancy:
      return percent(activity.occupancy);
    case kTx:
      return rate_text(activity.pcie_tx_bytes_per_second);
    case kRx:
      return rate_text(activity.pcie_rx_bytes_per_second);
    case kMemoryColumn:
      return values.memory ? memory_text(values.used, values.total) : "";
    case kWatts:
      return values.power ? watts_text(values.watts) : "";
    case kAge: {
      const auto uses = uses_of_row(row);
      return uses.empty() ? "" : age_text(canvas.content.now_ms - uses.front().since_ms);
    }
    case kIdle:
      return row.instance != nullptr && row.compute == nullptr && row.instance->idle_since_ms
                 ? age_text(canvas.content.now_ms - *row.instance->idle_since_ms)
                 : "";
    case kXid: {
      const auto xid = last_xid(row);
      return xid ? fmt::format("{}", *xid) : "";
    }
    case kUuid:
      return uuid_of(row);
    default:
      return "";
  }
}

Style style_of(const Canvas& canvas, const MachineRow& row, int column, const std::string& text) {
  if (text == "?") {
    return Canvas::dim();
  }
  const RowValues values = values_of(row);
  if (column == kMemoryColumn && values.used && values.total.value_or(0) != 0) {
    return canvas.of(
        load_color(static_cast<double>(*values.used) / static_cast<double>(*values.total), true));
  }
  return column == kXid && !text.empty() ? canvas.of(Color::kHigh, true) : Style{};
}

// Place of an instance's row: its GPU instance, with the compute instance where it has just one.
std::string place_text(const MachineRow& row) {
  if (row.compute != nullptr) {
    return fmt::format("   /{}", row.compute->id.value);
  }
  const GpuInstanceSample& instance = *row.instance;
  if (instance.compute_instances.size() == 1) {
    return fmt::format(" {}/{}", instance.id.value, instance.compute_instances[0].id.value);
  }
  return fmt::format(" {}", instance.id.value);
}

void draw_tenant(const Canvas& canvas, const MachineRow& row, const Placed& at, int y) {
  const auto uses = uses_of_row(row);
  const Style style =
      uses.empty() ? Style{} : canvas.of(canvas.content.color_of(uses.front().tenant));
  canvas.grid().put(at.x, y, padded(tenant_text(uses), at.width), style, at.width);
}

// Names in an instance's row: place, profile and tenant.
void draw_names(const Canvas& canvas, const MachineRow& row, const std::vector<Placed>& at, int y) {
  for (const Placed& one : at) {
    if (one.column.id == kTenant) {
      draw_tenant(canvas, row, one, y);
    } else if (one.column.id == kPlace) {
      canvas.grid().put(one.x, y, padded(place_text(row), one.width), Style{}, one.width);
    } else if (one.column.id == kProfile) {
      const std::string text =
          row.compute != nullptr ? " " + row.compute->profile : row.instance->profile;
      canvas.grid().put(one.x, y, padded(text, one.width), Style{}, one.width);
    }
  }
}

// Title of a GPU's row, across the columns of names.
void draw_title(const Canvas& canvas, const GpuSample& gpu, const std::vector<Placed>& at, int y) {
  int end = canvas.grid().width();
  for (const Placed& one : at) {
    if (one.column.id > kTenant) {
      end = std::min(end, one.x - 1);
    }
  }
  canvas.grid().put(0, y, padded(gpu_title(gpu), end), canvas.of(Color::kAccent, true), end);
}

void draw_sm_minute(const Canvas& canvas, const MachineRow& row, const Placed& at, int y) {
  const Subject subject =
      row.instance == nullptr ? subject_of(*row.gpu) : subject_of(*row.gpu, *row.instance);
  draw_plot(canvas.grid(),
            at.x,
            y,
            at.width,
            1,
            canvas.content.history.minute(subject, Metric::kSm),
            canvas.view.unicode,
            canvas.of(Color::kLow));
}

void draw_text(const Canvas& canvas, const MachineRow& row, const Placed& at, int y) {
  const std::string text = text_of(canvas, row, at.column.id);
  canvas.grid().put(at.x,
                    y,
                    at.column.right ? right(text, at.width) : padded(text, at.width),
                    style_of(canvas, row, at.column.id, text),
                    at.width);
}

// Cell of a row that has an activity, in a column right of the names.
void draw_measured(const Canvas& canvas,
                   const MachineRow& row,
                   const Activity& activity,
                   const Placed& at,
                   int y) {
  const int column = at.column.id;
  if (column == kSmColumn) {
    draw_load(canvas, at, y, activity.sm);
  } else if (column == kDramColumn) {
    draw_load(canvas, at, y, activity.dram);
  } else if (column == kPlot && row.compute == nullptr) {
    draw_sm_minute(canvas, row, at, y);
  } else {
    draw_text(canvas, row, at, y);
  }
}

void draw_row(const Canvas& canvas, const MachineRow& row, const std::vector<Placed>& at, int y) {
  if (row.instance == nullptr) {
    draw_title(canvas, *row.gpu, at, y);
  } else {
    draw_names(canvas, row, at, y);
  }
  const Activity* activity = values_of(row).activity;
  for (const Placed& one : at) {
    const int column = one.column.id;
    if (column <= kTenant) {
      continue;
    }
    if (activity != nullptr) {
      draw_measured(canvas, row, *activity, one, y);
    } else if (column == kUuid || column == kAge) {
      canvas.grid().put(one.x, y, padded(text_of(canvas, row, column), one.width));
    }
  }
}

// One line of the part: a row, or a line of a GPU's strip.
struct Line {
  int row = -1;
  int strip = 0;  // 1, 2: the strip's lines
};

std::vector<Line> lines_of(const Canvas& canvas, const std::vector<MachineRow>& rows) {
  std::vector<Line> lines;
  const bool two = canvas.grid().width() >= kWideEnough;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    lines.push_back({static_cast<int>(i), 0});
    if (rows[i].instance == nullptr && canvas.view.strips) {
      lines.push_back({static_cast<int>(i), 1});
      if (two && rows[i].gpu->mig_current == MigMode::kEnabled && !rows[i].gpu->instances.empty()) {
        lines.push_back({static_cast<int>(i), 2});
      }
    }
  }
  return lines;
}

}  // namespace

int machine_lines(const Canvas& canvas) {
  const auto rows = machine_rows(canvas.content.sample);
  return 1 + static_cast<int>(lines_of(canvas, rows).size());
}

void draw_machine(const Canvas& canvas, Lines part) {
  if (part.height <= 0) {
    return;
  }
  const auto rows = machine_rows(canvas.content.sample);
  const auto lines = lines_of(canvas, rows);
  const int width = canvas.grid().width();
  const auto at = place_columns(machine_columns(), 0, width);
  for (const Placed& one : at) {
    canvas.grid().put(
        one.x,
        part.y,
        one.column.right ? right(one.column.title, one.width) : padded(one.column.title, one.width),
        Canvas::dim());
  }
  const int selected = selected_index(rows, canvas.view);
  const auto line = std::find_if(lines.begin(), lines.end(), [&](const Line& one) {
    return one.row == selected && one.strip == 0;
  });
  const int shown = part.height - 1;
  const int first = first_shown(static_cast<int>(lines.size()),
                                shown,
                                line == lines.end() ? -1 : static_cast<int>(line - lines.begin()));
  for (int i = 0; i < shown && first + i < static_cast<int>(lines.size()); ++i) {
    const int index = first + i;
    const Line& one = lines[static_cast<std::size_t>(index)];
    const MachineRow& row = rows[static_cast<std::size_t>(one.row)];
    const int y = part.y + 1 + i;
    if (one.strip != 0) {
      draw_strip_line(canvas, y, *row.gpu, one.strip == 2);
      continue;
    }
    draw_row(canvas, row, at, y);
    canvas.hit(0, y, width, row.key);
    if (one.row == selected) {
      canvas.grid().restyle(
          0, y, width, {Color::kPlain, canvas.view.pane == Pane::kMachine, false, true});
    }
  }
}

}  // namespace mig::top
