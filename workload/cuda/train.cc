// SPDX-License-Identifier: Apache-2.0
#include "workload/cuda/train.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "workload/cuda/reference.h"
#include "workload/cuda/trainer.h"

namespace workload::cuda {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kWarmUpSteps = 20;
constexpr std::uint64_t kStepsPerWait = 50;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Device-to-device copy of 1 GiB, or less if it does not fit; bytes read and written per second.
double measure_copy(const Driver& driver, Status& status) {
  std::size_t available = 0;
  std::size_t total = 0;
  WORKLOAD_CU(status, driver, cuMemGetInfo_v2, &available, &total);
  const std::size_t bytes = std::min<std::size_t>(available / 4, std::size_t{1} << 30U);
  DevicePtr from = 0;
  DevicePtr to = 0;
  Handle start = nullptr;
  Handle stop = nullptr;
  WORKLOAD_CU(status, driver, cuMemAlloc_v2, &from, bytes);
  WORKLOAD_CU(status, driver, cuMemAlloc_v2, &to, bytes);
  WORKLOAD_CU(status, driver, cuEventCreate, &start, 0U);
  WORKLOAD_CU(status, driver, cuEventCreate, &stop, 0U);
  constexpr int kCopies = 20;
  for (int i = 0; i <= kCopies; ++i) {
    if (i == 1) {
      WORKLOAD_CU(status, driver, cuEventRecord, start, nullptr);
    }
    WORKLOAD_CU(status, driver, cuMemcpyDtoDAsync_v2, to, from, bytes, nullptr);
  }
  float ms = 0;
  WORKLOAD_CU(status, driver, cuEventRecord, stop, nullptr);
  WORKLOAD_CU(status, driver, cuEventSynchronize, stop);
  WORKLOAD_CU(status, driver, cuEventElapsedTime, &ms, start, stop);
  driver.cuMemFree_v2(from);
  driver.cuMemFree_v2(to);
  driver.cuEventDestroy_v2(start);
  driver.cuEventDestroy_v2(stop);
  return ms > 0 ? 2.0 * static_cast<double>(bytes) * kCopies / (ms * 1e-3) : 0;
}

// Lower bound of the memory traffic of a step: weights read forward, and again backward for all
// layers but the first; gradients written and read; weights, both moments read and written.
double least_bytes(const TrainConfig& config) {
  double bytes = 0;
  for (std::size_t l = 0; l + 1 < config.sizes.size(); ++l) {
    const double weights =
        static_cast<double>(config.sizes[l]) * config.sizes[l + 1] + config.sizes[l + 1];
    const double element = config.precision == Precision::kBf16 ? 2 : 4;
    const double reads = weights * element * (l == 0 ? 1 : 2);
    const double gradients = weights * 4 * 2;
    // Weights and both moments are read and written; bf16 also writes its copy of the weights.
    const double update = weights * (6 * 4 + (config.precision == Precision::kBf16 ? 2 : 0));
    bytes += reads + gradients + update;
  }
  return bytes;
}

double flops(const TrainConfig& config) {
  double sum = 0;
  for (std::size_t l = 0; l + 1 < config.sizes.size(); ++l) {
    sum += 2.0 * config.batch * config.sizes[l] * config.sizes[l + 1] * (l == 0 ? 2 : 3);
  }
  return sum;
}

}  // namespace

TrainResult train(const Driver& driver,
                  const TrainConfig& config,
                  const std::atomic<bool>& stop,
                  const TrainProgress& progress,
                  Status& status) {
  TrainResult result;
  result.flop_per_step = flops(config);
  result.bytes_per_step = least_bytes(config);
  result.copy_gb_per_s = measure_copy(driver, status) * 1e-9;
  result.floor_steps_per_second = result.copy_gb_per_s * 1e9 / result.bytes_per_step;
  Trainer trainer(driver, config, status);
  result.device_bytes = trainer.device_bytes();
  result.products_by = trainer.products_by();
  trainer.step(status);
  result.first_loss = trainer.loss(status);
  for (std::uint64_t i = 1; i < kWarmUpSteps; ++i) {
    trainer.step(status);
  }
  trainer.wait(status);
  config.on_started();
  const auto start = Clock::now();
  auto reported = start;
  std::vector<double> step_ms;
  while (status.ok() && !stop) {
    std::uint64_t batch = config.time_steps ? 1 : kStepsPerWait;
    const auto begun = Clock::now();
    if (config.steps > 0) {
      batch = std::min(batch, config.steps - result.steps);
    }
    for (std::uint64_t i = 0; i < batch; ++i) {
      trainer.step(status);
    }
    result.steps += batch;
    // One wait behind the queue: keeps the GPU busy without letting the host run ahead.
    trainer.wait(status);
    result.seconds = since(start);
    if (config.time_steps && step_ms.size() < kMostStepTimes) {
      step_ms.push_back(since(begun) * 1e3);
    }
    const bool done =
        config.steps > 0 ? result.steps >= config.steps : result.seconds >= config.seconds;
    if (done) {
      break;
    }
    if (progress && since(reported) >= 0.5) {
      progress(result.steps, trainer.loss(status));
      reported = Clock::now();
    }
  }
  if (result.seconds > 0) {
    result.steps_per_second = static_cast<double>(result.steps) / result.seconds;
  }
  result.step_times = summary(std::move(step_ms));
  result.last_loss = trainer.loss(status);
  return result;
}

CheckResult check_training(const Driver& driver,
                           Precision precision,
                           bool own_kernels,
                           const std::vector<int>& sizes,
                           Status& status) {
  CheckResult result;
  TrainConfig config;
  config.sizes = sizes;
  config.batch = 32;
  config.precision = precision;
  config.own_kernels = own_kernels;
  // Adam divides by the root of the second moment, so a rounding difference in a tiny gradient can
  // flip a whole step: weights may differ by a few learning-rate steps, not more.
  config.learning_rate = 1e-4F;
  result.steps = 10;
  result.tolerance = precision == Precision::kFp32   ? 1e-4
                     : precision == Precision::kTf32 ? 2e-3
                                                     : 2e-2;
  Trainer trainer(driver, config, status);
  ReferenceTrainer reference(config, trainer.weights(status));
  for (int i = 0; i < result.steps && status.ok(); ++i) {
    trainer.step(status);
    const double loss = trainer.loss(status);
    const double wanted = reference.step(trainer.batch(status));
    result.largest_loss_error = std::max(
        result.largest_loss_error, std::fabs(loss - wanted) / std::max(1.0, std::fabs(wanted)));
  }
  const std::vector<float> weights = trainer.weights(status);
  double largest = 0;
  for (double w : reference.weights()) {
    largest = std::max(largest, std::fabs(w));
  }
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double error = std::fabs(weights[i] - reference.weights()[i]) / largest;
    sum += error * error;
    result.largest_weight_error = std::max(result.largest_weight_error, error);
  }
  const double rms = std::sqrt(sum / static_cast<double>(weights.size()));
  result.passed =
      status.ok() && rms <= result.tolerance && result.largest_loss_error <= 50 * result.tolerance;
  return result;
}

}  // namespace workload::cuda
