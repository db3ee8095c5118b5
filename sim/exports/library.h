// SPDX-License-Identifier: Apache-2.0
// The loaded library: its reference count and the machine it talks to.
#ifndef MIGCTL_SIM_EXPORTS_LIBRARY_H_
#define MIGCTL_SIM_EXPORTS_LIBRARY_H_

#include <cstdint>
#include <memory>

#include "abi/nvml.h"
#include "sim/machine/machine.h"

namespace migsim::exports {

// Counts one more user; the first opens the machine that the environment names. What a real library
// says without a driver is DRIVER_NOT_LOADED: no machine. LIB_RM_VERSION_MISMATCH: the state file
// is of another format version; NO_PERMISSION: it may not be opened by this user. From the first to
// the last the process has the device nodes of all GPUs open (`attach`; without it only the control
// node) and so is in the way of what needs a GPU for itself.
nvmlReturn_t acquire_library(bool attach = true);

// NVML_ERROR_UNINITIALIZED when nobody holds it.
nvmlReturn_t release_library();

// No other process has the node of this GPU open: the kernel says so. False: it does not, or there
// is no such GPU.
bool only_we_have_open(std::uint32_t gpu);

// The machine, or null before init. Whoever holds the pointer may go on while another thread shuts
// the library down.
std::shared_ptr<Machine> current_machine();

// For the two calls that work before init: the machine opened for just this question, or null.
std::shared_ptr<Machine> machine_to_peek();

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_LIBRARY_H_
