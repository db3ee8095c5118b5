// SPDX-License-Identifier: Apache-2.0
#include "workload/cuda_jobs.h"

#include <memory>

#include "workload/cuda/device.h"
#include "workload/cuda/train.h"
#include "workload/output.h"
#include "workload/stop.h"

namespace workload {

namespace {

constexpr std::uint64_t kMib = UINT64_C(1) << 20U;

DeviceInfo info_of(const cuda::DeviceFacts& facts) {
  DeviceInfo info;
  info.name = facts.name;
  info.uuid = facts.uuid;
  info.sm_count = static_cast<std::uint32_t>(facts.multiprocessors);
  info.memory_total = facts.memory_total;
  info.memory_free = facts.memory_free;
  info.cc_major = facts.cc_major;
  info.cc_minor = facts.cc_minor;
  return info;
}

// Opens the device, or prints why not.
std::unique_ptr<cuda::CudaDevice> open_device(const char* job,
                                              const Options& options,
                                              std::FILE* out,
                                              int& code) {
  std::string error;
  auto device = cuda::CudaDevice::open(error);
  if (!device) {
    code = report_failure(job, options, {Outcome::kNoDevice, error}, out);
  }
  return device;
}

Result failed(const cuda::Status& status) {
  Outcome outcome = Outcome::kInternal;
  if (status.code() == cuda::kOutOfMemory) {
    outcome = Outcome::kOutOfMemory;
  } else if (status.code() == cuda::kNoDevice) {
    outcome = Outcome::kNoDevice;
  } else if (status.code() >= cuda::kIllegalAddress) {
    outcome = Outcome::kFaulted;
  }
  return {outcome, status.message()};
}

cuda::Precision precision_of(Precision precision) {
  switch (precision) {
    case Precision::kTf32:
      return cuda::Precision::kTf32;
    case Precision::kBf16:
      return cuda::Precision::kBf16;
    case Precision::kFp32:
      break;
  }
  return cuda::Precision::kFp32;
}

Json train_json(const Options& options, const DeviceInfo& device, const cuda::TrainResult& result) {
  Json document = result_json("train", options, device);
  document["precision"] = precision_name(options.precision);
  document["batch"] = options.batch;
  document["model"] = options.model->name;
  document["parameters"] = parameter_count(*options.model);
  document["productsBy"] = result.products_by;
  document["flopsPerStep"] = result.flop_per_step;
  document["bytesPerStep"] = result.bytes_per_step;
  document["memoryHeldBytes"] = result.device_bytes;
  document["copyGbPerS"] = result.copy_gb_per_s;
  document["floorStepsPerSecond"] = result.floor_steps_per_second;
  document["firstLoss"] = result.first_loss;
  document["lastLoss"] = result.last_loss;
  document["steps"] = result.steps;
  document["seconds"] = result.seconds;
  document["stepsPerSecond"] = result.steps_per_second;
  document["samplesPerSecond"] = result.steps_per_second * options.batch;
  if (result.step_times.max_ms > 0) {
    document["stepMsP50"] = result.step_times.p50_ms;
    document["stepMsP99"] = result.step_times.p99_ms;
    document["stepMsMax"] = result.step_times.max_ms;
  }
  document["stopped"] = stop_requested();
  return document;
}

}  // namespace

bool cuda_available() {
  std::string error;
  const cuda::Driver* driver = cuda::Driver::open(error);
  int count = 0;
  return driver != nullptr && driver->cuDeviceGetCount(&count) == cuda::kSuccess && count > 0;
}

std::vector<std::string> cuda_fault_names() {
  return cuda::fault_names();
}

std::vector<std::string> cuda_hog_names() {
  return cuda::hog_names();
}

int run_cuda_info(const Options& options, std::FILE* out) {
  int code = 0;
  const auto device = open_device("info", options, out, code);
  if (!device) {
    return code;
  }
  const DeviceInfo info = info_of(device->facts());
  const std::uint64_t wanted = eight_tenths(options, info);
  if (wanted != 0) {
    const cuda::AllocationResult got = device->try_allocation(wanted);
    if (!got.granted) {
      return report_failure("info", options, {Outcome::kOutOfMemory, got.refusal}, out);
    }
  }
  if (options.json) {
    Json document = info_json(options, info, wanted);
    document["cudaVersion"] = device->facts().driver_version;
    print_line(document, out);
  } else {
    print_info(info, wanted, out);
  }
  return 0;
}

int run_cuda_train(const Options& options, const CudaOptions& cuda_options, std::FILE* out) {
  int code = 0;
  const auto device = open_device("train", options, out, code);
  if (!device) {
    return code;
  }
  cuda::TrainConfig config;
  config.sizes.assign(options.model->widths.begin(), options.model->widths.end());
  config.batch = static_cast<int>(options.batch);
  config.precision = precision_of(options.precision);
  config.graph = cuda_options.graph;
  config.own_kernels = cuda_options.own_kernels;
  config.time_steps = options.time_steps;
  config.on_started = [&] { announce("train", options, out); };
  config.steps = options.seconds > 0 ? 0 : options.steps;
  config.seconds = options.seconds;
  if (options.batch % 16 != 0) {
    return report_failure(
        "train", options, {Outcome::kUsage, "--batch must be a multiple of 16 on CUDA"}, out);
  }
  const DeviceInfo info = info_of(device->facts());
  if (!options.json) {
    std::fprintf(out,
                 "Job %s: Starting on %s, %s, batch %u\n",
                 options.name.c_str(),
                 info.name.c_str(),
                 precision_name(options.precision),
                 options.batch);
  }
  cuda::Status status;
  const auto progress = [&](std::uint64_t steps, double loss) {
    if (!options.json) {
      std::fprintf(out,
                   "Job %s: Iteration %llu, Loss: %.4f\n",
                   options.name.c_str(),
                   static_cast<unsigned long long>(steps),
                   loss);
    }
    std::fflush(out);
  };
  const cuda::TrainResult result =
      cuda::train(device->driver(), config, stop_flag(), progress, status);
  if (!status.ok()) {
    return report_failure("train", options, failed(status), out);
  }
  code = stop_requested() ? 128 + stop_signal() : 0;
  if (options.json) {
    Json document = train_json(options, info, result);
    document["exitCode"] = code;
    print_line(document, out);
  } else {
    std::fprintf(out,
                 "Job %s: %s. Throughput: %.2f iter/sec (%.0f %% of the memory-traffic floor, "
                 "products by %s)\n",
                 options.name.c_str(),
                 stop_requested() ? "Stopped" : "Completed",
                 result.steps_per_second,
                 100 * result.steps_per_second / result.floor_steps_per_second,
                 result.products_by);
  }
  return code;
}

int run_cuda_oom(const Options& options, std::FILE* out) {
  int code = 0;
  const auto device = open_device("oom", options, out, code);
  if (!device) {
    return code;
  }
  const DeviceInfo info = info_of(device->facts());
  const std::uint64_t wanted = options.bytes != 0 ? options.bytes : info.memory_total + kMib;
  const cuda::AllocationResult got = device->try_allocation(wanted);
  print_oom(options,
            info,
            wanted,
            got.granted ? Result{} : Result{Outcome::kOutOfMemory, got.refusal},
            out);
  return static_cast<int>(got.granted ? Outcome::kUnexpected : Outcome::kDone);
}

int run_cuda_fault(const Options& options, std::FILE* out) {
  const auto fault = cuda::fault_named(options.kind);
  if (!fault) {
    return report_failure(
        "fault", options, {Outcome::kUsage, "unknown fault " + options.kind}, out);
  }
  int code = 0;
  const auto device = open_device("fault", options, out, code);
  if (!device) {
    return code;
  }
  const DeviceInfo info = info_of(device->facts());
  cuda::FaultResult result =
      device->cause(*fault, options.seconds > 0 ? options.seconds : 5, stop_flag(), [&] {
        announce("fault", options, out);
      });
  code = print_fault(options, info, {result.raised, std::move(result.report), result.rounds}, out);
  // Exit without cleanup: an endless kernel would block it, and a faulted context cannot be cleaned
  // up.
  _Exit(code);
}

int run_cuda_hog(const Options& options, std::FILE* out) {
  const auto hog = cuda::hog_named(options.kind);
  if (!hog) {
    return report_failure("hog", options, {Outcome::kUsage, "unknown hog " + options.kind}, out);
  }
  int code = 0;
  const auto device = open_device("hog", options, out, code);
  if (!device) {
    return code;
  }
  cuda::Status status;
  const cuda::HogResult result =
      device->load(*hog, options.seconds > 0 ? options.seconds : 10, stop_flag(), status, [&] {
        announce("hog", options, out);
      });
  if (!status.ok()) {
    return report_failure("hog", options, failed(status), out);
  }
  return print_hog(
      options, info_of(device->facts()), {result.amount, result.unit, result.seconds}, out);
}

int run_cuda_bench(const Options& options, std::FILE* out) {
  int code = 0;
  const auto device = open_device("bench", options, out, code);
  if (!device) {
    return code;
  }
  BenchEnd end;
  end.seconds = bench_share(options);
  announce("bench", options, out);
  const auto measure = [&](cuda::Hog hog, Precision precision) -> std::optional<double> {
    cuda::Status status;
    const cuda::HogResult result =
        device->load(hog, end.seconds, stop_flag(), status, {}, precision_of(precision));
    if (!status.ok()) {
      end.notes.push_back(status.message());
    }
    return status.ok() && result.amount > 0 ? std::optional(result.amount) : std::nullopt;
  };
  end.dram_gb_per_s = measure(cuda::Hog::kDram, Precision::kBf16);
  end.pcie_gb_per_s = measure(cuda::Hog::kPcie, Precision::kBf16);
  if (const auto launches = measure(cuda::Hog::kLaunch, Precision::kBf16)) {
    end.launch_us = 1e6 / *launches;
  }
  end.fp32_tflops = measure(cuda::Hog::kTensor, Precision::kFp32);
  end.tf32_tflops = measure(cuda::Hog::kTensor, Precision::kTf32);
  end.bf16_tflops = measure(cuda::Hog::kTensor, Precision::kBf16);
  return print_bench(options, info_of(device->facts()), end, out);
}

int run_cuda_check(const Options& options, std::FILE* out) {
  int code = 0;
  const auto device = open_device("check", options, out, code);
  if (!device) {
    return code;
  }

  struct Case {
    Precision precision;
    bool own;
    std::vector<int> sizes;
  };

  Json cases = Json::array();
  bool passed = true;
  const std::vector<int> three = {128, 256, 256, 128};
  const std::vector<int> two = {128, 256, 128};
  for (const Case& one : {Case{Precision::kFp32, false, three},
                          Case{Precision::kTf32, false, three},
                          Case{Precision::kBf16, false, three},
                          Case{Precision::kFp32, true, three},
                          Case{Precision::kFp32, false, two},
                          Case{Precision::kTf32, false, two},
                          Case{Precision::kBf16, false, two},
                          Case{Precision::kFp32, true, two}}) {
    cuda::Status status;
    const cuda::CheckResult result =
        cuda::check_training(
            device->driver(), precision_of(one.precision), one.own, one.sizes, status);
    passed = passed && result.passed;
    if (!options.json) {
      std::fprintf(out,
                   "%s%s, %zu layers: %s, largest weight error %.2e, loss error %.2e, tolerance %.0e %s\n",
                   precision_name(one.precision),
                   one.own ? " (own kernel)" : "",
                   one.sizes.size() - 1,
                   result.passed ? "agrees with float64" : "DISAGREES",
                   result.largest_weight_error,
                   result.largest_loss_error,
                   result.tolerance,
                   status.message().c_str());
    }
    cases.push_back({{"precision", precision_name(one.precision)},
                     {"ownKernel", one.own},
                     {"layers", one.sizes.size() - 1},
                     {"passed", result.passed},
                     {"largestWeightError", result.largest_weight_error},
                     {"largestLossError", result.largest_loss_error},
                     {"tolerance", result.tolerance},
                     {"message", status.message()}});
  }
  if (options.json) {
    Json document = result_json("check", options, info_of(device->facts()));
    document["cases"] = cases;
    document["exitCode"] = passed ? 0 : 1;
    print_line(document, out);
  }
  return static_cast<int>(passed ? Outcome::kDone : Outcome::kUnexpected);
}

}  // namespace workload
