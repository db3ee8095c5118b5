// SPDX-License-Identifier: Apache-2.0
// The training step in float64 on the CPU: the reference for the GPU's numbers.
#ifndef MIGCTL_WORKLOAD_CUDA_REFERENCE_H_
#define MIGCTL_WORKLOAD_CUDA_REFERENCE_H_

#include <vector>

#include "workload/cuda/train.h"

namespace workload::cuda {

class ReferenceTrainer {
 public:
  // `weights` in the order of Trainer::weights().
  ReferenceTrainer(TrainConfig config, const std::vector<float>& weights);
  double step(const std::vector<float>& batch);  // returns the loss

  const std::vector<double>& weights() const { return weights_; }

 private:
  using Layers = std::vector<std::vector<double>>;  // values of input and layer outputs

  void forward(Layers& values) const;
  std::vector<double> backward(const Layers& values) const;  // gradient, in the order of weights_
  void update(const std::vector<double>& gradient);          // one Adam update

  std::size_t layers() const { return config_.sizes.size() - 1; }

  std::size_t in(std::size_t layer) const;
  std::size_t out(std::size_t layer) const;
  std::size_t offset(std::size_t layer) const;  // of the layer's weights, then its bias

  TrainConfig config_;
  std::vector<double> weights_, moment1_, moment2_;
  int steps_ = 0;
};

}  // namespace workload::cuda

#endif  // MIGCTL_WORKLOAD_CUDA_REFERENCE_H_
