// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <array>
#include <cstring>
#include <utility>

#include "workload/cuda/matmul.h"

namespace workload::cuda {

namespace {

// The part of cuBLASLt's interface in use here (stable since CUDA 11).
using LtCode = int;
using LtHandle = void*;
constexpr int kComputeFp32 = 68, kComputeTf32 = 77, kTypeFp32 = 0, kTypeBf16 = 14;
constexpr int kDescTransA = 3, kDescTransB = 4, kDescEpilogue = 7, kDescBias = 8, kDescAux = 11,
              kDescAuxLd = 12, kDescBiasType = 26;
constexpr int kPreferenceWorkspace = 1, kTransposed = 1;
constexpr std::size_t kWorkspaceBytes = 64U << 20U;  // allocated twice: see Product::beside
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
  for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"}) {
    if (file == nullptr) {
      file = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
  }
  if (file == nullptr) {
    error = std::string("cuBLASLt does not load: ") + dlerror();  // NOLINT(concurrency-mt-unsafe)
    return false;
  }
  const auto get = [file, &error](auto& member, const char* name) {
    member = reinterpret_cast<std::remove_reference_t<decltype(member)>>(dlsym(file, name));
    if (member == nullptr) {
      error = std::string("cuBLASLt lacks ") + name;
    }
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
  return reinterpret_cast<void*>(pointer);  // NOLINT(performance-no-int-to-ptr): the C interface
}

class LibraryMatmul final : public Matmul {
 public:
  struct Ready {
    Product product;
    LtHandle desc = nullptr, a = nullptr, b = nullptr, d = nullptr;
    Algorithm algorithm{};
    std::size_t workspace = 0;
  };

  LibraryMatmul(const Driver& driver, Precision precision)
      : driver_(driver), precision_(precision) {}

  LibraryMatmul(const LibraryMatmul&) = delete;
  LibraryMatmul& operator=(const LibraryMatmul&) = delete;

  ~LibraryMatmul() override {
    driver_.cuMemFree_v2(workspace_);
    if (handle_ != nullptr) {
      library_.cublasLtDestroy(handle_);
    }
  }

  bool start(std::string& error);
  int tune(const Product& product, Handle stream, Status& status) override;
  void run(int product, Handle stream, Status& status) override;

  const char* name() const override { return "cuBLASLt"; }

 private:
  const Driver& driver_;
  Precision precision_;
  Library library_;
  LtHandle handle_ = nullptr;
  DevicePtr workspace_ = 0;
  std::vector<Ready> products_;

  void set(
      LtHandle desc, int attribute, const void* value, std::size_t size, Status& status) const {
    if (library_.cublasLtMatmulDescSetAttribute(desc, attribute, value, size) != 0) {
      status.fail("cuBLASLt refuses attribute " + std::to_string(attribute));
    }
  }

  Ready describe(const Product& product, Status& status) const {
    Ready ready;
    ready.product = product;
    const int compute = precision_ == Precision::kTf32 ? kComputeTf32 : kComputeFp32;
    const int in = product.narrow_inputs ? kTypeBf16 : kTypeFp32;
    const int out = product.narrow_output ? kTypeBf16 : kTypeFp32;
    if (library_.cublasLtMatmulDescCreate(&ready.desc, compute, kTypeFp32) != 0) {
      status.fail("cublasLtMatmulDescCreate failed");
    }
    const int transposed = kTransposed;
    if (product.transpose_a) {
      set(ready.desc, kDescTransA, &transposed, sizeof transposed, status);
    }
    if (product.transpose_b) {
      set(ready.desc, kDescTransB, &transposed, sizeof transposed, status);
    }
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
      if (library_.cublasLtMatrixLayoutCreate(&to,
                                              type,
                                              static_cast<std::uint64_t>(rows),
                                              static_cast<std::uint64_t>(columns),
                                              rows) != 0) {
        status.fail("cublasLtMatrixLayoutCreate failed");
      }
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
    return library_.cublasLtMatmul(handle_,
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
                                   address(workspace_ + (p.beside ? kWorkspaceBytes : 0)),
                                   kWorkspaceBytes,
                                   stream);
  }

  float time(const Ready& ready, Handle stream, Status& status) const {
    Handle start = nullptr;
    Handle stop = nullptr;
    float ms = 0;
    WORKLOAD_CU(status, driver_, cuEventCreate, &start, 0);
    WORKLOAD_CU(status, driver_, cuEventCreate, &stop, 0);
    if (launch(ready, stream) != 0) {
      ms = -1;
    }
    WORKLOAD_CU(status, driver_, cuEventRecord, start, stream);
    for (int i = 0; i < kTimedRuns && ms >= 0; ++i) {
      if (launch(ready, stream) != 0) {
        ms = -1;
      }
    }
    WORKLOAD_CU(status, driver_, cuEventRecord, stop, stream);
    WORKLOAD_CU(status, driver_, cuEventSynchronize, stop);
    if (ms >= 0) {
      WORKLOAD_CU(status, driver_, cuEventElapsedTime, &ms, start, stop);
    }
    WORKLOAD_CU(status, driver_, cuEventDestroy_v2, start);
    WORKLOAD_CU(status, driver_, cuEventDestroy_v2, stop);
    return ms;
  }
};

bool LibraryMatmul::start(std::string& error) {
  if (!load(library_, error)) {
    return false;
  }
  if (library_.cublasLtCreate(&handle_) != 0) {
    error = "cublasLtCreate failed";
    return false;
  }
  const Code code = driver_.cuMemAlloc_v2(&workspace_, 2 * kWorkspaceBytes);
  if (code != kSuccess) {
    error = driver_.explain("cuMemAlloc_v2", code);
  }
  return code == kSuccess;
}

int LibraryMatmul::tune(const Product& product, Handle stream, Status& status) {
  Ready ready = describe(product, status);
  if (!status.ok()) {
    return -1;
  }
  LtHandle preference = nullptr;
  const std::size_t bytes = kWorkspaceBytes;
  std::array<Candidate, kCandidates> candidates{};
  int found = 0;
  if (library_.cublasLtMatmulPreferenceCreate(&preference) != 0 ||
      library_.cublasLtMatmulPreferenceSetAttribute(
          preference, kPreferenceWorkspace, &bytes, sizeof bytes) != 0 ||
      library_.cublasLtMatmulAlgoGetHeuristic(handle_,
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
    Ready trial = ready;
    trial.algorithm = candidates[static_cast<std::size_t>(i)].algorithm;
    const float ms = time(trial, stream, status);
    if (!status.ok()) {
      return -1;
    }
    if (ms >= 0 && (best < 0 || ms < best)) {
      best = ms;
      ready.algorithm = trial.algorithm;
    }
  }
  if (best < 0) {
    status.fail("every cuBLASLt candidate failed to run");
  }
  products_.push_back(ready);
  return static_cast<int>(products_.size()) - 1;
}

void LibraryMatmul::run(int product, Handle stream, Status& status) {
  if (!status.ok()) {
    return;
  }
  if (launch(products_[static_cast<std::size_t>(product)], stream) != 0) {
    status.fail("cublasLtMatmul failed");
  }
}

}  // namespace

std::unique_ptr<Matmul> open_library_matmul(const Driver& driver,
                                            Precision precision,
                                            std::string& error) {
  auto matmul = std::make_unique<LibraryMatmul>(driver, precision);
  if (!matmul->start(error)) {
    return nullptr;
  }
  return matmul;
}

}  // namespace workload::cuda
