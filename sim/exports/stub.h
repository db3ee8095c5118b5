/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGCTL_SIM_EXPORTS_STUB_H_
#define MIGCTL_SIM_EXPORTS_STUB_H_

#include "abi/nvml_constants.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Answer of a call that the simulated machine does not implement: NOT_SUPPORTED, or UNINITIALIZED
 * before init. Counted, traced and subject to injected faults like every other call. */
nvmlReturn_t migsim_unsupported(const char* function);

/* Answer of a call that the hardware does not support either (not_supported.txt): NOT_SUPPORTED for
 * a device, INVALID_ARGUMENT for an invalid handle. */
nvmlReturn_t migsim_refused(const char* function, const void* device);

#ifdef __cplusplus
}
#endif

#endif /* MIGCTL_SIM_EXPORTS_STUB_H_ */
