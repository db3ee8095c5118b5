// SPDX-License-Identifier: Apache-2.0
#include "expose/render.h"

#include <array>

#include "expose/parts.h"

namespace mig::expose {
namespace {

constexpr std::array<Dialect, 3> kDialects{Dialect::kOff, Dialect::kLegacy, Dialect::kNew};

}  // namespace

const char* name_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::kOff:
      return "off";
    case Dialect::kLegacy:
      return "legacy";
    case Dialect::kNew:
      return "4.9";
  }
  return "off";
}

std::optional<Dialect> parse_dialect(std::string_view word) {
  for (const Dialect dialect : kDialects) {
    if (word == name_of(dialect)) {
      return dialect;
    }
  }
  return std::nullopt;
}

Families families_of(const MachineSample& sample,
                     const NodeFigures& figures,
                     const RenderOptions& options) {
  Families out;
  add_node(out, sample, figures);
  add_gpus(out, sample);
  add_instances(out, sample, options.jobs);
  if (options.dialect != Dialect::kOff) {
    add_dcgm(out, sample, figures, options);
  }
  out.add("mig_exporter_series_dropped",
          Type::kGauge,
          "Series left out of this page because a family reached its bound.",
          LabelMaker(sample.simulated).ended({}),
          static_cast<double>(out.dropped()));
  return out;
}

std::string render(const MachineSample& sample,
                   const NodeFigures& figures,
                   const RenderOptions& options) {
  return to_text(families_of(sample, figures, options), options.format);
}

MachineSample withdrawn(const MachineSample& sample, const std::string& why) {
  MachineSample rest = sample;
  rest.gpus.clear();
  rest.withdrawn = why;
  for (CollectorHealth& collector : rest.collectors) {
    collector.success = false;
  }
  return rest;
}

}  // namespace mig::expose
