// SPDX-License-Identifier: Apache-2.0
// Inside of config/: the value of `x-migctl` in a Compose file.
#ifndef MIGCTL_CONFIG_COMPOSE_WISH_H_
#define MIGCTL_CONFIG_COMPOSE_WISH_H_

#include "mig/result.h"

#include "config/compose_file.h"
#include "config/document.h"

namespace mig::config {

Result<ComposeWish> read_compose_wish(const Node& node);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_COMPOSE_WISH_H_
