// SPDX-License-Identifier: Apache-2.0
// C++ API: a machine with NVIDIA GPUs, to read and to plan layouts for. Read-only; a Plan is a
// value with its steps, their cost and their blockers. To execute one, pass the layout to `migctl
// apply`, which journals every step.
//
//   auto machine = mig::Machine::open();
//   if (!machine) { std::cerr << machine.error().text() << "\n"; return 1; }
//   const auto plan = machine->plan(layout_text, "mixed");
//
// Threading: not thread-safe. Ownership: a Machine owns the driver session; Inventory and Plan are
// values that outlive it. Errors: Result everywhere, nothing is thrown, printed or logged.
// Environment: $MIGSIM_MACHINE selects a simulated machine.
#ifndef MIG_MACHINE_H_
#define MIG_MACHINE_H_

#include <memory>
#include <string>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

namespace mig {

// Choice of the driver: the named library; else the named simulated machine; else the real driver
// if it loads and initialises; else the only simulated machine.
struct MachineChoice {
  std::string nvml_library;       // path of a libnvidia-ml.so.1; "" = the system's
  std::string simulated_machine;  // name or folder; "" = none
  std::string simulator_library;  // folder of the simulator's library; "" = by the loader
};

class Machine {
 public:
  // Errors: kNoDriver with the command that creates a simulated machine; kPermission; kDriver.
  static Result<Machine> open(const MachineChoice& choice = {});
  ~Machine();
  Machine(Machine&& other) noexcept;
  Machine& operator=(Machine&& other) noexcept;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // True for a simulated machine: mark its figures wherever they are shown.
  bool simulated() const;

  // The current state, read anew.
  Result<Inventory> inventory();

  // Plans layout `label` ("" = the only one) of a layout file's text. kInvalidInput with line and
  // column; kNothingMatched; kNoCapacity with the proof and, as the hint, what would fit.
  Result<Plan> plan(const std::string& layout_file_text, const std::string& label);
  Result<Plan> plan(const DesiredLayout& desired);

 private:
  struct State;
  explicit Machine(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace mig

#endif  // MIG_MACHINE_H_
