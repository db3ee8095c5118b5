// SPDX-License-Identifier: Apache-2.0
// Matrix products through cuBLASLt, loaded where it can be (no toolkit to build). Column-major, as
// the library wants them; train.cc says which row-major product each is.
//
// Threading: one Matmul from one thread. Products may be captured into a CUDA graph after tune().
#ifndef MIGCTL_WORKLOAD_CUDA_MATMUL_H_
#define MIGCTL_WORKLOAD_CUDA_MATMUL_H_

#include <memory>
#include <string>
#include <vector>

#include "workload/cuda/driver.h"

namespace workload::cuda {

enum class Precision { kFp32, kTf32, kBf16 };

enum class Epilogue {
  kNone,
  kBias,          // + bias (one per row of D)
  kReluBias,      // relu(. + bias), remembers where it was positive in `mask`
  kDRelu,         // . where mask, else 0
  kDReluBiasGrad  // kDRelu, and the row sums into bias
};

// D[m x n] = op(A) * op(B), column-major.
struct Product {
  int m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  bool narrow_inputs = false, narrow_output = false;  // bf16 instead of fp32
  Epilogue epilogue = Epilogue::kNone;
  DevicePtr a = 0, b = 0, d = 0;
  DevicePtr bias = 0;
  bool narrow_bias = false;
  DevicePtr mask = 0;  // m * n bits
};

class Matmul {
 public:
  // nullptr with `error` when no cuBLASLt of a known major version loads.
  static std::unique_ptr<Matmul> open(const Driver& driver,
                                      Precision precision,
                                      std::string& error);
  ~Matmul();
  Matmul(const Matmul&) = delete;
  Matmul& operator=(const Matmul&) = delete;

  // Chooses the fastest of the library's candidates for `product` by timing them on `stream`.
  // Returns a number for run(); fails into `status` when the library has none.
  int tune(const Product& product, Handle stream, Status& status);
  void run(int product, Handle stream, Status& status);

 private:
  struct Impl;
  explicit Matmul(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace workload::cuda

#endif  // MIGCTL_WORKLOAD_CUDA_MATMUL_H_
