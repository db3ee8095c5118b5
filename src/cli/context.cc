// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "cli/command.h"
#include "cli/driver.h"
#include "cli/execute.h"
#include "client/reading.h"
#include "node/interrupted.h"
#include "node/node.h"
#include "service/node_guard.h"

namespace mig::cli {

void Globals::declare(Options& options) {
  options.flag({"--json", "", "print one JSON document instead of text"}, json);
  options.flag({"-q,--quiet", "", "no progress on standard error"}, quiet);
  options.flag({"--no-color", "", "no colours (also with NO_COLOR set)"}, no_color);
  options.flag({"-v,--verbose", "", "say how the machine was read"}, verbose);
  options.flag({"--direct", "", "read the driver, past a daemon that would answer"}, direct);
  options.text({"--nvml-library", "PATH", "load this libnvidia-ml.so.1"}, nvml_library);
  options.text({"--sim", "NAME", "use this simulated machine"}, simulated);
}

Context::Context(Globals globals, Output& output)
    : globals_(std::move(globals)), output_(&output) {}

Context::~Context() {
  if (process_ends && node_) {
    node_->leave_to_exit();
  }
}

Result<node::Node*> Context::node() {
  if (node_) {
    return node_.get();
  }
  if (!globals_.nvml_library.empty() && !globals_.simulated.empty()) {
    return fail(ErrorCode::kUsage, "--nvml-library and --sim exclude each other");
  }
  if (looks_at_) {
    node_ = client::warm_node(client_options(*this), *looks_at_);
  }
  if (node_) {
    prepare_node();
    return node_.get();
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
  const Watchdog watched(*output_, Watchdog::Over::kReading);
  MIG_ASSIGN_OR_RETURN(node_, node::Node::open(choice));
  prepare_node();
  source_ = wire::Source{node_->simulated(), node_->machine_name()};
  return node_.get();
}

void Context::prepare_node() {
  node_->watch([this]() -> std::shared_ptr<void> {
    return std::make_shared<Watchdog>(*output_, Watchdog::Over::kReading);
  });
  node_->before_reset(
      [this] { static_cast<void>(client::Readings(client_options(*this)).let_go()); });
  node_->answers_from(node::Age::of_command());
  service::guard_new_instances(*node_);
}

// After a reading the source is known.
template <class T>
Result<T> Context::looked(const node::Node& opened, Result<T> answer) {
  if (answer || opened.has_driver()) {
    source_ = wire::Source{opened.simulated(), opened.machine_name()};
  }
  if (answer) {
    warn_of_interruption(*node_);
  }
  return answer;
}

Result<node::Node*> Context::machine() {
  MIG_ASSIGN_OR_RETURN(node::Node * opened, node());
  warn_of_interruption(*opened);
  return opened;
}

Result<Inventory> Context::inventory() {
  MIG_ASSIGN_OR_RETURN(node::Node * opened, node());
  return looked(*opened, opened->inventory());
}

Result<Inventory> Context::inventory_to_show(bool idle_profiles) {
  MIG_ASSIGN_OR_RETURN(node::Node * opened, node());
  return looked(*opened, opened->inventory_to_show(idle_profiles));
}

Result<node::Versions> Context::versions() {
  MIG_ASSIGN_OR_RETURN(node::Node * opened, node());
  return looked(*opened, opened->versions());
}

void Context::tell_warnings() {
  for (const std::string& line : node_ ? node_->take_warnings() : std::vector<std::string>()) {
    output_->message("migctl: warning: " + line + "\n");
  }
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
