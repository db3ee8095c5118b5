// SPDX-License-Identifier: Apache-2.0
// Inside of node/: the CDI file as part of every change. One process at a time writes it, by a lock
// that a change holds from withdraw() to renew(); a reading is written only if it was made under
// that lock. Without a registration (cdi/registration.h) everything here does nothing, for one
// look at the disk.
#ifndef MIGCTL_NODE_CDI_HANDOVER_H_
#define MIGCTL_NODE_CDI_HANDOVER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "apply/handover.h"
#include "base/file_lock.h"
#include "cdi/keeper.h"
#include "store/places.h"

namespace mig::node {

class CdiHandover final : public apply::Handover {
 public:
  // `nvml_file` is asked when a file is made.
  CdiHandover(const store::Places& places, std::function<std::string()> nvml_file);

  Result<void> withdraw(const Plan& plan, const Inventory& before, bool recovery) override;
  Result<void> renew(const Inventory* now) override;

  // For changes past apply (nvidia-smi's dialect), of which nothing is known before: all devices.
  Result<void> withdraw_all();

  // True when a file is kept.
  bool active() const;

  // True when the reading differs from the last one of this process, and a file is kept.
  bool drifted(const Inventory& now);
  // Takes the lock at once; false: a change is under way, whose end writes the file.
  bool try_lock();
  // Waits for it.
  Result<void> lock();

  void unlock() { lock_.reset(); }

  // Under the lock: what there would be in the file of this registration.
  Result<cdi::Made> make(const Inventory& now, const cdi::Registration& registration);
  Result<cdi::Made> make_management(const Inventory& now, const cdi::Registration& registration);
  Result<std::optional<cdi::Registration>> registration() const;
  cdi::Roots roots() const;
  std::string registration_file() const;

 private:
  cdi::Keeper& keeper();
  std::vector<cdi::SlotInstance> slots(const Inventory& now) const;
  Result<void> withdraw(const cdi::Registration& registration,
                        const Inventory& before,
                        const cdi::Going& going);

  const store::Places& places_;
  std::function<std::string()> nvml_file_;
  std::unique_ptr<cdi::Keeper> keeper_;
  std::optional<base::FileLock> lock_;
  std::optional<Inventory> known_;
};

}  // namespace mig::node

#endif  // MIGCTL_NODE_CDI_HANDOVER_H_
