// SPDX-License-Identifier: Apache-2.0
#include "cli/layout_file.h"

#include <cstdlib>

#include "service/layouts.h"

namespace mig::cli {
void LayoutFile::declare(Options& options) {
  options.text({"-f,--config-file",
                "FILE|-",
                "layout file (mig-parted's v1 YAML or JSON); - reads standard input",
                "MIG_PARTED_CONFIG_FILE"},
               file_);
  options.text({"-c,--selected-config",
                "CONFIG",
                "which config of the file (default: its only one)",
                "MIG_PARTED_SELECTED_CONFIG"},
               config_);
}

bool LayoutFile::named() const {
  const char* variable = std::getenv("MIG_PARTED_CONFIG_FILE");  // NOLINT(concurrency-mt-unsafe)
  return given() && (variable == nullptr || file_ != variable);
}

Result<Spec> LayoutFile::read(Output& output) const {
  if (file_.empty()) {
    return fail(ErrorCode::kUsage,
                "no layout file is named",
                "-f FILE, or -f - to read standard input; `migctl export` writes an example");
  }
  MIG_ASSIGN_OR_RETURN(Spec spec, service::read_layouts(file_));
  for (const std::string& note : spec.notes) {
    output.message("migctl: " + note + "\n");
  }
  return spec;
}

Result<DesiredLayout> LayoutFile::resolve(const Inventory& inventory, Output& output) const {
  MIG_ASSIGN_OR_RETURN(const Spec spec, read(output));
  return resolve(spec, inventory);
}

Result<DesiredLayout> LayoutFile::resolve(const Spec& spec, const Inventory& inventory) const {
  return service::resolve_layout(
      spec, config_.empty() ? std::nullopt : std::optional<std::string>(config_), inventory);
}

}  // namespace mig::cli
