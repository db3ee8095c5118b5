// SPDX-License-Identifier: Apache-2.0
// Inside of node/: the file of slot names, in combination with the machine's state.
#ifndef MIGCTL_NODE_SLOT_NAMES_H_
#define MIGCTL_NODE_SLOT_NAMES_H_

#include <optional>
#include <string>
#include <vector>

#include "node/slot_view.h"

namespace mig::node {

class SlotNames {
 public:
  explicit SlotNames(std::string path) : path_(std::move(path)) {}

  Result<SlotView> set(const store::SlotRow& row, const Inventory& now) const;
  Result<std::vector<SlotView>> all(const Inventory& now) const;
  Result<void> remove(const std::string& name) const;
  Result<SlotView> resolve(const std::string& name, const Inventory& now) const;

 private:
  // nullopt: no slot exists; reading must not create the file.
  Result<std::optional<store::Slots>> existing() const;
  static Error unknown(std::optional<store::Slots>& slots, const std::string& name);

  std::string path_;
};

}  // namespace mig::node

#endif  // MIGCTL_NODE_SLOT_NAMES_H_
