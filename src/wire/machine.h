// SPDX-License-Identifier: Apache-2.0
// An Inventory between two programs of the same version: the daemon that has read it and a command
// that prints it. Unlike the Inventory document, which is for people's programs, it loses nothing:
// what comes out is what went in, bytes of a process's name that are no UTF-8 included.
//
// Threading: pure functions.
#ifndef MIGCTL_WIRE_MACHINE_H_
#define MIGCTL_WIRE_MACHINE_H_

#include <string>
#include <string_view>

#include "mig/inventory.h"
#include "mig/result.h"

namespace mig::wire {

// How much of the machine a document holds.
enum class MachinePart {
  kState,  // without Gpu::profiles, which are most of the bytes
  kAll,
};

std::string machine_document(const Inventory& inventory, MachinePart part);

// kInvalidInput names the member that is missing or of the wrong type; kTooLarge above 16 MiB.
Result<Inventory> parse_machine(std::string_view text);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_MACHINE_H_
