#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The H200's MIG profiles through nvidia-ml-py: equal to a real H200's (580.159.04, MIG off)."""

import ctypes
import unittest

import harness

FIELDS = ("id", "sliceCount", "instanceCount", "multiprocessorCount", "copyEngineCount", "decoderCount",
          "encoderCount", "jpegCount", "ofaCount", "memorySizeMB", "name")
# {enum: values of FIELDS} recorded on hardware. isP2pSupported was 0 for all.
H200 = {
    0: (19, 1, 7, 16, 1, 1, 0, 1, 0, 16384, "MIG 1g.18gb"),
    1: (14, 2, 3, 32, 2, 2, 0, 2, 0, 33280, "MIG 2g.35gb"),
    2: (9, 3, 2, 60, 3, 3, 0, 3, 0, 71424, "MIG 3g.71gb"),
    3: (5, 4, 1, 64, 4, 4, 0, 4, 0, 71424, "MIG 4g.71gb"),
    4: (0, 7, 1, 132, 8, 7, 0, 7, 1, 143360, "MIG 7g.141gb"),
    7: (20, 1, 1, 16, 1, 1, 0, 1, 1, 16384, "MIG 1g.18gb+me"),
    9: (15, 1, 4, 26, 1, 1, 0, 1, 0, 33280, "MIG 1g.35gb"),
}
CAPACITY = {0: 1, 5: 1, 9: 2, 14: 3, 15: 4, 19: 7, 20: 1, 47: 0}
PLACEMENTS = {19: ([0, 1, 2, 3, 4, 5, 6], 1), 20: ([0, 1, 2, 3, 4, 5, 6], 1), 15: ([0, 2, 4, 6], 2),
              14: ([0, 2, 4], 2), 9: ([0, 4], 4), 5: ([0], 4), 0: ([0], 8)}


class Profiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        global nvml
        import pynvml as nvml
        nvml.nvmlInit()
        cls.gpu = nvml.nvmlDeviceGetHandleByIndex(0)

    def test_each_profile_is_what_the_hardware_said(self):
        for profile, wanted in H200.items():
            with self.subTest(profile=profile):
                info = nvml.nvmlDeviceGetGpuInstanceProfileInfo(self.gpu, profile)
                self.assertEqual(tuple(getattr(info, field) for field in FIELDS), wanted)
                self.assertEqual(info.isP2pSupported, 0)
                first = nvml.nvmlDeviceGetGpuInstanceProfileInfo(self.gpu, profile, version=1)
                self.assertEqual(tuple(getattr(first, field) for field in FIELDS[:-1]), wanted[:-1])
                by_id = nvml.nvmlDeviceGetGpuInstanceProfileInfoById(self.gpu, wanted[0])
                self.assertEqual(by_id.name, wanted[-1])

    def test_profiles_of_other_boards_and_unknown_ones(self):
        for profile in sorted(set(range(0x11)) - set(H200)):
            with self.subTest(profile=profile), self.assertRaises(nvml.NVMLError_NotSupported):
                nvml.nvmlDeviceGetGpuInstanceProfileInfo(self.gpu, profile)
        for profile in (0x11, 0x12, 23):  # indices beyond this driver's 0..0x10
            with self.subTest(profile=profile), self.assertRaises(nvml.NVMLError_InvalidArgument):
                nvml.nvmlDeviceGetGpuInstanceProfileInfo(self.gpu, profile)

    def test_remaining_capacity_is_known_with_mig_off(self):
        for profile_id, wanted in CAPACITY.items():
            with self.subTest(profile_id=profile_id):
                self.assertEqual(nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(self.gpu, profile_id), wanted)
        with self.assertRaises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(self.gpu, 21)
        with self.assertRaises(nvml.NVMLError_InvalidArgument):
            nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(self.gpu, 46)

    def test_possible_placements(self):
        for profile_id, (starts, size) in PLACEMENTS.items():
            with self.subTest(profile_id=profile_id):
                count = ctypes.c_uint(0)
                nvml.nvmlDeviceGetGpuInstancePossiblePlacements(self.gpu, profile_id, None, ctypes.byref(count))
                self.assertEqual(count.value, len(starts))
                places = (nvml.c_nvmlGpuInstancePlacement_t * count.value)()
                nvml.nvmlDeviceGetGpuInstancePossiblePlacements(self.gpu, profile_id, places, ctypes.byref(count))
                self.assertEqual(sorted((p.start, p.size) for p in places), [(start, size) for start in starts])

    def test_identity_is_an_h200s(self):
        self.assertEqual(nvml.nvmlDeviceGetName(self.gpu), "NVIDIA H200")
        self.assertEqual(nvml.nvmlDeviceGetMemoryInfo(self.gpu).total, 150754820096)
        self.assertEqual(nvml.nvmlDeviceGetPciInfo(self.gpu).pciDeviceId, 590680286)
        self.assertEqual(nvml.nvmlDeviceGetNumGpuCores(self.gpu), 16896)
        self.assertEqual(nvml.nvmlDeviceGetEnforcedPowerLimit(self.gpu), 700000)


if __name__ == "__main__":
    harness.main("1x h200-141gb")
