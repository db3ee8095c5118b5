// SPDX-License-Identifier: Apache-2.0
// Prints the results of a machine's NVML calls about MIG, one fact per line, in a canonical order
// and form, so that a real GPU and a simulated one can be diffed. Read-only. UUIDs, serial numbers
// and sensor readings are left out.
//
//   mig-conformance [LIBRARY]        default libnvidia-ml.so.1; exit 0 when every GPU was read
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

#include "nvml/library.h"
#include "nvml/return_code.h"

namespace {

using mig::nvml::Functions;

std::string words(nvmlReturn_t code) {
  std::string name(mig::nvml::code_name(code));
  const std::string prefix = name.rfind("NVML_ERROR_", 0) == 0 ? "NVML_ERROR_" : "NVML_";
  return name.substr(prefix.size());
}

// Prints a line "<call> -> <result or code>".
void say(const std::string& what, nvmlReturn_t code, const std::string& answer = "") {
  const bool answered = code == NVML_SUCCESS && !answer.empty();
  std::printf("%s -> %s\n", what.c_str(), answered ? answer.c_str() : words(code).c_str());
}

// `answer` is evaluated only after `code`, the call that fills its data.
template <class Answer, class = std::invoke_result_t<Answer>>
void say(const std::string& what, nvmlReturn_t code, const Answer& answer) {
  say(what, code, code == NVML_SUCCESS ? answer() : std::string());
}

std::string number(unsigned long long value) {
  return std::to_string(value);
}

template <class Info>
std::string profile_text(const Info& info) {
  return "id " + number(info.id) + " slices " + number(info.sliceCount) + " max " +
         number(info.instanceCount) + " sm " + number(info.multiprocessorCount) + " ce " +
         number(info.copyEngineCount) + " dec " + number(info.decoderCount) + " enc " +
         number(info.encoderCount) + " jpeg " + number(info.jpegCount) + " ofa " +
         number(info.ofaCount) + " mib " + number(info.memorySizeMB);
}

template <class Info>
std::string ci_profile_text(const Info& info) {
  return "id " + number(info.id) + " slices " + number(info.sliceCount) + " max " +
         number(info.instanceCount) + " sm " + number(info.multiprocessorCount) + " ce " +
         number(info.sharedCopyEngineCount) + " dec " + number(info.sharedDecoderCount) + " enc " +
         number(info.sharedEncoderCount) + " jpeg " + number(info.sharedJpegCount) + " ofa " +
         number(info.sharedOfaCount) + " name " + info.name;
}

template <class Placement, class Call>
void ask_placements(const std::string& what, const Call& call) {
  unsigned count = 0;
  nvmlReturn_t code = call(nullptr, &count);
  std::vector<Placement> placements(count);
  if (code == NVML_SUCCESS && count > 0) {
    code = call(placements.data(), &count);
  }
  std::string text;
  for (const Placement& p : placements) {
    text += (text.empty() ? "" : " ") + number(p.start) + ":" + number(p.size);
  }
  say(what, code, text.empty() ? "none" : text);
}

class Questions {
 public:
  Questions(const Functions& nvml, nvmlDevice_t device, unsigned index)
      : nvml_(nvml), device_(device), gpu_("gpu " + number(index) + " ") {}

  void all() {
    identity();
    modes();
    std::vector<unsigned> ids = gi_profiles();
    for (const unsigned id : {21U, 46U, 47U, 999U, 0xFFFFFFFFU}) {
      ids.push_back(id);
    }
    for (const unsigned id : ids) {
      gi_by_id(id);
    }
    mig_devices();
    illegal();
  }

 private:
  void identity() {
    char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE] = {};
    say(gpu_ + "name", nvml_.nvmlDeviceGetName(device_, name, sizeof name), [&] { return name; });
    nvmlDeviceArchitecture_t architecture = 0;
    say(gpu_ + "architecture", nvml_.nvmlDeviceGetArchitecture(device_, &architecture), [&] {
      return number(architecture);
    });
    int major = 0;
    int minor = 0;
    const nvmlReturn_t cc = nvml_.nvmlDeviceGetCudaComputeCapability(device_, &major, &minor);
    say(gpu_ + "compute capability", cc, [&] {
      return std::to_string(major) + "." + std::to_string(minor);
    });
    nvmlMemory_t memory{};
    say(gpu_ + "memory total", nvml_.nvmlDeviceGetMemoryInfo(device_, &memory), [&] {
      return number(memory.total);
    });
    unsigned cores = 0;
    say(gpu_ + "cores", nvml_.nvmlDeviceGetNumGpuCores(device_, &cores), [&] {
      return number(cores);
    });
    nvmlPciInfo_t pci{};
    const nvmlReturn_t code = nvml_.nvmlDeviceGetPciInfo_v3(device_, &pci);
    char id[16] = {};
    std::snprintf(id, sizeof id, "%08x", pci.pciDeviceId);
    say(gpu_ + "pci device", code, [&] { return id; });
    nvmlGpmSupport_t gpm{NVML_GPM_SUPPORT_VERSION, 0};
    say(gpu_ + "gpm", nvml_.nvmlGpmQueryDeviceSupport(device_, &gpm), [&] {
      return number(gpm.isSupportedDevice);
    });
  }

  void modes() {
    unsigned current = 0;
    unsigned pending = 0;
    unsigned max = 0;
    unsigned is_mig = 0;
    const nvmlReturn_t mode = nvml_.nvmlDeviceGetMigMode(device_, &current, &pending);
    say(gpu_ + "mig mode", mode, [&] { return number(current) + " pending " + number(pending); });
    say(gpu_ + "max mig devices", nvml_.nvmlDeviceGetMaxMigDeviceCount(device_, &max), [&] {
      return number(max);
    });
    say(gpu_ + "is mig device", nvml_.nvmlDeviceIsMigDeviceHandle(device_, &is_mig), [&] {
      return number(is_mig);
    });
    enabled_ = mode == NVML_SUCCESS && current == NVML_DEVICE_MIG_ENABLE;
  }

  std::vector<unsigned> gi_profiles() {
    std::vector<unsigned> ids;
    for (unsigned index = 0; index < NVML_GPU_INSTANCE_PROFILE_COUNT + 3; ++index) {
      const std::string what = gpu_ + "gi profile " + number(index);
      nvmlGpuInstanceProfileInfo_t one{};
      const nvmlReturn_t code = nvml_.nvmlDeviceGetGpuInstanceProfileInfo(device_, index, &one);
      say(what, code, [&] { return profile_text(one) + " p2p " + number(one.isP2pSupported); });
      nvmlGpuInstanceProfileInfo_v2_t two{};
      two.version = nvmlGpuInstanceProfileInfo_v2;
      say(what + " v2", nvml_.nvmlDeviceGetGpuInstanceProfileInfoV(device_, index, &two), [&] {
        return profile_text(two) + " p2p " + number(two.isP2pSupported) + " name " + two.name;
      });
      nvmlGpuInstanceProfileInfo_v3_t three{};
      three.version = nvmlGpuInstanceProfileInfo_v3;
      say(what + " v3",
          nvml_.nvmlDeviceGetGpuInstanceProfileInfoV(
              device_, index, reinterpret_cast<nvmlGpuInstanceProfileInfo_v2_t*>(&three)),
          [&] {
            return profile_text(three) + " caps " + number(three.capabilities) + " name " +
                   three.name;
          });
      nvmlGpuInstanceProfileInfo_v2_t unversioned{};
      say(what + " without version",
          nvml_.nvmlDeviceGetGpuInstanceProfileInfoV(device_, index, &unversioned));
      if (code == NVML_SUCCESS) {
        ids.push_back(one.id);
      }
    }
    return ids;
  }

  void gi_by_id(unsigned id) {
    const std::string what = gpu_ + "gi profile id " + number(id);
    nvmlGpuInstanceProfileInfo_v2_t info{};
    info.version = nvmlGpuInstanceProfileInfo_v2;
    say(what + " info", nvml_.nvmlDeviceGetGpuInstanceProfileInfoByIdV(device_, id, &info), [&] {
      return profile_text(info) + " name " + info.name;
    });
    ask_placements<nvmlGpuInstancePlacement_t>(
        what + " placements", [&](nvmlGpuInstancePlacement_t* room, unsigned* count) {
          return nvml_.nvmlDeviceGetGpuInstancePossiblePlacements_v2(device_, id, room, count);
        });
    unsigned free = 0;
    say(what + " capacity",
        nvml_.nvmlDeviceGetGpuInstanceRemainingCapacity(device_, id, &free),
        [&] { return number(free); });
    constexpr unsigned kRoom = 64;
    std::vector<nvmlGpuInstance_t> instances(kRoom);
    unsigned count = kRoom;
    const nvmlReturn_t code =
        nvml_.nvmlDeviceGetGpuInstances(device_, id, instances.data(), &count);
    say(what + " instances", code, [&] { return number(count); });
    for (unsigned i = 0; code == NVML_SUCCESS && i < count && i < kRoom; ++i) {
      gi(instances[i]);
    }
  }

  void gi(nvmlGpuInstance_t instance) {
    nvmlGpuInstanceInfo_t info{};
    const nvmlReturn_t code = nvml_.nvmlGpuInstanceGetInfo(instance, &info);
    const std::string what = gpu_ + "gi " + number(info.id);
    say(what, code, [&] {
      return "profile " + number(info.profileId) + " at " + number(info.placement.start) + ":" +
             number(info.placement.size);
    });
    for (unsigned index = 0; index < NVML_COMPUTE_INSTANCE_PROFILE_COUNT + 2; ++index) {
      nvmlComputeInstanceProfileInfo_v2_t profile{};
      profile.version = nvmlComputeInstanceProfileInfo_v2;
      const nvmlReturn_t known =
          nvml_.nvmlGpuInstanceGetComputeInstanceProfileInfoV(instance, index, 0, &profile);
      say(what + " ci profile " + number(index), known, [&] { return ci_profile_text(profile); });
      if (known == NVML_SUCCESS) {
        ci_by_id(what, instance, profile.id);
      }
    }
  }

  void ci_by_id(const std::string& of, nvmlGpuInstance_t instance, unsigned id) {
    const std::string what = of + " ci profile id " + number(id);
    ask_placements<nvmlComputeInstancePlacement_t>(
        what + " placements", [&](nvmlComputeInstancePlacement_t* room, unsigned* count) {
          return nvml_.nvmlGpuInstanceGetComputeInstancePossiblePlacements(
              instance, id, room, count);
        });
    unsigned free = 0;
    say(what + " capacity",
        nvml_.nvmlGpuInstanceGetComputeInstanceRemainingCapacity(instance, id, &free),
        [&] { return number(free); });
    constexpr unsigned kRoom = 64;
    std::vector<nvmlComputeInstance_t> computes(kRoom);
    unsigned count = kRoom;
    const nvmlReturn_t code =
        nvml_.nvmlGpuInstanceGetComputeInstances(instance, id, computes.data(), &count);
    say(what + " instances", code, [&] { return number(count); });
    for (unsigned i = 0; code == NVML_SUCCESS && i < count && i < kRoom; ++i) {
      nvmlComputeInstanceInfo_t info{};
      const nvmlReturn_t read = nvml_.nvmlComputeInstanceGetInfo_v2(computes[i], &info);
      say(of + " ci " + number(info.id), read, [&] {
        return "profile " + number(info.profileId) + " at " + number(info.placement.start) + ":" +
               number(info.placement.size);
      });
    }
  }

  void mig_devices() {
    for (unsigned index = 0; index < 8; ++index) {
      nvmlDevice_t mig = nullptr;
      const std::string what = gpu_ + "mig device " + number(index);
      const nvmlReturn_t code = nvml_.nvmlDeviceGetMigDeviceHandleByIndex(device_, index, &mig);
      say(what, code);
      if (code != NVML_SUCCESS) {
        continue;
      }
      char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE] = {};
      say(what + " name", nvml_.nvmlDeviceGetName(mig, name, sizeof name), [&] { return name; });
      unsigned gi = 0;
      unsigned ci = 0;
      say(what + " gi", nvml_.nvmlDeviceGetGpuInstanceId(mig, &gi), [&] { return number(gi); });
      say(what + " ci", nvml_.nvmlDeviceGetComputeInstanceId(mig, &ci), [&] { return number(ci); });
      nvmlDeviceAttributes_t a{};
      say(what + " attributes", nvml_.nvmlDeviceGetAttributes_v2(mig, &a), [&] {
        return "sm " + number(a.multiprocessorCount) + " ce " + number(a.sharedCopyEngineCount) +
               " dec " + number(a.sharedDecoderCount) + " enc " + number(a.sharedEncoderCount) +
               " jpeg " + number(a.sharedJpegCount) + " ofa " + number(a.sharedOfaCount) + " gi " +
               number(a.gpuInstanceSliceCount) + " ci " + number(a.computeInstanceSliceCount) +
               " mib " + number(a.memorySizeMB);
      });
      nvmlUtilization_t rates{};
      say(what + " utilization", nvml_.nvmlDeviceGetUtilizationRates(mig, &rates), [&] {
        return "given";
      });
      unsigned power = 0;
      say(what + " power", nvml_.nvmlDeviceGetPowerUsage(mig, &power), [&] { return "given"; });
    }
  }

  void illegal() {
    unsigned id = 0;
    nvmlDevice_t other = nullptr;
    nvmlGpuInstance_t instance = nullptr;
    nvmlDeviceAttributes_t attributes{};
    say(gpu_ + "gi id of the gpu", nvml_.nvmlDeviceGetGpuInstanceId(device_, &id), [&] {
      return number(id);
    });
    say(gpu_ + "ci id of the gpu", nvml_.nvmlDeviceGetComputeInstanceId(device_, &id), [&] {
      return number(id);
    });
    say(gpu_ + "attributes of the gpu", nvml_.nvmlDeviceGetAttributes_v2(device_, &attributes));
    say(gpu_ + "parent of the gpu",
        nvml_.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device_, &other));
    say(gpu_ + "mig device 99", nvml_.nvmlDeviceGetMigDeviceHandleByIndex(device_, 99, &other));
    if (!enabled_) {
      say(gpu_ + "gi 0 with mig off", nvml_.nvmlDeviceGetGpuInstanceById(device_, 0, &instance));
    }
    say(gpu_ + "gi 99", nvml_.nvmlDeviceGetGpuInstanceById(device_, 99, &instance));
    say(gpu_ + "mig mode into nothing", nvml_.nvmlDeviceGetMigMode(device_, nullptr, nullptr));
    say(gpu_ + "name into one byte", [&] {
      char byte = 0;
      return nvml_.nvmlDeviceGetName(device_, &byte, 1);
    }());
  }

  const Functions& nvml_;
  nvmlDevice_t device_;
  std::string gpu_;
  bool enabled_ = false;
};

void ask_machine(const Functions& nvml, unsigned count) {
  nvmlDevice_t device = nullptr;
  say("gpus", NVML_SUCCESS, [&] { return number(count); });
  say("handle of gpu " + number(count), nvml.nvmlDeviceGetHandleByIndex_v2(count, &device));
  say("handle of a uuid of nothing",
      nvml.nvmlDeviceGetHandleByUUID("GPU-11111111-2222-3333-4444-555555555555", &device));
  say("handle of a mig uuid of nothing",
      nvml.nvmlDeviceGetHandleByUUID("MIG-11111111-2222-5333-8444-555555555555", &device));
  say("handle of a bus id of nothing",
      nvml.nvmlDeviceGetHandleByPciBusId_v2("00000000:FE:1F.0", &device));
  for (unsigned index = 0; index < count; ++index) {
    if (nvml.nvmlDeviceGetHandleByIndex_v2(index, &device) == NVML_SUCCESS) {
      Questions(nvml, device, index).all();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  auto library = mig::nvml::Library::open(argc > 1 ? argv[1] : "");
  if (!library) {
    std::fprintf(stderr, "mig-conformance: %s\n", library.error().message.c_str());
    return 1;
  }
  const Functions& nvml = library->functions();
  if (const nvmlReturn_t code = nvml.nvmlInit_v2(); code != NVML_SUCCESS) {
    std::fprintf(stderr, "mig-conformance: nvmlInit_v2: %s\n", words(code).c_str());
    return 1;
  }
  unsigned count = 0;
  const nvmlReturn_t code = nvml.nvmlDeviceGetCount_v2(&count);
  if (code == NVML_SUCCESS) {
    ask_machine(nvml, count);
  } else {
    std::fprintf(stderr, "mig-conformance: nvmlDeviceGetCount_v2: %s\n", words(code).c_str());
  }
  nvml.nvmlShutdown();
  return code == NVML_SUCCESS ? 0 : 1;
}
