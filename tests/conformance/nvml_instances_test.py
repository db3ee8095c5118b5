#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nvidia-ml-py creates and destroys MIG instances: the resulting view, and every refusal of a driver."""

import ctypes
import unittest

import harness

H200, A100 = 0, 1


def code_of(call, *arguments):
    """NVML return code of a call."""
    try:
        call(*arguments)
    except nvml.NVMLError as error:
        return error.value
    return nvml.NVML_SUCCESS


def setUpModule():
    global nvml
    import pynvml as nvml
    nvml.nvmlInit()


class Instances(unittest.TestCase):
    def setUp(self):
        self.gpu = nvml.nvmlDeviceGetHandleByIndex(H200)
        self.assertEqual(nvml.nvmlDeviceSetMigMode(self.gpu, nvml.NVML_DEVICE_MIG_ENABLE), nvml.NVML_SUCCESS)
        self.addCleanup(self.clear)

    def instances(self, profile_id, most=7):
        """All GPU instances of one profile."""
        found = (nvml.c_nvmlGpuInstance_t * most)()
        count = ctypes.c_uint(most)
        nvml.nvmlDeviceGetGpuInstances(self.gpu, profile_id, found, ctypes.byref(count))
        return [found[i] for i in range(count.value)]

    def compute_instances(self, instance, profile):
        found = (nvml.c_nvmlComputeInstance_t * 8)()
        count = ctypes.c_uint(8)
        try:
            nvml.nvmlGpuInstanceGetComputeInstances(instance, profile, found, ctypes.byref(count))
        except nvml.NVMLError_NotSupported:  # this GPU instance is too small for the profile
            return []
        return [found[i] for i in range(count.value)]

    def clear(self):
        """Destroys everything on the GPU through the same interface."""
        for profile_id in (19, 20, 15, 14, 9, 5, 0):
            for instance in self.instances(profile_id):
                for profile in (0, 1, 2, 3, 4, 7):
                    for compute in self.compute_instances(instance, profile):
                        nvml.nvmlComputeInstanceDestroy(compute)
                nvml.nvmlGpuInstanceDestroy(instance)
        self.assertEqual(nvml.nvmlDeviceSetMigMode(self.gpu, nvml.NVML_DEVICE_MIG_DISABLE), nvml.NVML_SUCCESS)
        self.assertEqual(nvml.nvmlDeviceGetMigMode(self.gpu), [0, 0])

    def test_mode_is_immediate_on_hopper_and_needs_a_root_caller(self):
        self.assertEqual(nvml.nvmlDeviceGetMigMode(self.gpu), [1, 1])
        self.assertEqual(nvml.nvmlDeviceGetMaxMigDeviceCount(self.gpu), 7)

    def test_without_mig_mode_nothing_can_be_made(self):
        nvml.nvmlDeviceSetMigMode(self.gpu, nvml.NVML_DEVICE_MIG_DISABLE)
        self.assertEqual(code_of(nvml.nvmlDeviceCreateGpuInstance, self.gpu, 19), nvml.NVML_ERROR_NOT_SUPPORTED)
        nvml.nvmlDeviceSetMigMode(self.gpu, nvml.NVML_DEVICE_MIG_ENABLE)

    def test_instances_become_devices_in_order_of_their_ids(self):
        for profile_id, compute in ((9, 2), (14, 1), (14, 1)):  # 3g.71gb and two 2g.35gb
            instance = nvml.nvmlDeviceCreateGpuInstance(self.gpu, profile_id)
            nvml.nvmlGpuInstanceCreateComputeInstance(instance, compute)
        devices = [nvml.nvmlDeviceGetMigDeviceHandleByIndex(self.gpu, i) for i in range(3)]
        self.assertEqual(code_of(nvml.nvmlDeviceGetMigDeviceHandleByIndex, self.gpu, 3), nvml.NVML_ERROR_NOT_FOUND)
        ids = [nvml.nvmlDeviceGetGpuInstanceId(device) for device in devices]
        self.assertEqual(ids, sorted(ids))
        self.assertEqual([nvml.nvmlDeviceGetComputeInstanceId(device) for device in devices], [0, 0, 0])
        shapes = []
        for device in devices:
            name = nvml.nvmlDeviceGetName(device)
            attributes = nvml.nvmlDeviceGetAttributes(device)
            memory = nvml.nvmlDeviceGetMemoryInfo(device)
            self.assertEqual(memory.total, attributes.memorySizeMB << 20)
            self.assertEqual(nvml.nvmlDeviceIsMigDeviceHandle(device).value, 1)
            parent = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device)
            self.assertEqual(nvml.nvmlDeviceGetUUID(parent), nvml.nvmlDeviceGetUUID(self.gpu))
            shapes.append((name, attributes.gpuInstanceSliceCount, attributes.computeInstanceSliceCount,
                           attributes.multiprocessorCount, attributes.memorySizeMB))
        two = ("NVIDIA H200 MIG 2g.35gb", 2, 2, 32, 33280)
        self.assertEqual(sorted(shapes), [two, two, ("NVIDIA H200 MIG 3g.71gb", 3, 3, 60, 71424)])

    def test_a_mig_uuid_leads_back_to_its_device(self):
        instance = nvml.nvmlDeviceCreateGpuInstance(self.gpu, 19)
        nvml.nvmlGpuInstanceCreateComputeInstance(instance, 0)
        uuid = nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetMigDeviceHandleByIndex(self.gpu, 0))
        self.assertRegex(uuid, r"^MIG-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        back = nvml.nvmlDeviceGetHandleByUUID(uuid)
        self.assertEqual(nvml.nvmlDeviceGetGpuInstanceId(back), nvml.nvmlGpuInstanceGetInfo(instance).id)
        # The form from before R470 is still accepted.
        old = f"MIG-{nvml.nvmlDeviceGetUUID(self.gpu)}/{nvml.nvmlGpuInstanceGetInfo(instance).id}/0"
        self.assertEqual(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetHandleByUUID(old)), uuid)

    def test_seven_fit_and_the_eighth_does_not(self):
        starts = set()
        for left in range(6, -1, -1):
            info = nvml.nvmlGpuInstanceGetInfo(nvml.nvmlDeviceCreateGpuInstance(self.gpu, 19))
            starts.add(info.placement.start)
            self.assertEqual(info.profileId, 19)  # the printed id, not the enum
            self.assertEqual(nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(self.gpu, 19), left)
        self.assertEqual(starts, set(range(7)))
        self.assertEqual(code_of(nvml.nvmlDeviceCreateGpuInstance, self.gpu, 19),
                         nvml.NVML_ERROR_INSUFFICIENT_RESOURCES)

    def test_placements_are_honoured_or_refused(self):
        place = nvml.c_nvmlGpuInstancePlacement_t(start=4, size=4)
        instance = nvml.nvmlDeviceCreateGpuInstanceWithPlacement(self.gpu, 9, ctypes.byref(place))
        info = nvml.nvmlGpuInstanceGetInfo(instance)
        self.assertEqual((info.placement.start, info.placement.size), (4, 4))
        again = code_of(nvml.nvmlDeviceCreateGpuInstanceWithPlacement, self.gpu, 9, ctypes.byref(place))
        self.assertEqual(again, nvml.NVML_ERROR_INSUFFICIENT_RESOURCES)
        crooked = nvml.c_nvmlGpuInstancePlacement_t(start=2, size=4)
        self.assertEqual(code_of(nvml.nvmlDeviceCreateGpuInstanceWithPlacement, self.gpu, 9, ctypes.byref(crooked)),
                         nvml.NVML_ERROR_INVALID_ARGUMENT)

    def test_only_one_media_extension_instance(self):
        nvml.nvmlDeviceCreateGpuInstance(self.gpu, 20)
        self.assertEqual(code_of(nvml.nvmlDeviceCreateGpuInstance, self.gpu, 20),
                         nvml.NVML_ERROR_INSUFFICIENT_RESOURCES)

    def test_a_profile_of_another_board_is_an_invalid_argument(self):
        self.assertEqual(code_of(nvml.nvmlDeviceCreateGpuInstance, self.gpu, 1), nvml.NVML_ERROR_INVALID_ARGUMENT)

    def test_compute_instances_share_their_gpu_instance(self):
        instance = nvml.nvmlDeviceCreateGpuInstance(self.gpu, 9)
        sizes = {0: (3, 16), 1: (1, 32), 2: (1, 60)}  # 1c.3g, 2c.3g, 3g: how many, SMs; real H200
        for profile, (count, sm) in sizes.items():
            info = nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo(instance, profile, 0)
            self.assertEqual((info.instanceCount, info.multiprocessorCount), (count, sm))
        for _ in range(3):
            nvml.nvmlGpuInstanceCreateComputeInstance(instance, 0)
        self.assertEqual(code_of(nvml.nvmlGpuInstanceCreateComputeInstance, instance, 0),
                         nvml.NVML_ERROR_INSUFFICIENT_RESOURCES)
        names = {nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetMigDeviceHandleByIndex(self.gpu, i)) for i in range(3)}
        self.assertEqual(names, {"NVIDIA H200 MIG 1c.3g.71gb"})

    def test_a_gpu_instance_goes_only_when_empty(self):
        instance = nvml.nvmlDeviceCreateGpuInstance(self.gpu, 14)
        compute = nvml.nvmlGpuInstanceCreateComputeInstance(instance, 1)
        self.assertEqual(code_of(nvml.nvmlGpuInstanceDestroy, instance), nvml.NVML_ERROR_IN_USE)
        nvml.nvmlComputeInstanceDestroy(compute)
        number = nvml.nvmlGpuInstanceGetInfo(instance).id
        nvml.nvmlGpuInstanceDestroy(instance)
        self.assertEqual(code_of(nvml.nvmlDeviceGetGpuInstanceById, self.gpu, number), nvml.NVML_ERROR_NOT_FOUND)
        # The handle is stale and is refused, without a crash.
        self.assertEqual(code_of(nvml.nvmlGpuInstanceGetInfo, instance), nvml.NVML_ERROR_INVALID_ARGUMENT)
        self.assertEqual(code_of(nvml.nvmlComputeInstanceDestroy, compute), nvml.NVML_ERROR_INVALID_ARGUMENT)

    def test_mode_stays_on_while_instances_exist(self):
        nvml.nvmlDeviceCreateGpuInstance(self.gpu, 19)
        status = code_of(nvml.nvmlDeviceSetMigMode, self.gpu, nvml.NVML_DEVICE_MIG_DISABLE)
        if status == nvml.NVML_SUCCESS:
            # A driver may also report the refusal as an activation status.
            status = nvml.nvmlDeviceSetMigMode(self.gpu, nvml.NVML_DEVICE_MIG_DISABLE)
        self.assertEqual(status, nvml.NVML_ERROR_IN_USE)
        self.assertEqual(nvml.nvmlDeviceGetMigMode(self.gpu)[0], 1)
        self.assertEqual(len(self.instances(19)), 1)


class Ampere(unittest.TestCase):
    def test_an_a100_has_its_own_table(self):
        gpu = nvml.nvmlDeviceGetHandleByIndex(A100)
        file = harness.board("a100-sxm4-40gb")
        for profile in file["mig"]["profiles"]:
            info = nvml.nvmlDeviceGetGpuInstanceProfileInfo(gpu, profile["enum"])
            self.assertEqual((info.id, info.name, info.multiprocessorCount, info.memorySizeMB, info.instanceCount),
                             (profile["id"], profile["name"], profile["sm"], profile["memory_mib"],
                              profile["max_count"]))


if __name__ == "__main__":
    harness.main("1x h200-141gb, 1x a100-sxm4-40gb", root=True)
