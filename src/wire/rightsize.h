// SPDX-License-Identifier: Apache-2.0
// The RightsizeReport, RightsizeModels and RightsizeHistory documents.
#ifndef MIGCTL_WIRE_RIGHTSIZE_H_
#define MIGCTL_WIRE_RIGHTSIZE_H_

#include <string>

#include "model/rightsize_values.h"
#include "wire/wire.h"

namespace mig::wire {

std::string rightsize_document(const rightsize::Report& report, const Source& source);
std::string rightsize_models_document(const rightsize::ModelsReport& report, const Source& source);
std::string rightsize_history_document(const rightsize::HistoryReport& report,
                                       const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_RIGHTSIZE_H_
