#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's own Python binding reads each board's identity, memory and limits; expected are the board file's."""

import unittest

import harness

BOARDS = ["a100-sxm4-40gb", "a30-24gb", "h100-sxm5-80gb", "h200-141gb", "rtx-pro-6000-server"]
ARCHITECTURES = {"ampere": 7, "hopper": 9, "blackwell": 10}


class Identity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        global nvml
        import pynvml as nvml
        nvml.nvmlInit()
        cls.gpus = [(harness.board(key), nvml.nvmlDeviceGetHandleByIndex(i)) for i, key in enumerate(BOARDS)]

    @classmethod
    def tearDownClass(cls):
        nvml.nvmlShutdown()

    def each(self, call, expected, *arguments):
        """call(handle) returns the file's figure; NOT_SUPPORTED exactly where the file has null."""
        for file, handle in self.gpus:
            wanted = expected(file)
            with self.subTest(board=file["key"], call=call.__name__):
                if wanted is None:
                    with self.assertRaises(nvml.NVMLError_NotSupported):
                        call(handle, *arguments)
                else:
                    self.assertEqual(call(handle, *arguments), wanted)

    def test_versions_are_those_of_an_r580_driver(self):
        self.assertEqual(nvml.nvmlSystemGetDriverVersion(), "580.159.04")
        self.assertEqual(nvml.nvmlSystemGetNVMLVersion(), "13.580.159.04")
        self.assertEqual(nvml.nvmlSystemGetCudaDriverVersion() // 1000, 13)

    def test_count_and_errors_beyond_it(self):
        self.assertEqual(nvml.nvmlDeviceGetCount(), len(BOARDS))
        with self.assertRaises(nvml.NVMLError_InvalidArgument):
            nvml.nvmlDeviceGetHandleByIndex(len(BOARDS))
        with self.assertRaises(nvml.NVMLError_NotFound):
            nvml.nvmlDeviceGetHandleByUUID("GPU-00000000-0000-0000-0000-000000000000")

    def test_identity(self):
        def identity(file, field):
            return file["identity"][field]
        self.each(nvml.nvmlDeviceGetName, lambda f: identity(f, "name"))
        self.each(nvml.nvmlDeviceGetArchitecture, lambda f: ARCHITECTURES[identity(f, "architecture")])
        self.each(nvml.nvmlDeviceGetBrand, lambda f: identity(f, "brand"))
        self.each(nvml.nvmlDeviceGetNumGpuCores, lambda f: identity(f, "cores"))
        self.each(nvml.nvmlDeviceGetCudaComputeCapability,
                  lambda f: tuple(int(part) for part in identity(f, "compute_capability").split(".")))
        self.each(nvml.nvmlDeviceGetVbiosVersion, lambda f: identity(f, "vbios"))
        self.each(nvml.nvmlDeviceGetBoardPartNumber, lambda f: identity(f, "part_number"))

    def test_memory(self):
        for file, handle in self.gpus:
            with self.subTest(board=file["key"]):
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
                self.assertEqual(memory.total, file["memory"]["total_bytes"])
                self.assertEqual(memory.free + memory.used, memory.total)
                second = nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
                self.assertEqual(second.total, file["memory"]["total_bytes"])
                self.assertEqual(second.free + second.used + second.reserved, second.total)
        self.each(nvml.nvmlDeviceGetMemoryBusWidth, lambda f: f["memory"]["bus_bits"])

    def test_limits(self):
        self.each(nvml.nvmlDeviceGetEnforcedPowerLimit, lambda f: f["power"]["limit_mw"])
        self.each(nvml.nvmlDeviceGetMaxPcieLinkWidth, lambda f: f["links"]["pcie_width"])
        self.each(nvml.nvmlDeviceGetMaxClockInfo, lambda f: f["clocks"]["sm_max_mhz"], nvml.NVML_CLOCK_SM)

    def test_every_address_leads_to_the_same_gpu(self):
        seen = set()
        for index, (_, handle) in enumerate(self.gpus):
            uuid = nvml.nvmlDeviceGetUUID(handle)
            bus = nvml.nvmlDeviceGetPciInfo(handle).busId
            self.assertRegex(uuid, r"^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
            self.assertRegex(bus, r"^[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.0$")
            for other in (nvml.nvmlDeviceGetHandleByUUID(uuid), nvml.nvmlDeviceGetHandleByPciBusId(bus)):
                self.assertEqual(nvml.nvmlDeviceGetIndex(other), index)
            seen |= {uuid, bus}
        self.assertEqual(len(seen), 2 * len(BOARDS))

    def test_pci_ids_are_the_boards(self):
        for file, handle in self.gpus:
            self.assertEqual(nvml.nvmlDeviceGetPciInfo(handle).pciDeviceId, int(file["identity"]["pci_device_id"], 16))

    def test_a_gpu_without_mig_has_no_mig_devices(self):
        for _, handle in self.gpus:
            self.assertEqual(nvml.nvmlDeviceGetMigMode(handle), [0, 0])
            self.assertEqual(nvml.nvmlDeviceGetMaxMigDeviceCount(handle), 0)
            self.assertEqual(nvml.nvmlDeviceIsMigDeviceHandle(handle).value, 0)
            with self.assertRaises(nvml.NVMLError_NotFound):
                nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, 0)
            with self.assertRaises(nvml.NVMLError_InvalidArgument):
                nvml.nvmlDeviceGetGpuInstanceId(handle)
            with self.assertRaises(nvml.NVMLError_NotSupported):
                nvml.nvmlDeviceGetAttributes(handle)

    def test_nothing_answers_before_init(self):
        nvml.nvmlShutdown()
        try:
            with self.assertRaises(nvml.NVMLError_Uninitialized):
                nvml.nvmlDeviceGetCount()
        finally:
            nvml.nvmlInit()


if __name__ == "__main__":
    harness.main(", ".join(f"1x {key}" for key in BOARDS))
