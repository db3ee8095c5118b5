// SPDX-License-Identifier: Apache-2.0
#include "smi/summary_table.h"

#include <gtest/gtest.h>

#include "smi/golden.h"

namespace mig::smi {
namespace {

SummaryGpu h200() {
  SummaryGpu gpu;
  gpu.name = "NVIDIA H200";
  gpu.persistence = "On";
  gpu.bus = "00000000:00:06.0";
  gpu.display = "Off";
  gpu.ecc = "0";
  gpu.celsius = 38;
  gpu.power_w = 125;
  gpu.power_cap_w = 700;
  gpu.gpu_percent = 0;
  gpu.perf = "P0";
  gpu.memory_used_mib = 0;
  gpu.memory_total_mib = 143771;
  gpu.compute_mode = "Default";
  gpu.mig_mode = "Disabled";
  return gpu;
}

SummaryGpu h200_with_mig(unsigned celsius, unsigned watts, unsigned used_mib) {
  SummaryGpu gpu = h200();
  gpu.bus = "00000000:83:00.0";
  gpu.ecc = "On";
  gpu.celsius = celsius;
  gpu.power_w = watts;
  gpu.gpu_percent.reset();
  gpu.memory_used_mib = used_mib;
  gpu.mig_mode = "Enabled";
  return gpu;
}

// Layout of the published capture: 1c.3g, 2c.3g, 2g, 1g, 1g.
std::vector<SummaryMig> captured_layout(unsigned used_3g_mib) {
  const unsigned long long total_3g = 71424, total_2g = 33280, total_1g = 16384;
  return {
      {0, 2, 0, 0, used_3g_mib, total_3g, 0, 59237, 0, 16, 3, 0, 3, 0, 3},
      {0, 2, 1, 1, used_3g_mib, total_3g, 0, 59237, 0, 32, 3, 0, 3, 0, 3},
      {0, 3, 0, 2, 17, total_2g, 0, 29618, 0, 32, 2, 0, 2, 0, 2},
      {0, 9, 0, 3, 9, total_1g, 0, 14809, 0, 16, 1, 0, 1, 0, 1},
      {0, 10, 0, 4, 9, total_1g, 0, 14809, 0, 16, 1, 0, 1, 0, 1},
  };
}

std::string line_of(const std::string& text, const std::string& part) {
  const std::size_t at = text.find(part);
  if (at == std::string::npos) {
    return "no line with " + part;
  }
  const std::size_t begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

TEST(SummaryTable, IdleH200WithoutMig) {
  EXPECT_EQ(summary_heading({"Mon Nov 23 17:19:04 2026", "580.159.04", "13.0"}) +
                summary_gpu(h200()) + summary_processes({}),
            golden("h200_580_summary.txt"));
}

TEST(SummaryTable, IdleH200WithMig) {
  EXPECT_EQ(summary_heading({"Fri Jul  3 22:22:00 2026", "590.48.01", "13.1"}) +
                summary_gpu(h200_with_mig(28, 78, 55)) + summary_mig(captured_layout(22)) +
                summary_processes({}),
            golden("h200_590_mig_idle_summary.txt"));
}

TEST(SummaryTable, LoadedH200WithMig) {
  const std::vector<Process> processes = {
      {0, 12249, 2, 1, "C", "/root/tools/memhog", 2194},
      {0, 12250, 2, 1, "C", "/root/tools/memhog", 1170},
      {0, 12267, 2, 1, "C", "./gpu_burn", 13526},
  };
  EXPECT_EQ(summary_heading({"Fri Jul  3 22:22:26 2026", "590.48.01", "13.1"}) +
                summary_gpu(h200_with_mig(36, 295, 16959)) + summary_mig(captured_layout(16925)) +
                summary_processes(processes),
            golden("h200_590_mig_load_summary.txt"));
}

// Rows of published listings of R570 and R580.
TEST(SummaryTable, ProcessesOutsideMig) {
  const std::string table = summary_processes({
      {0, 13366, {}, {}, "C", "/usr/bin/python3", 794},
      {0,
       5601,
       {},
       {},
       "G",
       "/snap/snapd-desktop-integration/current/bin/snapd-desktop-integration",
       44},
      {0, 5528, {}, {}, "C+G", "C:\\x\\Packages\\8bbwe\\PhoneExperienceHost.exe", {}},
  });
  EXPECT_EQ(line_of(table, "python3"),
            "|    0   N/A  N/A           13366      C   /usr/bin/python3                        "
            "794MiB |");
  EXPECT_EQ(line_of(table, "integration"),
            "|    0   N/A  N/A            5601      G   ...bin/snapd-desktop-integration         "
            "44MiB |");
  EXPECT_EQ(line_of(table, "Phone"),
            "|    0   N/A  N/A            5528    C+G   ...8bbwe\\PhoneExperienceHost.exe      N/A "
            "     |");
}

TEST(SummaryTable, NoMigDevices) {
  const std::string table = summary_mig({});
  EXPECT_NE(table.find("|  No MIG devices found                                                    "
                       "               |\n"),
            std::string::npos);
}

TEST(SummaryTable, EveryLineIsAsWideAsItsFrame) {
  SummaryGpu unknown;  // no reading available
  SummaryGpu long_name = h200();
  long_name.name = "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition";
  long_name.fan_percent = 100;
  SummaryMig whole{0, 0, 0, 0, 143360, 143360, {}, {}, {}, 132, 8, 7, 7, 1, 7};
  const std::string tables = summary_gpu(unknown) + summary_gpu(long_name) + summary_mig({whole}) +
                             summary_processes({{0, 4194304, 10, 0, "M+C", "x", {}}});
  std::size_t lines = 0;
  for (std::size_t at = 0; at < tables.size(); at = tables.find('\n', at) + 1) {
    const std::size_t width = tables.find('\n', at) - at;
    EXPECT_TRUE(width == 91 || width == 0) << tables.substr(at, width);
    ++lines;
  }
  EXPECT_GT(lines, 20U);
  EXPECT_NE(tables.find("NVIDIA RTX PRO 6000 Blac...    On  |"), std::string::npos);
}

}  // namespace
}  // namespace mig::smi
