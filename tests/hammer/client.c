/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client of many that hammer a machine: mig-hammer-client ROLE SECONDS SEED THREADS
 *
 * ROLE `read` only reads, `change` also creates and destroys instances. Written in C and linked
 * with libnvidia-ml.so.1, as a third-party program is. Every result is checked against invariants
 * that hold whatever the other clients do at that moment; an impossible result (a torn read, a code
 * that the call never returns) ends the program with 1 and names it. Else it prints one line of
 * counts and ends with 0.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/nvml.h"

enum { kMaxThreads = 16, kMaxProfiles = 32, kMaxGpus = 4, kMaxPlaces = 16 };

typedef struct {
  nvmlGpuInstanceProfileInfo_v2_t info;
  nvmlGpuInstancePlacement_t places[kMaxPlaces];
  unsigned place_count;
} Profile;

typedef struct {
  nvmlDevice_t handle;
  Profile profiles[kMaxProfiles];
  unsigned profile_count;
} Gpu;

typedef struct {
  unsigned random;
  int change;
  unsigned long calls, created, taken, refused, gone, seen;
  unsigned long long energy[kMaxGpus];
  int bad;
} Worker;

static Gpu gpus[kMaxGpus];
static unsigned gpu_count;
static double deadline;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static unsigned any(Worker* w, unsigned below) {
  w->random = w->random * 1664525U + 1013904223U;
  return (w->random >> 8U) % below;
}

static void wrong(Worker* w, const char* call, const char* what, unsigned long long value) {
  printf("WRONG %s: %s (%llu)\n", call, what, value);
  fflush(stdout);
  w->bad = 1;
}

/* True when the call succeeded; false when its object is gone, which is no fault here. */
static int answered(Worker* w, const char* call, nvmlReturn_t code) {
  ++w->calls;
  switch (code) {
    case NVML_SUCCESS:
      return 1;
    case NVML_ERROR_NOT_FOUND:
    case NVML_ERROR_INVALID_ARGUMENT: /* a stale handle: another client destroyed the object */
      ++w->gone;
      return 0;
    case NVML_ERROR_IN_USE:
    case NVML_ERROR_INSUFFICIENT_RESOURCES:
      ++w->refused;
      return 0;
    default:
      wrong(w, call, nvmlErrorString(code), (unsigned long long)code);
      return 0;
  }
}

static void nap(Worker* w, unsigned milliseconds_below) {
  struct timespec t = {0, (long)(1 + any(w, milliseconds_below)) * 1000000L};
  nanosleep(&t, NULL);
}

static const Profile* profile_of_id(const Gpu* gpu, unsigned id) {
  for (unsigned i = 0; i < gpu->profile_count; ++i) {
    if (gpu->profiles[i].info.id == id) {
      return &gpu->profiles[i];
    }
  }
  return NULL;
}

static int legal_place(const Profile* profile, unsigned start, unsigned size) {
  for (unsigned i = 0; i < profile->place_count; ++i) {
    if (profile->places[i].start == start && profile->places[i].size == size) {
      return 1;
    }
  }
  return 0;
}

static void check_instance(Worker* w, const Gpu* gpu, nvmlGpuInstance_t instance, unsigned wanted) {
  nvmlGpuInstanceInfo_t info;
  if (!answered(w, "nvmlGpuInstanceGetInfo", nvmlGpuInstanceGetInfo(instance, &info))) {
    return;
  }
  const Profile* profile = profile_of_id(gpu, info.profileId);
  if (profile == NULL || info.profileId != wanted) {
    wrong(w, "nvmlGpuInstanceGetInfo", "another profile than was listed", info.profileId);
  } else if (!legal_place(profile, info.placement.start, info.placement.size)) {
    wrong(
        w, "nvmlGpuInstanceGetInfo", "a place that the profile cannot have", info.placement.start);
  }
  ++w->seen;
}

static void read_instances(Worker* w, const Gpu* gpu) {
  const Profile* profile = &gpu->profiles[any(w, gpu->profile_count)];
  nvmlGpuInstance_t instances[kMaxPlaces];
  unsigned count = kMaxPlaces;
  if (!answered(w,
                "nvmlDeviceGetGpuInstances",
                nvmlDeviceGetGpuInstances(gpu->handle, profile->info.id, instances, &count))) {
    return;
  }
  if (count > profile->info.instanceCount) {
    wrong(w, "nvmlDeviceGetGpuInstances", "more instances than the profile allows", count);
    return;
  }
  for (unsigned i = 0; i < count; ++i) {
    check_instance(w, gpu, instances[i], profile->info.id);
  }
  unsigned room = 0;
  if (answered(w,
               "nvmlDeviceGetGpuInstanceRemainingCapacity",
               nvmlDeviceGetGpuInstanceRemainingCapacity(gpu->handle, profile->info.id, &room)) &&
      room > profile->info.instanceCount) {
    wrong(w, "nvmlDeviceGetGpuInstanceRemainingCapacity", "more than the profile allows", room);
  }
}

static void check_mig_device(Worker* w, const Gpu* gpu, nvmlDevice_t device) {
  nvmlDeviceAttributes_t attributes;
  char name[96];
  char uuid[96];
  nvmlMemory_t memory;
  if (!answered(w, "nvmlDeviceGetName", nvmlDeviceGetName(device, name, sizeof name)) ||
      !answered(w, "nvmlDeviceGetUUID", nvmlDeviceGetUUID(device, uuid, sizeof uuid)) ||
      !answered(w, "nvmlDeviceGetAttributes_v2", nvmlDeviceGetAttributes_v2(device, &attributes)) ||
      !answered(w, "nvmlDeviceGetMemoryInfo", nvmlDeviceGetMemoryInfo(device, &memory))) {
    return;
  }
  ++w->seen;
  if (strstr(name, " MIG ") == NULL || strncmp(uuid, "MIG-", 4) != 0 || strlen(uuid) != 40) {
    wrong(w, "nvmlDeviceGetUUID", uuid, strlen(uuid));
  }
  /* A stale handle never shows the figures of a later instance. */
  if (memory.total != attributes.memorySizeMB << 20U || memory.used + memory.free != memory.total) {
    wrong(w, "nvmlDeviceGetMemoryInfo", "not the memory of the attributes", memory.total);
  }
  int known = 0;
  for (unsigned i = 0; i < gpu->profile_count; ++i) {
    const nvmlGpuInstanceProfileInfo_v2_t* info = &gpu->profiles[i].info;
    known = known || (info->sliceCount == attributes.gpuInstanceSliceCount &&
                      info->memorySizeMB == attributes.memorySizeMB &&
                      info->copyEngineCount == attributes.sharedCopyEngineCount &&
                      attributes.multiprocessorCount <= info->multiprocessorCount);
  }
  if (!known) {
    wrong(w, "nvmlDeviceGetAttributes_v2", "of no profile of the board", attributes.memorySizeMB);
  }
  nvmlDevice_t again = NULL;
  if (answered(w, "nvmlDeviceGetHandleByUUID", nvmlDeviceGetHandleByUUID(uuid, &again))) {
    char other[96];
    if (answered(w, "nvmlDeviceGetUUID", nvmlDeviceGetUUID(again, other, sizeof other)) &&
        strcmp(uuid, other) != 0) {
      wrong(w, "nvmlDeviceGetHandleByUUID", "a device with another UUID", 0);
    }
  }
}

static void read_mig_devices(Worker* w, const Gpu* gpu) {
  unsigned most = 0;
  if (!answered(w,
                "nvmlDeviceGetMaxMigDeviceCount",
                nvmlDeviceGetMaxMigDeviceCount(gpu->handle, &most)) ||
      most == 0) {
    return;
  }
  nvmlDevice_t device = NULL;
  if (answered(w,
               "nvmlDeviceGetMigDeviceHandleByIndex",
               nvmlDeviceGetMigDeviceHandleByIndex(gpu->handle, any(w, most), &device))) {
    check_mig_device(w, gpu, device);
  }
}

static void read_processes(Worker* w, const Gpu* gpu) {
  nvmlProcessInfo_t infos[256];
  unsigned count = 256;
  if (!answered(w,
                "nvmlDeviceGetComputeRunningProcesses_v3",
                nvmlDeviceGetComputeRunningProcesses_v3(gpu->handle, &count, infos))) {
    return;
  }
  for (unsigned i = 0; i < count; ++i) {
    if (infos[i].pid == 0 || infos[i].gpuInstanceId > 14 || infos[i].computeInstanceId > 7) {
      wrong(w, "nvmlDeviceGetComputeRunningProcesses_v3", "a process on no instance", infos[i].pid);
    }
    ++w->seen;
  }
}

static void read_gpu(Worker* w, const Gpu* gpu) {
  nvmlMemory_v2_t memory;
  memory.version = nvmlMemory_v2;
  if (answered(w, "nvmlDeviceGetMemoryInfo_v2", nvmlDeviceGetMemoryInfo_v2(gpu->handle, &memory)) &&
      memory.reserved + memory.used + memory.free != memory.total) {
    wrong(w, "nvmlDeviceGetMemoryInfo_v2", "parts that do not add up", memory.total);
  }
  unsigned long long energy = 0;
  if (answered(w,
               "nvmlDeviceGetTotalEnergyConsumption",
               nvmlDeviceGetTotalEnergyConsumption(gpu->handle, &energy))) {
    unsigned long long* last = &w->energy[gpu - gpus];
    if (energy < *last) {
      wrong(w, "nvmlDeviceGetTotalEnergyConsumption", "energy that runs backwards", energy);
    }
    *last = energy;
  }
  /* Repeated init and shutdown, as in programs that load plug-ins. */
  if (answered(w, "nvmlInit_v2", nvmlInit_v2())) {
    answered(w, "nvmlShutdown", nvmlShutdown());
  }
}

static nvmlReturn_t create(Worker* w,
                           const Gpu* gpu,
                           const Profile* profile,
                           nvmlGpuInstance_t* instance) {
  if (any(w, 2) == 0) {
    return nvmlDeviceCreateGpuInstance(gpu->handle, profile->info.id, instance);
  }
  return nvmlDeviceCreateGpuInstanceWithPlacement(
      gpu->handle, profile->info.id, &profile->places[any(w, profile->place_count)], instance);
}

/* Destroys an instance of another client, which may be using or destroying it too. */
static void take_away(Worker* w, const Gpu* gpu) {
  const Profile* profile = &gpu->profiles[any(w, gpu->profile_count)];
  nvmlGpuInstance_t instances[kMaxPlaces];
  unsigned count = kMaxPlaces;
  if (!answered(w,
                "nvmlDeviceGetGpuInstances",
                nvmlDeviceGetGpuInstances(gpu->handle, profile->info.id, instances, &count)) ||
      count == 0) {
    return;
  }
  nvmlGpuInstance_t instance = instances[any(w, count)];
  for (unsigned i = 0; i < NVML_COMPUTE_INSTANCE_PROFILE_COUNT; ++i) {
    nvmlComputeInstance_t computes[8];
    unsigned some = 8;
    if (nvmlGpuInstanceGetComputeInstances(instance, i, computes, &some) == NVML_SUCCESS) {
      for (unsigned c = 0; c < some; ++c) {
        answered(w, "nvmlComputeInstanceDestroy", nvmlComputeInstanceDestroy(computes[c]));
      }
    }
  }
  if (answered(w, "nvmlGpuInstanceDestroy", nvmlGpuInstanceDestroy(instance))) {
    ++w->taken;
  }
}

static void change(Worker* w, const Gpu* gpu) {
  const Profile* profile = &gpu->profiles[any(w, gpu->profile_count)];
  nvmlGpuInstance_t instance = NULL;
  if (!answered(w, "nvmlDeviceCreateGpuInstance", create(w, gpu, profile, &instance))) {
    if (any(w, 16) == 0) {
      take_away(w, gpu); /* instances of killed clients remain */
    }
    return;
  }
  ++w->created;
  check_instance(w, gpu, instance, profile->info.id);
  nvmlComputeInstance_t compute = NULL;
  for (unsigned i = 0; i < NVML_COMPUTE_INSTANCE_PROFILE_COUNT; ++i) {
    nvmlComputeInstanceProfileInfo_v2_t info;
    info.version = nvmlComputeInstanceProfileInfo_v2;
    const nvmlReturn_t code = nvmlGpuInstanceGetComputeInstanceProfileInfoV(
        instance, i, NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, &info);
    if (code == NVML_SUCCESS && info.sliceCount == profile->info.sliceCount &&
        answered(w,
                 "nvmlGpuInstanceCreateComputeInstance",
                 nvmlGpuInstanceCreateComputeInstance(instance, info.id, &compute))) {
      break;
    }
  }
  if (any(w, 4) == 0) {
    nap(w, 20); /* leaves the instance for readers for a moment */
  }
  if (compute != NULL &&
      !answered(w, "nvmlComputeInstanceDestroy", nvmlComputeInstanceDestroy(compute))) {
    return; /* a workload runs on it; the test driver cleans up */
  }
  answered(w, "nvmlGpuInstanceDestroy", nvmlGpuInstanceDestroy(instance));
}

static void* work(void* argument) {
  Worker* w = argument;
  while (now() < deadline && !w->bad) {
    const Gpu* gpu = &gpus[any(w, gpu_count)];
    if (any(w, 16) == 0) {
      nap(w, 8); /* leaves the CPUs to other programs */
    }
    switch (any(w, w->change ? 6 : 4)) {
      case 0:
        read_instances(w, gpu);
        break;
      case 1:
        read_mig_devices(w, gpu);
        break;
      case 2:
        read_processes(w, gpu);
        break;
      case 3:
        read_gpu(w, gpu);
        break;
      default:
        /* Mostly the first GPU: commands and workloads need free slots on the next two; the fourth
         * is reserved for them. */
        change(w, any(w, 64) == 0 && gpu < &gpus[3] ? gpu : &gpus[0]);
    }
  }
  return NULL;
}

static int learn(Gpu* gpu, unsigned index) {
  if (nvmlDeviceGetHandleByIndex_v2(index, &gpu->handle) != NVML_SUCCESS) {
    return 0;
  }
  for (unsigned i = 0; i < NVML_GPU_INSTANCE_PROFILE_COUNT; ++i) {
    Profile* profile = &gpu->profiles[gpu->profile_count];
    profile->info.version = nvmlGpuInstanceProfileInfo_v2;
    profile->place_count = kMaxPlaces;
    if (nvmlDeviceGetGpuInstanceProfileInfoV(gpu->handle, i, &profile->info) == NVML_SUCCESS &&
        nvmlDeviceGetGpuInstancePossiblePlacements_v2(
            gpu->handle, profile->info.id, profile->places, &profile->place_count) ==
            NVML_SUCCESS) {
      ++gpu->profile_count;
    }
  }
  return gpu->profile_count > 0;
}

int main(int argc, char** argv) {
  if (argc != 5 || (strcmp(argv[1], "read") != 0 && strcmp(argv[1], "change") != 0)) {
    fprintf(stderr, "usage: mig-hammer-client read|change SECONDS SEED THREADS\n");
    return 2;
  }
  const unsigned threads = (unsigned)strtoul(argv[4], NULL, 10);
  if (threads < 1 || threads > kMaxThreads) {
    fprintf(stderr, "mig-hammer-client: 1 to %d threads\n", kMaxThreads);
    return 2;
  }
  deadline = now() + strtod(argv[2], NULL);
  const nvmlReturn_t code = nvmlInit_v2();
  if (code != NVML_SUCCESS || nvmlDeviceGetCount_v2(&gpu_count) != NVML_SUCCESS) {
    printf("WRONG nvmlInit_v2: %s\n", nvmlErrorString(code));
    return 1;
  }
  gpu_count = gpu_count > kMaxGpus ? kMaxGpus : gpu_count;
  for (unsigned i = 0; i < gpu_count; ++i) {
    if (!learn(&gpus[i], i)) {
      printf("WRONG: GPU %u tells no profiles\n", i);
      return 1;
    }
  }
  static Worker workers[kMaxThreads];
  pthread_t ids[kMaxThreads];
  for (unsigned i = 0; i < threads; ++i) {
    workers[i].random = (unsigned)strtoul(argv[3], NULL, 10) * 7919U + i;
    workers[i].change = strcmp(argv[1], "change") == 0;
    if (pthread_create(&ids[i], NULL, work, &workers[i]) != 0) {
      return 2;
    }
  }
  Worker sum = {0};
  for (unsigned i = 0; i < threads; ++i) {
    pthread_join(ids[i], NULL);
    sum.calls += workers[i].calls;
    sum.created += workers[i].created;
    sum.taken += workers[i].taken;
    sum.refused += workers[i].refused;
    sum.gone += workers[i].gone;
    sum.seen += workers[i].seen;
    sum.bad |= workers[i].bad;
  }
  printf("calls %lu created %lu taken %lu refused %lu gone %lu seen %lu\n",
         sum.calls,
         sum.created,
         sum.taken,
         sum.refused,
         sum.gone,
         sum.seen);
  if (nvmlShutdown() != NVML_SUCCESS) {
    printf("WRONG nvmlShutdown\n");
    sum.bad = 1;
  }
  return sum.bad;
}
