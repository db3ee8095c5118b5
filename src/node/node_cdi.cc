// SPDX-License-Identifier: Apache-2.0
// The part of Node that keeps the CDI file in step with readings; changes do it themselves, by
// Context::handover.
#include <utility>

#include "base/proc_root.h"
#include "device/inventory_reader.h"
#include "node/node.h"

namespace mig::node {

void Node::warn(Result<void> done) {
  if (!done) {
    warnings_.push_back(done.error().text());
  }
}

Result<CdiHandover*> Node::cdi() {
  MIG_TRY(wake());
  return handover_.get();
}

// Another program changed the machine. While a change of ours is under way, in any process, its end
// writes the file.
void Node::tell_cdi(const Inventory& now) {
  if (handover_->drifted(now) && handover_->try_lock()) {
    warn(renew_cdi());
  }
}

Result<void> Node::renew_cdi() {
  if (!handover_->active()) {
    handover_->unlock();
    return {};
  }
  MIG_TRY(wake());
  MIG_TRY(handover_->lock());
  const auto now =
      device::read_inventory(*session_, {base::proc_root(), &facts_, device::Depth::kShownWithMig});
  return handover_->renew(now ? &*now : nullptr);
}

}  // namespace mig::node
