# SPDX-License-Identifier: Apache-2.0
"""nvidia-smi -q -x: valid against its own DTD (and NVIDIA's, if ../shared has it), with MIG on and off, on each
architecture; and with every element that the collectors of telegraf (inputs.nvidia_smi), netdata and sacred read."""

import re
import sys
import tempfile
import unittest

import dtd
from machine import CAPTURES, Machine

# Elements of a GPU that telegraf's schema_v13 parser reads (plugins/inputs/nvidia_smi/schema_v13/parser.go).
TELEGRAF = """performance_state product_name product_architecture uuid compute_mode serial vbios_version display_active
display_mode ecc_mode/current_ecc fan_speed fb_memory_usage/total fb_memory_usage/used fb_memory_usage/free
fb_memory_usage/reserved ecc_errors/volatile/dram_correctable ecc_errors/volatile/dram_uncorrectable
ecc_errors/volatile/sram_correctable ecc_errors/volatile/sram_uncorrectable_parity
ecc_errors/volatile/sram_uncorrectable_secded ecc_errors/aggregate/dram_correctable
ecc_errors/aggregate/dram_uncorrectable ecc_errors/aggregate/sram_correctable
ecc_errors/aggregate/sram_uncorrectable_parity ecc_errors/aggregate/sram_uncorrectable_secded
ecc_errors/aggregate/sram_threshold_exceeded ecc_errors/aggregate_uncorrectable_sram_sources/sram_l2
ecc_errors/aggregate_uncorrectable_sram_sources/sram_microcontroller
ecc_errors/aggregate_uncorrectable_sram_sources/sram_other ecc_errors/aggregate_uncorrectable_sram_sources/sram_pcie
ecc_errors/aggregate_uncorrectable_sram_sources/sram_sm ecc_errors/channel_repair_pending
ecc_errors/tpc_repair_pending ecc_errors/unrepairable_memory
retired_pages/multiple_single_bit_retirement/retired_count retired_pages/double_bit_retirement/retired_count
retired_pages/pending_blacklist retired_pages/pending_retirement remapped_rows temperature/gpu_temp
temperature/gpu_temp_tlimit temperature/memory_temp temperature/gpu_target_temperature
supported_gpu_target_temp/gpu_target_temp_min supported_gpu_target_temp/gpu_target_temp_max utilization/gpu_util
utilization/memory_util utilization/encoder_util utilization/decoder_util utilization/jpeg_util utilization/ofa_util
pci/pci_gpu_link_info/pcie_gen/current_link_gen pci/pci_gpu_link_info/link_widths/current_link_width pci/rx_util
pci/tx_util encoder_stats/session_count encoder_stats/average_fps encoder_stats/average_latency
fbc_stats/session_count fbc_stats/average_fps fbc_stats/average_latency clocks/graphics_clock clocks/sm_clock
clocks/mem_clock clocks/video_clock clocks_event_reasons_counters/clocks_event_reasons_counters_sw_power_cap
clocks_event_reasons_counters/clocks_event_reasons_counters_sw_therm_slowdown
clocks_event_reasons_counters/clocks_event_reasons_counters_hw_therm_slowdown
clocks_event_reasons_counters/clocks_event_reasons_counters_hw_power_brake
clocks_event_reasons_counters/clocks_event_reasons_counters_sync_boost gpu_power_readings/instant_power_draw
gpu_power_readings/current_power_limit gpu_power_readings/average_power_draw gpu_power_readings/default_power_limit
gpu_power_readings/min_power_limit gpu_power_readings/max_power_limit gpu_power_readings/requested_power_limit
module_power_readings/instant_power_draw""".split()
# Further elements that netdata's collector reads (collector/nvidia_smi/gpu_info.go).
NETDATA = """product_brand mig_mode/current_mig pci/pci_gpu_link_info/pcie_gen/max_link_gen
pci/pci_gpu_link_info/link_widths/max_link_width bar1_memory_usage/total bar1_memory_usage/used bar1_memory_usage/free
gpu_power_readings/average_power_draw""".split()
SACRED = "product_name fb_memory_usage/total persistence_mode".split()  # read by sacred/host_info.py, with driver_version
# Elements of a MIG device that telegraf and netdata read.
MIG_DEVICE = """index gpu_instance_id compute_instance_id ecc_error_count/volatile_count/sram_uncorrectable
fb_memory_usage/total fb_memory_usage/reserved fb_memory_usage/used fb_memory_usage/free bar1_memory_usage/total
bar1_memory_usage/used bar1_memory_usage/free device_attributes/shared/multiprocessor_count
device_attributes/shared/copy_engine_count device_attributes/shared/encoder_count device_attributes/shared/decoder_count
device_attributes/shared/ofa_count device_attributes/shared/jpg_count""".split()
PROCESS = "pid process_name type used_memory gpu_instance_id compute_instance_id".split()


def document(machine, *words):
    said, code = machine.smi("-q", "-x", *words)
    assert code == 0, said
    return said


def definitions(machine):
    """[(name, elements, attributes)] of the DTDs to validate against."""
    own, code = machine.smi("--dtd")
    assert code == 0
    found = [("ours", *dtd.declarations(own))]
    if CAPTURES.is_dir():
        found.append(("NVIDIA's", *dtd.declarations(dtd.embedded((CAPTURES / "q_x_dtd.txt").read_text()))))
    return found


class Structure(unittest.TestCase):
    def hold(self, machine, *words):
        root = dtd.parsed(document(machine, *words))
        for name, elements, attributes in definitions(machine):
            self.assertEqual(dtd.violations(root, elements, attributes), [], name)
        return root

    def test_without_mig(self):
        with Machine("2x h200-141gb") as machine:
            root = self.hold(machine)
            self.assertEqual(root.findtext("attached_gpus"), "2")
            self.assertEqual([gpu.findtext("mig_devices").strip() for gpu in root.findall("gpu")], ["None", "None"])
            self.assertEqual(len(self.hold(machine, "-i", "1").findall("gpu")), 1)

    def test_with_mig(self):
        with Machine("1x h200-141gb, 1x a100-sxm4-40gb") as machine:
            machine.partition()
            gpu, other = self.hold(machine).findall("gpu")
            self.assertEqual(gpu.findtext("mig_mode/current_mig"), "Enabled")
            self.assertEqual(gpu.findtext("utilization/gpu_util"), "N/A")
            devices = gpu.findall("mig_devices/mig_device")
            self.assertEqual([device.findtext("index") for device in devices], ["0", "1", "2", "3"])
            self.assertEqual(devices[0].findtext("device_attributes/shared/multiprocessor_count"), "60")
            self.assertEqual(other.findall("mig_devices/mig_device"), [])

    def test_every_architecture(self):
        """Ampere has temperatures where later boards have margins to the limit: alternatives in the DTD."""
        with Machine("1x a100-sxm4-40gb, 1x h200-141gb, 1x rtx-pro-6000-server") as machine:
            ampere, hopper, _ = self.hold(machine).findall("gpu")
            self.assertIsNotNone(ampere.find("temperature/gpu_temp_max_threshold"))
            self.assertIsNone(ampere.find("temperature/gpu_temp_max_tlimit_threshold"))
            self.assertIsNotNone(hopper.find("temperature/gpu_temp_max_tlimit_threshold"))

    def test_a_process_of_any_name(self):
        with Machine("1x h200-141gb") as machine, machine.train(0) as job:
            root = self.hold(machine)
            info = root.find("gpu/processes/process_info")
            self.assertEqual(info.findtext("pid"), str(job.process.pid))
            self.assertEqual(info.findtext("type"), "C")
            self.assertEqual(info.findtext("gpu_instance_id"), "N/A")

    def test_a_lost_gpu(self):
        with Machine("2x h200-141gb") as machine:
            machine.migctl("sim", "inject", "box", "--gpu", "1", "--lost", check=False)
            said, code = machine.smi("-q", "-x")
            if code == 0:  # the driver still gives a handle: each value is an error
                self.assertEqual(dtd.violations(dtd.parsed(said), *definitions(machine)[0][1:]), [])
            else:
                self.assertIn("GPU is lost", said)


class Definition(unittest.TestCase):
    def test_embedded_is_the_definition(self):
        with Machine("1x h200-141gb") as machine:
            said = document(machine, "--dtd")
            alone, _ = machine.smi("--dtd")
            self.assertEqual(dtd.embedded(said), alone)
            self.assertTrue(said.startswith('<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log [\n<!-- nvsmi_device_v13.dtd -->\n'))
            self.assertEqual(dtd.violations(dtd.parsed(said), *dtd.declarations(alone)), [])

    def test_units(self):
        with Machine("1x h200-141gb") as machine:
            alone, code = machine.smi("--dtd", "-u")
            self.assertEqual(code, 0)
            said = document(machine, "-u", "--dtd")
            self.assertEqual(dtd.embedded(said), alone)
            self.assertEqual(dtd.violations(dtd.parsed(said), *dtd.declarations(alone)), [])

    def test_facts_of_the_definition(self):
        """Checks without external files: numbers and orders recorded from driver 580.159.04."""
        with Machine("1x h200-141gb") as machine:
            elements, attributes = dtd.declarations(machine.smi("--dtd")[0])
            self.assertEqual(len(elements), 327)
            self.assertEqual(attributes, {"gpu": {"id"}})
            self.assertEqual(elements["mig_device"], "(index,gpu_instance_id,compute_instance_id,device_attributes,"
                                                     "ecc_error_count,fb_memory_usage,bar1_memory_usage)+")
            self.assertEqual(elements["mig_devices"], "(#PCDATA|mig_device)*")
            self.assertEqual(elements["processes"], "(#PCDATA|process_info)*")
            self.assertEqual(len(elements["gpu"].split(",")), 71)
            units, attributes = dtd.declarations(machine.smi("--dtd", "-u")[0])
            self.assertEqual(len(units), 30)
            self.assertEqual(attributes, {"hic": {"id"}, "unit": {"id"}, "fan": {"id"}})

    @unittest.skipUnless(CAPTURES.is_dir(), "no captures beside this checkout")
    def test_declarations_are_nvidias(self):
        theirs = dtd.declarations(dtd.embedded((CAPTURES / "q_x_dtd.txt").read_text()))
        with Machine("1x h200-141gb") as machine:
            self.assertEqual(dtd.declarations(machine.smi("--dtd")[0]), theirs)

    def test_the_validator_notices(self):
        elements = {"a": "(b,(c|d)?,e*)", "b": "(#PCDATA)", "c": "(#PCDATA)", "d": "(#PCDATA)", "e": "(#PCDATA)"}
        for text, sound in (("<a><b/></a>", True), ("<a><b/><d/><e/><e/></a>", True), ("<a><c/></a>", False),
                            ("<a><b/><c/><d/></a>", False), ("<a>x<b/></a>", False), ("<a><b/><f/></a>", False)):
            self.assertEqual(dtd.violations(dtd.parsed(text), elements, {}) == [], sound, text)


class Readers(unittest.TestCase):
    def check(self, root):
        self.assertTrue(root.findtext("driver_version"))
        self.assertTrue(root.findtext("cuda_version"))
        for gpu in root.findall("gpu"):
            for path in TELEGRAF + NETDATA + SACRED:
                self.assertTrue(gpu.findtext(path), path)
            for path in ("fb_memory_usage/total", "gpu_power_readings/current_power_limit"):
                self.assertRegex(gpu.findtext(path), r"^\d+(\.\d\d)? (MiB|W)$")
            int(gpu.findtext("fb_memory_usage/total").split()[0])  # as sacred parses it
            for device in gpu.findall("mig_devices/mig_device"):
                for path in MIG_DEVICE:
                    self.assertRegex(device.findtext(path), r"^\d+( MiB)?$", path)
            for process in gpu.findall("processes/process_info"):
                for path in PROCESS:
                    self.assertTrue(process.findtext(path), path)

    def test_without_mig(self):
        with Machine("2x h200-141gb, 1x a100-sxm4-40gb") as machine:
            self.check(dtd.parsed(document(machine)))

    def test_with_mig_and_a_process(self):
        with Machine("1x h200-141gb") as machine:
            machine.partition()
            uuid = re.search(r"MIG-[0-9a-f-]+", machine.smi("-L")[0]).group()
            with machine.train(uuid):
                root = dtd.parsed(document(machine))
                self.check(root)
                self.assertEqual(len(root.findall("gpu/mig_devices/mig_device")), 4)
                info = root.find("gpu/processes/process_info")
                self.assertRegex(info.findtext("gpu_instance_id"), r"^\d+$")
                self.assertEqual(info.findtext("compute_instance_id"), "0")

    def test_loop_as_netdata_cuts_it(self):
        """Two documents, each between a line <nvidia_smi_log> and a line </nvidia_smi_log>."""
        with Machine("1x h200-141gb") as machine:
            loop = machine.start_loop("-q", "-x", "-lms", "10")
            documents, lines = [], None
            for line in loop.stdout:
                if line == "<nvidia_smi_log>\n":
                    lines = []
                if lines is not None:
                    lines.append(line)
                if line == "</nvidia_smi_log>\n":
                    documents.append("".join(lines))
                    lines = None
                if len(documents) == 2:
                    break
            loop.kill()
            loop.stdout.close()
            loop.wait()
            for each in documents:
                self.check(dtd.parsed(each))

    def test_into_a_file(self):
        with Machine("1x h200-141gb") as machine, tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/log.xml"
            said, code = machine.smi("-q", "-x", "-f", path)
            self.assertEqual((said, code), ("", 0))
            with open(path) as log:
                self.check(dtd.parsed(log.read()))


if __name__ == "__main__":
    if not CAPTURES.is_dir():
        print("SKIPPED: xml_test: NVIDIA's own definition is not beside this checkout; ours is held by its facts")
    sys.exit(unittest.main())
