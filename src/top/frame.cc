// SPDX-License-Identifier: Apache-2.0
#include "top/frame.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "top/glyph.h"
#include "top/parts.h"
#include "top/rows.h"
#include "top/texts.h"

namespace mig::top {
namespace {

constexpr int kHighEnough = 14;  // lines, from which on the plots of a minute have room
constexpr int kTall = 40;        // from which on they are higher

std::string header_text(const Canvas& canvas) {
  const Content& content = canvas.content;
  const MachineSample& sample = content.sample;
  std::string text = "migctl top";
  if (!sample.hostname.empty()) {
    text += "  " + sample.hostname;
  }
  // A sampler that closes the driver between two samples is slower than who looks.
  constexpr double kMsPerSecond = 1000;
  const double interval = std::max(static_cast<double>(canvas.view.interval_ms) / kMsPerSecond,
                                   sample.interval_seconds);
  text += fmt::format("  {} UTC  {:.1f} s", clock_text(content.now_ms), interval);
  if (!content.source.empty()) {
    text += " via " + content.source;
  }
  if (canvas.view.paused) {
    text += "  PAUSED";
  }
  if (!sample.driver_version.empty()) {
    text += "  driver " + sample.driver_version;
  }
  return text;
}

void draw_header(const Canvas& canvas) {
  int x = 0;
  if (canvas.content.sample.simulated) {
    const std::string& name = canvas.content.sample.simulated_machine;
    x = canvas.grid().put(0,
                          0,
                          name.empty() ? std::string("SIMULATED") : "SIMULATED " + name,
                          canvas.style({Color::kSimulated, true, false, !canvas.view.color}));
    x += 2;
  }
  const int room = canvas.grid().width() - x;
  canvas.grid().put(x, 0, cut(header_text(canvas), room), Style{Color::kPlain, true}, room);
}

struct FooterKey {
  const char* key;
  const char* text;
  Key press;
};

const std::array<FooterKey, 12>& footer_keys() {
  static const std::array<FooterKey, 12> kKeys = {{{"q", "quit", character(U'q')},
                                                   {"F1", "help", function(1)},
                                                   {"F2", "setup", function(2)},
                                                   {"F6", "sort", function(6)},
                                                   {"F9", "signal", function(9)},
                                                   {"/", "filter", character(U'/')},
                                                   {"t", "tree", character(U't')},
                                                   {"d", "desired", character(U'd')},
                                                   {"p", "plan", character(U'p')},
                                                   {"E", "events", character(U'E')},
                                                   {"u", "pause", character(U'u')},
                                                   {"Tab", "half", {KeyKind::kTab, 0}}}};
  return kKeys;
}

// The end of a long name stays visible.
void draw_naming(const Canvas& canvas, int y) {
  const std::string lead = "layout file [-c CONFIG]: ";
  const std::string tail = "_  Enter plans, Esc closes";
  const int room = std::max(1, canvas.grid().width() - text_width(lead) - text_width(tail));
  canvas.grid().put(0,
                    y,
                    cut(lead + end_of(canvas.view.layout, room) + tail, canvas.grid().width()),
                    canvas.of(Color::kAccent, true));
}

void draw_footer(const Canvas& canvas, int y) {
  const int width = canvas.grid().width();
  if (canvas.view.once) {
    return;
  }
  if (canvas.view.typing) {
    canvas.grid().put(0,
                      y,
                      cut("filter: " + canvas.view.filter + "_  Enter keeps, Esc drops it", width),
                      canvas.of(Color::kAccent, true));
    return;
  }
  if (canvas.view.naming) {
    draw_naming(canvas, y);
    return;
  }
  const std::string& message =
      canvas.view.sort_letter
          ? std::string("sort by: i instance, p pid, u user, t tenant, m memory, n name")
          : canvas.view.message;
  if (!message.empty()) {
    canvas.grid().put(0, y, cut(message, width), canvas.of(Color::kMiddle, true));
    return;
  }
  int x = 0;
  for (const FooterKey& one : footer_keys()) {
    if (canvas.view.readonly && one.press == function(9)) {
      continue;
    }
    const int end = x + text_width(one.key) + text_width(one.text) + 1;
    if (end > width) {
      break;
    }
    canvas.hit(x, y, end - x, one.press);
    x = canvas.grid().put(x, y, one.key, canvas.of(Color::kAccent, true));
    x = canvas.grid().put(x + 1, y, one.text) + 1;
  }
}

// Heights of the three parts, from the lines between header and footer.
struct Heights {
  int machine = 0, minute = 0, processes = 0;
};

Heights heights_of(const Canvas& canvas, int room) {
  constexpr int kLowPlots = 3;
  constexpr int kHighPlots = 5;
  constexpr int kLeastProcesses = 5;  // title, heading, three rows
  Heights out;
  if (canvas.view.plots && room >= kHighEnough && !canvas.content.sample.gpus.empty()) {
    out.minute = room >= kTall ? kHighPlots : kLowPlots;
  }
  const int needed = machine_lines(canvas);
  const int rows = static_cast<int>(process_rows(canvas.content, canvas.view).size()) + 2;
  const int left = room - out.minute;
  int processes = std::min(rows, std::max(kLeastProcesses, left / 3));
  if (left < 2 * kLeastProcesses) {
    processes = std::max(0, std::min(processes, left / 3));
  }
  out.machine = std::min(needed, left - processes);
  out.processes = left - out.machine;
  return out;
}

void draw_withdrawn(const Canvas& canvas, int y) {
  const MachineSample& sample = canvas.content.sample;
  const std::string& text = sample.withdrawn.empty() ? canvas.content.trouble : sample.withdrawn;
  canvas.grid().put(
      0,
      y,
      cut("no readings: " + (text.empty() ? "none yet" : text), canvas.grid().width()),
      canvas.of(Color::kHigh, true));
}

void draw_main(const Canvas& canvas, Lines lines) {
  if (canvas.content.sample.gpus.empty()) {
    const bool none = canvas.content.received_ms != 0 && canvas.content.sample.withdrawn.empty();
    if (none) {
      canvas.grid().put(0, lines.y, "no GPU on this machine", canvas.of(Color::kMiddle, true));
    } else {
      draw_withdrawn(canvas, lines.y);
    }
    return;
  }
  const Heights heights = heights_of(canvas, lines.height);
  draw_machine(canvas, {lines.y, heights.machine});
  draw_minute(canvas, {lines.y + heights.machine, heights.minute});
  draw_processes(canvas, {lines.y + heights.machine + heights.minute, heights.processes});
}

}  // namespace

int first_shown(int count, int shown, int selected) {
  return std::clamp(selected - shown / 2, 0, std::max(0, count - shown));
}

Frame draw(Size size, const Content& content, const View& view) {
  Frame frame;
  frame.grid = Grid(size.width, size.height);
  if (frame.grid.width() == 0 || frame.grid.height() == 0) {
    return frame;
  }
  const Canvas canvas{frame, content, view};
  const int height = frame.grid.height();
  draw_header(canvas);
  const Lines body{1, std::max(0, height - 2)};
  if (body.height > 0) {
    switch (view.page) {
      case Page::kMain:
        draw_main(canvas, body);
        break;
      case Page::kDesired:
        draw_desired(canvas, body);
        break;
      case Page::kPlan:
        draw_plan(canvas, body);
        break;
      case Page::kEvents:
        draw_events(canvas, body);
        break;
    }
  }
  if (height > 1) {
    draw_footer(canvas, height - 1);
  }
  draw_menu(canvas);
  return frame;
}

int whole_height(int width, const Content& content, const View& view) {
  Frame frame;
  frame.grid = Grid(width, 1);
  const Canvas canvas{frame, content, view};
  constexpr int kOthers = 1 + 2 + 1;  // header, title and heading, footer
  constexpr int kPlots = 3;
  const int rows = static_cast<int>(process_rows(content, view).size());
  const int height = machine_lines(canvas) + rows + kOthers + (view.plots ? kPlots : 0);
  return std::min(std::max(height, view.plots ? kHighEnough + 2 : 0), Grid::kMostRows);
}

}  // namespace mig::top
