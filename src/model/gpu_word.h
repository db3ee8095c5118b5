// SPDX-License-Identifier: Apache-2.0
// A GPU as people type it: its index ("1"), its UUID ("GPU-...") or its PCI address, in full or
// without leading zeros and domain ("00000000:10:00.0", "0000:10:00.0", "10:00.0"). Pure functions.
#ifndef MIGCTL_MODEL_GPU_WORD_H_
#define MIGCTL_MODEL_GPU_WORD_H_

#include <cstdint>
#include <optional>
#include <string>

#include "mig/inventory.h"

namespace mig {

class GpuWord {
 public:
  explicit GpuWord(std::string text);

  // nullptr: no GPU of the inventory is called so.
  const Gpu* find(const Inventory& inventory) const;
  // The GPU that cannot be opened and is meant, or may be: by its index; of one that cannot be
  // opened UUID and address are not known, so a word of those that no other GPU has may name it.
  const LostGpu* find_lost(const Inventory& inventory) const;

 private:
  bool names(const Gpu& gpu) const;

  std::string text_;
  std::optional<std::uint32_t> index_;  // set: the word is an index
};

}  // namespace mig

#endif  // MIGCTL_MODEL_GPU_WORD_H_
