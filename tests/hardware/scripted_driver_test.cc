// SPDX-License-Identifier: Apache-2.0
// nvidia-smi's reading commands on mocked results that a simulated board never returns.
#include "scripted_driver.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "smi/dmon.h"
#include "smi/main_command.h"
#include "smi/nvlink.h"
#include "smi/pmon.h"
#include "smi/topo.h"

namespace mig::hardware {
namespace {

using F = nvml::Functions;
constexpr unsigned kPid = 4242;

class Scripted : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(driver_.usable()); }

  std::string nvidia_smi(const std::vector<std::string>& words) {
    return driver_.printed(smi::parse_main, smi::run_main, words);
  }

  void one_compute_process() {
    driver_.answer(&F::nvmlDeviceGetComputeRunningProcesses_v3,
                   [](nvmlDevice_t, unsigned* count, nvmlProcessInfo_t* list) {
                     *count = 1;
                     list[0] = {kPid, 3ULL << 20U, 0xFFFFFFFF, 0xFFFFFFFF};
                     return NVML_SUCCESS;
                   });
    driver_.answer(&F::nvmlSystemGetProcessName, [](unsigned pid, char* name, unsigned size) {
      std::snprintf(name, size, "/opt/app-%u", pid);
      return NVML_SUCCESS;
    });
  }

  ScriptedDriver driver_{"1x h200-141gb"};
};

// Two samples of one process, the newer first: its values appear, each in its own column.
TEST_F(Scripted, PmonShowsTheNewestSampleInItsColumns) {
  one_compute_process();
  driver_.answer(&F::nvmlDeviceGetProcessUtilization,
                 [](nvmlDevice_t,
                    nvmlProcessUtilizationSample_t* samples,
                    unsigned* count,
                    unsigned long long) {
                   *count = 2;
                   if (samples == nullptr) {
                     return NVML_ERROR_INSUFFICIENT_SIZE;
                   }
                   samples[0] = {kPid, 2000, 11, 12, 13, 14};
                   samples[1] = {kPid, 1000, 91, 92, 93, 94};
                   return NVML_SUCCESS;
                 });
  const std::string out = driver_.printed(smi::parse_pmon, smi::run_pmon, {"-c", "1", "-s", "um"});
  EXPECT_NE(out.find("\n    0       4242     C     11     12     13     14      -      -      3"
                     "      0    app-4242       \n"),
            std::string::npos)
      << out;
}

TEST_F(Scripted, GraphicsProcessesAreNoComputeApps) {
  one_compute_process();
  driver_.answer(&F::nvmlDeviceGetGraphicsRunningProcesses_v3,
                 [](nvmlDevice_t, unsigned* count, nvmlProcessInfo_t* list) {
                   *count = 2;
                   list[0] = {kPid, 3ULL << 20U, 0xFFFFFFFF, 0xFFFFFFFF};
                   list[1] = {77, 10ULL << 20U, 0xFFFFFFFF, 0xFFFFFFFF};
                   return NVML_SUCCESS;
                 });
  EXPECT_EQ(nvidia_smi({"--query-compute-apps=pid,name,used_memory", "--format=csv,noheader"}),
            "4242, /opt/app-4242, 3 MiB\n");
  // The process on both lists is C+G; the other is graphics only.
  const std::string pmon = driver_.printed(smi::parse_pmon, smi::run_pmon, {"-c", "1"});
  EXPECT_NE(pmon.find("       4242   C+G "), std::string::npos) << pmon;
  EXPECT_NE(pmon.find("         77     G "), std::string::npos) << pmon;
}

TEST_F(Scripted, RetiredPagesOneLineEach) {
  driver_.answer(&F::nvmlDeviceGetRetiredPages_v2,
                 [](nvmlDevice_t,
                    nvmlPageRetirementCause_t cause,
                    unsigned* count,
                    unsigned long long* pages,
                    unsigned long long*) {
                   const bool single =
                       cause == NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS;
                   const unsigned room = pages == nullptr ? 0 : *count;
                   *count = single ? 2 : 0;
                   if (room < *count) {
                     return NVML_ERROR_INSUFFICIENT_SIZE;
                   }
                   if (single) {
                     pages[0] = 0x10;
                     pages[1] = 0xABC;
                   }
                   return NVML_SUCCESS;
                 });
  EXPECT_EQ(nvidia_smi({"--query-retired-pages=retired_pages.address,retired_pages.cause",
                        "--format=csv,noheader"}),
            "0x0000000000000010, Single Bit ECC\n0x0000000000000abc, Single Bit ECC\n");
}

TEST_F(Scripted, AccountedProcesses) {
  driver_.answer(&F::nvmlDeviceGetAccountingPids,
                 [](nvmlDevice_t, unsigned* count, unsigned* pids) {
                   const unsigned room = pids == nullptr ? 0 : *count;
                   *count = 1;
                   if (room == 0) {
                     return NVML_ERROR_INSUFFICIENT_SIZE;
                   }
                   pids[0] = kPid;
                   return NVML_SUCCESS;
                 });
  driver_.answer(&F::nvmlDeviceGetAccountingStats,
                 [](nvmlDevice_t, unsigned, nvmlAccountingStats_t* stats) {
                   *stats = {};
                   stats->gpuUtilization = 12;
                   stats->memoryUtilization = 34;
                   stats->maxMemoryUsage = 5ULL << 20U;
                   stats->time = 678;
                   stats->isRunning = 1;
                   return NVML_SUCCESS;
                 });
  EXPECT_EQ(nvidia_smi({"--query-accounted-apps=pid,gpu_util,mem_util,max_memory_usage,time",
                        "--format=csv"}),
            "pid, gpu_utilization [%], mem_utilization [%], max_memory_usage [MiB], time [ms]\n"
            "4242, 12 %, 34 %, 5 MiB, 678 ms\n");
  const std::string detail = nvidia_smi({"-q", "-d", "ACCOUNTING"});
  EXPECT_NE(detail.find("            Memory Utilization            : 34 %\n"), std::string::npos)
      << detail;
  EXPECT_NE(detail.find("            Is Running                    : 1\n"), std::string::npos);
  const std::string document = nvidia_smi({"-q", "-x"});
  EXPECT_NE(document.find("<memory_util>34 %</memory_util>\n\t\t\t\t<max_memory_usage>5 MiB<"),
            std::string::npos);
}

// Power and thermal limits: throttled time since the previous line, not since the driver's start.
TEST_F(Scripted, DmonShowsTimeLostSinceTheLastLine) {
  driver_.answer(
      &F::nvmlDeviceGetViolationStatus,
      [](nvmlDevice_t, nvmlPerfPolicyType_t policy, nvmlViolationTime_t* time) {
        static unsigned long long asked = 0;
        // Each query is a second later; a quarter of the time is throttled by power.
        ++asked;
        *time = {asked * 1000000, policy == NVML_PERF_POLICY_POWER ? asked * 250000000 : 500};
        return NVML_SUCCESS;
      });
  const std::string out =
      driver_.printed(smi::parse_dmon, smi::run_dmon, {"-s", "v", "-c", "2", "--format", "csv"});
  EXPECT_EQ(out, "#gpu, pviol, tviol\n#Idx, %, bool\n 0, 0, 0\n 0, 25, 0\n");
}

TEST_F(Scripted, DmonColumnsAreNotExchanged) {
  driver_.answer(&F::nvmlDeviceGetUtilizationRates, [](nvmlDevice_t, nvmlUtilization_t* rates) {
    *rates = {1, 2};
    return NVML_SUCCESS;
  });
  driver_.answer(&F::nvmlDeviceGetEncoderUtilization, [](nvmlDevice_t, unsigned* p, unsigned*) {
    *p = 3;
    return NVML_SUCCESS;
  });
  driver_.answer(&F::nvmlDeviceGetDecoderUtilization, [](nvmlDevice_t, unsigned* p, unsigned*) {
    *p = 4;
    return NVML_SUCCESS;
  });
  driver_.answer(&F::nvmlDeviceGetJpgUtilization, [](nvmlDevice_t, unsigned* p, unsigned*) {
    *p = 5;
    return NVML_SUCCESS;
  });
  driver_.answer(&F::nvmlDeviceGetOfaUtilization,
                 [](nvmlDevice_t, unsigned*, unsigned*) { return NVML_ERROR_NOT_SUPPORTED; });
  driver_.answer(&F::nvmlDeviceGetPcieThroughput,
                 [](nvmlDevice_t, nvmlPcieUtilCounter_t which, unsigned* kib) {
                   *kib = which == NVML_PCIE_UTIL_RX_BYTES ? 7 * 1024 + 900 : 8 * 1024;
                   return NVML_SUCCESS;
                 });
  driver_.answer(&F::nvmlDeviceGetTotalEccErrors,
                 [](nvmlDevice_t,
                    nvmlMemoryErrorType_t type,
                    nvmlEccCounterType_t counter,
                    unsigned long long* count) {
                   *count = (type == NVML_MEMORY_ERROR_TYPE_CORRECTED ? 20 : 30) + counter;
                   return NVML_SUCCESS;
                 });
  const std::string out =
      driver_.printed(smi::parse_dmon, smi::run_dmon, {"-s", "etu", "-c", "1", "--format", "csv"});
  EXPECT_EQ(out,
            "#gpu, sbecc, dbecc, pci, rxpci, txpci, sm, mem, enc, dec, jpg, ofa\n"
            "#Idx, errs, errs, errs, MB/s, MB/s, %, %, %, %, %, %\n"
            " 0, 20, 30, 0, 7, 8, 1, 2, 3, 4, 5, -\n");
}

// The third line is the first with two samples; a failing metric does not affect others.
TEST_F(Scripted, GpmValuesComeFromTheSamplesBefore) {
  driver_.answer(&F::nvmlGpmMetricsGet, [](nvmlGpmMetricsGet_t* request) {
    if (request->sample1 == request->sample2 || request->numMetrics != 1) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    request->metrics[0].nvmlReturn =
        request->metrics[0].metricId == 3 ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
    request->metrics[0].value = request->metrics[0].metricId + 0.9;
    return NVML_SUCCESS;
  });
  const std::string out = driver_.printed(
      smi::parse_dmon,
      smi::run_dmon,
      {"--gpm-options", "m", "--gpm-metrics", "1", "-c", "1", "--format", "csv,noheader,nounit"});
  EXPECT_EQ(out, " 0, -, -, -, -\n");  // no MIG device: a line without values
  const std::string rows =
      driver_.printed(smi::parse_dmon,
                      smi::run_dmon,
                      {"--gpm-metrics", "1,3,20", "-s", "m", "-c", "3", "--format", "csv,nounit"});
  EXPECT_EQ(rows,
            "#gpu, fb, bar1, ccpm, gract, smocc, pcitx\n"
            " 0, 0, 1, 0, -, -, -\n 0, 0, 1, 0, -, -, -\n 0, 0, 1, 0, 1, -, 20\n");
}

TEST_F(Scripted, SamplesOfASection) {
  driver_.answer(&F::nvmlDeviceGetSamples,
                 [](nvmlDevice_t,
                    nvmlSamplingType_t type,
                    unsigned long long,
                    nvmlValueType_t* value_type,
                    unsigned* count,
                    nvmlSample_t* samples) {
                   if (type != NVML_TOTAL_POWER_SAMPLES) {
                     return NVML_ERROR_NOT_FOUND;
                   }
                   *value_type = NVML_VALUE_TYPE_UNSIGNED_INT;
                   *count = 3;
                   if (samples == nullptr) {
                     return NVML_SUCCESS;
                   }
                   samples[0] = {5000000, {}};
                   samples[1] = {7360000, {}};
                   samples[2] = {6000000, {}};
                   samples[0].sampleValue.uiVal = 90500;
                   samples[1].sampleValue.uiVal = 70250;
                   samples[2].sampleValue.uiVal = 100000;
                   return NVML_SUCCESS;
                 });
  const std::string power = nvidia_smi({"-q", "-d", "power"});
  EXPECT_NE(power.find("    Power Samples\n"
                       "        Duration                                       : 2.36 sec\n"
                       "        Number of Samples                              : 3\n"
                       "        Max                                            : 100.00 W\n"
                       "        Min                                            : 70.25 W\n"
                       "        Avg                                            : 86.92 W\n"),
            std::string::npos)
      << power;
  EXPECT_NE(nvidia_smi({"-q", "-d", "CLOCK"})
                .find("    SM Clock Samples\n"
                      "        Duration                                       : Not Found\n"),
            std::string::npos);
}

class ScriptedPair : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(pair_.usable()); }

  ScriptedDriver pair_{"2x h200-141gb"};
};

// Six links: three between the two GPUs, one elsewhere, one down.
TEST_F(ScriptedPair, TopologyCountsTheLinksBetweenTwo) {
  pair_.answer(&F::nvmlDeviceGetNvLinkState,
               [](nvmlDevice_t, unsigned link, nvmlEnableState_t* active) {
                 *active = link == 4 ? NVML_FEATURE_DISABLED : NVML_FEATURE_ENABLED;
                 return link < 5 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
               });
  pair_.answer(&F::nvmlDeviceGetNvLinkRemoteDeviceType,
               [](nvmlDevice_t, unsigned, nvmlIntNvLinkDeviceType_t* type) {
                 *type = NVML_NVLINK_DEVICE_TYPE_GPU;
                 return NVML_SUCCESS;
               });
  pair_.answer(&F::nvmlDeviceGetNvLinkRemotePciInfo_v2,
               [](nvmlDevice_t, unsigned link, nvmlPciInfo_t* pci) {
                 *pci = {};
                 // Bus id of the simulated machine's second GPU; the mock serves both GPUs.
                 std::snprintf(pci->busId,
                               sizeof pci->busId,
                               "%s",
                               link == 3 ? "00000000:99:00.0" : "00000000:18:00.0");
                 return NVML_SUCCESS;
               });
  const std::string bus =
      pair_.printed(smi::parse_main,
                    smi::run_main,
                    {"--query-gpu=pci.bus_id", "--format=csv,noheader", "-i", "1"});
  ASSERT_EQ(bus, "00000000:18:00.0\n");
  const std::string out = pair_.printed(smi::parse_topo, smi::run_topo, {"-m"});
  EXPECT_NE(out.find("\nGPU0\t X \tNV3\t"), std::string::npos) << out;
  const std::string status = pair_.printed(smi::parse_nvlink, smi::run_nvlink, {"-s", "-i", "0"});
  EXPECT_NE(status.find("\t Link 4: <inactive>\n"), std::string::npos) << status;
  EXPECT_EQ(std::count(status.begin(), status.end(), '\n'), 6);
}

TEST_F(ScriptedPair, PathsOfEveryKind) {
  for (const auto& [level, symbol] : {std::pair(NVML_TOPOLOGY_SINGLE, "PIX"),
                                      {NVML_TOPOLOGY_MULTIPLE, "PXB"},
                                      {NVML_TOPOLOGY_HOSTBRIDGE, "PHB"},
                                      {NVML_TOPOLOGY_NODE, "NODE"},
                                      {NVML_TOPOLOGY_SYSTEM, "SYS"}}) {
    static nvmlGpuTopologyLevel_t now;
    now = level;
    pair_.answer(&F::nvmlDeviceGetTopologyCommonAncestor,
                 [](nvmlDevice_t, nvmlDevice_t, nvmlGpuTopologyLevel_t* found) {
                   *found = now;
                   return NVML_SUCCESS;
                 });
    const std::string out = pair_.printed(smi::parse_topo, smi::run_topo, {"-mp"});
    EXPECT_NE(out.find(std::string("\nGPU1\t") + symbol + "\t X \t"), std::string::npos) << out;
  }
}

// Duplicates count once; the order is that of indices; an unmatched name in a list is ignored by
// reading commands and refused by changing ones.
TEST(Selection, EachGpuOnceInOrder) {
  SimulatedMachine box("2x h200-141gb");
  for (const char* ids : {"0,0,1", "1,0,1", "1,0"}) {
    EXPECT_EQ(box.smi(std::string("--query-gpu=index --format=csv,noheader -i ") + ids), "0\n1\n");
  }
  EXPECT_EQ(box.smi("--query-gpu=index --format=csv,noheader -i 1,9"), "1\n");
  EXPECT_EQ(box.exit_code(), 0);
  EXPECT_EQ(box.smi("--query-gpu=index -i 8,9"), "No devices were found\n");
  EXPECT_EQ(box.exit_code(), 6);
  const std::string twice = box.smi("-i 0,0 -pm 0");
  EXPECT_EQ(twice.find("persistence mode", twice.find("persistence mode") + 1), std::string::npos)
      << twice;
  EXPECT_EQ(box.smi("-i 0,9 -pm 1"), "No devices were found\n");
  EXPECT_EQ(box.exit_code(), 6);
}

}  // namespace
}  // namespace mig::hardware
