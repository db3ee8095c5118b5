// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/layout_file.h"
#include "cli/render_inventory.h"
#include "service/layouts.h"

namespace mig::cli {
namespace {

class Assert final : public Command {
 public:
  CommandText text() const override {
    return {"assert",
            "Tell whether a layout is applied: exit code 0 = yes, 10 = no.",
            "Prints what of the layout the machine does not have. GPUs that the layout does not "
            "name are not looked at.",
            {"assert -f layouts.yaml -c mixed", "assert -f layouts.yaml -c mixed --mode-only"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kTooLarge,
             ErrorCode::kNothingMatched,
             ErrorCode::kNotFound,
             ErrorCode::kNotSupported,
             ErrorCode::kNotApplied,
             ErrorCode::kDeviceLost,
             ErrorCode::kNoDriver}};
  }

  void declare(Options& options) override {
    layout_.declare(options);
    options.flag({"-m,--mode-only",
                  "",
                  "compare MIG mode only, not instances",
                  "MIG_PARTED_MODE_CHANGE_ONLY"},
                 mode_only_);
    options.flag({"-a,--valid-config",
                  "",
                  "only check that the file is valid and its config fits the machine's boards",
                  "MIG_PARTED_VALID_CONFIG"},
                 valid_config_);
  }

  Result<int> run(Context& context) override {
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_ASSIGN_OR_RETURN(const DesiredLayout desired, layout_.resolve(inventory, context.output()));
    for (const auto& warning : desired.warnings) {
      context.output().message("migctl: warning: " + warning + "\n");
    }
    LayoutCheck report{desired.label, mode_only_, {}};
    if (!valid_config_) {
      report.differences = service::differences(inventory, desired, mode_only_);
    }
    print(context, report);
    return report.differences.empty() ? 0 : error_info(ErrorCode::kNotApplied).exit_code;
  }

 private:
  void print(Context& context, const LayoutCheck& report) const {
    Output& output = context.output();
    const auto source = context.source_or_default();
    if (context.globals().json) {
      return output.result(wire::assert_document(report, source));
    }
    std::string text = simulated_mark(source);
    if (!text.empty()) {
      text += ": ";
    }
    if (valid_config_) {
      return output.result(text + fmt::format("layout \"{}\" is valid here\n", report.label));
    }
    const std::string_view what = mode_only_ ? "MIG mode of layout" : "layout";
    text += fmt::format(
        "{} \"{}\" is {}applied\n", what, report.label, report.differences.empty() ? "" : "not ");
    for (const auto& line : report.differences) {
      text += "  " + line + "\n";
    }
    output.result(text);
    if (!report.differences.empty()) {
      output.message(
          error_text(Error{ErrorCode::kNotApplied,
                           fmt::format("the machine differs from {} \"{}\" in {}",
                                       what,
                                       report.label,
                                       base::counted(report.differences.size(), "point")),
                           fmt::format("migctl plan -f {} -c {}", layout_.file(), report.label),
                           {},
                           {}},
                     output.err_paint()));
    }
  }

  LayoutFile layout_;
  bool mode_only_ = false;
  bool valid_config_ = false;
};

}  // namespace

std::unique_ptr<Command> make_assert() {
  return std::make_unique<Assert>();
}

}  // namespace mig::cli
