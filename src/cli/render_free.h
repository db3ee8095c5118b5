// SPDX-License-Identifier: Apache-2.0
// Inside of cli/: what is free, as text.
#ifndef MIGCTL_CLI_RENDER_FREE_H_
#define MIGCTL_CLI_RENDER_FREE_H_

#include <string>

#include "cli/output.h"
#include "wire/leases.h"

namespace mig::cli {

// `each`: every instance too.
std::string free_text(const wire::FreeAnswer& answer, bool each, const Paint& paint);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_FREE_H_
