// SPDX-License-Identifier: Apache-2.0
// Reports of right-sizing as text. Pure functions.
#ifndef MIGCTL_CLI_RENDER_RIGHTSIZE_H_
#define MIGCTL_CLI_RENDER_RIGHTSIZE_H_

#include <string>

#include "cli/output.h"
#include "model/rightsize_values.h"
#include "wire/wire.h"

namespace mig::cli {

std::string rightsize_text(const rightsize::Report& report,
                           const wire::Source& source,
                           const Paint& paint);
std::string rightsize_models_text(const rightsize::ModelsReport& report,
                                  const wire::Source& source,
                                  const Paint& paint);
std::string rightsize_history_text(const rightsize::HistoryReport& report,
                                   const wire::Source& source,
                                   const Paint& paint);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_RIGHTSIZE_H_
