// SPDX-License-Identifier: Apache-2.0
// JSON of every public value: documents that begin with apiVersion, kind and simulated, and that
// golden tests hold still. Text in, text out, so that no user of this room compiles a JSON library.
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

namespace mig::wire {

inline constexpr std::string_view kApiVersion = "migctl/v1";

// Where a value comes from: said in every document, so that nobody takes a simulation for hardware.
struct Source {
  bool simulated = false;
  std::string machine;  // name of the simulated machine; "" = not simulated, or not told
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

// A Plan document back to the value. kInvalidInput names the member that is missing, of the wrong
// type or unknown ("steps[2].placement.size"); kTooLarge above 4 MiB. `file` is for messages only.
Result<SavedPlan> parse_plan(std::string_view text, std::string_view file);

struct StepOutcome {
  Step step;
  bool done = false;
  bool undone = false;
  double milliseconds = 0;
};

struct ApplyReport {
  std::string outcome;  // applied | unchanged | rolled_back | stuck
  std::vector<StepOutcome> steps;
  std::optional<Error> failure;
  std::string failure_nvml_name;  // name of failure->nvml, "" = not known
  Plan plan;
};

std::string apply_document(const ApplyReport& report, const Source& source);

struct AssertReport {
  std::string label;
  bool mode_only = false;
  std::vector<std::string> differences;  // empty = the layout is applied
};

std::string assert_document(const AssertReport& report, const Source& source);

struct HistoryEntry {
  std::int64_t id = 0;
  std::int64_t started_ms = 0;  // Unix time
  std::optional<std::int64_t> finished_ms;
  std::string user, command, reason, state, message;
  std::int64_t pid = 0;
  std::int64_t steps = 0;  // planned

  struct Outcome {
    Step step;
    std::string outcome, message;
  };

  // Of one change that is looked at closely: its plan with what became of each step, and the GPUs
  // of the plan before and after it, as the journal has them (JSON). nullopt: not asked for.
  std::optional<std::vector<Outcome>> plan = std::nullopt;
  std::string before = {}, after = {};
};

std::string history_document(const std::vector<HistoryEntry>& changes, const Source& source);

struct HolderEntry {
  std::string kind, name, unit, container, container_runtime, pod, slurm_job, stops, text;
  std::uint32_t pid = 0;
  std::optional<std::uint32_t> uid;
  GpuIndex gpu;
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;
  bool stops_first_instance = false;  // keeps the GPU from getting its first instance
  std::vector<std::string> evidence;
};

std::string holders_document(const std::vector<HolderEntry>& holders,
                             std::uint32_t unreadable_processes,
                             const std::vector<LostGpu>& lost,
                             const Source& source);

struct SlotEntry {
  std::string name, profile, state, gpu_uuid, pci_bus_id;
  std::string uuid, previous_uuid;  // "" = none
  std::string note;
  Placement placement;
  std::optional<std::int64_t> compute_start, changed_ms;
  bool stand_in = false;
  std::optional<GpuIndex> gpu;
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;
};

std::string slot_list_document(const std::vector<SlotEntry>& slots, const Source& source);
std::string slot_document(const SlotEntry& slot, const Source& source);

struct RecoveryReport {
  std::string outcome;  // nothing_to_do | applied | rolled_back | stuck
  std::int64_t change = 0;
  std::string command;
  bool rebuilt = false;
  std::vector<std::string> others;  // what others did beside it and stays, a line each
  std::optional<Error> failure;
};

std::string recovery_document(const RecoveryReport& report, const Source& source);

struct VersionReport {
  std::string version;
  std::string driver_version, nvml_version;  // "" = no driver
  std::string driver_note;                   // why there is none
};

std::string version_document(const VersionReport& report, const Source& source);

// `simulated` is null when the error came before a driver was chosen.
std::string error_document(const Error& error,
                           std::string_view nvml_name,
                           const std::optional<Source>& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_WIRE_H_
