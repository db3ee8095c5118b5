/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of compat/: the table behind the generated jumps (forwards.cmake). Each exported symbol
 * that view.cc does not define jumps to its slot; driver.cc fills the slots when the library is
 * loaded, before any other code of the process can call. x86-64 only, as all of migctl. */
#ifndef MIGCTL_COMPAT_FORWARDS_H_
#define MIGCTL_COMPAT_FORWARDS_H_

#include "abi/nvml.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NOLINTBEGIN(modernize-use-using,modernize-redundant-void-arg,readability-identifier-naming): also
 * C, and named in the generated assembly */
typedef nvmlReturn_t (*migctl_compat_function)(void); /* cast: the signature is each symbol's own */

extern const unsigned migctl_compat_count;
extern const char* const migctl_compat_names[];
extern migctl_compat_function migctl_compat_slots[];
/* NOLINTEND(modernize-use-using,modernize-redundant-void-arg,readability-identifier-naming) */

/* What a slot holds whose function the driver's library does not have, or when there is none:
 * NVML_ERROR_FUNCTION_NOT_FOUND or NVML_ERROR_LIBRARY_NOT_FOUND. */
nvmlReturn_t migctl_compat_absent(void);

#ifdef __cplusplus
}
#endif

#endif /* MIGCTL_COMPAT_FORWARDS_H_ */
