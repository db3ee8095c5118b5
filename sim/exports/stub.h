/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGCTL_SIM_EXPORTS_STUB_H_
#define MIGCTL_SIM_EXPORTS_STUB_H_

#include "abi/nvml_constants.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The answer of a call that a simulated machine does not have: NOT_SUPPORTED, or UNINITIALIZED
 * before init. Counted, traced and open to injected faults like every other call. */
nvmlReturn_t migsim_unsupported(const char* function);

/* The answer of a call that the hardware does not support either (not_supported.txt): NOT_SUPPORTED
 * for a device, INVALID_ARGUMENT for what is none. */
nvmlReturn_t migsim_refused(const char* function, const void* device);

#ifdef __cplusplus
}
#endif

#endif /* MIGCTL_SIM_EXPORTS_STUB_H_ */
