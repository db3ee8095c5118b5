// SPDX-License-Identifier: Apache-2.0
#include "workload/cuda/trainer.h"

#include <cmath>
#include <string>

#include "workload/cuda/kernels.h"

namespace workload::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kNoTiming = 2;  // CU_EVENT_DISABLE_TIMING

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

Trainer::Trainer(const Driver& driver, const TrainConfig& config, Status& status)
    : driver_(driver), config_(config), narrow_(config.precision == Precision::kBf16) {
  Device device = 0;
  WORKLOAD_CU(status, driver_, cuDeviceGet, &device, 0);
  WORKLOAD_CU(
      status, driver_, cuDeviceGetAttribute, &multiprocessors_, kAttributeMultiprocessors, device);
  WORKLOAD_CU(status, driver_, cuModuleLoadData, &module_, kKernelsPtx);
  const auto kernel = [&](Handle& to, const char* name) {
    WORKLOAD_CU(status, driver_, cuModuleGetFunction, &to, module_, name);
  };
  kernel(k_tick_, "tick");
  kernel(k_uniform_, "fill_uniform");
  kernel(k_constant_, "fill_constant");
  kernel(k_normal_, "fill_normal");
  kernel(k_adam_, "adam");
  kernel(k_narrow_, "to_bf16");
  kernel(k_column_sum_, "column_sum");
  kernel(k_sum_, "sum_all");
  for (Handle* stream : {&stream_, &beside_}) {
    WORKLOAD_CU(status, driver_, cuStreamCreate, stream, 1U);  // CU_STREAM_NON_BLOCKING
  }
  for (Handle* event : {&drawn_, &counted_, &top_, &done_}) {
    WORKLOAD_CU(status, driver_, cuEventCreate, event, kNoTiming);
  }
  if (!status.ok()) {
    return;
  }
  std::string error;
  matmul_ = config_.own_kernels ? open_own_matmul(driver_, module_, error)
                                : Matmul::open(driver_, module_, config_.precision, error);
  if (!matmul_) {
    status.fail(error);
    return;
  }
  initialise(status);
  tune(status);
  initialise(status);  // tuning overwrote the buffers
  if (!config_.graph || !status.ok()) {
    return;
  }
  Handle captured = nullptr;
  constexpr int kThreadLocalCapture = 1;
  WORKLOAD_CU(status, driver_, cuStreamBeginCapture_v2, stream_, kThreadLocalCapture);
  enqueue(status);
  WORKLOAD_CU(status, driver_, cuStreamEndCapture, stream_, &captured);
  WORKLOAD_CU(status, driver_, cuGraphInstantiateWithFlags, &graph_, captured, 0ULL);
  if (captured != nullptr) {
    driver_.cuGraphDestroy(captured);
  }
}

Trainer::~Trainer() {
  if (stream_ != nullptr) {
    driver_.cuStreamSynchronize(stream_);
  }
  if (graph_ != nullptr) {
    driver_.cuGraphExecDestroy(graph_);
  }
  matmul_.reset();
  for (DevicePtr allocation : allocations_) {
    driver_.cuMemFree_v2(allocation);
  }
  for (Handle event : {drawn_, counted_, top_, done_}) {
    if (event != nullptr) {
      driver_.cuEventDestroy_v2(event);
    }
  }
  for (Handle stream : {stream_, beside_}) {
    if (stream != nullptr) {
      driver_.cuStreamDestroy_v2(stream);
    }
  }
  if (module_ != nullptr) {
    driver_.cuModuleUnload(module_);
  }
}

DevicePtr Trainer::allocate(std::uint64_t bytes, Status& status) {
  DevicePtr pointer = 0;
  WORKLOAD_CU(status, driver_, cuMemAlloc_v2, &pointer, static_cast<std::size_t>(bytes));
  if (status.ok()) {
    allocations_.push_back(pointer);
    device_bytes_ += bytes;
  }
  return pointer;
}

void Trainer::launch(Handle kernel,
                     std::uint64_t threads,
                     std::vector<void*> arguments,
                     Where where,
                     Status& status) {
  const std::uint64_t wanted = (threads + kThreads - 1) / kThreads;
  const auto most =
      static_cast<std::uint64_t>(multiprocessors_) * static_cast<std::uint64_t>(where.blocks);
  const auto blocks = static_cast<unsigned>(wanted < most ? wanted : most);
  WORKLOAD_CU(status,
              driver_,
              cuLaunchKernel,
              kernel,
              blocks,
              1U,
              1U,
              kThreads,
              1U,
              1U,
              0U,
              where.stream,
              arguments.data(),
              nullptr);
}

void Trainer::launch_one_block(
    Handle kernel, unsigned threads, std::vector<void*> arguments, Handle stream, Status& status) {
  WORKLOAD_CU(status,
              driver_,
              cuLaunchKernel,
              kernel,
              1U,
              1U,
              1U,
              threads,
              1U,
              1U,
              0U,
              stream,
              arguments.data(),
              nullptr);
}

void Trainer::initialise(Status& status) {
  const auto batch = static_cast<std::uint64_t>(config_.batch);
  const std::uint64_t element = narrow_ ? 2 : 4;
  if (allocations_.empty()) {
    layers_.resize(config_.sizes.size() - 1);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      Layer& layer = layers_[i];
      layer.in = config_.sizes[i];
      layer.out = config_.sizes[i + 1];
      const auto out = static_cast<std::uint64_t>(layer.out);
      layer.weight = parameters_;
      layer.bias = layer.weight + static_cast<std::uint64_t>(layer.in) * out;
      parameters_ = round_up(layer.bias + out, 4);
      layer.activation = allocate(batch * out * element, status);
      layer.gradient = i < last() ? allocate(batch * out * element, status) : 0;
      layer.mask = i < last() ? allocate(batch * out / 8, status) : 0;
    }
    for (DevicePtr* buffer : {&weights_, &gradients_, &moment1_, &moment2_}) {
      *buffer = allocate(parameters_ * 4, status);
    }
    if (narrow_) {
      narrow_weights_ = allocate(parameters_ * 2, status);
    }
    input_ = allocate(batch * static_cast<std::uint64_t>(layers_[0].in) * element, status);
    output_gradient_ =
        allocate(batch * static_cast<std::uint64_t>(layers_[last()].out) * element, status);
    layers_[last()].gradient = output_gradient_;
    loss_ = allocate(4, status);
    step_ = allocate(8, status);
    scalars_ = allocate(8, status);
  }
  for (DevicePtr buffer : {gradients_, moment1_, moment2_}) {
    WORKLOAD_CU(status,
                driver_,
                cuMemsetD32Async,
                buffer,
                0U,
                static_cast<std::size_t>(parameters_),
                stream_);
  }
  WORKLOAD_CU(status, driver_, cuMemsetD32Async, step_, 0U, std::size_t{2}, stream_);
  for (Layer& layer : layers_) {
    float bound = 1.0F / std::sqrt(static_cast<float>(layer.in));
    std::uint64_t count = layer.bias - layer.weight + static_cast<std::uint64_t>(layer.out);
    DevicePtr at = weights_ + layer.weight * 4;
    std::uint64_t seed = config_.seed * 1000003U + layer.weight;
    launch(k_uniform_, count, {&at, &count, &seed, &bound}, whole(), status);
  }
  if (narrow_) {
    launch(k_narrow_, parameters_, {&weights_, &narrow_weights_, &parameters_}, whole(), status);
  }
  std::uint64_t outputs = batch * static_cast<std::uint64_t>(layers_[last()].out);
  DevicePtr wide = narrow_ ? 0 : output_gradient_;
  DevicePtr narrow = narrow_ ? output_gradient_ : 0;
  float one = 1.0F;  // d(sum of outputs)/d(output)
  launch(k_constant_, outputs, {&wide, &narrow, &outputs, &one}, whole(), status);
  WORKLOAD_CU(status, driver_, cuStreamSynchronize, stream_);
}

DevicePtr Trainer::weight_input(std::uint64_t offset) const {
  return narrow_ ? narrow_weights_ + offset * 2 : weights_ + offset * 4;
}

// Row-major X[batch x in] is column-major in x batch; W[out x in] row-major is in x out.
void Trainer::tune(Status& status) {
  if (!status.ok()) {
    return;
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    const DevicePtr below = i == 0 ? input_ : layers_[i - 1].activation;
    Product forward;
    forward.m = layer.out;
    forward.n = config_.batch;
    forward.k = layer.in;
    forward.transpose_a = true;
    forward.narrow_inputs = forward.narrow_output = forward.narrow_bias = narrow_;
    forward.epilogue = i < last() ? Epilogue::kReluBias : Epilogue::kBias;
    forward.a = weight_input(layer.weight);
    forward.b = below;
    forward.d = layer.activation;
    forward.bias = weight_input(layer.bias);
    forward.mask = layer.mask;
    layer.forward = matmul_->tune(forward, stream_, status);

    Product weight;
    weight.m = layer.in;
    weight.n = layer.out;
    weight.k = config_.batch;
    weight.transpose_b = true;
    weight.beside = i == last();
    weight.narrow_inputs = narrow_;
    weight.a = below;
    weight.b = layer.gradient;
    weight.d = gradients_ + layer.weight * 4;
    layer.backward_weight = matmul_->tune(weight, stream_, status);
    if (i == 0) {
      continue;
    }
    Product input;
    input.m = layer.in;
    input.n = config_.batch;
    input.k = layer.out;
    input.narrow_inputs = input.narrow_output = narrow_;
    input.epilogue = narrow_ ? Epilogue::kDRelu : Epilogue::kDReluBiasGrad;
    input.a = weight_input(layer.weight);
    input.b = layer.gradient;
    input.d = layers_[i - 1].gradient;
    input.bias = narrow_ ? 0 : gradients_ + layers_[i - 1].bias * 4;
    input.mask = layers_[i - 1].mask;
    input.activation = layers_[i - 1].activation;
    layer.backward_input = matmul_->tune(input, stream_, status);
  }
}

void Trainer::adam(std::size_t layer, Where where, Status& status) {
  const std::uint64_t from = layers_[layer].weight;
  const std::uint64_t end = layer < last() ? layers_[layer + 1].weight : parameters_;
  DevicePtr w = weights_ + from * 4;
  DevicePtr g = gradients_ + from * 4;
  DevicePtr m = moment1_ + from * 4;
  DevicePtr v = moment2_ + from * 4;
  DevicePtr w16 = narrow_ ? narrow_weights_ + from * 2 : 0;
  std::uint64_t n4 = (end - from) / 4;
  launch(k_adam_,
         n4,
         {&w, &g, &m, &v, &w16, &n4, &scalars_, &config_.beta1, &config_.beta2, &config_.epsilon},
         where,
         status);
}

void Trainer::column_sum(const Layer& layer, Handle stream, Status& status) {
  DevicePtr wide = narrow_ ? 0 : layer.gradient;
  DevicePtr narrow = narrow_ ? layer.gradient : 0;
  DevicePtr out = gradients_ + layer.bias * 4;
  int columns = layer.out;
  const auto blocks = (static_cast<unsigned>(columns) + kThreads - 1) / kThreads;
  std::vector<void*> arguments = {&wide, &narrow, &out, &config_.batch, &columns};
  WORKLOAD_CU(status,
              driver_,
              cuLaunchKernel,
              k_column_sum_,
              blocks,
              1U,
              1U,
              kThreads,
              1U,
              1U,
              0U,
              stream,
              arguments.data(),
              nullptr);
}

// Makes work queued on `later` from now on wait for all work queued on `earlier` so far.
void Trainer::after(Handle later, Handle event, Handle earlier, Status& status) {
  WORKLOAD_CU(status, driver_, cuEventRecord, event, earlier);
  WORKLOAD_CU(status, driver_, cuStreamWaitEvent, later, event, 0U);
}

// Overlap: updates are bound by memory, products by the tensor cores, so the last layer's gradient
// and update run beside the products of those below. An update follows its gradient directly, which
// is then still in the L2 cache, and comes after the last use of its weights. Few blocks, so that
// both kernels fit on the SMs; the numbers are the best of those tried on an H200 (1 to 8 each,
// layer 0 on either stream).
void Trainer::enqueue(Status& status) {
  constexpr int kUpdateBlocks = 4;
  constexpr int kUpdateBlocksBeside = 2;
  const Where here{stream_, kUpdateBlocks};
  const Where beside{beside_, kUpdateBlocksBeside};
  std::uint64_t inputs =
      static_cast<std::uint64_t>(config_.batch) * static_cast<std::uint64_t>(layers_[0].in);
  DevicePtr wide = narrow_ ? 0 : input_;
  DevicePtr narrow = narrow_ ? input_ : 0;
  launch(k_normal_, inputs / 2, {&wide, &narrow, &inputs, &config_.seed, &step_}, whole(), status);
  after(beside_, drawn_, stream_, status);  // the batch's seed is the previous step's number
  launch_one_block(k_tick_,
                   1,
                   {&step_, &scalars_, &config_.learning_rate, &config_.beta1, &config_.beta2},
                   beside_,
                   status);
  column_sum(layers_[last()], beside_, status);  // d(loss)/d(output) is a constant
  WORKLOAD_CU(status, driver_, cuEventRecord, counted_, beside_);
  for (Layer& layer : layers_) {
    matmul_->run(layer.forward, stream_, status);
  }

  matmul_->run(layers_[last()].backward_input, stream_, status);
  after(beside_, top_, stream_, status);
  matmul_->run(layers_[last()].backward_weight, beside_, status);
  adam(last(), beside, status);
  for (std::size_t layer = last() - 1; layer > 0; --layer) {
    matmul_->run(layers_[layer].backward_input, stream_, status);
  }
  WORKLOAD_CU(status, driver_, cuStreamWaitEvent, stream_, counted_, 0U);
  for (std::size_t layer = last(); layer-- > 0;) {
    if (narrow_) {
      column_sum(layers_[layer], stream_, status);
    }
    matmul_->run(layers_[layer].backward_weight, stream_, status);
    adam(layer, here, status);
  }
  after(stream_, done_, beside_, status);
}

void Trainer::step(Status& status) {
  if (graph_ == nullptr) {
    return enqueue(status);
  }
  WORKLOAD_CU(status, driver_, cuGraphLaunch, graph_, stream_);
}

void Trainer::wait(Status& status) {
  WORKLOAD_CU(status, driver_, cuStreamSynchronize, stream_);
}

float Trainer::loss(Status& status) {
  std::uint64_t outputs =
      static_cast<std::uint64_t>(config_.batch) * static_cast<std::uint64_t>(layers_[last()].out);
  DevicePtr wide = narrow_ ? 0 : layers_[last()].activation;
  DevicePtr narrow = narrow_ ? layers_[last()].activation : 0;
  launch_one_block(k_sum_, kThreads, {&wide, &narrow, &outputs, &loss_}, stream_, status);
  wait(status);
  float value = 0;
  WORKLOAD_CU(status, driver_, cuMemcpyDtoH_v2, &value, loss_, sizeof value);
  return value;
}

std::vector<float> Trainer::weights(Status& status) {
  wait(status);
  std::vector<float> host(parameters_);
  WORKLOAD_CU(status, driver_, cuMemcpyDtoH_v2, host.data(), weights_, host.size() * 4);
  return host;
}

std::vector<float> Trainer::batch(Status& status) {
  wait(status);
  std::vector<float> host(static_cast<std::size_t>(config_.batch) *
                          static_cast<std::size_t>(layers_[0].in));
  if (!narrow_) {
    WORKLOAD_CU(status, driver_, cuMemcpyDtoH_v2, host.data(), input_, host.size() * 4);
    return host;
  }
  std::vector<std::uint16_t> half(host.size());
  WORKLOAD_CU(status, driver_, cuMemcpyDtoH_v2, half.data(), input_, half.size() * 2);
  for (std::size_t i = 0; i < host.size(); ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(half[i]) << 16U;
    __builtin_memcpy(&host[i], &bits, sizeof bits);
  }
  return host;
}

}  // namespace workload::cuda
