// SPDX-License-Identifier: Apache-2.0
#include "workload/cuda/device.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <thread>
#include <utility>

#include "workload/cuda/kernels.h"

namespace workload::cuda {

namespace {

constexpr std::array<std::pair<std::string_view, Fault>, 4> kFaults = {{
    {"illegal-address", Fault::kIllegalAddress},
    {"trap", Fault::kTrap},
    {"endless-kernel", Fault::kEndlessKernel},
    {"context-storm", Fault::kContextStorm},
}};

std::string uuid_text(const Uuid& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    std::array<char, 4> hex{};
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      text += '-';
    }
    std::snprintf(hex.data(), hex.size(), "%02x", uuid.bytes[i]);
    text += hex.data();
  }
  return text;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::optional<Fault> fault_named(std::string_view name) {
  for (const auto& [text, fault] : kFaults) {
    if (text == name) {
      return fault;
    }
  }
  return std::nullopt;
}

std::vector<std::string> fault_names() {
  std::vector<std::string> names;
  names.reserve(std::size(kFaults));
  for (const auto& entry : kFaults) {
    names.emplace_back(entry.first);
  }
  return names;
}

std::unique_ptr<CudaDevice> CudaDevice::open(std::string& error) {
  const Driver* driver = Driver::open(error);
  if (driver == nullptr) {
    return nullptr;
  }
  int count = 0;
  Device device = 0;
  Uuid uuid{};
  std::array<char, 128> name{};
  std::size_t available = 0;
  std::size_t total = 0;
  int l2 = 0;
  Handle context = nullptr;
  Handle module = nullptr;
  DeviceFacts facts;
  Status status;
  WORKLOAD_CU(status, *driver, cuDeviceGetCount, &count);
  if (status.ok() && count == 0) {
    status.fail("no CUDA device is visible: see CUDA_VISIBLE_DEVICES", kNoDevice);
  }
  WORKLOAD_CU(status, *driver, cuDeviceGet, &device, 0);
  WORKLOAD_CU(status, *driver, cuDeviceGetName, name.data(), static_cast<int>(name.size()), device);
  WORKLOAD_CU(status, *driver, cuDeviceGetUuid_v2, &uuid, device);
  WORKLOAD_CU(status,
              *driver,
              cuDeviceGetAttribute,
              &facts.multiprocessors,
              kAttributeMultiprocessors,
              device);
  WORKLOAD_CU(status, *driver, cuDeviceGetAttribute, &facts.cc_major, kAttributeCcMajor, device);
  WORKLOAD_CU(status, *driver, cuDeviceGetAttribute, &facts.cc_minor, kAttributeCcMinor, device);
  WORKLOAD_CU(status, *driver, cuDeviceGetAttribute, &l2, kAttributeL2Bytes, device);
  WORKLOAD_CU(status, *driver, cuDriverGetVersion, &facts.driver_version);
  WORKLOAD_CU(status, *driver, cuDevicePrimaryCtxRetain, &context, device);
  WORKLOAD_CU(status, *driver, cuCtxSetCurrent, context);
  WORKLOAD_CU(status, *driver, cuMemGetInfo_v2, &available, &total);
  WORKLOAD_CU(status, *driver, cuModuleLoadData, &module, kKernelsPtx);
  if (!status.ok()) {
    error = status.message();
    return nullptr;
  }
  facts.name = name.data();
  facts.uuid = uuid_text(uuid);
  facts.l2_bytes = static_cast<std::uint64_t>(l2);
  facts.memory_total = total;
  facts.memory_free = available;
  return std::unique_ptr<CudaDevice>(new CudaDevice(*driver, device, std::move(facts), module));
}

CudaDevice::~CudaDevice() {
  driver_.cuDevicePrimaryCtxRelease_v2(device_);
}

AllocationResult CudaDevice::try_allocation(std::uint64_t bytes) {
  AllocationResult result;
  result.asked = bytes;
  DevicePtr pointer = 0;
  const Code code = driver_.cuMemAlloc_v2(&pointer, static_cast<std::size_t>(bytes));
  result.granted = code == kSuccess;
  if (result.granted) {
    driver_.cuMemFree_v2(pointer);
  } else {
    result.refusal = driver_.explain("cuMemAlloc", code);
  }
  return result;
}

FaultResult CudaDevice::cause(Fault fault,
                              double seconds,
                              const std::atomic<bool>& stop,
                              const Started& started) {
  FaultResult result;
  Status status;
  Handle kernel = nullptr;
  DevicePtr word = 0;
  const double end = now() + seconds;
  const auto launch = [&](const char* name) {
    std::vector<void*> arguments = {&word};
    WORKLOAD_CU(status, driver_, cuMemAlloc_v2, &word, std::size_t{4});
    WORKLOAD_CU(status, driver_, cuMemsetD32Async, word, 0U, std::size_t{1}, nullptr);
    WORKLOAD_CU(status, driver_, cuModuleGetFunction, &kernel, module_, name);
    WORKLOAD_CU(status,
                driver_,
                cuLaunchKernel,
                kernel,
                1U,
                1U,
                1U,
                32U,
                1U,
                1U,
                0U,
                nullptr,
                arguments.data(),
                nullptr);
    ++result.rounds;
  };
  switch (fault) {
    case Fault::kIllegalAddress:
    case Fault::kTrap:
      launch(fault == Fault::kTrap ? "device_trap" : "illegal_address");
      WORKLOAD_CU(status, driver_, cuCtxSynchronize);
      result.raised = !status.ok();
      break;
    case Fault::kEndlessKernel:
      // The kernel ends only with this process: the caller exits without waiting for it.
      launch("endless");
      if (started && status.ok()) {
        started();
      }
      while (status.ok() && !stop && now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
      result.raised = status.ok();
      break;
    case Fault::kContextStorm:
      if (started) {
        started();
      }
      while (status.ok() && !stop && now() < end) {
        Handle context = nullptr;
        driver_.cuDevicePrimaryCtxRelease_v2(device_);
        WORKLOAD_CU(status, driver_, cuDevicePrimaryCtxRetain, &context, device_);
        WORKLOAD_CU(status, driver_, cuCtxSetCurrent, context);
        ++result.rounds;
      }
      result.raised = status.ok();
      break;
  }
  result.report = status.message();
  return result;
}

}  // namespace workload::cuda
