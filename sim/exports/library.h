// SPDX-License-Identifier: Apache-2.0
// State of the loaded library: its reference count and the machine in use.
#ifndef MIGCTL_SIM_EXPORTS_LIBRARY_H_
#define MIGCTL_SIM_EXPORTS_LIBRARY_H_

#include <cstdint>
#include <memory>

#include "abi/nvml.h"
#include "sim/machine/machine.h"

namespace migsim::exports {

// Increments the reference count; the first call opens the machine that the environment names.
// Errors as the real library without a driver: DRIVER_NOT_LOADED (no machine),
// LIB_RM_VERSION_MISMATCH (state file of another format version), NO_PERMISSION (state file not
// readable for this user). While the count is positive the process has the device nodes of all GPUs
// open (`attach`; without it only the control node) and so blocks operations that need a GPU idle.
nvmlReturn_t acquire_library(bool attach = true);

// Decrements the reference count; NVML_ERROR_UNINITIALIZED when it is 0.
nvmlReturn_t release_library();

// True when the kernel confirms that no other process has the GPU's device node open. False:
// another has, the kernel cannot tell, or there is no such GPU.
bool only_we_have_open(std::uint32_t gpu);

// The machine, or null before init. The pointer stays valid while another thread shuts the library
// down.
std::shared_ptr<Machine> current_machine();

// For the two calls that work before init: the machine opened for this call only, or null.
std::shared_ptr<Machine> machine_to_peek();

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_LIBRARY_H_
