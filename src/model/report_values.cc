// SPDX-License-Identifier: Apache-2.0
#include "model/report_values.h"

#include <algorithm>

#include <fmt/format.h>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::report {
namespace {

// Reads a span that starts with `sign` and ends with it; its length, 0 = it is none.
std::size_t enclosed(std::string_view text, char sign) {
  if (text.size() < 3 || text[0] != sign || text[1] == ' ') {
    return 0;
  }
  const std::size_t end = text.find(sign, 1);
  return end == std::string_view::npos || end == 1 ? 0 : end + 1;
}

struct FoundLink {
  std::string_view words, address;
  std::size_t length = 0;  // 0 = it is none
};

FoundLink link_at(std::string_view text) {
  if (text.empty() || text[0] != '[') {
    return {};
  }
  const std::size_t middle = text.find("](");
  const std::size_t end = middle == std::string_view::npos ? middle : text.find(')', middle);
  if (end == std::string_view::npos || text.substr(0, middle).find('\n') != std::string_view::npos) {
    return {};
  }
  return {text.substr(1, middle - 1), text.substr(middle + 2, end - middle - 2), end + 1};
}

}  // namespace

Text::Text(std::string words) {
  plain(std::move(words));
}

Text::Text(const char* words) : Text(std::string(words)) {}

Text::Text(std::string_view words) : Text(std::string(words)) {}

Text& Text::plain(std::string text) {
  if (!text.empty()) {
    spans.push_back({SpanKind::kPlain, std::move(text), {}});
  }
  return *this;
}

Text& Text::code(std::string text) {
  if (!text.empty()) {
    spans.push_back({SpanKind::kCode, std::move(text), {}});
  }
  return *this;
}

Text& Text::emphasis(std::string text) {
  if (!text.empty()) {
    spans.push_back({SpanKind::kEmphasis, std::move(text), {}});
  }
  return *this;
}

Text& Text::link(std::string text, std::string address) {
  spans.push_back({SpanKind::kLink, std::move(text), std::move(address)});
  return *this;
}

bool Text::empty() const {
  return spans.empty();
}

std::string Text::str() const {
  std::string out;
  for (const Span& span : spans) {
    out += span.text;
  }
  return out;
}

Text marked(std::string_view text) {
  Text out;
  std::string plain;
  const auto flush = [&] {
    out.plain(std::exchange(plain, {}));
  };
  while (!text.empty()) {
    if (const std::size_t code = enclosed(text, '`'); code > 0) {
      flush();
      out.code(std::string(text.substr(1, code - 2)));
      text.remove_prefix(code);
    } else if (const std::size_t emphasis = enclosed(text, '*'); emphasis > 0) {
      flush();
      out.emphasis(std::string(text.substr(1, emphasis - 2)));
      text.remove_prefix(emphasis);
    } else if (const FoundLink found = link_at(text); found.length > 0) {
      flush();
      out.link(std::string(found.words), std::string(found.address));
      text.remove_prefix(found.length);
    } else {
      plain += text[0];
      text.remove_prefix(1);
    }
  }
  flush();
  return out;
}

const char* name_of(Origin origin) {
  switch (origin) {
    case Origin::kCaptured:
      return "captured";
    case Origin::kMeasured:
      return "measured";
    case Origin::kSimulated:
      return "simulated";
    case Origin::kDocumented:
      return "documented";
    case Origin::kDerived:
      return "derived";
    case Origin::kAssumed:
      return "assumed";
  }
  return "";
}

const char* meaning_of(Origin origin) {
  switch (origin) {
    case Origin::kCaptured:
      return "printed by another program on a real machine";
    case Origin::kMeasured:
      return "measured on hardware by this program";
    case Origin::kSimulated:
      return "from a simulated machine: a model of the hardware, not hardware";
    case Origin::kDocumented:
      return "taken from the source that is named";
    case Origin::kDerived:
      return "calculated from other figures of this report";
    case Origin::kAssumed:
      return "assumed; replace it with your own figure";
  }
  return "";
}

const char* name_of(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "plain";
    case Tone::kGood:
      return "good";
    case Tone::kWarning:
      return "warning";
    case Tone::kBad:
      return "bad";
    case Tone::kUnknown:
      break;
  }
  return "unknown";
}

const char* name_of(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kSimulated:
      return "simulated";
    case NoticeKind::kLabError:
      return "lab-error";
    case NoticeKind::kNotRun:
      return "not-run";
    case NoticeKind::kProblem:
      return "problem";
    case NoticeKind::kGood:
      return "good";
    case NoticeKind::kNote:
      break;
  }
  return "note";
}

LayoutStrip strip_of(const Gpu& gpu, std::string note) {
  LayoutStrip strip{fmt::format("GPU {}  {}", gpu.index.value, gpu.name),
                    gpu.mig_current == MigMode::kEnabled ? gpu.memory_slices : 0,
                    {},
                    std::move(note)};
  for (const GpuInstance& instance : gpu.instances) {
    StripCell cell{instance.name.str(),
                   instance.placement.start,
                   instance.placement.size,
                   {fmt::format("gi {}", instance.id.value), fmt::format("{} SMs", instance.sm)},
                   gpu.in_use(instance.id)};
    for (const ComputeInstance& compute : instance.compute_instances) {
      if (!compute.uuid.empty()) {
        cell.lines.push_back(compute.uuid);
      }
    }
    strip.cells.push_back(std::move(cell));
  }
  std::stable_sort(strip.cells.begin(),
                   strip.cells.end(),
                   [](const StripCell& a, const StripCell& b) { return a.start < b.start; });
  return strip;
}

LayoutStrip strip_of(const GpuLayout& layout, std::string gpu, std::string note) {
  LayoutStrip strip{std::move(gpu),
                    layout.mode == MigMode::kEnabled ? layout.memory_slices : 0,
                    {},
                    std::move(note)};
  for (const LayoutCell& cell : layout.cells) {
    strip.cells.push_back(
        {cell.profile.str(), cell.placement.start, cell.placement.size, {}, cell.busy});
  }
  return strip;
}

}  // namespace mig::report
