// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/driver.h"
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
  if (service_)
    return service_.get();
  if (!globals_.nvml_library.empty() && !globals_.simulated.empty())
    return fail(ErrorCode::kUsage, "--nvml-library and --sim exclude each other");
  return service(driver_choice(globals_));
}

Result<service::Service*> Context::service(const service::DriverChoice& choice) {
  MIG_ASSIGN_OR_RETURN(service_, service::Service::open(choice));
  source_ = wire::Source{service_->simulated(), choice.simulated};
  return service_.get();
}

Result<Inventory> Context::inventory() {
  MIG_ASSIGN_OR_RETURN(service::Service * opened, service());
  MIG_ASSIGN_OR_RETURN(Inventory inventory, opened->inventory());
  source_ = wire::Source::of(inventory);
  return inventory;
}

}  // namespace mig::cli
