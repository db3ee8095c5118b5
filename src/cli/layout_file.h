// SPDX-License-Identifier: Apache-2.0
// Options of plan, apply and assert for a layout file; with mig-parted's flags and variables.
#ifndef MIGCTL_CLI_LAYOUT_FILE_H_
#define MIGCTL_CLI_LAYOUT_FILE_H_

#include <string>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/result.h"

#include "cli/options.h"
#include "cli/output.h"

namespace mig::cli {

class LayoutFile {
 public:
  void declare(Options& options);

  bool given() const { return !file_.empty(); }

  // True when given on the command line: the variable may be set for other commands.
  bool named() const;

  const std::string& file() const { return file_; }

  // Prints what was read from which place on stderr, when the file is more than a layout.
  Result<Spec> read(Output& output) const;
  Result<DesiredLayout> resolve(const Inventory& inventory, Output& output) const;
  // For a file that was read before (standard input can be read only once).
  Result<DesiredLayout> resolve(const Spec& spec, const Inventory& inventory) const;

 private:
  std::string file_, config_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_LAYOUT_FILE_H_
