// SPDX-License-Identifier: Apache-2.0
// Whole pages: desired against observed (`d`), plan preview (`p`), events (`E`).
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/units.h"
#include "model/strip.h"
#include "top/glyph.h"
#include "top/parts.h"
#include "top/texts.h"

namespace mig::top {
namespace {

const char* mode_word(MigMode mode) {
  return mode == MigMode::kEnabled ? "on" : mode == MigMode::kDisabled ? "off" : "not supported";
}

std::string cell_text(const LayoutCell& cell) {
  return fmt::format("{} at {}:{}", cell.profile.str(), cell.placement.start, cell.placement.size);
}

bool has(const GpuLayout& layout, const LayoutCell& wanted) {
  return std::any_of(layout.cells.begin(), layout.cells.end(), [&](const LayoutCell& cell) {
    return cell.profile == wanted.profile && cell.placement == wanted.placement;
  });
}

std::vector<std::string> differences(const GpuLayout& desired, const GpuLayout& observed) {
  std::vector<std::string> out;
  if (desired.mode != observed.mode) {
    out.push_back(
        fmt::format("MIG is {}, desired {}", mode_word(observed.mode), mode_word(desired.mode)));
  }
  for (const LayoutCell& cell : desired.cells) {
    if (!has(observed, cell)) {
      out.push_back("missing: " + cell_text(cell));
    }
  }
  for (const LayoutCell& cell : observed.cells) {
    if (!has(desired, cell)) {
      out.push_back("not desired: " + cell_text(cell) + (cell.busy ? ", in use" : ""));
    }
  }
  return out;
}

struct PageLine {
  std::string text;
  Style style;
};

// Columns per slot of strips that follow `lead` columns.
std::uint32_t width_of_slot(const Canvas& canvas,
                            const GpuLayout& a,
                            const GpuLayout& b,
                            int lead) {
  constexpr std::uint32_t kWidest = 24;
  const std::uint32_t slots = std::max({a.memory_slices, b.memory_slices, 1U});
  const int room = std::max(0, canvas.grid().width() - lead - 1);
  return std::clamp(static_cast<std::uint32_t>(room) / slots, 2U, kWidest);
}

void add_gpu(const Canvas& canvas, const GpuSample& gpu, std::vector<PageLine>& out) {
  const auto& all = canvas.content.desired.gpus;
  const auto desired = std::find_if(
      all.begin(), all.end(), [&](const DesiredGpu& one) { return one.uuid == gpu.uuid; });
  out.push_back(
      {fmt::format("GPU {} {}", gpu.index.value, gpu.name), canvas.of(Color::kAccent, true)});
  if (desired == all.end()) {
    out.push_back({"  no layout of it was ever applied by migctl", Canvas::dim()});
    return;
  }
  const GpuLayout observed = layout_of(gpu);
  GpuLayout wanted = desired->layout;
  if (wanted.memory_slices == 0) {
    wanted.memory_slices = observed.memory_slices;
  }
  constexpr int kLead = 11;
  StripOptions options;
  options.slot_width = width_of_slot(canvas, wanted, observed, kLead);
  options.unicode = canvas.view.unicode;
  out.push_back({"  desired  " + draw_strip(wanted, options), {}});
  out.push_back({"  observed " + draw_strip(observed, options), {}});
  const auto lines = differences(wanted, observed);
  for (const std::string& line : lines) {
    out.push_back({"  " + line, canvas.of(Color::kHigh)});
  }
  if (lines.empty()) {
    out.push_back({"  as desired", canvas.of(Color::kLow)});
  }
}

std::string count_text(std::size_t count, const char* what) {
  return fmt::format("{} {}", count, what);
}

std::string changes_text(const GpuPlan& gpu) {
  if (!gpu.changes()) {
    return "no change";
  }
  std::string text = fmt::format("{}, {}, {}",
                                 count_text(gpu.destroyed.size(), "destroyed"),
                                 count_text(gpu.created.size(), "created"),
                                 count_text(gpu.kept.size(), "kept"));
  if (gpu.compute_changes) {
    text += ", compute instances change";
  }
  if (gpu.before.mode != gpu.after.mode) {
    text += fmt::format(", MIG {}", mode_word(gpu.after.mode));
  }
  return text;
}

void add_gpu_plan(const Canvas& canvas, const GpuPlan& gpu, std::vector<PageLine>& out) {
  out.push_back({fmt::format("GPU {} {}: {}", gpu.gpu.value, gpu.name, changes_text(gpu)),
                 canvas.of(Color::kAccent, true)});
  constexpr int kLead = 9;
  StripOptions options;
  options.slot_width = width_of_slot(canvas, gpu.before, gpu.after, kLead);
  options.unicode = canvas.view.unicode;
  out.push_back({"  before " + draw_strip(gpu.before, options), {}});
  if (gpu.changes()) {
    out.push_back({"  after  " + draw_strip(gpu.after, options), {}});
  }
  for (const Blocker& blocker : gpu.blockers) {
    out.push_back({"  in the way: " + blocker.what, canvas.of(Color::kHigh)});
  }
}

void add_plan(const Canvas& canvas, const Preview& preview, std::vector<PageLine>& out) {
  const Plan& plan = preview.plan;
  const std::string as_of = " (as of " + clock_text(preview.at_ms) + " UTC; p, Enter: again)";
  if (plan.empty()) {
    out.push_back({"The machine is so already" + as_of, canvas.of(Color::kLow)});
  } else if (plan.blocked()) {
    out.push_back({"It cannot be applied now" + as_of, canvas.of(Color::kHigh, true)});
  } else {
    out.push_back(
        {fmt::format(
             "{} steps, about {}{}", plan.steps.size(), base::span_text(plan.estimated_ms), as_of),
         canvas.of(Color::kLow)});
  }
  for (const std::string& warning : plan.warnings) {
    out.push_back({warning, canvas.of(Color::kMiddle)});
  }
  for (const GpuPlan& gpu : plan.gpus) {
    add_gpu_plan(canvas, gpu, out);
  }
  for (const Step& step : plan.steps) {
    out.push_back({"  " + step.str(), Canvas::dim()});
  }
}

PageLine event_line(const Canvas& canvas, const Event& event) {
  return {clock_text(event.time_ms) + "  " + event.text,
          event.bad ? canvas.of(Color::kHigh) : Style{}};
}

void draw_page(const Canvas& canvas, Lines lines, const std::vector<PageLine>& page) {
  const int count = static_cast<int>(page.size());
  const int first =
      std::clamp(canvas.view.menu_line, 0, std::max(0, count - std::max(lines.height, 0)));
  for (int i = 0; i < lines.height && first + i < count; ++i) {
    const int index = first + i;
    const PageLine& line = page[static_cast<std::size_t>(index)];
    canvas.grid().put(0, lines.y + i, cut(line.text, canvas.grid().width()), line.style);
  }
}

}  // namespace

void draw_desired(const Canvas& canvas, Lines lines) {
  std::vector<PageLine> page;
  const Desired& desired = canvas.content.desired;
  page.push_back({"Desired (what migctl applied last) and observed", Style{Color::kPlain, true}});
  if (!desired.asked) {
    page.push_back({"reading the history ...", Canvas::dim()});
  } else if (!desired.trouble.empty()) {
    page.push_back({desired.trouble, canvas.of(Color::kMiddle)});
  } else {
    for (const GpuSample& gpu : canvas.content.sample.gpus) {
      add_gpu(canvas, gpu, page);
    }
  }
  draw_page(canvas, lines, page);
}

void draw_plan(const Canvas& canvas, Lines lines) {
  std::vector<PageLine> page;
  const Preview& preview = canvas.content.preview;
  page.push_back({"Plan preview" + (preview.asked.empty() ? "" : ": " + preview.asked) +
                      " (nothing is changed)",
                  Style{Color::kPlain, true}});
  if (preview.asked.empty()) {
    page.push_back({"name a layout file: what applying it would change, and who is in the way",
                    Canvas::dim()});
  } else if (!preview.ready) {
    page.push_back({"planning ...", Canvas::dim()});
  } else if (!preview.trouble.empty()) {
    page.push_back({preview.trouble, canvas.of(Color::kMiddle)});
  } else {
    add_plan(canvas, preview, page);
  }
  draw_page(canvas, lines, page);
}

void draw_events(const Canvas& canvas, Lines lines) {
  std::vector<PageLine> page;
  page.push_back({"Events since the start, newest first (UTC)", Style{Color::kPlain, true}});
  const auto& events = canvas.content.events.events();
  if (events.empty()) {
    page.push_back({"none yet", Canvas::dim()});
  }
  std::transform(events.rbegin(), events.rend(), std::back_inserter(page), [&](const Event& event) {
    return event_line(canvas, event);
  });
  draw_page(canvas, lines, page);
}

}  // namespace mig::top
