// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "cli/command.h"
#include "cli/driver.h"
#include "cli/execute.h"
#include "node/interrupted.h"
#include "node/node.h"

namespace mig::cli {

void Globals::declare(Options& options) {
  options.flag({"--json", "", "print one JSON document instead of text"}, json);
  options.flag({"-q,--quiet", "", "no progress on standard error"}, quiet);
  options.flag({"--no-color", "", "no colours (also with NO_COLOR set)"}, no_color);
  options.text({"--nvml-library", "PATH", "load this libnvidia-ml.so.1"}, nvml_library);
  options.text({"--sim", "NAME", "use this simulated machine"}, simulated);
}

Context::Context(Globals globals, Output& output)
    : globals_(std::move(globals)), output_(&output) {}

Context::~Context() = default;

Result<node::Node*> Context::node() {
  if (node_) {
    return node_.get();
  }
  if (!globals_.nvml_library.empty() && !globals_.simulated.empty()) {
    return fail(ErrorCode::kUsage, "--nvml-library and --sim exclude each other");
  }
  return node(driver_choice(globals_));
}

Result<node::Node*> Context::unattended() {
  if (node_) {
    return node_.get();
  }
  if (!globals_.nvml_library.empty() || !globals_.simulated.empty()) {
    return node();
  }
  node::DriverChoice choice = driver_choice(globals_);
  choice.only_named = true;
  return node(choice);
}

Result<node::Node*> Context::node(const node::DriverChoice& choice) {
  const auto watch = [this]() -> std::shared_ptr<void> {
    return std::make_shared<Watchdog>(*output_, Watchdog::Over::kReading);
  };
  const std::shared_ptr<void> watched = watch();
  MIG_ASSIGN_OR_RETURN(node_, node::Node::open(choice));
  node_->watch(watch);
  node_->answers_from(node::Age::of_command());
  source_ = wire::Source{node_->simulated(), node_->machine_name()};
  return node_.get();
}

Result<node::Node*> Context::machine() {
  MIG_ASSIGN_OR_RETURN(node::Node * opened, node());
  warn_of_interruption(*opened);
  return opened;
}

Result<Inventory> Context::inventory() {
  MIG_ASSIGN_OR_RETURN(node::Node * opened, machine());
  return opened->inventory();
}

void Context::warn_of_interruption(node::Node& node) {
  if (told_of_interruption_) {
    return;
  }
  told_of_interruption_ = true;
  if (const auto open = node.interrupted(); open && *open) {
    output_->message("migctl: warning: " + node::cut_short_text(**open) + "\n");
  }
}

}  // namespace mig::cli
