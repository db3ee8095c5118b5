// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "workload/jobs.h"
#include "workload/output.h"
#include "workload/stop.h"

namespace workload {

namespace {

const char* mark(const DeviceInfo& device) {
  return device.simulated ? " (simulated)" : "";
}

}  // namespace

void print_info(const DeviceInfo& device, std::uint64_t allocated, std::FILE* out) {
  const char* visible = getenv("CUDA_VISIBLE_DEVICES");  // NOLINT(concurrency-mt-unsafe)
  std::fprintf(out, "CUDA_VISIBLE_DEVICES: %s\n", visible == nullptr ? "Not set" : visible);
  std::fprintf(out, "\nGPU Properties%s:\n", mark(device));
  std::fprintf(out, "  Name: %s\n  UUID: %s\n", device.name.c_str(), device.uuid.c_str());
  std::fprintf(out, "  Total memory: %.2f GB\n", static_cast<double>(device.memory_total) / 1e9);
  std::fprintf(out, "  Multiprocessors: %u\n", device.sm_count);
  std::fprintf(out, "  Compute capability: %d.%d\n", device.cc_major, device.cc_minor);
  if (allocated != 0) {
    std::fprintf(out, "\nSuccessfully allocated %.2f GB\n", static_cast<double>(allocated) / 1e9);
  }
}

std::uint64_t eight_tenths(const Options& options, const DeviceInfo& device) {
  return options.look_only ? 0 : device.memory_total / 10 * 8;  // 80 %, as in the course's lab
}

Json info_json(const Options& options, const DeviceInfo& device, std::uint64_t allocated) {
  Json document = result_json("info", options, device);
  document["memoryTotalBytes"] = device.memory_total;
  document["memoryFreeBytes"] = device.memory_free;
  document["sm"] = device.sm_count;
  document["computeCapability"] =
      std::to_string(device.cc_major) + "." + std::to_string(device.cc_minor);
  document["allocatedBytes"] = allocated;
  document["exitCode"] = 0;
  return document;
}

void announce(const char* job, const Options& options, std::FILE* out) {
  if (!options.announce) {
    return;
  }
  print_line({{"apiVersion", "migctl/v1"},
              {"kind", "WorkloadStarted"},
              {"simulated", options.simulated},
              {"job", job},
              {"name", options.name}},
             out);
  std::fflush(out);
}

bool held(const Options& options) {
  char piece = 0;
  while (options.hold && !stop_requested()) {
    const ssize_t got = ::read(STDIN_FILENO, &piece, 1);
    if (got == 0 || (got < 0 && errno != EINTR)) {
      break;
    }
  }
  return options.hold;
}

int report_failure(const char* job, const Options& options, const Result& result, std::FILE* out) {
  if (options.json) {
    print_line({{"apiVersion", "migctl/v1"},
                {"kind", "WorkloadResult"},
                {"simulated", options.simulated},
                {"job", job},
                {"name", options.name},
                {"error", result.message},
                {"exitCode", static_cast<int>(result.outcome)}},
               out);
  } else {
    std::fprintf(stderr, "mig-workload %s: %s\n", job, result.message.c_str());
    if (result.outcome == Outcome::kNoDevice) {
      std::fprintf(
          stderr,
          "hint: name an instance in CUDA_VISIBLE_DEVICES (migctl list shows the UUIDs) and "
          "the machine in MIGSIM_MACHINE (migctl sim env NAME prints it)\n");
    }
  }
  return static_cast<int>(result.outcome);
}

int run_info(Backend& backend, const Options& options, std::FILE* out) {
  DeviceInfo device;
  if (const Result result = backend.info(device); !result.ok()) {
    return report_failure("info", options, result, out);
  }
  const std::uint64_t wanted = eight_tenths(options, device);
  if (wanted != 0) {
    if (const Result result = backend.allocate(wanted); !result.ok()) {
      return report_failure("info", options, result, out);
    }
  }
  if (options.json) {
    print_line(info_json(options, device, wanted), out);
  } else {
    print_info(device, wanted, out);
  }
  return 0;
}

}  // namespace workload
