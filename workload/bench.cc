// SPDX-License-Identifier: Apache-2.0
// Micro-benchmarks of the device: memory and PCIe bandwidth, compute rate, launch latency.
#include <cmath>

#include "workload/jobs.h"
#include "workload/loads.h"
#include "workload/output.h"

namespace workload {

namespace {

constexpr double kMeasurements = 6;

Json rounded(const std::optional<double>& value) {
  return value ? Json(std::round(*value * 1000) / 1000) : Json(nullptr);
}

void print_row(const char* what,
               const std::optional<double>& value,
               const char* unit,
               std::FILE* out) {
  if (value) {
    std::fprintf(out, "  %-36s %10.1f %s\n", what, *value, unit);
  } else {
    std::fprintf(out, "  %-36s %10s\n", what, "?");
  }
}

}  // namespace

double bench_share(const Options& options) {
  return (options.seconds > 0 ? options.seconds : 6) / kMeasurements;
}

int print_bench(const Options& options,
                const DeviceInfo& device,
                const BenchEnd& end,
                std::FILE* out) {
  if (options.json) {
    Json document = result_json("bench", options, device);
    document["dramCopyGbPerS"] = rounded(end.dram_gb_per_s);
    document["pcieToDeviceGbPerS"] = rounded(end.pcie_gb_per_s);
    document["launchUs"] = rounded(end.launch_us);
    document["fp32TflopPerS"] = rounded(end.fp32_tflops);
    document["tf32TflopPerS"] = rounded(end.tf32_tflops);
    document["bf16TflopPerS"] = rounded(end.bf16_tflops);
    document["secondsEach"] = end.seconds;
    document["notes"] = end.notes;
    document["exitCode"] = 0;
    print_line(document, out);
    return 0;
  }
  std::fprintf(
      out, "Bench on %s%s:\n", device.name.c_str(), device.simulated ? " (simulated)" : "");
  print_row("memory copy, read + write", end.dram_gb_per_s, "GB/s", out);
  print_row("copy to the device, pageable memory", end.pcie_gb_per_s, "GB/s", out);
  print_row("launch of an empty kernel", end.launch_us, "us", out);
  print_row("matrix products, fp32", end.fp32_tflops, "TFLOP/s", out);
  print_row("matrix products, tf32", end.tf32_tflops, "TFLOP/s", out);
  print_row("matrix products, bf16", end.bf16_tflops, "TFLOP/s", out);
  for (const std::string& note : end.notes) {
    std::fprintf(out, "  note: %s\n", note.c_str());
  }
  return 0;
}

// Matrix products at fp32 do not use the tensor cores.
int run_bench(Backend& backend, const Options& options, std::FILE* out) {
  DeviceInfo device;
  Speed speed;
  Result result = backend.info(device);
  if (result.ok()) {
    result = backend.speed(speed);
  }
  BenchEnd end;
  end.seconds = bench_share(options);
  const auto measure = [&](cuda::Hog hog, double bf16_gflops) -> std::optional<double> {
    Speed at = speed;
    at.bf16_gflops = bf16_gflops;
    const auto load = load_of(hog, at);
    double amount = 0;
    double lasted = 0;
    if (result.ok() && load) {
      result = keep_up(backend, *load, end.seconds, amount, lasted);
    }
    return result.ok() && lasted > 0 ? std::optional(amount / lasted) : std::nullopt;
  };
  announce("bench", options, out);
  end.dram_gb_per_s = measure(cuda::Hog::kDram, 0);
  end.pcie_gb_per_s = measure(cuda::Hog::kPcie, 0);
  if (const auto launches = measure(cuda::Hog::kLaunch, 0)) {
    end.launch_us = 1e6 / *launches;
  }
  if (const auto gflops = measure(cuda::Hog::kCompute, 0)) {
    end.fp32_tflops = *gflops / 1e3;
  }
  end.tf32_tflops = measure(cuda::Hog::kTensor, speed.tf32_gflops);
  end.bf16_tflops = measure(cuda::Hog::kTensor, speed.bf16_gflops);
  if (!result.ok()) {
    return report_failure("bench", options, result, out);
  }
  return print_bench(options, device, end, out);
}

}  // namespace workload
