// SPDX-License-Identifier: Apache-2.0
#include "service/service.h"

#include <utility>

#include "apply/runtime.h"
#include "base/clock.h"
#include "device/inventory_reader.h"
#include "planner/planner.h"
#include "service/driver.h"
#include "service/requests.h"

namespace mig::service {
namespace {

class DriverService final : public Service {
 public:
  explicit DriverService(std::unique_ptr<nvml::Session> session) : session_(std::move(session)) {}

  bool simulated() const override { return session_->simulated(); }

  Result<Inventory> inventory() override { return device::read_inventory(*session_, {}); }

  Result<Plan> plan(const DesiredLayout& desired) override {
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    return planner::plan(now, desired, {});
  }

  Result<ApplyResult> apply(const Plan& plan, const ApplyOptions& options) override {
    return apply::apply({*session_, base::system_clock()}, plan, options);
  }

  Result<Plan> plan_create(const CreateRequest& request) override {
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    MIG_ASSIGN_OR_RETURN(const DesiredLayout desired, desired_create(now, request));
    return planner::plan(now, desired, {});
  }

  Result<Plan> plan_destroy(const DestroyRequest& request) override {
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    return plan_of_destroy(now, request);
  }

  Result<Plan> plan_mode(const std::vector<GpuIndex>& gpus, bool enable) override {
    MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
    MIG_ASSIGN_OR_RETURN(const DesiredLayout desired, desired_mode(now, gpus, enable));
    return planner::plan(now, desired, {});
  }

  Result<launch::RunResult> run(const launch::RunRequest& request) override {
    MIG_ASSIGN_OR_RETURN(const std::string dir, apply::runtime_dir(*session_));
    launch::RunRequest full = request;
    if (session_->simulated())
      full.environment.emplace_back("MIGSIM_MACHINE", session_->control()->machine_dir);
    return launch::run_on_instance(
        full, [this] { return inventory(); }, dir + "/claims");
  }

 private:
  std::unique_ptr<nvml::Session> session_;
};

}  // namespace

Result<std::unique_ptr<Service>> Service::open(const DriverChoice& choice) {
  MIG_ASSIGN_OR_RETURN(auto session, open_driver(choice));
  return std::unique_ptr<Service>(new DriverService(std::move(session)));
}

}  // namespace mig::service
