// SPDX-License-Identifier: Apache-2.0
#include "workload/model.h"

#include <algorithm>
#include <numeric>

namespace workload {

namespace {

constexpr std::uint64_t kFloat = 4;

// Number of weights without biases, of all layers or from a layer on.
std::uint64_t weights(const Model& model, std::size_t from_layer) {
  std::uint64_t count = 0;
  for (std::size_t layer = from_layer; layer + 1 < model.widths.size(); ++layer) {
    count += std::uint64_t{model.widths[layer]} * model.widths[layer + 1];
  }
  return count;
}

std::uint64_t biases(const Model& model) {
  return std::accumulate(model.widths.begin() + 1, model.widths.end(), std::uint64_t{0});
}

// Values per sample that the forward pass keeps: the input, every layer's output, every ReLU's
// output.
std::uint64_t activations(const Model& model) {
  return 2 * biases(model) + model.widths.front() - model.widths.back();
}

constexpr std::uint64_t operand_bytes(Precision precision) {
  return precision == Precision::kBf16 ? 2 : kFloat;
}

}  // namespace

std::optional<Precision> parse_precision(std::string_view text) {
  for (const Precision precision : {Precision::kFp32, Precision::kTf32, Precision::kBf16}) {
    if (text == precision_name(precision)) {
      return precision;
    }
  }
  return std::nullopt;
}

const char* precision_name(Precision precision) {
  switch (precision) {
    case Precision::kTf32:
      return "tf32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kFp32:
      break;
  }
  return "fp32";
}

const std::vector<Model>& models() {
  static const std::vector<Model> kModels = {{"job", {1024, 4096, 4096, 1024}},
                                             {"small", {1024, 2048, 1024}},
                                             {"medium", {2048, 4096, 2048}},
                                             {"large", {4096, 8192, 4096}}};
  return kModels;
}

const Model& training_job() {
  return models().front();
}

const Model* model_named(std::string_view name) {
  const auto found = std::find_if(
      models().begin(), models().end(), [&](const Model& model) { return model.name == name; });
  return found == models().end() ? nullptr : &*found;
}

std::uint64_t parameter_count(const Model& model) {
  return weights(model, 0) + biases(model);
}

StepWork step_work(std::uint32_t batch, Precision precision, const Model& model) {
  const std::uint64_t parameters = parameter_count(model);
  const std::uint64_t operand = operand_bytes(precision);
  StepWork work;
  work.precision = precision;
  // Two operations per weight and sample: forward, gradient of the weights, gradient of the inputs
  // (which the first layer does not need).
  work.flops = 2 * std::uint64_t{batch} * (2 * weights(model, 0) + weights(model, 1));
  // Weights are read forward and backward, gradients written once; Adam reads weight, gradient and
  // two moments and writes three of them back, in fp32 whatever the precision.
  const std::uint64_t products = operand * (weights(model, 0) + weights(model, 1)) + kFloat * parameters;
  const std::uint64_t adam = 7 * kFloat * parameters;
  // bf16 converts the fp32 weights once per step.
  const std::uint64_t casts = precision == Precision::kBf16 ? (kFloat + operand) * parameters : 0;
  // Activations are written forward and read backward; their gradients likewise.
  const std::uint64_t passing = 4 * operand * std::uint64_t{batch} * activations(model);
  work.bytes_moved = products + adam + casts + passing;
  work.bytes_held = 4 * kFloat * parameters +
                    2 * operand * std::uint64_t{batch} * activations(model) +
                    (precision == Precision::kBf16 ? operand * parameters : 0);
  return work;
}

}  // namespace workload
