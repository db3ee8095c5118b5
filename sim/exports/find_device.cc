// SPDX-License-Identifier: Apache-2.0
// Looks up a handle by index, UUID, bus id or serial number.
#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

nvmlReturn_t count_gpus(const char* function, unsigned* count) {
  return call(function, [&](Machine& machine) { return put(machine.hardware().gpu_count, count); });
}

nvmlReturn_t give_gpu(const State& state, std::uint32_t gpu, nvmlDevice_t* device) {
  return state.gpus[gpu].lost != 0 ? NVML_ERROR_GPU_IS_LOST : put(gpu_handle(gpu), device);
}

nvmlReturn_t by_index(const char* function, unsigned index, nvmlDevice_t* device) {
  return call(function, [&](Machine& machine) {
    if (device == nullptr || index >= machine.hardware().gpu_count) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const Machine::View view(machine);
    return give_gpu(*view, index, device);
  });
}

// Handle of the first GPU for which `matches` holds.
template <class Matches>
nvmlReturn_t first_gpu(Machine& machine, nvmlDevice_t* device, Matches&& matches) {
  const Machine::View view(machine);
  for (std::uint32_t i = 0; i < machine.hardware().gpu_count; ++i) {
    if (matches(view->gpus[i])) {
      return give_gpu(*view, i, device);
    }
  }
  return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t by_mig_uuid(Machine& machine, std::string_view uuid, nvmlDevice_t* device) {
  const Machine::View view(machine);
  for (std::uint32_t g = 0; g < machine.hardware().gpu_count; ++g) {
    const GpuState& gpu = view->gpus[g];
    for (std::uint32_t i = 0; i < kMaxGis; ++i) {
      for (std::uint32_t c = 0; gpu.gis[i].used != 0 && c < kMaxCis; ++c) {
        if (gpu.gis[i].cis[c].used != 0 && uuid == gpu.gis[i].cis[c].uuid) {
          return gpu.lost != 0 ? NVML_ERROR_GPU_IS_LOST : put(mig_handle(g, i, c, *view), device);
        }
      }
    }
  }
  return NVML_ERROR_NOT_FOUND;
}

// MIG-GPU-<uuid>/<gi>/<ci>, the UUID form before R470; drivers still accept it.
nvmlReturn_t by_path(Machine& machine, const std::string& path, nvmlDevice_t* device) {
  std::array<char, 48> uuid{};
  unsigned gi = 0;
  unsigned ci = 0;
  int used = 0;
  if (std::sscanf(path.c_str(), "MIG-%47[^/]/%u/%u%n", uuid.data(), &gi, &ci, &used) != 3 ||
      static_cast<std::size_t>(used) != path.size()) {
    return NVML_ERROR_NOT_FOUND;
  }
  const Machine::View view(machine);
  for (std::uint32_t g = 0; g < machine.hardware().gpu_count; ++g) {
    const GpuState& gpu = view->gpus[g];
    if (std::strcmp(gpu.uuid, uuid.data()) == 0 && gi < kMaxGis && ci < kMaxCis &&
        gpu.gis[gi].used != 0 && gpu.gis[gi].cis[ci].used != 0) {
      return gpu.lost != 0 ? NVML_ERROR_GPU_IS_LOST : put(mig_handle(g, gi, ci, *view), device);
    }
  }
  return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t by_uuid(Machine& machine, const std::string& uuid, nvmlDevice_t* device) {
  if (uuid.rfind("MIG-GPU-", 0) == 0) {
    return by_path(machine, uuid, device);
  }
  if (uuid.rfind("MIG-", 0) == 0) {
    return by_mig_uuid(machine, uuid, device);
  }
  return first_gpu(machine, device, [&](const GpuState& gpu) { return uuid == gpu.uuid; });
}

std::string text_of(const unsigned char* bytes) {
  std::string text;
  for (int i = 0; i < NVML_DEVICE_UUID_BINARY_LEN; ++i) {
    std::array<char, 4> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", bytes[i]);
    text += (i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "") + std::string(hex.data());
  }
  return text;
}

// Parses 0000:3B:00.0, 00000000:3B:00.0 and 3B:00.0, each with or without the function.
bool parse_bus_id(const char* text, unsigned& domain, unsigned& bus, unsigned& slot) {
  // sscanf alone would also accept signs, blanks and 0x.
  if (std::strspn(text, "0123456789abcdefABCDEF:.") != std::strlen(text)) {
    return false;
  }
  unsigned function = 0;
  int used = 0;
  const auto whole = [&] { return text[used] == '\0' && function == 0; };
  for (const char* form : {"%x:%x:%x.%x%n", "%x:%x:%x%n"}) {
    used = 0;
    function = 0;
    const int fields = std::strchr(form, '.') != nullptr
                           ? std::sscanf(text, form, &domain, &bus, &slot, &function, &used)
                           : std::sscanf(text, form, &domain, &bus, &slot, &used);
    if (fields >= 3 && used > 0 && whole()) {
      return true;
    }
  }
  domain = 0;
  for (const char* form : {"%x:%x.%x%n", "%x:%x%n"}) {
    used = 0;
    function = 0;
    const int fields = std::strchr(form, '.') != nullptr
                           ? std::sscanf(text, form, &bus, &slot, &function, &used)
                           : std::sscanf(text, form, &bus, &slot, &used);
    if (fields >= 2 && used > 0 && whole()) {
      return true;
    }
  }
  return false;
}

nvmlReturn_t by_bus_id(const char* function, const char* bus_id, nvmlDevice_t* device) {
  return call(function, [&](Machine& machine) {
    unsigned domain = 0;
    unsigned bus = 0;
    unsigned slot = 0;
    if (bus_id == nullptr || device == nullptr || !parse_bus_id(bus_id, domain, bus, slot)) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return first_gpu(machine, device, [&](const GpuState& gpu) {
      return gpu.pci_domain == domain && gpu.pci_bus == bus && gpu.pci_device == slot;
    });
  });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetCount(unsigned* count) {
  return count_gpus(__func__, count);
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned* count) {
  return count_gpus(__func__, count);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned index, nvmlDevice_t* device) {
  return by_index(__func__, index, device);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t* device) {
  return by_index(__func__, index, device);
}

nvmlReturn_t nvmlDeviceGetHandleBySerial(const char* serial, nvmlDevice_t* device) {
  return call(__func__, [&](Machine& machine) {
    if (serial == nullptr || *serial == '\0' || device == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return first_gpu(machine, device, [&](const GpuState& gpu) {
      return std::strcmp(gpu.serial_number, serial) == 0;
    });
  });
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char* uuid, nvmlDevice_t* device) {
  return call(__func__, [&](Machine& machine) {
    if (uuid == nullptr || device == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return by_uuid(machine, uuid, device);
  });
}

nvmlReturn_t nvmlDeviceGetHandleByUUIDV(const nvmlUUID_v1_t* uuid, nvmlDevice_t* device) {
  return call(__func__, [&](Machine& machine) {
    if (uuid == nullptr || device == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (uuid->version != nvmlUUID_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (uuid->type == NVML_UUID_TYPE_ASCII) {
      const char* text = uuid->value.str;
      return by_uuid(machine, std::string(text, strnlen(text, sizeof(uuid->value.str))), device);
    }
    if (uuid->type != NVML_UUID_TYPE_BINARY) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const std::string digits = text_of(uuid->value.bytes);
    const nvmlReturn_t gpu = by_uuid(machine, "GPU-" + digits, device);
    return gpu == NVML_ERROR_NOT_FOUND ? by_uuid(machine, "MIG-" + digits, device) : gpu;
  });
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId(const char* bus_id, nvmlDevice_t* device) {
  return by_bus_id(__func__, bus_id, device);
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, nvmlDevice_t* device) {
  return by_bus_id(__func__, bus_id, device);
}

}  // extern "C"
