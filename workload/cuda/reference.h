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
  ReferenceTrainer(const TrainConfig& config, const std::vector<float>& weights);
  double step(const std::vector<float>& batch);  // returns the loss

  const std::vector<double>& weights() const { return weights_; }

 private:
  TrainConfig config_;
  std::vector<double> weights_, moment1_, moment2_;
  int steps_ = 0;
};

}  // namespace workload::cuda

#endif  // MIGCTL_WORKLOAD_CUDA_REFERENCE_H_
