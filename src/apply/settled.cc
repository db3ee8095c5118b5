// SPDX-License-Identifier: Apache-2.0
#include "apply/settled.h"

#include <chrono>
#include <optional>

#include "device/inventory_reader.h"

namespace mig::apply {
namespace {

constexpr int kReadings = 4;
constexpr std::chrono::milliseconds kBetweenReadings{100};

}  // namespace

Result<Inventory> read_settled(const Context& context,
                               const std::function<bool(const Inventory&)>& good) {
  std::optional<Result<Inventory>> best;  // the last reading, or the last error when none succeeded
  for (int i = 1;; ++i) {
    if (context.heartbeat) {
      context.heartbeat();
    }
    auto now = device::read_inventory(context.session, {context.proc_root, context.facts});
    if (now && good(*now)) {
      return now;
    }
    if (now || !best || !*best) {
      best = std::move(now);
    }
    if (context.facts != nullptr) {
      context.facts->forget();
    }
    if (i == kReadings) {
      return *std::move(best);
    }
    context.clock.sleep(kBetweenReadings);
  }
}

}  // namespace mig::apply
