// SPDX-License-Identifier: Apache-2.0
// Matrix products by the kernel in kernels.cu, for machines with a driver but without CUDA's
// libraries.
#include <string>
#include <vector>

#include "workload/cuda/matmul.h"

namespace workload::cuda {

namespace {

constexpr int kTile = 64;
constexpr unsigned kThreads = 256;

class OwnMatmul final : public Matmul {
 public:
  OwnMatmul(const Driver& driver, Handle gemm, Handle column_sum)
      : driver_(driver), gemm_(gemm), column_sum_(column_sum) {}

  int tune(const Product& product, Handle /*stream*/, Status& status) override {
    if (product.narrow_inputs || product.narrow_output) {
      status.fail("bf16 products need cuBLASLt, which does not load here");
    }
    products_.push_back(product);
    return static_cast<int>(products_.size()) - 1;
  }

  void run(int product, Handle stream, Status& status) override {
    Product& p = products_[static_cast<std::size_t>(product)];
    const bool adds = p.epilogue == Epilogue::kBias || p.epilogue == Epilogue::kReluBias;
    const bool masks = p.epilogue == Epilogue::kDRelu || p.epilogue == Epilogue::kDReluBiasGrad;
    int ta = p.transpose_a ? 1 : 0;
    int tb = p.transpose_b ? 1 : 0;
    int relu = p.epilogue == Epilogue::kReluBias ? 1 : 0;
    DevicePtr bias = adds ? p.bias : 0;
    DevicePtr positive = masks ? p.activation : 0;
    std::vector<void*> arguments = {
        &p.a, &p.b, &p.d, &p.m, &p.n, &p.k, &ta, &tb, &bias, &positive, &relu};
    WORKLOAD_CU(status,
                driver_,
                cuLaunchKernel,
                gemm_,
                tiles(p.m),
                tiles(p.n),
                1U,
                kThreads,
                1U,
                1U,
                0U,
                stream,
                arguments.data(),
                nullptr);
    if (p.epilogue != Epilogue::kDReluBiasGrad) {
      return;
    }
    DevicePtr none = 0;
    std::vector<void*> sums = {&p.d, &none, &p.bias, &p.n, &p.m};
    const auto blocks = (static_cast<unsigned>(p.m) + kThreads - 1) / kThreads;
    WORKLOAD_CU(status,
                driver_,
                cuLaunchKernel,
                column_sum_,
                blocks,
                1U,
                1U,
                kThreads,
                1U,
                1U,
                0U,
                stream,
                sums.data(),
                nullptr);
  }

  const char* name() const override { return "own fp32 kernel"; }

 private:
  static unsigned tiles(int size) { return static_cast<unsigned>((size + kTile - 1) / kTile); }

  const Driver& driver_;
  Handle gemm_, column_sum_;
  std::vector<Product> products_;
};

}  // namespace

std::unique_ptr<Matmul> open_own_matmul(const Driver& driver, Handle kernels, std::string& error) {
  Handle gemm = nullptr;
  Handle column_sum = nullptr;
  Status status;
  WORKLOAD_CU(status, driver, cuModuleGetFunction, &gemm, kernels, "gemm");
  WORKLOAD_CU(status, driver, cuModuleGetFunction, &column_sum, kernels, "column_sum");
  if (!status.ok()) {
    error = status.message();
    return nullptr;
  }
  return std::make_unique<OwnMatmul>(driver, gemm, column_sum);
}

std::unique_ptr<Matmul> Matmul::open(const Driver& driver,
                                     Handle kernels,
                                     Precision precision,
                                     std::string& error) {
  auto library = open_library_matmul(driver, precision, error);
  if (library || precision == Precision::kBf16) {
    return library;
  }
  return open_own_matmul(driver, kernels, error);
}

}  // namespace workload::cuda
