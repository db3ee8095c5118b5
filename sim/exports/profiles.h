// SPDX-License-Identifier: Apache-2.0
#ifndef MIGCTL_SIM_EXPORTS_PROFILES_H_
#define MIGCTL_SIM_EXPORTS_PROFILES_H_

#include "abi/nvml.h"

namespace migsim::exports {

// For a profile id that the board does not have: NOT_SUPPORTED if another board has it,
// INVALID_ARGUMENT if none.
nvmlReturn_t why_not_on_board(unsigned profile_id);

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_PROFILES_H_
