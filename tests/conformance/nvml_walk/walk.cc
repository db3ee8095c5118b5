// SPDX-License-Identifier: Apache-2.0
#include "walk.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

template <class Placement>
std::string placed(std::vector<Placement> places) {
  std::sort(places.begin(), places.end(), [](const Placement& a, const Placement& b) {
    return a.start < b.start;
  });
  std::string out;
  for (const Placement& p : places) {
    out += (out.empty() ? "" : " ") + std::to_string(p.start) + ":" + std::to_string(p.size);
  }
  return out;
}

template std::string placed(std::vector<nvmlGpuInstancePlacement_t>);
template std::string placed(std::vector<nvmlComputeInstancePlacement_t>);

std::string word(nvmlReturn_t code) {
  switch (code) {
    case NVML_SUCCESS:
      return "SUCCESS";
    case NVML_ERROR_INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case NVML_ERROR_NOT_SUPPORTED:
      return "NOT_SUPPORTED";
    case NVML_ERROR_NOT_FOUND:
      return "NOT_FOUND";
    case NVML_ERROR_IN_USE:
      return "IN_USE";
    case NVML_ERROR_INSUFFICIENT_RESOURCES:
      return "INSUFFICIENT_RESOURCES";
    default:
      return nvmlErrorString(code);
  }
}

void must(nvmlReturn_t code, const char* what) {
  if (code == NVML_SUCCESS) {
    return;
  }
  std::fprintf(stderr, "%s: %s\n", what, word(code).c_str());
  std::exit(1);
}

Walk::Walk(unsigned gpu) : gpu_(gpu) {
  must(nvmlDeviceGetHandleByIndex(gpu, &device_), "handle");
}

void Walk::say(const char* format, ...) {
  std::printf("gpu %u ", gpu_);
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::putchar('\n');
}

void Walk::all() {
  char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
  must(nvmlDeviceGetName(device_, name, sizeof name), "name");
  nvmlMemory_t memory{};
  must(nvmlDeviceGetMemoryInfo(device_, &memory), "memory");
  say("name %s memory %llu", name, memory.total);
  mode_line("mig");
  gi_profiles();
  nvmlGpuInstance_t none = nullptr;
  say("create with mig off: %s",
      word(nvmlDeviceCreateGpuInstance(device_, profiles_[0].id, &none)).c_str());
  mode(NVML_FEATURE_ENABLED, "enable");
  for (const nvmlGpuInstanceProfileInfo_t& profile : profiles_) {
    fill(profile);
    place(profile);
  }
  mode(NVML_FEATURE_DISABLED, "disable");
}

void Walk::mode_line(const char* what) {
  unsigned current = 0, pending = 0, most = 0, is = 0;
  must(nvmlDeviceGetMigMode(device_, &current, &pending), "mode");
  must(nvmlDeviceGetMaxMigDeviceCount(device_, &most), "most devices");
  must(nvmlDeviceIsMigDeviceHandle(device_, &is), "is a MIG device");
  say("%s: mode %u %u devices %u is %u", what, current, pending, most, is);
}

void Walk::mode(nvmlEnableState_t wanted, const char* what) {
  nvmlReturn_t status = NVML_ERROR_UNKNOWN;
  const nvmlReturn_t code = nvmlDeviceSetMigMode(device_, wanted, &status);
  say("%s: %s %s", what, word(code).c_str(), word(status).c_str());
  mode_line(what);
}

void Walk::gi_profiles() {
  for (unsigned index = 0; index < 0x12; ++index) {
    nvmlGpuInstanceProfileInfo_t info{};
    nvmlGpuInstanceProfileInfo_v2_t named{};
    nvmlGpuInstanceProfileInfo_v3_t newest{};
    named.version = nvmlGpuInstanceProfileInfo_v2;
    newest.version = nvmlGpuInstanceProfileInfo_v3;
    const nvmlReturn_t code = nvmlDeviceGetGpuInstanceProfileInfo(device_, index, &info);
    const nvmlReturn_t again = nvmlDeviceGetGpuInstanceProfileInfoV(device_, index, &named);
    const nvmlReturn_t third = nvmlDeviceGetGpuInstanceProfileInfoV(
        device_, index, reinterpret_cast<nvmlGpuInstanceProfileInfo_v2_t*>(&newest));
    // A real H200 (580.159.04) leaves the name of version 3 empty.
    if (again != third || (third == NVML_SUCCESS &&
                           (newest.id != named.id || newest.memorySizeMB != named.memorySizeMB ||
                            newest.name[0] != '\0'))) {
      say("gi profile %u: versions 2 and 3 differ", index);
    }
    if (code != NVML_SUCCESS || again != NVML_SUCCESS) {
      say("gi profile %u: %s %s", index, word(code).c_str(), word(again).c_str());
      continue;
    }
    profiles_.push_back(info);
    say("gi profile %u: id %u slices %u max %u sm %u ce %u dec %u enc %u jpeg %u ofa %u mib %llu "
        "p2p %u name %s",
        index,
        info.id,
        info.sliceCount,
        info.instanceCount,
        info.multiprocessorCount,
        info.copyEngineCount,
        info.decoderCount,
        info.encoderCount,
        info.jpegCount,
        info.ofaCount,
        info.memorySizeMB,
        info.isP2pSupported,
        named.name);
  }
  for (const nvmlGpuInstanceProfileInfo_t& profile : profiles_) {
    say("gi places %u: %s room %u", profile.id, placed(places(profile)).c_str(), room(profile));
  }
}

std::vector<nvmlGpuInstancePlacement_t> Walk::places(const nvmlGpuInstanceProfileInfo_t& profile) {
  unsigned count = 0;
  must(nvmlDeviceGetGpuInstancePossiblePlacements(device_, profile.id, nullptr, &count),
       "number of placements");
  std::vector<nvmlGpuInstancePlacement_t> found(count);
  must(nvmlDeviceGetGpuInstancePossiblePlacements(device_, profile.id, found.data(), &count),
       "placements");
  found.resize(count);
  std::sort(
      found.begin(), found.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  return found;
}

unsigned Walk::room(const nvmlGpuInstanceProfileInfo_t& profile) {
  unsigned count = 0;
  must(nvmlDeviceGetGpuInstanceRemainingCapacity(device_, profile.id, &count),
       "remaining capacity");
  return count;
}

int main() {
  must(nvmlInit(), "init");
  unsigned count = 0;
  must(nvmlDeviceGetCount(&count), "count");
  for (unsigned gpu = 0; gpu < count; ++gpu) {
    Walk(gpu).all();
  }
  must(nvmlShutdown(), "shutdown");
}
