// SPDX-License-Identifier: Apache-2.0
// The lab's models, perceptrons with ReLU and Adam: FLOPs and bytes of one training step, counted
// from the shapes.
#ifndef MIGCTL_WORKLOAD_MODEL_H_
#define MIGCTL_WORKLOAD_MODEL_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

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

// A perceptron: its name on the command line, and the widths of its layers.
struct Model {
  std::string_view name;
  std::vector<std::uint32_t> widths;  // at least two
};

// The course's: "job" is its training_job.py, the others those of its exercise 6.1.
const std::vector<Model>& models();
const Model& training_job();
const Model* model_named(std::string_view name);  // nullptr = unknown

std::uint64_t parameter_count(const Model& model = training_job());

// Work of one step of `batch` samples (at least 1).
StepWork step_work(std::uint32_t batch,
                   Precision precision,
                   const Model& model = training_job());

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_MODEL_H_
