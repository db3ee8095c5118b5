// SPDX-License-Identifier: Apache-2.0
#include "cli/layout_file.h"

#include <cstdlib>

#include <fmt/core.h>

#include "base/file.h"
#include "config/spec.h"

namespace mig::cli {
namespace {

constexpr std::size_t kMaxBytes = 1U << 20;

std::string_view mode_word(MigMode mode) {
  switch (mode) {
    case MigMode::kEnabled:
      return "enabled";
    case MigMode::kDisabled:
      return "disabled";
    case MigMode::kUnsupported:
      break;
  }
  return "not supported";
}

}  // namespace

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
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(file_, kMaxBytes));
  MIG_ASSIGN_OR_RETURN(Spec spec, config::parse_spec(text, file_));
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
  return config::resolve(
      spec, config_.empty() ? std::nullopt : std::optional<std::string>(config_), inventory);
}

std::vector<std::string> mode_differences(const Inventory& inventory,
                                          const DesiredLayout& desired) {
  std::vector<std::string> lines;
  for (const auto& wanted : desired.gpus) {
    const Gpu* gpu = inventory.find_gpu(wanted.gpu);
    const MigMode have = gpu == nullptr ? MigMode::kUnsupported : gpu->mig_current;
    const bool on = have == MigMode::kEnabled;
    if (on != wanted.mig_enabled) {
      lines.push_back(fmt::format("GPU {}: MIG is {}, wanted {}",
                                  wanted.gpu.value,
                                  mode_word(have),
                                  wanted.mig_enabled ? "enabled" : "disabled"));
    } else if (gpu != nullptr && gpu->mig_pending != gpu->mig_current) {
      lines.push_back(fmt::format("GPU {}: MIG is {}, but becomes {} with the next reset",
                                  wanted.gpu.value,
                                  mode_word(have),
                                  mode_word(gpu->mig_pending)));
    }
  }
  return lines;
}

}  // namespace mig::cli
