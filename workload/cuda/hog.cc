// SPDX-License-Identifier: Apache-2.0
// Hogs: programs that use as much of one resource as one process can, to measure the effect on
// their neighbours.
#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <thread>
#include <vector>

#include "workload/cuda/device.h"
#include "workload/cuda/matmul.h"

namespace workload::cuda {

namespace {

constexpr std::array<std::pair<std::string_view, Hog>, 7> kHogs = {{
    {"dram", Hog::kDram},
    {"tensor", Hog::kTensor},
    {"compute", Hog::kCompute},
    {"pcie", Hog::kPcie},
    {"launch", Hog::kLaunch},
    {"membar", Hog::kBarriers},
    {"memory", Hog::kMemory},
}};

constexpr std::size_t kMost = std::size_t{1} << 30U;        // size of a hog's buffers in bytes
constexpr std::size_t kLeastPiece = std::size_t{2} << 20U;  // of the memory hog
constexpr int kTensorSize = 4096;
constexpr unsigned kThreads = 256;
constexpr unsigned kWarps = kThreads / 32;  // of a block

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Resources of one hog; a round is a piece of work short enough to stop after.
struct Work {
  const Driver& driver;
  const DeviceFacts& facts;
  Handle module;
  Handle kernel = nullptr;
  DevicePtr from = 0, to = 0;
  std::size_t bytes = 0;
  std::vector<char> host;
  std::unique_ptr<Matmul> matmul;
  int product = -1;
  double per_round = 0;
  const char* unit = "";

  Work(const Driver& the_driver, const DeviceFacts& of_device, Handle from_module)
      : driver(the_driver), facts(of_device), module(from_module) {}

  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  ~Work() {
    driver.cuMemFree_v2(from);
    driver.cuMemFree_v2(to);
  }

  void prepare(Hog hog, Precision precision, Status& status) {
    bytes = std::min<std::size_t>(kMost, facts.memory_free / 4) / 16 * 16;
    WORKLOAD_CU(status, driver, cuMemAlloc_v2, &from, bytes);
    WORKLOAD_CU(status, driver, cuMemAlloc_v2, &to, bytes);
    WORKLOAD_CU(status, driver, cuMemsetD32Async, from, 0U, bytes / 4, nullptr);
    const char* name = "nothing";
    per_round = 1;
    unit = "launches/s";
    if (hog == Hog::kDram) {
      name = "stream_copy";
      per_round = 2.0 * static_cast<double>(bytes) * 1e-9;
      unit = "GB/s";
    } else if (hog == Hog::kCompute) {
      name = "fma_spin";
      per_round = 2.0 * 4 * kRounds * kThreads * blocks() * 1e-9;
      unit = "GFLOP/s";
    } else if (hog == Hog::kBarriers) {
      name = "barrier_storm";
      // Of each warp: its threads' barriers are one instruction.
      per_round = 1.0 * kBarriers * kWarps * blocks();
      unit = "barriers/s";
    } else if (hog == Hog::kPcie) {
      host.resize(std::min<std::size_t>(bytes, std::size_t{64} << 20U));
      per_round = static_cast<double>(host.size()) * 1e-9;
      unit = "GB/s";
    } else if (hog == Hog::kTensor) {
      prepare_products(precision, status);
    }
    WORKLOAD_CU(status, driver, cuModuleGetFunction, &kernel, module, name);
  }

  void prepare_products(Precision precision, Status& status) {
    std::string error;
    matmul = open_library_matmul(driver, precision, error);
    if (!matmul) {
      return status.fail("matrix products need cuBLASLt: " + error);
    }
    const bool narrow = precision == Precision::kBf16;
    const std::size_t matrix = std::size_t{narrow ? 2U : 4U} * kTensorSize * kTensorSize;
    Product square;
    square.m = square.n = square.k = kTensorSize;
    square.narrow_inputs = square.narrow_output = narrow;
    square.a = from;
    square.b = from + matrix;
    square.d = to;
    if (bytes < 2 * matrix) {
      return status.fail("matrix products need " + std::to_string(8 * matrix >> 20U) +
                         " MiB of free device memory");
    }
    product = matmul->tune(square, nullptr, status);
    per_round = 2.0 * kTensorSize * kTensorSize * static_cast<double>(kTensorSize) * 1e-12;
    unit = "TFLOP/s";
  }

  unsigned blocks() const { return static_cast<unsigned>(facts.multiprocessors) * 8; }

  void round(Hog hog, Status& status) {
    unsigned long long n4 = bytes / 16;
    int rounds = kRounds;
    std::vector<void*> copy = {&from, &to, &n4};
    int barriers = kBarriers;
    std::vector<void*> spin = {&to, hog == Hog::kBarriers ? &barriers : &rounds};
    switch (hog) {
      case Hog::kTensor:
        matmul->run(product, nullptr, status);
        break;
      case Hog::kPcie:
        WORKLOAD_CU(status, driver, cuMemcpyHtoD_v2, from, host.data(), host.size());
        break;
      case Hog::kLaunch:
        WORKLOAD_CU(status,
                    driver,
                    cuLaunchKernel,
                    kernel,
                    1U,
                    1U,
                    1U,
                    1U,
                    1U,
                    1U,
                    0U,
                    nullptr,
                    nullptr,
                    nullptr);
        break;
      default:
        WORKLOAD_CU(status,
                    driver,
                    cuLaunchKernel,
                    kernel,
                    blocks(),
                    1U,
                    1U,
                    kThreads,
                    1U,
                    1U,
                    0U,
                    nullptr,
                    hog == Hog::kDram ? copy.data() : spin.data(),
                    nullptr);
    }
  }

  static constexpr int kRounds = 20000;
  static constexpr int kBarriers = 200;
};

}  // namespace

std::optional<Hog> hog_named(std::string_view name) {
  for (const auto& [text, hog] : kHogs) {
    if (text == name) {
      return hog;
    }
  }
  return std::nullopt;
}

std::vector<std::string> hog_names() {
  std::vector<std::string> names;
  names.reserve(std::size(kHogs));
  for (const auto& entry : kHogs) {
    names.emplace_back(entry.first);
  }
  return names;
}

// In ever smaller pieces, until the smallest is refused too.
HogResult CudaDevice::hold_memory(double seconds,
                                  const std::atomic<bool>& stop,
                                  Status& status,
                                  const Started& started) {
  HogResult result;
  result.unit = "GB held";
  std::vector<DevicePtr> held;
  double bytes = 0;
  for (std::size_t piece = kMost; piece >= kLeastPiece && status.ok() && !stop;) {
    DevicePtr at = 0;
    const Code code = driver_.cuMemAlloc_v2(&at, piece);
    if (code == kSuccess) {
      held.push_back(at);
      bytes += static_cast<double>(piece);
    } else if (code == kOutOfMemory) {
      piece /= 2;
    } else {
      status.check(driver_, "cuMemAlloc_v2", code);
    }
  }
  if (started && status.ok()) {
    started();
  }
  const double start = now();
  while (status.ok() && !stop && now() - start < seconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  result.seconds = now() - start;
  result.amount = bytes * 1e-9;
  result.rounds = held.size();
  for (const DevicePtr at : held) {
    driver_.cuMemFree_v2(at);
  }
  return result;
}

HogResult CudaDevice::load(Hog hog,
                           double seconds,
                           const std::atomic<bool>& stop,
                           Status& status,
                           const Started& started,
                           Precision precision) {
  if (hog == Hog::kMemory) {
    return hold_memory(seconds, stop, status, started);
  }
  HogResult result;
  Work work(driver_, facts_, module_);
  work.prepare(hog, precision, status);
  WORKLOAD_CU(status, driver_, cuCtxSynchronize);
  const std::uint64_t queue = hog == Hog::kLaunch ? 1000 : 4;  // depth of the launch queue
  if (started && status.ok()) {
    started();
  }
  const double start = now();
  while (status.ok() && !stop && now() - start < seconds) {
    for (std::uint64_t i = 0; i < queue; ++i) {
      work.round(hog, status);
    }
    WORKLOAD_CU(status, driver_, cuCtxSynchronize);
    result.rounds += queue;
  }
  result.seconds = now() - start;
  result.unit = work.unit;
  if (result.seconds > 0) {
    result.amount = work.per_round * static_cast<double>(result.rounds) / result.seconds;
  }
  return result;
}

}  // namespace workload::cuda
