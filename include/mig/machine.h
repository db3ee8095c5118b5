// SPDX-License-Identifier: Apache-2.0
// A machine with NVIDIA GPUs, for programs: read it, and plan a layout for it. Reading and planning
// change nothing; a plan is a value that tells each step, what it costs and who stands in its way.
// To carry one out, hand the layout to `migctl apply`, which journals every step.
//
//   auto machine = mig::Machine::open();
//   if (!machine) { std::cerr << machine.error().text() << "\n"; return 1; }
//   const auto plan = machine->plan(layout_text, "mixed");
//
// Threading: one Machine from one thread at a time. Ownership: a Machine holds the driver's session
// and ends it; Inventory and Plan are values that outlive it. Errors: Result everywhere, nothing is
// thrown, printed or logged. Environment: $MIGSIM_MACHINE chooses a simulated machine.
#ifndef MIG_MACHINE_H_
#define MIG_MACHINE_H_

#include <memory>
#include <string>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

namespace mig {

// Which driver: the library that is named; else the simulated machine that is named; else the real
// driver if it loads and starts; else the one simulated machine that exists.
struct MachineChoice {
  std::string nvml_library;       // path of a libnvidia-ml.so.1; "" = the system's
  std::string simulated_machine;  // name or folder; "" = none named
  std::string simulator_library;  // folder of the simulator's library; "" = the loader finds it
};

class Machine {
 public:
  // kNoDriver with the command that makes a simulated machine; kPermission; kDriver.
  static Result<Machine> open(const MachineChoice& choice = {});
  ~Machine();
  Machine(Machine&& other) noexcept;
  Machine& operator=(Machine&& other) noexcept;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Whether the driver is a simulated one: say so wherever its figures are shown.
  bool simulated() const;

  // As it is now, read anew.
  Result<Inventory> inventory();

  // A plan to the layout `label` ("" = the only one) of a layout file's text. kInvalidInput with
  // line and column; kNothingMatched; kNoCapacity with the proof and, as the hint, what would fit.
  Result<Plan> plan(const std::string& layout_file_text, const std::string& label);
  Result<Plan> plan(const DesiredLayout& desired);

 private:
  struct State;
  explicit Machine(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace mig

#endif  // MIG_MACHINE_H_
