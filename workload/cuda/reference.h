// SPDX-License-Identifier: Apache-2.0
// The training step in float64 on the CPU: what the GPU's numbers are held against.
#ifndef MIGCTL_WORKLOAD_CUDA_REFERENCE_H_
#define MIGCTL_WORKLOAD_CUDA_REFERENCE_H_

#include <vector>

#include "workload/cuda/train.h"

namespace workload::cuda {

class ReferenceTrainer {
 public:
  // `weights` as Trainer::weights() gives them.
  ReferenceTrainer(TrainConfig config, const std::vector<float>& weights);
  double step(const std::vector<float>& batch);  // returns the loss

  const std::vector<double>& weights() const { return weights_; }

 private:
  using Layers = std::vector<std::vector<double>>;  // of the input and of each layer's output

  void forward(Layers& values) const;
  std::vector<double> backward(const Layers& values) const;  // the gradient, as weights_ lie
  void update(const std::vector<double>& gradient);          // Adam
  std::size_t in(std::size_t layer) const;
  std::size_t out(std::size_t layer) const;
  std::size_t offset(std::size_t layer) const;  // of the layer's weights; its bias follows

  TrainConfig config_;
  std::vector<double> weights_, moment1_, moment2_;
  int steps_ = 0;
};

}  // namespace workload::cuda

#endif  // MIGCTL_WORKLOAD_CUDA_REFERENCE_H_
