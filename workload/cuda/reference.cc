// SPDX-License-Identifier: Apache-2.0
#include "workload/cuda/reference.h"

#include <cmath>
#include <numeric>

namespace workload::cuda {

ReferenceTrainer::ReferenceTrainer(const TrainConfig& config, const std::vector<float>& weights)
    : config_(config),
      weights_(weights.begin(), weights.end()),
      moment1_(weights.size()),
      moment2_(weights.size()) {}

double ReferenceTrainer::step(const std::vector<float>& batch) {
  const auto rows = static_cast<std::size_t>(config_.batch);
  std::vector<std::vector<double>> values(4);
  values[0].assign(batch.begin(), batch.end());
  std::size_t offsets[3] = {};
  std::size_t offset = 0;
  for (std::size_t l = 0; l < 3; ++l) {
    const auto in = static_cast<std::size_t>(config_.sizes[l]);
    const auto out = static_cast<std::size_t>(config_.sizes[l + 1]);
    offsets[l] = offset;
    values[l + 1].resize(rows * out);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t o = 0; o < out; ++o) {
        double sum = weights_[offset + in * out + o];
        for (std::size_t i = 0; i < in; ++i)
          sum += values[l][r * in + i] * weights_[offset + o * in + i];
        values[l + 1][r * out + o] = l < 2 && sum < 0 ? 0 : sum;
      }
    offset = (offset + in * out + out + 3) / 4 * 4;
  }
  const double loss = std::accumulate(values[3].begin(), values[3].end(), 0.0);

  std::vector<double> gradient(weights_.size());
  std::vector<double> above(values[3].size(), 1.0);
  for (std::size_t l = 3; l-- > 0;) {
    const auto in = static_cast<std::size_t>(config_.sizes[l]);
    const auto out = static_cast<std::size_t>(config_.sizes[l + 1]);
    std::vector<double> below(rows * in);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t o = 0; o < out; ++o) {
        const double g = above[r * out + o];
        gradient[offsets[l] + in * out + o] += g;
        for (std::size_t i = 0; i < in; ++i) {
          gradient[offsets[l] + o * in + i] += g * values[l][r * in + i];
          below[r * in + i] += g * weights_[offsets[l] + o * in + i];
        }
      }
    for (std::size_t j = 0; l > 0 && j < below.size(); ++j)
      if (values[l][j] <= 0)
        below[j] = 0;
    above = std::move(below);
  }

  ++steps_;
  const double b1 = config_.beta1;
  const double b2 = config_.beta2;
  const double rate = config_.learning_rate / (1 - std::pow(b1, steps_));
  const double root = 1 / std::sqrt(1 - std::pow(b2, steps_));
  for (std::size_t j = 0; j < weights_.size(); ++j) {
    moment1_[j] = b1 * moment1_[j] + (1 - b1) * gradient[j];
    moment2_[j] = b2 * moment2_[j] + (1 - b2) * gradient[j] * gradient[j];
    weights_[j] -= rate * moment1_[j] / (std::sqrt(moment2_[j]) * root + config_.epsilon);
  }
  return loss;
}

}  // namespace workload::cuda
