// SPDX-License-Identifier: Apache-2.0
#include "workload/cuda/reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace workload::cuda {

ReferenceTrainer::ReferenceTrainer(TrainConfig config, const std::vector<float>& weights)
    : config_(std::move(config)),
      weights_(weights.begin(), weights.end()),
      moment1_(weights.size()),
      moment2_(weights.size()) {}

std::size_t ReferenceTrainer::in(std::size_t layer) const {
  return static_cast<std::size_t>(config_.sizes[layer]);
}

std::size_t ReferenceTrainer::out(std::size_t layer) const {
  return static_cast<std::size_t>(config_.sizes[layer + 1]);
}

std::size_t ReferenceTrainer::offset(std::size_t layer) const {
  std::size_t at = 0;
  for (std::size_t l = 0; l < layer; ++l) {
    at = (at + in(l)*out(l) + out(l) + 3) / 4 * 4;
  }
  return at;
}

void ReferenceTrainer::forward(Layers& values) const {
  const auto rows = static_cast<std::size_t>(config_.batch);
  for (std::size_t l = 0; l < layers(); ++l) {
    const double* weights = weights_.data() + offset(l);
    const double* bias = weights + in(l)*out(l);
    values[l + 1].resize(rows * out(l));
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t o = 0; o < out(l); ++o) {
        const double* row = values[l].data() + r * in(l);
        const double sum = std::inner_product(row, row + in(l), weights + o * in(l), bias[o]);
        values[l + 1][r * out(l) + o] = l + 1 < layers() ? std::max(sum, 0.0) : sum;
      }
    }
  }
}

std::vector<double> ReferenceTrainer::backward(const Layers& values) const {
  const auto rows = static_cast<std::size_t>(config_.batch);
  std::vector<double> gradient(weights_.size());
  std::vector<double> above(values[layers()].size(), 1.0);
  for (std::size_t l = layers(); l-- > 0;) {
    const double* weights = weights_.data() + offset(l);
    double* of_weights = gradient.data() + offset(l);
    double* of_bias = of_weights + in(l)*out(l);
    std::vector<double> below(rows * in(l));
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t o = 0; o < out(l); ++o) {
        const double g = above[r * out(l) + o];
        of_bias[o] += g;
        for (std::size_t i = 0; i < in(l); ++i) {
          of_weights[o * in(l) + i] += g * values[l][r * in(l) + i];
          below[r * in(l) + i] += g * weights[o * in(l) + i];
        }
      }
    }
    for (std::size_t j = 0; j < below.size(); ++j) {
      if (values[l][j] <= 0) {
        below[j] = 0;  // ReLU; the value for the input layer is not used
      }
    }
    above = std::move(below);
  }
  return gradient;
}

void ReferenceTrainer::update(const std::vector<double>& gradient) {
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
}

double ReferenceTrainer::step(const std::vector<float>& batch) {
  Layers values(layers() + 1);
  values[0].assign(batch.begin(), batch.end());
  forward(values);
  update(backward(values));
  return std::accumulate(values[layers()].begin(), values[layers()].end(), 0.0);
}

}  // namespace workload::cuda
