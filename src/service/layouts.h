// SPDX-License-Identifier: Apache-2.0
// Layouts, hooks and checkpoints as files, for the command line in all its dialects: reading with
// size limits, resolving against a machine, writing.
//
// Errors: kInvalidInput with file, line and column; kTooLarge; kIo.
#ifndef MIGCTL_SERVICE_LAYOUTS_H_
#define MIGCTL_SERVICE_LAYOUTS_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/hooks.h"
#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/result.h"

#include "config/checkpoint.h"
#include "config/spec.h"
#include "service/change.h"

namespace mig::service {

using Format = config::Format;
using Checkpoint = config::Checkpoint;
using SavedNames = config::SavedNames;

// "-" is standard input, which can be read only once.
Result<Spec> read_layouts(const std::string& path);
// Of a text; `name` is used in messages.
Result<Spec> parse_layouts(const std::string& text, const std::string& name);
// `label` nullopt: the only config of the file.
Result<DesiredLayout> resolve_layout(const Spec& spec,
                                     const std::optional<std::string>& label,
                                     const Inventory& inventory);
// Differences from the desired layout, one line each. `mode_only`: compares MIG modes only.
std::vector<std::string> differences(const Inventory& inventory,
                                     const DesiredLayout& desired,
                                     bool mode_only);
// The machine's layout as a layout file; and a file with every layout that its GPUs support.
std::string export_text(const Inventory& inventory, const std::string& label, Format format);
Result<std::string> generate_text(const Inventory& inventory, Format format);

Result<Hooks> read_hooks(const std::string& path);

Result<Checkpoint> read_checkpoint(const std::string& path);
Result<std::string> checkpoint_text(const Inventory& inventory, const SavedNames& names);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LAYOUTS_H_
