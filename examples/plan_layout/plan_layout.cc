// SPDX-License-Identifier: Apache-2.0
// Reads the machine, plans a layout for its first GPU, and prints the plan. Read-only.
//   eval "$(migctl sim env lab)" && ./plan_layout 3g.20gb
#include <iostream>
#include <string>

#include <mig/machine.h>

int complain(const mig::Error& error) {
  std::cerr << error.text() << "\n" << (error.hint.empty() ? "" : "hint: " + error.hint + "\n");
  return mig::error_info(error.code).exit_code;
}

int main(int argc, char** argv) {
  const std::string profile = argc > 1 ? argv[1] : "1g.5gb";
  auto machine = mig::Machine::open();
  if (!machine) {
    return complain(machine.error());
  }
  const auto inventory = machine->inventory();
  if (!inventory) {
    return complain(inventory.error());
  }
  for (const mig::Gpu& gpu : inventory->gpus) {
    std::cout << "GPU " << gpu.index.value << "  " << gpu.name
              << (machine->simulated() ? "  (simulated)" : "") << "\n";
  }
  const std::string layout =
      "version: v1\nmig-configs: {one: [{devices: [0], mig-enabled: true, "
      "mig-devices: {\"" +
      profile + "\": 1}}]}\n";
  const auto plan = machine->plan(layout, "one");
  if (!plan) {
    return complain(plan.error());
  }
  for (const mig::Step& step : plan->steps) {
    std::cout << step.str() << "\n";
  }
  std::cout << plan->steps.size() << " steps, about " << plan->estimated_ms << " ms\n";
}
