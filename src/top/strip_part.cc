// SPDX-License-Identifier: Apache-2.0
// Strips of memory slots to scale (model/strip.h), coloured by tenant: what is free and can be used
// is hatched, what is free and no profile fits into is dotted.
#include <algorithm>

#include "model/strip.h"
#include "top/glyph.h"
#include "top/parts.h"
#include "top/texts.h"

namespace mig::top {
namespace {

constexpr std::uint32_t kWidestSlot = 24;
constexpr int kIndent = 1;

// Columns per slot at which every GPU's strip has the same scale.
std::uint32_t slot_width(const Canvas& canvas) {
  std::uint32_t slots = 1;
  for (const GpuSample& gpu : canvas.content.sample.gpus) {
    slots = std::max(slots, gpu.memory_slices);
  }
  const int room = std::max(0, canvas.grid().width() - kIndent - 1);
  return std::clamp(static_cast<std::uint32_t>(room) / slots, 2U, kWidestSlot);
}

// True where the driver says that no further instance fits.
bool full(const GpuSample& gpu) {
  return !gpu.room.empty() &&
         std::all_of(gpu.room.begin(), gpu.room.end(), [](const GpuSample::Room& room) {
           return room.free == 0;
         });
}

bool covered(const GpuSample& gpu, std::uint32_t slot) {
  return std::any_of(
      gpu.instances.begin(), gpu.instances.end(), [&](const GpuInstanceSample& instance) {
        return slot >= instance.placement.start && slot < instance.placement.end();
      });
}

void hatch_free(const Canvas& canvas, int y, const GpuSample& gpu, int width) {
  const bool stranded = full(gpu);
  const char32_t glyph =
      stranded ? (canvas.view.unicode ? U'·' : U'.') : (canvas.view.unicode ? U'░' : U':');
  for (std::uint32_t slot = 0; slot < gpu.memory_slices; ++slot) {
    if (covered(gpu, slot)) {
      continue;
    }
    for (int x = 1; x < width; ++x) {
      canvas.grid().put(kIndent + static_cast<int>(slot) * width + x, y, glyph, Canvas::dim());
    }
  }
}

Style style_of(const Canvas& canvas, const GpuInstanceSample& instance) {
  const auto uses = uses_of(instance);
  return uses.empty()
             ? Style{}
             : canvas.style({canvas.content.color_of(uses.front().tenant), false, false, true});
}

// Who has the instance, and its load, below its profile.
std::string second_text(const GpuInstanceSample& instance) {
  const auto uses = uses_of(instance);
  std::string text = uses.empty() ? "no lease" : uses.front().tenant;
  if (uses.size() > 1) {
    text += " +" + std::to_string(uses.size() - 1);
  }
  return text + " " + percent(instance.activity.sm);
}

// Strip of the GPU's slots, with the MIG mode that is pending where it differs.
void draw_slots(const Canvas& canvas, int y, const GpuSample& gpu, std::uint32_t slot) {
  StripOptions options;
  options.slot_width = slot;
  options.unicode = canvas.view.unicode;
  std::string text = draw_strip(layout_of(gpu), options);
  if (gpu.mig_pending != gpu.mig_current) {
    text += gpu.mig_pending == MigMode::kEnabled ? " on after a reset" : " off after a reset";
  }
  canvas.grid().put(kIndent, y, text);
}

// Columns of an instance's slots, between the strip's borders.
struct Span {
  int x = 0;
  int columns = 0;
};

Span span_of(const GpuInstanceSample& instance, int width) {
  return {kIndent + static_cast<int>(instance.placement.start) * width + 1,
          static_cast<int>(instance.placement.size) * width - 1};
}

// Colours an instance's slots in the strip's first line, where a click selects the instance.
void mark_instance(
    const Canvas& canvas, int y, const GpuSample& gpu, const GpuInstanceSample& instance, Span at) {
  canvas.grid().restyle(at.x, y, at.columns, style_of(canvas, instance));
  const MachineKey key{
      gpu.uuid, static_cast<std::int64_t>(instance.id.value), -1, instance.generation};
  canvas.hit(at.x, y, at.columns, key);
}

// An instance in the strip's second line.
void draw_use(const Canvas& canvas, int y, const GpuInstanceSample& instance, Span at) {
  const char32_t border = canvas.view.unicode ? U'│' : U'|';
  canvas.grid().put(at.x - 1, y, border, {});
  canvas.grid().put(
      at.x, y, padded(second_text(instance), at.columns), style_of(canvas, instance), at.columns);
  canvas.grid().put(at.x + at.columns, y, border, {});
}

}  // namespace

void draw_strip_line(const Canvas& canvas, int y, const GpuSample& gpu, bool second) {
  const auto slot = slot_width(canvas);
  const int width = static_cast<int>(slot);
  if (!second) {
    draw_slots(canvas, y, gpu, slot);
  }
  if (gpu.mig_current != MigMode::kEnabled || gpu.memory_slices == 0) {
    return;
  }
  if (!second) {
    hatch_free(canvas, y, gpu, width);
  }
  for (const GpuInstanceSample& instance : gpu.instances) {
    if (instance.placement.size == 0) {
      continue;
    }
    const Span at = span_of(instance, width);
    if (second) {
      draw_use(canvas, y, instance, at);
    } else {
      mark_instance(canvas, y, gpu, instance, at);
    }
  }
}

}  // namespace mig::top
