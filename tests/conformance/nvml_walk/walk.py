#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls every MIG function on every GPU through nvidia-ml-py and prints the results: profiles, placements, capacity;
MIG on; each profile until it is full, each compute profile in its first instance, the resulting MIG devices; each
placement; refusals."""

import ctypes

import pynvml as nvml

CODES = {nvml.NVML_ERROR_INVALID_ARGUMENT: "INVALID_ARGUMENT", nvml.NVML_ERROR_NOT_SUPPORTED: "NOT_SUPPORTED",
         nvml.NVML_ERROR_NOT_FOUND: "NOT_FOUND", nvml.NVML_ERROR_IN_USE: "IN_USE",
         nvml.NVML_ERROR_INSUFFICIENT_RESOURCES: "INSUFFICIENT_RESOURCES"}


def ask(call, *arguments, **more):
    """(result or None, name of the code)"""
    try:
        return call(*arguments, **more), "SUCCESS"
    except nvml.NVMLError as error:
        return None, CODES.get(error.value, str(error))


def address(handle):
    return ctypes.cast(handle, ctypes.c_void_p).value


def places_of(call, kind, *arguments):
    count = ctypes.c_uint(0)
    call(*arguments, None, ctypes.byref(count))
    found = (kind * count.value)()
    call(*arguments, found, ctypes.byref(count))
    return list(found)[:count.value]


def text(places):
    return " ".join(f"{p.start}:{p.size}" for p in sorted(places, key=lambda p: p.start))


def listed(call, kind, handle, profile_id):
    found, count = (kind * 16)(), ctypes.c_uint(16)
    call(handle, profile_id, found, ctypes.byref(count))
    return [address(found[i]) for i in range(count.value)]


class Walk:
    def __init__(self, gpu):
        self.gpu = gpu
        self.device = nvml.nvmlDeviceGetHandleByIndex(gpu)
        self.profiles, self.places = [], []

    def say(self, line):
        print(f"gpu {self.gpu} {line}")

    def all(self):
        self.say(f"name {nvml.nvmlDeviceGetName(self.device)} memory {nvml.nvmlDeviceGetMemoryInfo(self.device).total}")
        self.mode_line("mig")
        self.gi_profiles()
        self.say(f"create with mig off: {ask(nvml.nvmlDeviceCreateGpuInstance, self.device, self.profiles[0].id)[1]}")
        self.mode(nvml.NVML_DEVICE_MIG_ENABLE, "enable")
        for profile, places in zip(self.profiles, self.places):
            self.fill(profile)
            self.place(profile, places)
        self.mode(nvml.NVML_DEVICE_MIG_DISABLE, "disable")

    def mode_line(self, what):
        current, pending = nvml.nvmlDeviceGetMigMode(self.device)
        self.say(f"{what}: mode {current} {pending} devices {nvml.nvmlDeviceGetMaxMigDeviceCount(self.device)} "
                 f"is {nvml.nvmlDeviceIsMigDeviceHandle(self.device).value}")

    def mode(self, wanted, what):
        status, code = ask(nvml.nvmlDeviceSetMigMode, self.device, wanted)
        self.say(f"{what}: {code} {'SUCCESS' if status == nvml.NVML_SUCCESS else CODES.get(status, status)}")
        self.mode_line(what)

    def gi_profiles(self):
        for index in range(0x12):
            info, code = ask(nvml.nvmlDeviceGetGpuInstanceProfileInfo, self.device, index, version=1)
            named, again = ask(nvml.nvmlDeviceGetGpuInstanceProfileInfo, self.device, index, version=2)
            if info is None or named is None:
                self.say(f"gi profile {index}: {code} {again}")
                continue
            self.profiles.append(info)
            self.say(f"gi profile {index}: id {info.id} slices {info.sliceCount} max {info.instanceCount} "
                     f"sm {info.multiprocessorCount} ce {info.copyEngineCount} dec {info.decoderCount} "
                     f"enc {info.encoderCount} jpeg {info.jpegCount} ofa {info.ofaCount} mib {info.memorySizeMB} "
                     f"p2p {info.isP2pSupported} name {named.name}")
        for profile in self.profiles:
            self.places.append(places_of(nvml.nvmlDeviceGetGpuInstancePossiblePlacements,
                                         nvml.c_nvmlGpuInstancePlacement_t, self.device, profile.id))
            self.say(f"gi places {profile.id}: {text(self.places[-1])} room {self.room(profile)}")

    def room(self, profile):
        return nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(self.device, profile.id)

    def fill(self, profile):
        made, left = [], ""
        while True:
            handle, code = ask(nvml.nvmlDeviceCreateGpuInstance, self.device, profile.id)
            if handle is None:
                break
            made.append((handle, nvml.nvmlGpuInstanceGetInfo(handle)))
            left += f" {self.room(profile)}"
        self.say(f"fill {profile.id}: made {len(made)} then {code} left{left}")
        made.sort(key=lambda one: one[1].placement.start)
        known = listed(nvml.nvmlDeviceGetGpuInstances, nvml.c_nvmlGpuInstance_t, self.device, profile.id)
        for handle, info in made:
            again = nvml.nvmlDeviceGetGpuInstanceById(self.device, info.id)
            self.say(f"fill {profile.id} gi {info.id} profile {info.profileId} at {info.placement.start}:"
                     f"{info.placement.size} same {int(address(again) == address(handle))} "
                     f"listed {int(address(handle) in known)} of {len(known)} "
                     f"own {int(address(info.device) == address(self.device))}")
        self.compute(profile, *made[0])
        for handle, _ in made:
            _, code = ask(nvml.nvmlGpuInstanceDestroy, handle)
        self.say(f"emptied {profile.id}: {code} stale {ask(nvml.nvmlGpuInstanceGetInfo, made[0][0])[1]} "
                 f"by id {ask(nvml.nvmlDeviceGetGpuInstanceById, self.device, made[0][1].id)[1]}")

    def compute(self, of, handle, gi):
        for index in range(9):
            info, code = ask(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo, handle, index, 0, version=1)
            named, again = ask(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo, handle, index, 0, version=2)
            if info is None or named is None:
                self.say(f"in {of.id} ci profile {index}: {code} {again}")
                continue
            places = places_of(nvml.nvmlGpuInstanceGetComputeInstancePossiblePlacements,
                               nvml.c_nvmlComputeInstancePlacement_t, handle, info.id)
            self.say(f"in {of.id} ci profile {index}: id {info.id} slices {info.sliceCount} max {info.instanceCount} "
                     f"sm {info.multiprocessorCount} ce {info.sharedCopyEngineCount} dec {info.sharedDecoderCount} "
                     f"enc {info.sharedEncoderCount} jpeg {info.sharedJpegCount} ofa {info.sharedOfaCount} "
                     f"name {named.name} places {text(places)}")
            self.fill_compute(of, handle, info)

    def fill_compute(self, of, gi, profile):
        made = []
        while True:
            handle, code = ask(nvml.nvmlGpuInstanceCreateComputeInstance, gi, profile.id)
            if handle is None:
                break
            made.append((handle, nvml.nvmlComputeInstanceGetInfo_v2(handle)))
        left = nvml.nvmlGpuInstanceGetComputeInstanceRemainingCapacity(gi, profile.id)
        known = listed(nvml.nvmlGpuInstanceGetComputeInstances, nvml.c_nvmlComputeInstance_t, gi, profile.id)
        fits = all(address(nvml.nvmlGpuInstanceGetComputeInstanceById(gi, info.id)) == address(handle) and info.id == i and
                   info.profileId == profile.id and address(info.gpuInstance) == address(gi)
                   for i, (handle, info) in enumerate(made))
        self.say(f"in {of.id} ci fill {profile.id}: made {len(made)} then {code} left {left} listed {len(known)} "
                 f"at {text([info.placement for _, info in made])} fits {int(fits)}")
        self.mig_devices([info for _, info in made])
        self.say(f"in {of.id} ci fill {profile.id}: destroy gi {ask(nvml.nvmlGpuInstanceDestroy, gi)[1]}")
        for handle, _ in made:
            _, code = ask(nvml.nvmlComputeInstanceDestroy, handle)
        self.say(f"in {of.id} ci fill {profile.id}: destroy {code} stale {ask(nvml.nvmlComputeInstanceDestroy, made[0][0])[1]}")

    def mig_devices(self, infos):
        self.say(f"mig device {len(infos)}: {ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, self.device, len(infos))[1]}")
        for i in range(len(infos)):
            mig = nvml.nvmlDeviceGetMigDeviceHandleByIndex(self.device, i)
            ci, a = nvml.nvmlDeviceGetComputeInstanceId(mig), nvml.nvmlDeviceGetAttributes_v2(mig)
            parent = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig)
            back = nvml.nvmlDeviceGetHandleByUUID(nvml.nvmlDeviceGetUUID(mig))
            self.say(f"mig device {i}: name {nvml.nvmlDeviceGetName(mig)} gi {nvml.nvmlDeviceGetGpuInstanceId(mig)} ci {ci} "
                     f"is {nvml.nvmlDeviceIsMigDeviceHandle(mig).value} sm {a.multiprocessorCount} "
                     f"ce {a.sharedCopyEngineCount} dec {a.sharedDecoderCount} enc {a.sharedEncoderCount} "
                     f"jpeg {a.sharedJpegCount} ofa {a.sharedOfaCount} slices {a.gpuInstanceSliceCount} "
                     f"{a.computeInstanceSliceCount} mib {a.memorySizeMB} memory {nvml.nvmlDeviceGetMemoryInfo(mig).total} "
                     f"back {int(address(back) == address(mig))} parent {int(address(parent) == address(self.device))} "
                     f"of ci {int(address(infos[ci].device) == address(mig))}")

    def place(self, profile, places):
        """One instance alone on the GPU, at each of its placements; a second one at the same placement; and illegal
        placements."""
        for where in places:
            gi, code = ask(nvml.nvmlDeviceCreateGpuInstanceWithPlacement, self.device, profile.id, ctypes.byref(where))
            info = nvml.nvmlGpuInstanceGetInfo(gi)
            _, again = ask(nvml.nvmlDeviceCreateGpuInstanceWithPlacement, self.device, profile.id, ctypes.byref(where))
            self.say(f"place {profile.id} at {where.start}: {code} gi {info.id} at {info.placement.start}:"
                     f"{info.placement.size} again {again} destroy {ask(nvml.nvmlGpuInstanceDestroy, gi)[1]}")
        crooked = nvml.c_nvmlGpuInstancePlacement_t(start=places[0].start, size=places[0].size + 1)
        _, code = ask(nvml.nvmlDeviceCreateGpuInstanceWithPlacement, self.device, profile.id, ctypes.byref(crooked))
        self.say(f"place {profile.id} crooked: {code}")


def main():
    nvml.nvmlInit()
    for index in range(nvml.nvmlDeviceGetCount()):
        Walk(index).all()
    nvml.nvmlShutdown()


if __name__ == "__main__":
    main()
