// SPDX-License-Identifier: Apache-2.0
// How much slower a process's work goes because of the others: a model (docs/simulator.md), a pure
// function of what every live process asks for. What MIG divides - SMs, L2, memory bandwidth - is
// contended inside a GPU instance only; the PCIe link, which it does not divide, on the whole GPU.
#ifndef MIGCTL_SIM_MACHINE_CONTENTION_H_
#define MIGCTL_SIM_MACHINE_CONTENTION_H_

#include "sim/machine/state.h"

namespace migsim {

// Factors of time, at least 1: what takes t alone takes t times the factor now.
struct Contention {
  double engine = 1;   // all work on the device: contexts of one compute instance take turns
  double dram = 1;     // moving memory, beside other compute instances of the GPU instance
  double pcie_tx = 1;  // the link, by direction
  double pcie_rx = 1;
};

Contention contention_of(const Hardware& hardware, const State& state, std::uint32_t slot);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_CONTENTION_H_
