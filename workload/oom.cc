// SPDX-License-Identifier: Apache-2.0
#include "workload/jobs.h"
#include "workload/output.h"

namespace workload {

namespace {

constexpr std::uint64_t kMib = UINT64_C(1) << 20;

}  // namespace

void print_oom(const Options& options,
               const DeviceInfo& device,
               std::uint64_t wanted,
               const Result& result,
               std::FILE* out) {
  const bool granted = result.ok();
  if (options.json) {
    Json document = result_json("oom", options, device);
    document["memoryTotalBytes"] = device.memory_total;
    document["requestedBytes"] = wanted;
    document["granted"] = granted;
    document["message"] = result.message;
    document["exitCode"] = granted ? 1 : 0;
    print_line(document, out);
    return;
  }
  const char* mark = device.simulated ? " (simulated)" : "";
  if (granted) {
    std::fprintf(out,
                 "Unexpected: %llu MiB were granted on %s%s\n",
                 static_cast<unsigned long long>(wanted / kMib),
                 device.name.c_str(),
                 mark);
  } else {
    std::fprintf(
        out, "Expected OOM error on %s%s: %s\n", device.name.c_str(), mark, result.message.c_str());
  }
}

int run_oom(Backend& backend, const Options& options, std::FILE* out) {
  DeviceInfo device;
  if (const Result result = backend.info(device); !result.ok()) {
    return report_failure("oom", options, result, out);
  }
  const std::uint64_t wanted = options.bytes != 0 ? options.bytes : device.memory_total + kMib;
  const Result result = backend.allocate(wanted);
  if (!result.ok() && result.outcome != Outcome::kOutOfMemory) {
    return report_failure("oom", options, result, out);
  }
  print_oom(options, device, wanted, result, out);
  return static_cast<int>(result.ok() ? Outcome::kUnexpected : Outcome::kDone);
}

}  // namespace workload
