// SPDX-License-Identifier: Apache-2.0
// Internal encoding of an Inventory between daemon and command of the same version. Unlike the
// public Inventory document it is lossless, including process names that are not UTF-8.
//
// Threading: pure functions.
#ifndef MIGCTL_WIRE_MACHINE_H_
#define MIGCTL_WIRE_MACHINE_H_

#include <string>
#include <string_view>

#include "mig/inventory.h"
#include "mig/result.h"

namespace mig::wire {

// Part of the machine that a document contains.
enum class MachinePart {
  kState,  // without Gpu::profiles, the bulk of the bytes
  kAll,
};

std::string machine_document(const Inventory& inventory, MachinePart part);

// kInvalidInput names the missing or mistyped member; kTooLarge above 16 MiB.
Result<Inventory> parse_machine(std::string_view text);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_MACHINE_H_
