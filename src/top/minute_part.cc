// SPDX-License-Identifier: Apache-2.0
// The last minute of the selected GPU or instance, as plots.
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "top/braille.h"
#include "top/glyph.h"
#include "top/parts.h"
#include "top/rows.h"
#include "top/texts.h"

namespace mig::top {
namespace {

struct Plot {
  Metric metric;
  const char* title;
  Color color;
};

constexpr std::array<Plot, kMetrics> kPlots = {{{Metric::kSm, "SM", Color::kLow},
                                                {Metric::kDram, "DRAM", Color::kAccent},
                                                {Metric::kTensor, "tensor", Color::kMiddle},
                                                {Metric::kMemory, "memory", Color::kTenant1}}};

const MachineRow* subject_row(const std::vector<MachineRow>& rows, const View& view) {
  const int selected = selected_index(rows, view);
  return rows.empty() ? nullptr : &rows[static_cast<std::size_t>(std::max(selected, 0))];
}

std::string reason_of(const MachineRow& row) {
  const ActivitySource source = row.instance == nullptr ? row.gpu->source : row.instance->source;
  if (source != ActivitySource::kUnknown) {
    return "";
  }
  const std::string& reason =
      row.instance == nullptr ? row.gpu->activity_reason : row.instance->activity_reason;
  return "activity unknown" + (reason.empty() ? "" : ": " + reason);
}

}  // namespace

void draw_minute(const Canvas& canvas, Lines lines) {
  const auto rows = machine_rows(canvas.content.sample);
  const MachineRow* row = subject_row(rows, canvas.view);
  if (row == nullptr || lines.height < 2) {
    return;
  }
  const Subject subject =
      row->instance == nullptr ? subject_of(*row->gpu) : subject_of(*row->gpu, *row->instance);
  std::string title = fmt::format("60 s of GPU {}", row->gpu->index.value);
  if (row->instance != nullptr) {
    title += fmt::format(" gi={} {}", row->instance->id.value, row->instance->profile);
  }
  const int width = canvas.grid().width();
  int x = canvas.grid().put(0, lines.y, title, canvas.of(Color::kAccent, true));
  if (const std::string reason = reason_of(*row); !reason.empty()) {
    canvas.grid().put(x + 2, lines.y, cut(reason, width - x - 2), Canvas::dim());
  }
  constexpr int kTitle = 7;
  constexpr int kGap = 2;
  x = 0;
  for (const Plot& plot : kPlots) {
    const int room = std::min(kPlotColumns, width - x - kTitle);
    if (room < kPlotColumns / 2) {
      break;
    }
    const Minute minute = canvas.content.history.minute(subject, plot.metric);
    const float last = minute.back();
    canvas.grid().put(x, lines.y + 1, plot.title);
    canvas.grid().put(
        x, lines.y + 2, percent(std::isfinite(last) ? std::optional<double>(last) : std::nullopt));
    draw_plot(canvas.grid(),
              x + kTitle,
              lines.y + 1,
              room,
              lines.height - 1,
              minute,
              canvas.view.unicode,
              canvas.of(plot.color));
    x += kTitle + room + kGap;
  }
}

}  // namespace mig::top
