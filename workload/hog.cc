// SPDX-License-Identifier: Apache-2.0
#include "workload/cuda/device.h"
#include "workload/jobs.h"
#include "workload/loads.h"
#include "workload/output.h"

namespace workload {

int print_hog(const Options& options, const DeviceInfo& device, const HogEnd& end, std::FILE* out) {
  if (options.json) {
    Json document = result_json("hog", options, device);
    document["hog"] = options.kind;
    document["perSecond"] = end.per_second;
    document["unit"] = end.unit;
    document["seconds"] = end.seconds;
    document["exitCode"] = 0;
    print_line(document, out);
  } else {
    std::fprintf(out,
                 "Hog %s on %s%s: %.1f %s for %.1f s\n",
                 options.kind.c_str(),
                 device.name.c_str(),
                 device.simulated ? " (simulated)" : "",
                 end.per_second,
                 end.unit.c_str(),
                 end.seconds);
  }
  return 0;
}

namespace {

double hog_seconds(const Options& options) {
  return options.seconds > 0 ? options.seconds : 10;
}

int run_memory_hog(Backend& backend,
                   const Options& options,
                   const DeviceInfo& device,
                   std::FILE* out) {
  double bytes = 0;
  const Result result = hold_memory(
      backend, [&] { announce("hog", options, out); }, hog_seconds(options), bytes);
  if (!result.ok()) {
    return report_failure("hog", options, result, out);
  }
  return print_hog(options, device, {bytes * 1e-9, "GB held", hog_seconds(options)}, out);
}

}  // namespace

int run_hog(Backend& backend, const Options& options, std::FILE* out) {
  const auto hog = cuda::hog_named(options.kind);
  DeviceInfo device;
  Speed speed;
  Result result =
      hog ? backend.info(device) : Result{Outcome::kUsage, "unknown hog " + options.kind};
  if (result.ok() && *hog == cuda::Hog::kMemory) {
    return run_memory_hog(backend, options, device, out);
  }
  if (result.ok()) {
    result = backend.speed(speed);
  }
  const auto load = result.ok() ? load_of(*hog, speed) : std::nullopt;
  if (result.ok() && !load) {
    result = {Outcome::kUnknownSpeed,
              "nobody knows how fast " + device.name + " is at this (its board file says null)"};
  }
  double amount = 0;
  HogEnd end;
  if (result.ok()) {
    announce("hog", options, out);
    result = keep_up(backend, *load, hog_seconds(options), amount, end.seconds);
  }
  if (!result.ok()) {
    return report_failure("hog", options, result, out);
  }
  end.per_second = end.seconds > 0 ? amount / end.seconds : 0;
  end.unit = load->unit;
  return print_hog(options, device, end, out);
}

}  // namespace workload
