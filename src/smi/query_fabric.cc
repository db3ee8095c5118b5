// SPDX-License-Identifier: Apache-2.0
// The NVLink fabric of a GPU: --query-gpu=fabric.* and -q.
#include <cstddef>

#include "smi/query_value.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

// NVML numbers the parts of the fabric's state.
FieldValue fabric(const Run& run,
                  const Gpu& gpu,
                  std::string (*pick)(const Run&, const nvmlGpuFabricInfo_v3_t&)) {
  nvmlGpuFabricInfo_v3_t info{};
  info.version = nvmlGpuFabricInfo_v3;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetGpuFabricInfoV(gpu.device, &info);
  if (code == NVML_SUCCESS && info.state == NVML_GPU_FABRIC_STATE_NOT_SUPPORTED) {
    return {NVML_ERROR_NOT_SUPPORTED, ""};
  }
  return {code, code == NVML_SUCCESS ? pick(run, info) : ""};
}

}  // namespace

FieldValue read_fabric_state(const Run& run, const Gpu& gpu) {
  return fabric(run, gpu, [](const Run&, const nvmlGpuFabricInfo_v3_t& info) -> std::string {
    if (info.state == NVML_GPU_FABRIC_STATE_NOT_STARTED) {
      return "Not Started";
    }
    return info.state == NVML_GPU_FABRIC_STATE_IN_PROGRESS ? "In Progress" : "Completed";
  });
}

FieldValue read_fabric_status(const Run& run, const Gpu& gpu) {
  return fabric(run, gpu, [](const Run& r, const nvmlGpuFabricInfo_v3_t& info) {
    return info.status == NVML_SUCCESS ? std::string("Success") : r.why(info.status);
  });
}

FieldValue read_fabric_clique(const Run& run, const Gpu& gpu) {
  return fabric(run, gpu, [](const Run&, const nvmlGpuFabricInfo_v3_t& info) {
    return std::to_string(info.cliqueId);
  });
}

FieldValue read_fabric_cluster(const Run& run, const Gpu& gpu) {
  return fabric(run, gpu, [](const Run&, const nvmlGpuFabricInfo_v3_t& info) {
    std::string out;
    for (std::size_t i = 0; i < sizeof info.clusterUuid; ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) {
        out += '-';
      }
      out += text("%02x", static_cast<unsigned>(info.clusterUuid[i]));
    }
    return out;
  });
}

}  // namespace mig::smi
