// SPDX-License-Identifier: Apache-2.0
// The GPUs of Compose files, for the command line: write which instance each service gets, and hold
// a file against the machine.
//
//   MIG_ASSIGN_OR_RETURN(const ComposeReport report, compose_check(node, {"compose.yaml"},
//   "migctl"));
//
// Errors: of reading files (kNotFound, kTooLarge, kIo), kInvalidInput with file:line:column, those
// of compose/render.h; kNoDriver, kDriver.
#ifndef MIGCTL_SERVICE_COMPOSE_H_
#define MIGCTL_SERVICE_COMPOSE_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/layout.h"
#include "mig/result.h"

#include "model/compose_values.h"
#include "node/node.h"

namespace mig::service {

struct ComposeRequest {
  std::vector<std::string> files;  // "-" = standard input; empty: a whole file is written
  std::vector<std::string> wants;  // "train=1g.10gb", "any"
  std::string image;
  std::string form;  // "devices", "cdi", "nvidia"; "" = devices
  bool uuids = false;
  std::optional<DesiredLayout> layout;
  std::string program;  // as the user calls migctl, for commands that mend
};

Result<ComposeRendered> compose_render(node::Node& node, const ComposeRequest& request);

// Files that are given together are one project.
Result<ComposeReport> compose_check(node::Node& node,
                                    const std::vector<std::string>& files,
                                    const std::string& program);

// Writes a rendered file; kConflict where `path` has a file that was not rendered, unless
// `replace`; kUsage where it is one of `inputs`, by whatever name.
Result<void> compose_write(const std::string& path,
                           const std::string& text,
                           bool replace,
                           const std::vector<std::string>& inputs);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_COMPOSE_H_
