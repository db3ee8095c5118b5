// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "service/layouts.h"

namespace mig::cli {
namespace {

class Export final : public Command {
 public:
  CommandText text() const override {
    return {"export",
            "Print the machine's layout as a layout file.",
            "mig-parted's v1 format, valid input for plan, apply and assert again. --json is the "
            "same as -o json.",
            {"export > layout.yaml", "export -o json -l tuesday"},
            {ErrorCode::kDeviceLost, ErrorCode::kNoDriver}};
  }

  void declare(Options& options) override {
    options.text(
        {"-o,--output-format", "yaml|json", "yaml (default) or json", "MIG_PARTED_OUTPUT_FORMAT"},
        format_);
    options.text({"-l,--config-label",
                  "LABEL",
                  "name of the config (default: current)",
                  "MIG_PARTED_CONFIG_LABEL"},
                 label_);
  }

  Result<int> run(Context& context) override {
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_TRY(inventory.none_lost());
    const bool json = format_ == "json" || (format_.empty() && context.globals().json);
    std::string text = service::export_text(
        inventory, label_, json ? service::Format::kJson : service::Format::kYaml);
    if (text.empty() || text.back() != '\n') {
      text += '\n';
    }
    context.output().result(text);
    return 0;
  }

 private:
  std::string format_;
  std::string label_ = "current";
};

}  // namespace

std::unique_ptr<Command> make_export() {
  return std::make_unique<Export>();
}

}  // namespace mig::cli
