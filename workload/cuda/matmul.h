// SPDX-License-Identifier: Apache-2.0
// Matrix products through cuBLASLt, loaded at run time (no toolkit is needed to build).
// Column-major, as the library wants them; train.cc says which row-major product each is.
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
  kReluBias,      // relu(. + bias); `mask` records where the result was positive
  kDRelu,         // . where mask, else 0
  kDReluBiasGrad  // kDRelu, and the row sums into bias
};

// D[m x n] = op(A) * op(B), column-major.
struct Product {
  int m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  bool beside = false;                                // may run concurrently with one that is not
  bool narrow_inputs = false, narrow_output = false;  // bf16 instead of fp32
  Epilogue epilogue = Epilogue::kNone;
  DevicePtr a = 0, b = 0, d = 0;
  DevicePtr bias = 0;
  bool narrow_bias = false;
  DevicePtr mask = 0;        // m * n bits: cuBLASLt's record of where ReLU was positive
  DevicePtr activation = 0;  // kDRelu*: the output of that ReLU, same shape as D
};

class Matmul {
 public:
  // Opens cuBLASLt of a known major version, else the fp32 kernel of kernels.cu. nullptr with
  // `error` when neither serves: bf16 needs cuBLASLt. `kernels` is the loaded module of kernels.cu.
  static std::unique_ptr<Matmul> open(const Driver& driver,
                                      Handle kernels,
                                      Precision precision,
                                      std::string& error);
  virtual ~Matmul() = default;
  Matmul(const Matmul&) = delete;
  Matmul& operator=(const Matmul&) = delete;

  // Prepares `product`; with cuBLASLt by timing its candidate algorithms on `stream`. Returns a
  // number for run(); sets `status` when no algorithm serves.
  virtual int tune(const Product& product, Handle stream, Status& status) = 0;
  virtual void run(int product, Handle stream, Status& status) = 0;
  // Implementation: "cuBLASLt" or "own fp32 kernel".
  virtual const char* name() const = 0;

 protected:
  Matmul() = default;
};

// The two implementations; open() chooses. cuBLASLt: nullptr with `error` when it does not load.
std::unique_ptr<Matmul> open_library_matmul(const Driver& driver,
                                            Precision precision,
                                            std::string& error);
std::unique_ptr<Matmul> open_own_matmul(const Driver& driver, Handle kernels, std::string& error);

}  // namespace workload::cuda

#endif  // MIGCTL_WORKLOAD_CUDA_MATMUL_H_
