// SPDX-License-Identifier: Apache-2.0
// Device buffers, kernels and products of one training job, driven by train.cc and the check.
#ifndef MIGCTL_WORKLOAD_CUDA_TRAINER_H_
#define MIGCTL_WORKLOAD_CUDA_TRAINER_H_

#include <memory>
#include <vector>

#include "workload/cuda/train.h"

namespace workload::cuda {

class Trainer {
 public:
  // Allocates buffers, initialises the weights as torch.nn.Linear does, tunes the products.
  Trainer(const Driver& driver, const TrainConfig& config, Status& status);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  void step(Status& status);   // launches one step (graph or kernels) without waiting
  float loss(Status& status);  // waits, then returns the sum of the last step's outputs
  void wait(Status& status);
  std::vector<float> weights(Status& status);  // W1 b1 W2 b2 W3 b3, row-major (out x in)
  std::vector<float> batch(Status& status);    // input of the last step

  std::uint64_t parameters() const { return parameters_; }

  std::uint64_t device_bytes() const { return device_bytes_; }

  const char* products_by() const { return matmul_ ? matmul_->name() : ""; }

 private:
  struct Layer {
    int in = 0, out = 0;
    std::uint64_t weight = 0, bias = 0;                // offsets in number of parameters
    DevicePtr activation = 0, gradient = 0, mask = 0;  // of the layer's output
    int forward = -1, backward_input = -1, backward_weight = -1;
  };

  DevicePtr allocate(std::uint64_t bytes, Status& status);
  static constexpr int kBlocksPerMultiprocessor = 8;

  // Launch target: a stream, and at most `blocks` blocks of 256 threads per multiprocessor.
  struct Where {
    Handle stream;
    int blocks;
  };

  Where whole() const { return {stream_, kBlocksPerMultiprocessor}; }

  void launch(Handle kernel,
              std::uint64_t threads,
              std::vector<void*> arguments,
              Where where,
              Status& status);
  void launch_one_block(
      Handle kernel, unsigned threads, std::vector<void*> arguments, Handle stream, Status& status);
  void initialise(Status& status);
  void tune(Status& status);
  void enqueue(Status& status);
  void adam(std::size_t layer, Where where, Status& status);
  void column_sum(const Layer& layer, Handle stream, Status& status);
  void after(Handle later, Handle event, Handle earlier, Status& status);
  DevicePtr weight_input(std::uint64_t offset) const;

  std::size_t last() const { return layers_.size() - 1; }


  const Driver& driver_;
  TrainConfig config_;
  bool narrow_;
  int multiprocessors_ = 0;
  std::uint64_t parameters_ = 0, device_bytes_ = 0;
  std::vector<DevicePtr> allocations_;
  Handle module_ = nullptr, stream_ = nullptr, graph_ = nullptr;
  Handle beside_ = nullptr;  // second stream, and the events that synchronise the two
  Handle drawn_ = nullptr, counted_ = nullptr, top_ = nullptr, done_ = nullptr;
  Handle k_tick_ = nullptr, k_uniform_ = nullptr, k_constant_ = nullptr, k_normal_ = nullptr,
         k_adam_ = nullptr, k_narrow_ = nullptr, k_column_sum_ = nullptr, k_sum_ = nullptr;
  DevicePtr weights_ = 0, narrow_weights_ = 0, gradients_ = 0, moment1_ = 0, moment2_ = 0;
  DevicePtr input_ = 0, output_gradient_ = 0, loss_ = 0, step_ = 0, scalars_ = 0;
  std::unique_ptr<Matmul> matmul_;
  std::vector<Layer> layers_;
};

}  // namespace workload::cuda

#endif  // MIGCTL_WORKLOAD_CUDA_TRAINER_H_
