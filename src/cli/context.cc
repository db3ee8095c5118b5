// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "cli/command.h"
#include "cli/driver.h"
#include "cli/execute.h"
#include "service/interrupted.h"
#include "service/service.h"

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

Result<service::Service*> Context::service() {
  if (service_) {
    return service_.get();
  }
  if (!globals_.nvml_library.empty() && !globals_.simulated.empty()) {
    return fail(ErrorCode::kUsage, "--nvml-library and --sim exclude each other");
  }
  return service(driver_choice(globals_));
}

Result<service::Service*> Context::unattended() {
  if (service_) {
    return service_.get();
  }
  if (!globals_.nvml_library.empty() || !globals_.simulated.empty()) {
    return service();
  }
  service::DriverChoice choice = driver_choice(globals_);
  choice.only_named = true;
  return service(choice);
}

Result<service::Service*> Context::service(const service::DriverChoice& choice) {
  const auto watch = [this]() -> std::shared_ptr<void> {
    return std::make_shared<Watchdog>(*output_, Watchdog::Over::kReading);
  };
  const std::shared_ptr<void> watched = watch();
  MIG_ASSIGN_OR_RETURN(service_, service::Service::open(choice));
  service_->watch(watch);
  source_ = wire::Source{service_->simulated(), service_->machine_name()};
  return service_.get();
}

Result<Inventory> Context::inventory() {
  MIG_ASSIGN_OR_RETURN(service::Service * opened, service());
  MIG_ASSIGN_OR_RETURN(Inventory inventory, opened->inventory());
  source_ = wire::Source::of(inventory);
  warn_of_interruption(*opened);
  return inventory;
}

void Context::warn_of_interruption(service::Service& service) {
  if (told_of_interruption_) {
    return;
  }
  told_of_interruption_ = true;
  if (const auto open = service.interrupted(); open && *open) {
    output_->message("migctl: warning: " + service::cut_short_text(**open) + "\n");
  }
}

}  // namespace mig::cli
