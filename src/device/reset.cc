// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <fmt/format.h>

#include "device/command.h"
#include "device/operations.h"
#include "nvml/return_code.h"

namespace mig::device {
namespace {

// A reset takes seconds; a hanging one would hold the writer lock.
constexpr std::chrono::minutes kResetLimit{3};

Error reset_failed(const GpuHandle& gpu, const CommandResult& result) {
  const bool in_use = result.output.find("In use by another client") != std::string::npos;
  std::string said = result.output;
  while (!said.empty() && said.back() == '\n') {
    said.pop_back();
  }
  return Error{in_use ? ErrorCode::kInUse : ErrorCode::kDriver,
               fmt::format("cannot reset GPU {} ({}): nvidia-smi --gpu-reset ended with {}: {}",
                           gpu.index.value,
                           gpu.pci_bus_id,
                           result.exit_code,
                           said),
               in_use ? "end the processes on the GPU, and stop services that hold it "
                        "(nvidia-persistenced, nvidia-dcgm, nvidia-fabricmanager)"
                      : "reboot the machine instead",
               {},
               {}};
}

Result<void> reset_real(nvml::Session& session, const GpuHandle& gpu) {
  if (gpu.pci_bus_id.empty()) {
    return fail(ErrorCode::kDriver,
                fmt::format("cannot reset GPU {}: its PCI address is not known", gpu.index.value),
                "reboot the machine instead");
  }
  session.stop();
  auto result = run_command({"nvidia-smi", "--gpu-reset", "-i", gpu.pci_bus_id}, kResetLimit);
  MIG_TRY(session.renew());
  if (!result) {
    return std::move(result).error().in(fmt::format("cannot reset GPU {}", gpu.index.value));
  }
  if (result->exit_code != 0) {
    return reset_failed(gpu, *result);
  }
  return {};
}

}  // namespace

Result<void> reset_gpu(nvml::Session& session, const GpuHandle& gpu) {
  if (!session.simulated()) {
    return reset_real(session, gpu);
  }
  const auto code = static_cast<nvmlReturn_t>(session.control()->reset_gpu(gpu.index.value));
  if (code != NVML_SUCCESS) {
    return nvml::error_from(code, fmt::format("cannot reset GPU {}", gpu.index.value));
  }
  return session.renew();
}

}  // namespace mig::device
