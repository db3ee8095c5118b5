// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <thread>

#include "workload/cuda/device.h"
#include "workload/jobs.h"
#include "workload/loads.h"
#include "workload/output.h"
#include "workload/stop.h"

namespace workload {

namespace {

// Xids and CUDA error texts as on an H200 (bench/results/isolation_matrix_h200.json).
constexpr std::uint32_t kXidIllegalAddress = 31;
constexpr std::uint32_t kXidException = 13;
constexpr const char* kIllegalAddress =
    "cuCtxSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)";
constexpr const char* kLaunchFailed =
    "cuCtxSynchronize: CUDA_ERROR_LAUNCH_FAILED (unspecified launch failure)";

// Model: order of magnitude of the time to create a CUDA context.
constexpr std::chrono::milliseconds kContextTakes{100};

double seconds_of(const Options& options) {
  return options.seconds > 0 ? options.seconds : 5;
}

FaultEnd raise(Backend& backend, std::uint32_t xid, const char* words, Result& result) {
  FaultEnd end;
  result = backend.raise_xid(xid);
  end.rounds = 1;
  end.raised = result.ok();
  end.report = words;
  return end;
}

FaultEnd endless_kernel(Backend& backend, const Options& options, std::FILE* out, Result& result) {
  const double seconds = seconds_of(options);
  Load load;
  load.demand.sm = 1;
  FaultEnd end;
  announce("fault", options, out);
  double amount = 0;
  double lasted = 0;
  result = keep_up(backend, load, seconds, amount, lasted);
  end.rounds = 1;
  end.raised = result.ok();
  return end;
}

FaultEnd context_storm(const Options& options, std::FILE* out, Result& result) {
  const double seconds = seconds_of(options);
  FaultEnd end;
  announce("fault", options, out);
  const auto over = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (result.ok() && !stop_requested() && std::chrono::steady_clock::now() < over) {
    std::unique_ptr<Backend> another;
    result = open_simulated(options.device, another);
    std::this_thread::sleep_for(kContextTakes);
    end.rounds += result.ok() ? 1 : 0;
  }
  end.raised = result.ok();
  return end;
}

}  // namespace

int print_fault(const Options& options,
                const DeviceInfo& device,
                const FaultEnd& end,
                std::FILE* out) {
  const int code = static_cast<int>(end.raised ? Outcome::kDone : Outcome::kUnexpected);
  if (options.json) {
    Json document = result_json("fault", options, device);
    document["fault"] = options.kind;
    document["raised"] = end.raised;
    document["report"] = end.report;
    document["rounds"] = end.rounds;
    document["exitCode"] = code;
    print_line(document, out);
  } else {
    std::fprintf(out,
                 "Fault %s on %s%s: %s%s%s\n",
                 options.kind.c_str(),
                 device.name.c_str(),
                 device.simulated ? " (simulated)" : "",
                 end.raised ? "raised" : "not raised",
                 end.report.empty() ? "" : ": ",
                 end.report.c_str());
  }
  std::fflush(out);
  return code;
}

int run_fault(Backend& backend, const Options& options, std::FILE* out) {
  const auto fault = cuda::fault_named(options.kind);
  DeviceInfo device;
  Result result =
      fault ? backend.info(device) : Result{Outcome::kUsage, "unknown fault " + options.kind};
  if (!result.ok()) {
    return report_failure("fault", options, result, out);
  }
  FaultEnd end;
  switch (*fault) {
    case cuda::Fault::kIllegalAddress:
      end = raise(backend, kXidIllegalAddress, kIllegalAddress, result);
      break;
    case cuda::Fault::kTrap:
      end = raise(backend, kXidException, kLaunchFailed, result);
      break;
    case cuda::Fault::kEndlessKernel:
      end = endless_kernel(backend, options, out, result);
      break;
    case cuda::Fault::kContextStorm:
      end = context_storm(options, out, result);
      break;
  }
  return result.ok() ? print_fault(options, device, end, out)
                     : report_failure("fault", options, result, out);
}

}  // namespace workload
