// SPDX-License-Identifier: Apache-2.0
// The lab's training job on a real GPU: a perceptron of two or more linear layers with ReLU
// between, loss = sum of outputs, Adam; a fresh random batch each step. One CUDA graph per step.
//
// Throughput is measured by wall clock over whole steps. The lower bound is the unavoidable memory
// traffic divided by the copy bandwidth measured in the same run.
#ifndef MIGCTL_WORKLOAD_CUDA_TRAIN_H_
#define MIGCTL_WORKLOAD_CUDA_TRAIN_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "workload/cuda/matmul.h"
#include "workload/step_times.h"

namespace workload::cuda {

struct TrainConfig {
  // Layer widths, at least three, each a multiple of 32.
  std::vector<int> sizes = {1024, 4096, 4096, 1024};
  int batch = 128;                                      // samples per step, a multiple of 16
  Precision precision = Precision::kTf32;
  bool graph = true;
  bool time_steps = false;   // wait after each step and record its time
  bool own_kernels = false;  // never use cuBLASLt (fp32 only)
  std::uint64_t seed = 1;
  float learning_rate = 1e-3F, beta1 = 0.9F, beta2 = 0.999F, epsilon = 1e-8F;
  std::uint64_t steps = 0;  // number of steps; 0 = until `seconds` are over
  double seconds = 0;
  std::function<void()> on_started = [] {};  // called after the warm-up
};

struct TrainResult {
  std::uint64_t steps = 0;
  double seconds = 0;
  double steps_per_second = 0;
  StepTimes step_times;  // filled with time_steps
  double first_loss = 0, last_loss = 0;
  double flop_per_step = 0, bytes_per_step = 0;
  double copy_gb_per_s = 0;  // measured copy bandwidth, read + write
  double floor_steps_per_second = 0;
  std::uint64_t device_bytes = 0;
  const char* products_by = "";  // implementation: "cuBLASLt" or "own fp32 kernel"
};

struct CheckResult {
  int steps = 0;
  double largest_weight_error = 0;  // w - reference| relative to the largest |reference|
  double largest_loss_error = 0;    // relative error of the loss
  double tolerance = 0;
  bool passed = false;
};

// Called about twice a second with (steps done, loss of the last step).
using TrainProgress = std::function<void(std::uint64_t, double)>;

// The current context must be the wanted device's. `stop` ends the loop early.
TrainResult train(const Driver& driver,
                  const TrainConfig& config,
                  const std::atomic<bool>& stop,
                  const TrainProgress& progress,
                  Status& status);

// Runs a few steps of a small model of the same shape and compares with a float64 reference on the
// CPU.
CheckResult check_training(const Driver& driver,
                           Precision precision,
                           bool own_kernels,
                           const std::vector<int>& sizes,
                           Status& status);

}  // namespace workload::cuda

#endif  // MIGCTL_WORKLOAD_CUDA_TRAIN_H_
