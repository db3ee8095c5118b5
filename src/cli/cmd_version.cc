// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/render_inventory.h"
#include "node/node.h"

namespace mig::cli {
namespace {

class Version final : public Command {
 public:
  CommandText text() const override {
    return {"version",
            "Print the versions of migctl, the driver and NVML.",
            "Without a driver it says so and still ends with 0.",
            {"version"},
            {}};
  }

  Result<int> run(Context& context) override {
    Versions report{MIG_VERSION, {}, {}, {}};
    context.only_looks(wire::MachinePart::kState);
    if (const auto versions = context.versions()) {
      report.driver_version = versions->driver;
      report.nvml_version = versions->nvml;
    } else {
      report.driver_note = versions.error().text();
    }
    const auto source = context.source_or_default();
    if (context.globals().json) {
      context.output().result(wire::version_document(report, source));
      return 0;
    }
    std::string text = fmt::format("migctl {}\n", report.version);
    if (report.driver_note.empty()) {
      text += fmt::format("{}{}driver {}, NVML {}\n",
                          simulated_mark(source),
                          source.simulated ? ": " : "",
                          report.driver_version,
                          report.nvml_version);
    } else {
      text += fmt::format("no driver: {}\n", report.driver_note);
    }
    context.output().result(text);
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_version() {
  return std::make_unique<Version>();
}

}  // namespace mig::cli
