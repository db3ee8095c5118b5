// SPDX-License-Identifier: Apache-2.0
// The lab's model, 1024-4096-4096-1024 with ReLU and Adam: FLOPs and bytes of one training step,
// counted from the shapes.
#ifndef MIGCTL_WORKLOAD_MODEL_H_
#define MIGCTL_WORKLOAD_MODEL_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace workload {

enum class Precision { kFp32, kTf32, kBf16 };

std::optional<Precision> parse_precision(std::string_view text);
const char* precision_name(Precision precision);

struct StepWork {
  Precision precision = Precision::kFp32;
  std::uint64_t flops = 0;        // operations of the matrix products
  std::uint64_t bytes_moved = 0;  // device memory traffic
  std::uint64_t bytes_held = 0;   // device memory allocated: weights, gradients, Adam, activations
};

std::uint64_t parameter_count();

// Work of one step of `batch` samples (at least 1).
StepWork step_work(std::uint32_t batch, Precision precision);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_MODEL_H_
