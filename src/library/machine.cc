// SPDX-License-Identifier: Apache-2.0
#include "mig/machine.h"

#include <optional>
#include <utility>

#include "config/spec.h"
#include "node/node.h"

namespace mig {

struct Machine::State {
  std::unique_ptr<node::Node> node;
};

Machine::Machine(std::unique_ptr<State> state) : state_(std::move(state)) {}

Machine::~Machine() = default;
Machine::Machine(Machine&& other) noexcept = default;
Machine& Machine::operator=(Machine&& other) noexcept = default;

Result<Machine> Machine::open(const MachineChoice& choice) {
  node::DriverChoice driver;
  driver.nvml_library = choice.nvml_library;
  driver.simulated = choice.simulated_machine;
  driver.sim_library_dir = choice.simulator_library;
  auto state = std::make_unique<State>();
  MIG_ASSIGN_OR_RETURN(state->node, node::Node::open(driver));
  return Machine(std::move(state));
}

bool Machine::simulated() const {
  return state_->node->simulated();
}

Result<Inventory> Machine::inventory() {
  return state_->node->inventory();
}

Result<Plan> Machine::plan(const std::string& layout_file_text, const std::string& label) {
  MIG_ASSIGN_OR_RETURN(const Spec spec, config::parse_spec(layout_file_text, "layout"));
  MIG_ASSIGN_OR_RETURN(const Inventory now, state_->node->inventory());
  MIG_ASSIGN_OR_RETURN(
      const DesiredLayout desired,
      config::resolve(spec, label.empty() ? std::nullopt : std::optional(label), now));
  return plan(desired);
}

Result<Plan> Machine::plan(const DesiredLayout& desired) {
  return state_->node->plan(desired);
}

}  // namespace mig
