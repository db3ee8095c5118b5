// SPDX-License-Identifier: Apache-2.0
// Where each figure of a board file comes from. Included by .cc files only (heavy).
#ifndef MIGCTL_SIM_GPUS_PROVENANCE_H_
#define MIGCTL_SIM_GPUS_PROVENANCE_H_

#include <string>

#include "sim/gpus/strict_json.h"

namespace migsim {

// Reads block.provenance, a list of {of, kind, source, driver, date}, and fails unless every figure
// of the block that is not null is named in exactly one `of`.
void check_provenance(ObjectReader& block, const nlohmann::json& value, std::string& error);

// The list alone, without that rule (mig: `of` names groups of figures).
void check_provenance_list(ObjectReader& block, std::string& error);

}  // namespace migsim

#endif  // MIGCTL_SIM_GPUS_PROVENANCE_H_
