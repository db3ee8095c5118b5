// SPDX-License-Identifier: Apache-2.0
// Contention: how much the other processes slow one down. A model (docs/simulator.md), a pure
// function of the demands of all live processes. Resources that MIG divides (SMs, L2, memory
// bandwidth) are contended inside a GPU instance only; the PCIe link, which MIG does not divide, on
// the whole GPU.
#ifndef MIGCTL_SIM_MACHINE_CONTENTION_H_
#define MIGCTL_SIM_MACHINE_CONTENTION_H_

#include "sim/machine/state.h"

namespace migsim {

// Slowdown factors, at least 1: work that takes t alone takes t times the factor under contention.
struct Contention {
  double engine = 1;   // all work on the device: contexts of one compute instance are time-sliced
  double dram = 1;     // memory traffic, beside other compute instances of the GPU instance
  double pcie_tx = 1;  // PCIe traffic, by direction
  double pcie_rx = 1;
};

Contention contention_of(const Hardware& hardware, const State& state, std::uint32_t slot);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_CONTENTION_H_
