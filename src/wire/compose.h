// SPDX-License-Identifier: Apache-2.0
// JSON of `migctl compose` (wire/wire.h has the rules).
#ifndef MIGCTL_WIRE_COMPOSE_H_
#define MIGCTL_WIRE_COMPOSE_H_

#include <string>

#include "model/compose_values.h"
#include "wire/wire.h"

namespace mig::wire {

std::string compose_check_document(const ComposeReport& report, const Source& source);
// `path`: "" = not written to a file.
std::string compose_render_document(const ComposeRendered& rendered,
                                    const std::string& path,
                                    const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_COMPOSE_H_
