#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A running workload as nvidia-ml-py sees it: process lists, memory, GPM counters, in-use errors, and its death."""

import time
import unittest

import harness


class Processes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        global nvml
        import pynvml as nvml
        nvml.nvmlInit()
        cls.gpu = nvml.nvmlDeviceGetHandleByIndex(0)
        nvml.nvmlDeviceSetMigMode(cls.gpu, nvml.NVML_DEVICE_MIG_ENABLE)
        cls.busy, cls.idle = (cls.make(14) for _ in range(2))  # two 2g.35gb

    @classmethod
    def make(cls, profile_id):
        instance = nvml.nvmlDeviceCreateGpuInstance(cls.gpu, profile_id)
        compute = nvml.nvmlGpuInstanceCreateComputeInstance(instance, 1)
        number = nvml.nvmlGpuInstanceGetInfo(instance).id
        for index in range(7):
            device = nvml.nvmlDeviceGetMigDeviceHandleByIndex(cls.gpu, index)
            if nvml.nvmlDeviceGetGpuInstanceId(device) == number:
                return {"instance": instance, "compute": compute, "id": number, "device": device,
                        "uuid": nvml.nvmlDeviceGetUUID(device)}
        raise AssertionError("the new instance is not among the MIG devices")

    def running_on(self, device):
        return nvml.nvmlDeviceGetComputeRunningProcesses(device)

    def attached(self, workload):
        def found():
            return [p for p in self.running_on(self.busy["device"]) if p.pid == workload.pid]
        return harness.eventually(found, "the workload in the process list")[0]

    def gpm(self, instance, metric, seconds=0.4):
        """A GPM metric of a GPU instance over a short interval, in percent."""
        samples = [nvml.nvmlGpmSampleAlloc() for _ in range(2)]
        nvml.nvmlGpmMigSampleGet(self.gpu, instance["id"], samples[0])
        time.sleep(seconds)
        nvml.nvmlGpmMigSampleGet(self.gpu, instance["id"], samples[1])
        question = nvml.c_nvmlGpmMetricsGet_t()
        question.version = nvml.NVML_GPM_METRICS_GET_VERSION
        question.numMetrics = 1
        question.sample1, question.sample2 = samples
        question.metrics[0].metricId = metric
        answer = nvml.nvmlGpmMetricsGet(question).metrics[0]
        self.assertEqual(answer.nvmlReturn, nvml.NVML_SUCCESS)
        for sample in samples:
            nvml.nvmlGpmSampleFree(sample)
        return answer.value

    def test_a_workload_shows_on_its_instance_only(self):
        with harness.Workload(self.busy["uuid"]) as workload:
            process = self.attached(workload)
            self.assertGreater(process.usedGpuMemory, 0)
            self.assertEqual(self.running_on(self.idle["device"]), [])
            on_gpu = [p for p in self.running_on(self.gpu) if p.pid == workload.pid]
            self.assertEqual([(p.gpuInstanceId, p.computeInstanceId) for p in on_gpu], [(self.busy["id"], 0)])

    def test_its_memory_is_taken_from_its_instance_only(self):
        before = nvml.nvmlDeviceGetMemoryInfo(self.idle["device"]).used
        with harness.Workload(self.busy["uuid"]) as workload:
            process = self.attached(workload)
            self.assertGreaterEqual(nvml.nvmlDeviceGetMemoryInfo(self.busy["device"]).used, process.usedGpuMemory)
            self.assertEqual(nvml.nvmlDeviceGetMemoryInfo(self.idle["device"]).used, before)

    def test_gpm_counts_its_work_and_nobody_elses(self):
        with harness.Workload(self.busy["uuid"]) as workload:
            self.attached(workload)
            harness.eventually(lambda: self.gpm(self.busy, nvml.NVML_GPM_METRIC_SM_UTIL) > 0, "SM activity")
            self.assertEqual(self.gpm(self.idle, nvml.NVML_GPM_METRIC_SM_UTIL), 0)

    def test_what_it_runs_on_cannot_be_taken_away(self):
        with harness.Workload(self.busy["uuid"]) as workload:
            self.attached(workload)
            with self.assertRaises(nvml.NVMLError_InUse):
                nvml.nvmlComputeInstanceDestroy(self.busy["compute"])
            with self.assertRaises(nvml.NVMLError_InUse):
                nvml.nvmlGpuInstanceDestroy(self.busy["instance"])
            self.attached(workload)

    def test_killed_it_is_gone_by_itself(self):
        with harness.Workload(self.busy["uuid"]) as workload:
            self.attached(workload)
            workload.kill()
            self.assertEqual(self.running_on(self.busy["device"]), [])
            self.assertEqual(self.running_on(self.gpu), [])

    def test_utilisation_of_a_mig_gpu_is_not_supported(self):
        for handle in (self.gpu, self.busy["device"]):
            with self.assertRaises(nvml.NVMLError_NotSupported):
                nvml.nvmlDeviceGetUtilizationRates(handle)
        self.assertGreater(nvml.nvmlDeviceGetPowerUsage(self.gpu), 0)

    def test_waiting_for_an_event_times_out(self):
        events = nvml.nvmlEventSetCreate()
        try:
            nvml.nvmlDeviceRegisterEvents(self.gpu, nvml.nvmlEventTypeXidCriticalError, events)
            start = time.monotonic()
            with self.assertRaises(nvml.NVMLError_Timeout):
                nvml.nvmlEventSetWait(events, 200)
            self.assertGreaterEqual(time.monotonic() - start, 0.15)
        finally:
            nvml.nvmlEventSetFree(events)

    def test_an_xid_names_its_instance(self):
        events = nvml.nvmlEventSetCreate()
        try:
            nvml.nvmlDeviceRegisterEvents(self.gpu, nvml.nvmlEventTypeXidCriticalError, events)
            harness.migctl("sim", "inject", "box", "--xid", "31", "--gpu", "0", "--gi", str(self.idle["id"]),
                           "--ci", "0", sim=False)
            event = nvml.nvmlEventSetWait(events, 5000)
            self.assertEqual((event.eventType, event.eventData), (nvml.nvmlEventTypeXidCriticalError, 31))
            self.assertEqual((event.gpuInstanceId, event.computeInstanceId), (self.idle["id"], 0))
        finally:
            nvml.nvmlEventSetFree(events)


if __name__ == "__main__":
    harness.main("1x h200-141gb", root=True)
