// SPDX-License-Identifier: Apache-2.0
// The CUDA driver API by dlopen: no toolkit is needed to build or to start. Own declarations of the
// calls in use; names and values are CUDA's.
//
// Threading: Driver is immutable after open() and may be shared. Errors are text: the call and
// CUDA's error text.
#ifndef MIGCTL_WORKLOAD_CUDA_DRIVER_H_
#define MIGCTL_WORKLOAD_CUDA_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace workload::cuda {

using Device = int;
using DevicePtr = unsigned long long;
using Handle = void*;  // handle of a context, module, function, stream, event or graph
using Code = int;

struct Uuid {
  unsigned char bytes[16];
};

enum Attribute : int {
  kAttributeMultiprocessors = 16,
  kAttributeCcMajor = 75,
  kAttributeCcMinor = 76,
  kAttributeL2Bytes = 38,
};

enum : Code { kSuccess = 0, kOutOfMemory = 2, kNoDevice = 100, kIllegalAddress = 700 };

// Function table; every entry is present after open().
#define WORKLOAD_CUDA_CALLS(X)                                          \
  X(cuInit, (unsigned))                                                 \
  X(cuDriverGetVersion, (int*))                                         \
  X(cuDeviceGetCount, (int*))                                           \
  X(cuDeviceGet, (Device*, int))                                        \
  X(cuDeviceGetName, (char*, int, Device))                              \
  X(cuDeviceGetUuid_v2, (Uuid*, Device))                                \
  X(cuDeviceTotalMem_v2, (std::size_t*, Device))                        \
  X(cuDeviceGetAttribute, (int*, int, Device))                          \
  X(cuDevicePrimaryCtxRetain, (Handle*, Device))                        \
  X(cuDevicePrimaryCtxRelease_v2, (Device))                             \
  X(cuCtxSetCurrent, (Handle))                                          \
  X(cuCtxSynchronize, ())                                               \
  X(cuMemAlloc_v2, (DevicePtr*, std::size_t))                           \
  X(cuMemFree_v2, (DevicePtr))                                          \
  X(cuMemGetInfo_v2, (std::size_t*, std::size_t*))                      \
  X(cuMemcpyHtoD_v2, (DevicePtr, const void*, std::size_t))             \
  X(cuMemcpyDtoH_v2, (void*, DevicePtr, std::size_t))                   \
  X(cuMemcpyDtoDAsync_v2, (DevicePtr, DevicePtr, std::size_t, Handle))  \
  X(cuMemsetD32Async, (DevicePtr, unsigned, std::size_t, Handle))       \
  X(cuModuleLoadData, (Handle*, const void*))                           \
  X(cuModuleUnload, (Handle))                                           \
  X(cuModuleGetFunction, (Handle*, Handle, const char*))                \
  X(cuLaunchKernel,                                                     \
    (Handle,                                                            \
     unsigned,                                                          \
     unsigned,                                                          \
     unsigned,                                                          \
     unsigned,                                                          \
     unsigned,                                                          \
     unsigned,                                                          \
     unsigned,                                                          \
     Handle,                                                            \
     void**,                                                            \
     void**))                                                           \
  X(cuStreamCreate, (Handle*, unsigned))                                \
  X(cuStreamSynchronize, (Handle))                                      \
  X(cuStreamDestroy_v2, (Handle))                                       \
  X(cuStreamWaitEvent, (Handle, Handle, unsigned))                      \
  X(cuStreamBeginCapture_v2, (Handle, int))                             \
  X(cuStreamEndCapture, (Handle, Handle*))                              \
  X(cuGraphInstantiateWithFlags, (Handle*, Handle, unsigned long long)) \
  X(cuGraphLaunch, (Handle, Handle))                                    \
  X(cuGraphExecDestroy, (Handle))                                       \
  X(cuGraphDestroy, (Handle))                                           \
  X(cuEventCreate, (Handle*, unsigned))                                 \
  X(cuEventRecord, (Handle, Handle))                                    \
  X(cuEventSynchronize, (Handle))                                       \
  X(cuEventElapsedTime, (float*, Handle, Handle))                       \
  X(cuEventDestroy_v2, (Handle))                                        \
  X(cuGetErrorName, (Code, const char**))                               \
  X(cuGetErrorString, (Code, const char**))

struct Driver {
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration
#define WORKLOAD_CUDA_MEMBER(name, args) Code(*name) args = nullptr;
  WORKLOAD_CUDA_CALLS(WORKLOAD_CUDA_MEMBER)
#undef WORKLOAD_CUDA_MEMBER
  // NOLINTEND(bugprone-macro-parentheses)

  // Loads libcuda.so.1 and initialises it; nullptr with `error` when there is none.
  static const Driver* open(std::string& error);

  // Error text: "cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY (out of memory)".
  std::string explain(const char* call, Code code) const;
};

// Sticky result: the first failed call is kept, later calls are skipped. `if (!call) ...` tests it.
class Status {
 public:
  bool ok() const { return code_ == kSuccess && message_.empty(); }

  Code code() const { return code_; }

  const std::string& message() const { return message_; }

  void fail(std::string message, Code code = -1) {
    if (ok()) {
      code_ = code;
      message_ = std::move(message);
    }
  }

  void check(const Driver& driver, const char* call, Code code) {
    if (code != kSuccess) {
      fail(driver.explain(call, code), code);
    }
  }

 private:
  Code code_ = kSuccess;
  std::string message_;
};

// Calls driver.name(args...) and records the result in `status`; skipped after a failure.
#define WORKLOAD_CU(status, driver, name, ...)                     \
  do {                                                             \
    if ((status).ok())                                             \
      (status).check((driver), #name, (driver).name(__VA_ARGS__)); \
  } while (false)

}  // namespace workload::cuda

#endif  // MIGCTL_WORKLOAD_CUDA_DRIVER_H_
