// SPDX-License-Identifier: Apache-2.0
#include "model/gpu_word.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace mig {
namespace {

constexpr std::size_t kShortestAddress = 7;  // "10:00.0"

bool is_address_of(const std::string& full, const std::string& word) {
  return word.size() >= kShortestAddress && word.find(':') != std::string::npos &&
         base::lower(full).ends_with(base::lower(word));
}

}  // namespace

GpuWord::GpuWord(std::string text) : text_(std::move(text)) {
  if (const auto index = base::parse_decimal(text_, UINT32_MAX)) {
    index_ = static_cast<std::uint32_t>(*index);
  }
}

bool GpuWord::names(const Gpu& gpu) const {
  return index_ ? gpu.index.value == *index_
                : gpu.uuid == text_ || is_address_of(gpu.pci_bus_id, text_);
}

const Gpu* GpuWord::find(const Inventory& inventory) const {
  const auto found = std::find_if(
      inventory.gpus.begin(), inventory.gpus.end(), [this](const Gpu& gpu) { return names(gpu); });
  return found == inventory.gpus.end() ? nullptr : &*found;
}

const LostGpu* GpuWord::find_lost(const Inventory& inventory) const {
  if (index_) {
    return inventory.find_lost(GpuIndex{*index_});
  }
  const bool names_one = text_.starts_with("GPU-") || text_.find(':') != std::string::npos;
  const bool another = find(inventory) != nullptr;
  return names_one && !another && !inventory.lost.empty() ? &inventory.lost.front() : nullptr;
}

}  // namespace mig
