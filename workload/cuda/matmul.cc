// SPDX-License-Identifier: Apache-2.0
#include "workload/cuda/matmul.h"

#include <dlfcn.h>

#include <array>
#include <cstring>
#include <utility>

namespace workload::cuda {

namespace {

// cuBLASLt's interface as far as it is used here (stable since CUDA 11).
using LtCode = int;
using LtHandle = void*;
constexpr int kComputeFp32 = 68, kComputeTf32 = 77, kTypeFp32 = 0, kTypeBf16 = 14;
constexpr int kDescTransA = 3, kDescTransB = 4, kDescEpilogue = 7, kDescBias = 8, kDescAux = 11,
              kDescAuxLd = 12, kDescBiasType = 26;
constexpr int kPreferenceWorkspace = 1, kTransposed = 1;
constexpr std::size_t kWorkspaceBytes = 64U << 20U;
constexpr int kCandidates = 24;
constexpr int kTimedRuns = 20;

struct Algorithm {
  std::uint64_t data[8];
};

struct Candidate {
  Algorithm algorithm;
  std::size_t workspace;
  LtCode state;
  float waves;
  int reserved[4];
};

struct Library {
  LtCode (*cublasLtCreate)(LtHandle*) = nullptr;
  LtCode (*cublasLtDestroy)(LtHandle) = nullptr;
  LtCode (*cublasLtMatmulDescCreate)(LtHandle*, int, int) = nullptr;
  LtCode (*cublasLtMatmulDescSetAttribute)(LtHandle, int, const void*, std::size_t) = nullptr;
  LtCode (*cublasLtMatrixLayoutCreate)(LtHandle*, int, std::uint64_t, std::uint64_t, std::int64_t) =
      nullptr;
  LtCode (*cublasLtMatmulPreferenceCreate)(LtHandle*) = nullptr;
  LtCode (*cublasLtMatmulPreferenceSetAttribute)(LtHandle, int, const void*, std::size_t) = nullptr;
  LtCode (*cublasLtMatmulAlgoGetHeuristic)(
      LtHandle, LtHandle, LtHandle, LtHandle, LtHandle, LtHandle, LtHandle, int, Candidate*, int*) =
      nullptr;
  LtCode (*cublasLtMatmul)(LtHandle,
                           LtHandle,
                           const void*,
                           const void*,
                           LtHandle,
                           const void*,
                           LtHandle,
                           const void*,
                           const void*,
                           LtHandle,
                           void*,
                           LtHandle,
                           const Algorithm*,
                           void*,
                           std::size_t,
                           Handle) = nullptr;
};

bool load(Library& library, std::string& error) {
  void* file = nullptr;
  for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"})
    if (file == nullptr)
      file = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (file == nullptr) {
    error = std::string("cuBLASLt does not load: ") + dlerror();
    return false;
  }
  const auto get = [file, &error](auto& member, const char* name) {
    member = reinterpret_cast<std::remove_reference_t<decltype(member)>>(dlsym(file, name));
    if (member == nullptr)
      error = std::string("cuBLASLt lacks ") + name;
  };
  get(library.cublasLtCreate, "cublasLtCreate");
  get(library.cublasLtDestroy, "cublasLtDestroy");
  get(library.cublasLtMatmulDescCreate, "cublasLtMatmulDescCreate");
  get(library.cublasLtMatmulDescSetAttribute, "cublasLtMatmulDescSetAttribute");
  get(library.cublasLtMatrixLayoutCreate, "cublasLtMatrixLayoutCreate");
  get(library.cublasLtMatmulPreferenceCreate, "cublasLtMatmulPreferenceCreate");
  get(library.cublasLtMatmulPreferenceSetAttribute, "cublasLtMatmulPreferenceSetAttribute");
  get(library.cublasLtMatmulAlgoGetHeuristic, "cublasLtMatmulAlgoGetHeuristic");
  get(library.cublasLtMatmul, "cublasLtMatmul");
  return error.empty();
}

int epilogue_value(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kBias:
      return 4;
    case Epilogue::kReluBias:
      return 134;  // RELU | BIAS | AUX
    case Epilogue::kDRelu:
      return 136;
    case Epilogue::kDReluBiasGrad:
      return 152;
    case Epilogue::kNone:
      break;
  }
  return 1;
}

void* address(DevicePtr pointer) {
  return reinterpret_cast<void*>(pointer);
}

}  // namespace

struct Matmul::Impl {
  struct Ready {
    Product product;
    LtHandle desc = nullptr, a = nullptr, b = nullptr, d = nullptr;
    Algorithm algorithm{};
    std::size_t workspace = 0;
  };

  const Driver& driver;
  Precision precision;
  Library library;
  LtHandle handle = nullptr;
  DevicePtr workspace = 0;
  std::vector<Ready> products;

  void set(
      LtHandle desc, int attribute, const void* value, std::size_t size, Status& status) const {
    if (library.cublasLtMatmulDescSetAttribute(desc, attribute, value, size) != 0)
      status.fail("cuBLASLt refuses attribute " + std::to_string(attribute));
  }

  Ready describe(const Product& product, Status& status) const {
    Ready ready;
    ready.product = product;
    const int compute = precision == Precision::kTf32 ? kComputeTf32 : kComputeFp32;
    const int in = product.narrow_inputs ? kTypeBf16 : kTypeFp32;
    const int out = product.narrow_output ? kTypeBf16 : kTypeFp32;
    if (library.cublasLtMatmulDescCreate(&ready.desc, compute, kTypeFp32) != 0)
      status.fail("cublasLtMatmulDescCreate failed");
    const int transposed = kTransposed;
    if (product.transpose_a)
      set(ready.desc, kDescTransA, &transposed, sizeof transposed, status);
    if (product.transpose_b)
      set(ready.desc, kDescTransB, &transposed, sizeof transposed, status);
    const int epilogue = epilogue_value(product.epilogue);
    set(ready.desc, kDescEpilogue, &epilogue, sizeof epilogue, status);
    if (product.bias != 0) {
      const void* bias = address(product.bias);
      const int type = product.narrow_bias ? kTypeBf16 : kTypeFp32;
      set(ready.desc, kDescBias, static_cast<const void*>(&bias), sizeof bias, status);
      set(ready.desc, kDescBiasType, &type, sizeof type, status);
    }
    if (product.mask != 0) {
      const void* mask = address(product.mask);
      const std::int64_t ld = product.m;
      set(ready.desc, kDescAux, static_cast<const void*>(&mask), sizeof mask, status);
      set(ready.desc, kDescAuxLd, &ld, sizeof ld, status);
    }
    const auto layout = [&](LtHandle& to, int type, int rows, int columns) {
      if (library.cublasLtMatrixLayoutCreate(&to,
                                             type,
                                             static_cast<std::uint64_t>(rows),
                                             static_cast<std::uint64_t>(columns),
                                             rows) != 0)
        status.fail("cublasLtMatrixLayoutCreate failed");
    };
    layout(ready.a,
           in,
           product.transpose_a ? product.k : product.m,
           product.transpose_a ? product.m : product.k);
    layout(ready.b,
           in,
           product.transpose_b ? product.n : product.k,
           product.transpose_b ? product.k : product.n);
    layout(ready.d, out, product.m, product.n);
    return ready;
  }

  LtCode launch(const Ready& ready, Handle stream) const {
    const float one = 1.0F;
    const float zero = 0.0F;
    const Product& p = ready.product;
    return library.cublasLtMatmul(handle,
                                  ready.desc,
                                  &one,
                                  address(p.a),
                                  ready.a,
                                  address(p.b),
                                  ready.b,
                                  &zero,
                                  address(p.d),
                                  ready.d,
                                  address(p.d),
                                  ready.d,
                                  &ready.algorithm,
                                  address(workspace),
                                  kWorkspaceBytes,
                                  stream);
  }

  float time(const Ready& ready, Handle stream, Status& status) const {
    Handle start = nullptr;
    Handle stop = nullptr;
    float ms = 0;
    WORKLOAD_CU(status, driver, cuEventCreate, &start, 0);
    WORKLOAD_CU(status, driver, cuEventCreate, &stop, 0);
    if (launch(ready, stream) != 0)
      ms = -1;
    WORKLOAD_CU(status, driver, cuEventRecord, start, stream);
    for (int i = 0; i < kTimedRuns && ms >= 0; ++i)
      if (launch(ready, stream) != 0)
        ms = -1;
    WORKLOAD_CU(status, driver, cuEventRecord, stop, stream);
    WORKLOAD_CU(status, driver, cuEventSynchronize, stop);
    if (ms >= 0)
      WORKLOAD_CU(status, driver, cuEventElapsedTime, &ms, start, stop);
    WORKLOAD_CU(status, driver, cuEventDestroy_v2, start);
    WORKLOAD_CU(status, driver, cuEventDestroy_v2, stop);
    return ms;
  }
};

Matmul::Matmul(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Matmul::~Matmul() {
  impl_->driver.cuMemFree_v2(impl_->workspace);
  impl_->library.cublasLtDestroy(impl_->handle);
}

std::unique_ptr<Matmul> Matmul::open(const Driver& driver,
                                     Precision precision,
                                     std::string& error) {
  auto impl = std::make_unique<Impl>(Impl{driver, precision, {}, nullptr, 0, {}});
  if (!load(impl->library, error))
    return nullptr;
  if (impl->library.cublasLtCreate(&impl->handle) != 0) {
    error = "cublasLtCreate failed";
    return nullptr;
  }
  if (const Code code = driver.cuMemAlloc_v2(&impl->workspace, kWorkspaceBytes); code != kSuccess) {
    error = driver.explain("cuMemAlloc_v2", code);
    return nullptr;
  }
  return std::unique_ptr<Matmul>(new Matmul(std::move(impl)));
}

int Matmul::tune(const Product& product, Handle stream, Status& status) {
  Impl::Ready ready = impl_->describe(product, status);
  if (!status.ok())
    return -1;
  LtHandle preference = nullptr;
  const std::size_t bytes = kWorkspaceBytes;
  std::array<Candidate, kCandidates> candidates{};
  int found = 0;
  if (impl_->library.cublasLtMatmulPreferenceCreate(&preference) != 0 ||
      impl_->library.cublasLtMatmulPreferenceSetAttribute(
          preference, kPreferenceWorkspace, &bytes, sizeof bytes) != 0 ||
      impl_->library.cublasLtMatmulAlgoGetHeuristic(impl_->handle,
                                                    ready.desc,
                                                    ready.a,
                                                    ready.b,
                                                    ready.d,
                                                    ready.d,
                                                    preference,
                                                    kCandidates,
                                                    candidates.data(),
                                                    &found) != 0 ||
      found == 0) {
    status.fail("cuBLASLt has no kernel for a product of " + std::to_string(product.m) + "x" +
                std::to_string(product.n) + "x" + std::to_string(product.k));
    return -1;
  }
  float best = -1;
  for (int i = 0; i < found; ++i) {
    Impl::Ready trial = ready;
    trial.algorithm = candidates[static_cast<std::size_t>(i)].algorithm;
    const float ms = impl_->time(trial, stream, status);
    if (!status.ok())
      return -1;
    if (ms >= 0 && (best < 0 || ms < best)) {
      best = ms;
      ready.algorithm = trial.algorithm;
    }
  }
  if (best < 0)
    status.fail("every cuBLASLt candidate failed to run");
  impl_->products.push_back(ready);
  return static_cast<int>(impl_->products.size()) - 1;
}

void Matmul::run(int product, Handle stream, Status& status) {
  if (!status.ok())
    return;
  if (impl_->launch(impl_->products[static_cast<std::size_t>(product)], stream) != 0)
    status.fail("cublasLtMatmul failed");
}

}  // namespace workload::cuda
