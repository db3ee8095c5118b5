// SPDX-License-Identifier: Apache-2.0
#include "service/layouts.h"

#include <fmt/format.h>

#include "base/file.h"
#include "config/generate.h"
#include "config/hooks.h"
#include "planner/planner.h"

namespace mig::service {
namespace {

constexpr std::size_t kMostLayoutBytes = 1U << 20;

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

}  // namespace

Result<Spec> read_layouts(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(path, kMostLayoutBytes));
  return config::parse_spec(text, path);
}

Result<Spec> parse_layouts(const std::string& text, const std::string& name) {
  if (text.size() > kMostLayoutBytes) {
    return fail(ErrorCode::kTooLarge, name + " is longer than 1 MiB");
  }
  return config::parse_spec(text, name);
}

Result<DesiredLayout> resolve_layout(const Spec& spec,
                                     const std::optional<std::string>& label,
                                     const Inventory& inventory) {
  return config::resolve(spec, label, inventory);
}

std::vector<std::string> differences(const Inventory& inventory,
                                     const DesiredLayout& desired,
                                     bool mode_only) {
  return mode_only ? mode_differences(inventory, desired)
                   : planner::differences(inventory, desired);
}

std::string export_text(const Inventory& inventory, const std::string& label, Format format) {
  return config::export_spec(inventory, label, format);
}

Result<std::string> generate_text(const Inventory& inventory, Format format) {
  return config::generate_spec(inventory, format);
}

Result<Hooks> read_hooks(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(path, kMostLayoutBytes));
  return config::parse_hooks(text, path);
}

Result<Checkpoint> read_checkpoint(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(path, config::kMostCheckpointBytes));
  return config::parse_checkpoint(text, path);
}

Result<std::string> checkpoint_text(const Inventory& inventory, const SavedNames& names) {
  return config::checkpoint_text(inventory, names);
}

}  // namespace mig::service
