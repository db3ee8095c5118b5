// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"
#include "cli/commands.h"
#include "service/layouts.h"

namespace mig::cli {
namespace {

class GenerateConfig final : public Command {
 public:
  CommandText text() const override {
    return {"generate-config",
            "Write a layout file with the usual configs for this machine's boards.",
            "all-disabled, all-enabled, all-balanced and one all-PROFILE for every profile that "
            "the driver names, each with as many instances as fit; mig-parted's rules and format. "
            "With several models of GPU each entry has a device-filter. --json is the same as -o "
            "json.",
            {"generate-config > layouts.yaml", "generate-config -o json -f layouts.json"},
            {ErrorCode::kNotSupported, ErrorCode::kNoDriver, ErrorCode::kIo}};
  }

  void declare(Options& options) override {
    options.text(
        {"-o,--output-format", "yaml|json", "yaml (default) or json", "MIG_PARTED_OUTPUT_FORMAT"},
        format_);
    options.text({"-f,--output-file",
                  "FILE",
                  "write here instead of standard output",
                  "MIG_PARTED_OUTPUT_FILE"},
                 file_);
  }

  Result<int> run(Context& context) override {
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_TRY(inventory.none_lost());
    const bool json = format_ == "json" || (format_.empty() && context.globals().json);
    MIG_ASSIGN_OR_RETURN(
        std::string text,
        service::generate_text(inventory, json ? service::Format::kJson : service::Format::kYaml));
    if (text.back() != '\n') {
      text += '\n';
    }
    if (!file_.empty()) {
      MIG_TRY(base::write_file_atomic(file_, text));
      return 0;
    }
    context.output().result(text);
    return 0;
  }

 private:
  std::string format_, file_;
};

}  // namespace

std::unique_ptr<Command> make_generate_config() {
  return std::make_unique<GenerateConfig>();
}

}  // namespace mig::cli
