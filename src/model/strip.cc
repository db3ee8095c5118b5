// SPDX-License-Identifier: Apache-2.0
#include "model/strip.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace mig {
namespace {

constexpr std::uint32_t kNarrowest = 4;
constexpr std::uint32_t kWidest = 16;
constexpr std::string_view kBusy = "\x1b[33m";
constexpr std::string_view kIdle = "\x1b[32m";
constexpr std::string_view kFree = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";

std::string label(const LayoutCell& cell) {
  return cell.profile.str() + (cell.busy ? " *" : "");
}

std::string painted(std::string text, std::string_view color, const StripOptions& options) {
  return options.color ? fmt::format("{}{}{}", color, text, kPlain) : text;
}

// `text` in exactly `width` columns; truncated with "~", the busy mark stays.
std::string fitted(const LayoutCell& cell, std::size_t width) {
  std::string text = label(cell);
  if (text.size() > width) {
    const std::string_view tail = cell.busy ? "~*" : "~";
    text = text.substr(0, width > tail.size() ? width - tail.size() : 0);
    text += tail.substr(0, width - text.size());
  }
  text.resize(width, ' ');
  return text;
}

std::string free_slot(std::size_t width, const StripOptions& options) {
  const std::size_t before = (width - 1) / 2;
  return painted(
      fmt::format("{:{}}{}{:{}}", "", before, options.unicode ? "·" : ".", "", width - before - 1),
      kFree,
      options);
}

std::string ruler(std::uint32_t slots, std::uint32_t width) {
  std::string line = " ";
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    line += fmt::format("{:<{}}", slot, width);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::vector<CellCompute> computes_of(const GpuInstance& instance) {
  std::vector<CellCompute> out;
  out.reserve(instance.compute_instances.size());
  for (const ComputeInstance& compute : instance.compute_instances) {
    out.push_back({compute.name, compute.sm});
  }
  return out;
}

GpuLayout layout_of(const Gpu& gpu) {
  GpuLayout layout;
  layout.mode = gpu.mig_current;
  layout.memory_slices = gpu.memory_slices;
  for (const GpuInstance& instance : gpu.instances) {
    layout.cells.push_back(
        {instance.name, instance.placement, gpu.in_use(instance.id), computes_of(instance)});
  }
  std::stable_sort(
      layout.cells.begin(), layout.cells.end(), [](const LayoutCell& a, const LayoutCell& b) {
        return a.placement < b.placement;
      });
  return layout;
}

std::uint32_t strip_slot_width(const GpuLayout& layout) {
  std::uint32_t width = kNarrowest;
  for (const LayoutCell& cell : layout.cells) {
    const auto need = static_cast<std::uint32_t>(label(cell).size()) + 1;
    const std::uint32_t size = std::max(cell.placement.size, 1U);
    width = std::max(width, (need + size - 1) / size);
  }
  return std::min(width, kWidest);
}

std::string draw_strip(const GpuLayout& layout, const StripOptions& options) {
  if (layout.mode == MigMode::kUnsupported) {
    return "(no MIG on this GPU)";
  }
  if (layout.mode == MigMode::kDisabled) {
    return "(MIG is disabled)";
  }
  if (layout.memory_slices == 0) {
    return "(the driver tells profiles and places to root only)";
  }
  const std::uint32_t width =
      options.slot_width != 0 ? std::max(options.slot_width, 2U) : strip_slot_width(layout);
  const std::string bar = options.unicode ? "│" : "|";
  std::string line = bar;
  std::uint32_t slot = 0;
  for (auto cell = layout.cells.begin(); slot < layout.memory_slices;) {
    while (cell != layout.cells.end() && cell->placement.start < slot) {
      ++cell;  // overlapping or unknown placements: draw as far as possible
    }
    if (cell == layout.cells.end() || cell->placement.start > slot || cell->placement.size == 0) {
      line += free_slot(width - 1, options) + bar;
      ++slot;
      continue;
    }
    const std::uint32_t end = std::min(cell->placement.end(), layout.memory_slices);
    line += painted(fitted(*cell, std::size_t{width} * (end - slot) - 1),
                    cell->busy ? kBusy : kIdle,
                    options) +
            bar;
    slot = end;
  }
  return options.ruler ? ruler(layout.memory_slices, width) + "\n" + line : line;
}

}  // namespace mig
