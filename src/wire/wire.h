// SPDX-License-Identifier: Apache-2.0
// JSON of every public value: documents that begin with apiVersion, kind and simulated, fixed by
// golden tests. Text in, text out, so that callers need no JSON library.
//
// Threading: pure functions. A reading that the driver did not give is null, never 0.
// Example:
//   std::fputs(wire::inventory_document(inventory).c_str(), stdout);
#ifndef MIGCTL_WIRE_WIRE_H_
#define MIGCTL_WIRE_WIRE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "model/change_record.h"
#include "model/holder.h"
#include "model/reports.h"
#include "model/slot.h"

namespace mig::wire {

inline constexpr std::string_view kApiVersion = "migctl/v1";

// Source of a value: in every document, so that a simulation is not mistaken for hardware.
struct Source {
  bool simulated = false;
  std::string machine;  // name of the simulated machine; "" = not simulated, or unknown
  static Source of(const Inventory& inventory);
};

std::string inventory_document(const Inventory& inventory);
std::string profile_list_document(const Inventory& inventory);
std::string placement_list_document(const Inventory& inventory);

std::string plan_document(const Plan& plan, const Source& source);

struct SavedPlan {
  Plan plan;
  Source source;
};

// Parses a Plan document. kInvalidInput names the missing, mistyped or unknown member
// ("steps[2].placement.size"); kTooLarge above 4 MiB. `file` is used in messages only.
Result<SavedPlan> parse_plan(std::string_view text, std::string_view file);

// `nvml_name`: of result.failure->nvml, "" = unknown.
std::string apply_document(const Plan& plan,
                           const ApplyResult& result,
                           std::string_view nvml_name,
                           const Source& source);

std::string assert_document(const LayoutCheck& check, const Source& source);

std::string history_document(const std::vector<ChangeRecord>& changes, const Source& source);
// A change with the result of each step, and the layouts before and after it.
std::string history_document(const ChangeDetails& change, const Source& source);

std::string holders_document(const HolderReport& report,
                             const std::vector<LostGpu>& lost,
                             const Source& source);

std::string slot_list_document(const std::vector<Slot>& slots, const Source& source);
std::string slot_document(const Slot& slot, const Source& source);

std::string recovery_document(const Recovery& recovery, const Source& source);

std::string version_document(const Versions& versions, const Source& source);

// `simulated` is null when the error came before a driver was chosen.
std::string error_document(const Error& error,
                           std::string_view nvml_name,
                           const std::optional<Source>& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_WIRE_H_
