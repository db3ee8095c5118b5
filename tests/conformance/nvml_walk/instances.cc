// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "walk.h"

namespace {

struct Made {
  nvmlGpuInstance_t handle;
  nvmlGpuInstanceInfo_t info;
};

bool before(const Made& a, const Made& b) {
  return a.info.placement.start < b.info.placement.start;
}

}  // namespace

// Creates instances until the profile is full, compute instances in the first one, then destroys
// all.
void Walk::fill(const nvmlGpuInstanceProfileInfo_t& profile) {
  std::vector<Made> made;
  std::string left;
  nvmlGpuInstance_t handle = nullptr;
  nvmlReturn_t code = nvmlDeviceCreateGpuInstance(device_, profile.id, &handle);
  for (; code == NVML_SUCCESS; code = nvmlDeviceCreateGpuInstance(device_, profile.id, &handle)) {
    Made one{handle, {}};
    must(nvmlGpuInstanceGetInfo(handle, &one.info), "info of a GPU instance");
    made.push_back(one);
    left += " " + std::to_string(room(profile));
  }
  say("fill %u: made %zu then %s left%s",
      profile.id,
      made.size(),
      word(code).c_str(),
      left.c_str());
  std::sort(made.begin(), made.end(), before);
  std::vector<nvmlGpuInstance_t> known(16);
  auto count = static_cast<unsigned>(known.size());
  must(nvmlDeviceGetGpuInstances(device_, profile.id, known.data(), &count), "GPU instances");
  known.resize(count);
  for (const Made& one : made) {
    nvmlGpuInstance_t again = nullptr;
    must(nvmlDeviceGetGpuInstanceById(device_, one.info.id, &again), "GPU instance by id");
    say("fill %u gi %u profile %u at %u:%u same %d listed %d of %u own %d",
        profile.id,
        one.info.id,
        one.info.profileId,
        one.info.placement.start,
        one.info.placement.size,
        again == one.handle,
        std::count(known.begin(), known.end(), one.handle) == 1,
        count,
        one.info.device == device_);
  }
  compute(profile.id, made[0].handle);
  for (const Made& one : made) {
    code = nvmlGpuInstanceDestroy(one.handle);
  }
  nvmlGpuInstanceInfo_t info{};
  const std::string stale = word(nvmlGpuInstanceGetInfo(made[0].handle, &info));
  say("emptied %u: %s stale %s by id %s",
      profile.id,
      word(code).c_str(),
      stale.c_str(),
      word(nvmlDeviceGetGpuInstanceById(device_, made[0].info.id, &handle)).c_str());
}

// One instance alone on the GPU, at each of its placements; a second one at the same placement; and
// illegal placements.
void Walk::place(const nvmlGpuInstanceProfileInfo_t& profile) {
  const std::vector<nvmlGpuInstancePlacement_t> all = places(profile);
  nvmlGpuInstance_t gi = nullptr, second = nullptr;
  for (const nvmlGpuInstancePlacement_t& where : all) {
    const nvmlReturn_t code =
        nvmlDeviceCreateGpuInstanceWithPlacement(device_, profile.id, &where, &gi);
    must(code, "create at a place");
    nvmlGpuInstanceInfo_t info{};
    must(nvmlGpuInstanceGetInfo(gi, &info), "info of a GPU instance");
    const nvmlReturn_t again =
        nvmlDeviceCreateGpuInstanceWithPlacement(device_, profile.id, &where, &second);
    const nvmlReturn_t gone = nvmlGpuInstanceDestroy(gi);
    say("place %u at %u: %s gi %u at %u:%u again %s destroy %s",
        profile.id,
        where.start,
        word(code).c_str(),
        info.id,
        info.placement.start,
        info.placement.size,
        word(again).c_str(),
        word(gone).c_str());
  }
  const nvmlGpuInstancePlacement_t crooked = {all[0].start, all[0].size + 1};
  say("place %u crooked: %s",
      profile.id,
      word(nvmlDeviceCreateGpuInstanceWithPlacement(device_, profile.id, &crooked, &gi)).c_str());
}

void Walk::compute(unsigned of, nvmlGpuInstance_t gi) {
  for (unsigned index = 0; index < 9; ++index) {
    nvmlComputeInstanceProfileInfo_t info{};
    nvmlComputeInstanceProfileInfo_v2_t named{};
    named.version = nvmlComputeInstanceProfileInfo_v2;
    constexpr unsigned kShared = NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED;
    const nvmlReturn_t code =
        nvmlGpuInstanceGetComputeInstanceProfileInfo(gi, index, kShared, &info);
    const nvmlReturn_t again =
        nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi, index, kShared, &named);
    if (code != NVML_SUCCESS || again != NVML_SUCCESS) {
      say("in %u ci profile %u: %s %s", of, index, word(code).c_str(), word(again).c_str());
      continue;
    }
    unsigned count = 0;
    must(nvmlGpuInstanceGetComputeInstancePossiblePlacements(gi, info.id, nullptr, &count),
         "number of places");
    std::vector<nvmlComputeInstancePlacement_t> found(count);
    must(nvmlGpuInstanceGetComputeInstancePossiblePlacements(gi, info.id, found.data(), &count),
         "places");
    say("in %u ci profile %u: id %u slices %u max %u sm %u ce %u dec %u enc %u jpeg %u ofa %u name "
        "%s places %s",
        of,
        index,
        info.id,
        info.sliceCount,
        info.instanceCount,
        info.multiprocessorCount,
        info.sharedCopyEngineCount,
        info.sharedDecoderCount,
        info.sharedEncoderCount,
        info.sharedJpegCount,
        info.sharedOfaCount,
        named.name,
        placed(found).c_str());
    fill_compute(of, gi, info);
  }
}

void Walk::fill_compute(unsigned of,
                        nvmlGpuInstance_t gi,
                        const nvmlComputeInstanceProfileInfo_t& profile) {
  std::vector<nvmlComputeInstance_t> made;
  std::vector<nvmlComputeInstanceInfo_t> infos;
  std::vector<nvmlComputeInstancePlacement_t> places;
  nvmlComputeInstance_t handle = nullptr;
  nvmlReturn_t code = nvmlGpuInstanceCreateComputeInstance(gi, profile.id, &handle);
  for (; code == NVML_SUCCESS;
       code = nvmlGpuInstanceCreateComputeInstance(gi, profile.id, &handle)) {
    nvmlComputeInstanceInfo_t info{};
    must(nvmlComputeInstanceGetInfo(handle, &info), "info of a compute instance");
    made.push_back(handle);
    infos.push_back(info);
    places.push_back(info.placement);
  }
  unsigned left = 0;
  must(nvmlGpuInstanceGetComputeInstanceRemainingCapacity(gi, profile.id, &left),
       "remaining capacity inside");
  std::vector<nvmlComputeInstance_t> known(16);
  auto count = static_cast<unsigned>(known.size());
  must(nvmlGpuInstanceGetComputeInstances(gi, profile.id, known.data(), &count),
       "compute instances");
  bool fits = true;
  for (unsigned i = 0; i < infos.size(); ++i) {
    nvmlComputeInstance_t again = nullptr;
    must(nvmlGpuInstanceGetComputeInstanceById(gi, infos[i].id, &again), "compute instance by id");
    fits = fits && again == made[i] && infos[i].id == i && infos[i].profileId == profile.id &&
           infos[i].gpuInstance == gi;
  }
  say("in %u ci fill %u: made %zu then %s left %u listed %u at %s fits %d",
      of,
      profile.id,
      made.size(),
      word(code).c_str(),
      left,
      count,
      placed(places).c_str(),
      fits);
  mig_devices(infos);
  say("in %u ci fill %u: destroy gi %s", of, profile.id, word(nvmlGpuInstanceDestroy(gi)).c_str());
  for (nvmlComputeInstance_t one : made) {
    code = nvmlComputeInstanceDestroy(one);
  }
  say("in %u ci fill %u: destroy %s stale %s",
      of,
      profile.id,
      word(code).c_str(),
      word(nvmlComputeInstanceDestroy(made[0])).c_str());
}

void Walk::mig_devices(const std::vector<nvmlComputeInstanceInfo_t>& infos) {
  nvmlDevice_t mig = nullptr, parent = nullptr, back = nullptr;
  const auto count = static_cast<unsigned>(infos.size());
  say("mig device %u: %s",
      count,
      word(nvmlDeviceGetMigDeviceHandleByIndex(device_, count, &mig)).c_str());
  for (unsigned i = 0; i < count; ++i) {
    unsigned gi = 0, ci = 0, is = 0;
    char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE], uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
    nvmlDeviceAttributes_t a{};
    nvmlMemory_t memory{};
    must(nvmlDeviceGetMigDeviceHandleByIndex(device_, i, &mig), "MIG device");
    must(nvmlDeviceGetGpuInstanceId(mig, &gi), "GPU instance id");
    must(nvmlDeviceGetComputeInstanceId(mig, &ci), "compute instance id");
    must(nvmlDeviceGetAttributes(mig, &a), "attributes");
    must(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig, &parent), "parent");
    must(nvmlDeviceGetUUID(mig, uuid, sizeof uuid), "UUID");
    must(nvmlDeviceGetHandleByUUID(uuid, &back), "by UUID");
    must(nvmlDeviceGetName(mig, name, sizeof name), "name");
    must(nvmlDeviceIsMigDeviceHandle(mig, &is), "is a MIG device");
    must(nvmlDeviceGetMemoryInfo(mig, &memory), "memory");
    say("mig device %u: name %s gi %u ci %u is %u sm %u ce %u dec %u enc %u jpeg %u ofa %u slices "
        "%u %u mib %llu memory %llu "
        "back %d parent %d of ci %d",
        i,
        name,
        gi,
        ci,
        is,
        a.multiprocessorCount,
        a.sharedCopyEngineCount,
        a.sharedDecoderCount,
        a.sharedEncoderCount,
        a.sharedJpegCount,
        a.sharedOfaCount,
        a.gpuInstanceSliceCount,
        a.computeInstanceSliceCount,
        a.memorySizeMB,
        memory.total,
        back == mig,
        parent == device_,
        infos[ci].device == mig);
  }
}
