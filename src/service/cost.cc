// SPDX-License-Identifier: Apache-2.0
#include "service/cost.h"

#include <utility>

#include <fmt/format.h>

#include "advise/compare.h"
#include "advise/cost.h"
#include "base/strings.h"
#include "config/prices.h"
#include "store/places.h"

namespace mig::service {
namespace {

void add_instance(const Inventory& inventory,
                  GpuIndex index,
                  const ProfileName& profile,
                  advise::ComparedLayout& layout) {
  const Gpu* gpu = inventory.find_gpu(index);
  const GpuInstanceProfile* found = gpu == nullptr ? nullptr : gpu->find_profile(profile);
  layout.instances.push_back({profile.str(), found == nullptr ? 0 : found->memory_mib});
}

}  // namespace

Result<cost::PriceTable> price_table(const std::string& chosen, const std::string& provider) {
  const auto around = store::Surroundings::ours();
  auto table =
      config::read_prices(chosen.empty() ? around.root + "/etc/migctl/prices.yaml" : chosen);
  if (!table && chosen.empty() && table.error().code == ErrorCode::kNotFound) {
    table = config::shipped_prices();
  }
  if (!table || provider.empty()) {
    return table;
  }
  std::vector<std::string> names;
  for (const cost::Price& price : table->prices) {
    names.push_back(base::lower(price.provider));
  }
  std::erase_if(table->prices, [&](const cost::Price& price) {
    return base::lower(price.provider) != base::lower(provider);
  });
  if (table->prices.empty()) {
    const auto near = base::nearest(base::lower(provider), names, 1);
    return fail(ErrorCode::kNothingMatched,
                fmt::format("no price of provider {}", base::quoted(provider)),
                near.empty() ? "`migctl cost prices` lists what there is"
                             : "did you mean " + near.front() + "? `migctl cost prices` lists all");
  }
  return table;
}

Result<cost::CostReport> cost_report(const cost::Usage& usage,
                                     const cost::PriceTable& table,
                                     cost::Policy policy,
                                     cost::By by) {
  return advise::cost_report(usage, table, {policy, by});
}

Result<std::vector<cost::Charge>> cost_charges(const cost::Usage& usage,
                                               const cost::PriceTable& table,
                                               cost::Policy policy) {
  return advise::charges(usage, table, policy);
}

Result<cost::Comparison> compare_cost(const Inventory& now,
                                      const cost::PriceTable& table,
                                      std::uint32_t utilization_percent) {
  advise::ComparedLayout layout;
  for (const Gpu& gpu : now.gpus) {
    if (gpu.mig_current == MigMode::kEnabled && !gpu.instances.empty()) {
      layout.gpus.push_back({gpu.uuid, gpu.name});
      for (const GpuInstance& one : gpu.instances) {
        layout.instances.push_back({one.name.str(), one.memory_mib});
      }
    }
  }
  return advise::compare(layout, table, utilization_percent);
}

Result<cost::Comparison> compare_cost(const Plan& plan,
                                      const Inventory& inventory,
                                      const cost::PriceTable& table,
                                      std::uint32_t utilization_percent) {
  advise::ComparedLayout layout;
  for (const GpuPlan& gpu : plan.gpus) {
    if (gpu.after.mode == MigMode::kEnabled && !gpu.after.cells.empty()) {
      layout.gpus.push_back({gpu.uuid, gpu.name});
      for (const LayoutCell& cell : gpu.after.cells) {
        add_instance(inventory, gpu.gpu, cell.profile, layout);
      }
    }
  }
  return advise::compare(layout, table, utilization_percent);
}

}  // namespace mig::service
