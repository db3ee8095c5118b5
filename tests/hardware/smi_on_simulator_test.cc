// SPDX-License-Identifier: Apache-2.0
// nvidia-smi's dialect on a simulated H200, compared with recorded output of NVIDIA's own
// nvidia-smi on real ones.
#include <unistd.h>

#include <regex>

#include <gtest/gtest.h>

#include "sim/client/migsim.h"
#include "simulated_machine.h"
#include "smi/golden.h"

namespace mig::hardware {
namespace {

using smi::golden;

std::string masked(const std::string& text) {
  static const std::regex kUuid("(GPU|MIG)-[0-9a-f-]{36}");
  return std::regex_replace(text, kUuid, "$1-<uuid>");
}

std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
  std::vector<std::string> found;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.find(part) != std::string::npos) {
      found.push_back(line);
    }
  }
  return found;
}

TEST(H200WithoutMig, FiveCommandsByteForByte) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "a driver tells capacities and placements only to root";
  }
  SimulatedMachine box("1x h200-141gb");
  ASSERT_TRUE(box.created());
  EXPECT_EQ(box.smi("mig -lgip"), golden("h200_580_lgip.txt"));
  EXPECT_EQ(box.smi("mig -lgipp"), golden("h200_580_lgipp.txt"));
  EXPECT_EQ(box.smi("mig -lgi"), "No MIG-enabled devices found.\n");
  EXPECT_EQ(box.exit_code(), 0);
  EXPECT_EQ(masked(box.smi("-L")), "GPU 0: NVIDIA H200 (UUID: GPU-<uuid>)\n");
  EXPECT_EQ(
      masked(box.smi("--query-gpu=index,name,uuid,mig.mode.current,mig.mode.pending --format=csv")),
      "index, name, uuid, mig.mode.current, mig.mode.pending\n"
      "0, NVIDIA H200, GPU-<uuid>, Disabled, Disabled\n");
  EXPECT_EQ(box.smi("mig -lcip"), "No MIG-enabled devices found.\n");
  EXPECT_EQ(box.exit_code(), 0);
  EXPECT_EQ(box.smi("pmon -c 1"), golden("h200_580_pmon.txt"));
}

// Each block of the recording: "$ nvidia-smi <words>", its output, "exit <code>".
TEST(H200WithoutMig, OddCommandLinesByteForByte) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "a driver tells capacities only to root";
  }
  SimulatedMachine box("1x h200-141gb");
  ASSERT_TRUE(box.created());
  std::istringstream reading(golden("h200_580_command_lines.txt"));
  const std::string prompt = "$ nvidia-smi ";
  const std::string end = "exit ";
  std::string command;
  std::string wanted;
  unsigned compared = 0;
  for (std::string line; std::getline(reading, line);) {
    if (line.rfind(prompt, 0) == 0) {
      command = line.substr(prompt.size());
      wanted.clear();
    } else if (line.rfind(end, 0) == 0) {
      EXPECT_EQ(box.smi(command), wanted) << command;
      EXPECT_EQ(std::to_string(box.exit_code()), line.substr(end.size())) << command;
      ++compared;
    } else {
      wanted += line + "\n";
    }
  }
  EXPECT_EQ(compared, 21U);
}

TEST(H200WithoutMig, SummaryOfTheCaptureApartFromReadings) {
  SimulatedMachine box("1x h200-141gb");
  const std::string summary = box.smi("");
  const std::string reading = golden("h200_580_summary.txt");
  for (const char* part : {"NVIDIA-SMI",
                           "Persistence-M",
                           "| Fan  Temp",
                           "MIG M. |",
                           "Disabled",
                           "| Processes:",
                           "No running processes"}) {
    EXPECT_EQ(lines_with(summary, part), lines_with(reading, part)) << part;
  }
}

// The published capture of driver 590: GI 2 holds 1c and 2c of a 3g, GI 3 a 2g, GI 9 and 10 a 1g.
class CapturedLayout : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "a driver lets only root change instances";
    }
    ASSERT_TRUE(box_.created());
    run("-i 0 -mig 1");
    run("mig -cgi 9,14,19,19");
    run("mig -cci 0,1 -gi 2");
    run("mig -cci -gi 3,9,10");
  }

  // Output of a command that must succeed.
  std::string run(const std::string& line) {
    const std::string out = box_.smi(line);
    EXPECT_EQ(box_.exit_code(), 0) << line << "\n" << out;
    return out;
  }

  SimulatedMachine box_{"1x h200-141gb", {"--driver", "590.48.01"}};
};

TEST_F(CapturedLayout, List) {
  EXPECT_EQ(masked(run("-L")), masked(golden("h200_590_mig_list.txt")));
}

TEST_F(CapturedLayout, MigTableOfTheSummary) {
  const std::string summary = run("");
  const std::string reading = golden("h200_590_mig_idle_summary.txt");
  const auto block = [](const std::string& text) {
    const std::size_t begin = text.find("| MIG devices:");
    return text.substr(begin, text.find("\n\n", begin) - begin);
  };
  EXPECT_EQ(block(summary), block(reading));
  EXPECT_EQ(lines_with(summary, " Enabled |"), lines_with(reading, " Enabled |"));
}

TEST_F(CapturedLayout, Instances) {
  EXPECT_EQ(run("mig -lgi"),
            "+---------------------------------------------------------+\n"
            "| GPU instances:                                          |\n"
            "| GPU   Name               Profile  Instance   Placement  |\n"
            "|                            ID       ID       Start:Size |\n"
            "|=========================================================|\n"
            "|   0  MIG 1g.18gb           19        9          2:1     |\n"
            "+---------------------------------------------------------+\n"
            "|   0  MIG 1g.18gb           19       10          3:1     |\n"
            "+---------------------------------------------------------+\n"
            "|   0  MIG 2g.35gb           14        3          0:2     |\n"
            "+---------------------------------------------------------+\n"
            "|   0  MIG 3g.71gb            9        2          4:4     |\n"
            "+---------------------------------------------------------+\n");
  // Placements as printed on an H100 (tests/captures).
  const std::string cis = run("mig -lci -gi 2");
  EXPECT_EQ(
      lines_with(cis, "|   0      2       MIG 1c.3g.71gb       0         0          2:1").size(),
      1U);
  EXPECT_EQ(
      lines_with(cis, "|   0      2       MIG 2c.3g.71gb       1         1          0:2").size(),
      1U);
}

TEST_F(CapturedLayout, DetailOfMigDevices) {
  const std::string detail = run("-q");
  const std::size_t begin = detail.find("    MIG Device\n");
  ASSERT_NE(begin, std::string::npos);
  const std::string blocks = detail.substr(begin, detail.find("    Accounting Mode") - begin);
  // The capture is of a loaded machine: the two devices of GI 2 use 16925 MiB there.
  std::string reading = golden("h200_590_mig_q_devices.txt");
  for (const auto& [loaded, idle] :
       {std::pair("16925 MiB", "22 MiB"), {"54499 MiB", "71403 MiB"}}) {
    for (std::size_t at = 0; (at = reading.find(loaded)) != std::string::npos;) {
      reading.replace(at, std::string(loaded).size(), idle);
    }
  }
  EXPECT_EQ(blocks, reading);
}

TEST_F(CapturedLayout, TearDownInTheDriversOrder) {
  EXPECT_EQ(run("mig -dci"),
            "Successfully destroyed compute instance ID  0 from GPU  0 GPU instance ID  9\n"
            "Successfully destroyed compute instance ID  0 from GPU  0 GPU instance ID 10\n"
            "Successfully destroyed compute instance ID  0 from GPU  0 GPU instance ID  3\n"
            "Successfully destroyed compute instance ID  0 from GPU  0 GPU instance ID  2\n"
            "Successfully destroyed compute instance ID  1 from GPU  0 GPU instance ID  2\n");
  EXPECT_EQ(run("mig -dgi"),
            "Successfully destroyed GPU instance ID  9 from GPU  0\n"
            "Successfully destroyed GPU instance ID 10 from GPU  0\n"
            "Successfully destroyed GPU instance ID  3 from GPU  0\n"
            "Successfully destroyed GPU instance ID  2 from GPU  0\n");
  for (const char* line : {"mig -dgi", "mig -dci", "mig -lgi", "mig -lci"}) {
    EXPECT_EQ(box_.smi(line), "No GPU instances found: Not Found\n") << line;
    EXPECT_EQ(box_.exit_code(), 6) << line;
  }
}

// Each command that changes modes or instances announces it before its first call, and no other
// command does.
TEST_F(CapturedLayout, CommandsThatChangeTheLayoutAnnounceIt) {
  EXPECT_EQ(box_.announced(), 4) << "-mig, -cgi, -cci, -cci";
  for (const char* line : {"-L", "-q", "mig -lgi", "mig -lci", "mig -lgip", "-i 0 -pm 1"}) {
    static_cast<void>(box_.smi(line));
    EXPECT_EQ(box_.announced(), 4) << line;
  }
  int announced = 4;
  for (const char* line : {"mig -dci", "mig -dgi", "-i 0 -mig 0", "-r -i 0"}) {
    run(line);
    EXPECT_EQ(box_.announced(), ++announced) << line;
  }
}

// With MIG off any id is accepted; with MIG on an invalid one refuses the change.
TEST_F(CapturedLayout, WrongInstanceIds) {
  EXPECT_EQ(
      box_.smi("mig -dci -gi x"),
      "ERROR: Invalid value \"x\" for option -gi. Please run 'nvidia-smi mig -h' for help.\n");
  EXPECT_EQ(box_.exit_code(), 2);
  EXPECT_EQ(lines_with(run("mig -lci"), "MIG ").size(), 5U);
  EXPECT_EQ(box_.smi("mig -cci -gi 13"), "No GPU instances found: Not Found\n");
  EXPECT_EQ(box_.exit_code(), 6);
}

TEST_F(CapturedLayout, RefusalsHaveTheDriversWordsAndCodes) {
  EXPECT_EQ(box_.smi("mig -dgi -gi 2"),
            "Unable to destroy GPU instance ID  2 from GPU  0: In use by another client\n"
            "Failed to destroy GPU instances: In use by another client\n");
  EXPECT_EQ(box_.exit_code(), 19);
  EXPECT_EQ(box_.smi("mig -cgi 9"),
            "Unable to create a GPU instance on GPU  0 using profile 9: Insufficient Resources\n"
            "Failed to create GPU instances: Insufficient Resources\n");
  EXPECT_EQ(box_.exit_code(), 23);
  EXPECT_EQ(box_.smi("mig -cgi 1g.5gb"),
            "Unable to create a GPU instance on GPU  0 using profile 1g.5gb: Invalid Argument\n"
            "Failed to create GPU instances: Invalid Argument\n");
  EXPECT_EQ(box_.exit_code(), 2);
}

// A process on an instance appears in every list with its instance, as in the loaded capture.
TEST_F(CapturedLayout, ProcessOnAnInstance) {
  const std::string list = run("-L");
  const std::size_t at = list.find("MIG-", list.find("Device  1:"));
  const std::string uuid = list.substr(at, list.find(')', at) - at);
  migsim_context* context = nullptr;
  ASSERT_EQ(migsim_attach(uuid.c_str(), &context), MIGSIM_OK) << migsim_message(nullptr);
  std::uint64_t allocation = 0;
  ASSERT_EQ(migsim_alloc(context, 2194ULL << 20U, &allocation), MIGSIM_OK);

  const std::string pid = std::to_string(getpid());
  const std::vector<std::string> rows = lines_with(run(""), pid);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].size(), 91U);
  EXPECT_EQ(rows[0].rfind("|    0    2    1 ", 0), 0U) << rows[0];
  EXPECT_NE(rows[0].find("      C   "), std::string::npos) << rows[0];
  EXPECT_EQ(lines_with(run("pmon -c 1"), pid).size(), 1U);
  EXPECT_EQ(
      lines_with(run("--query-compute-apps=pid,used_memory --format=csv,noheader"), pid).size(),
      1U);
  EXPECT_EQ(lines_with(run("-q"), "Process ID").size(), 1U);
  EXPECT_EQ(box_.smi("mig -dci -gi 2 -ci 1"),
            "Unable to destroy compute instance ID  1 from GPU  0 GPU instance ID  2: In use by "
            "another client\n"
            "Failed to destroy compute instances: In use by another client\n");
  EXPECT_EQ(box_.exit_code(), 19);
  migsim_detach(context);
  EXPECT_EQ(lines_with(run(""), pid).size(), 0U);
}

// Every command of the course's lab, verbatim, on its own board.
TEST(Lab, EveryCommandOfTheLab) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "a driver lets only root change instances";
  }
  SimulatedMachine box("1x a100-sxm4-40gb");
  ASSERT_TRUE(box.created());
  const std::string mode = "-i 0 --query-gpu=mig.mode.current --format=csv,noheader";
  EXPECT_EQ(box.smi(mode), "Disabled\n");
  EXPECT_NE(box.smi("-i 0 -mig 1").find("All done.\n"), std::string::npos);
  EXPECT_NE(box.smi("-i 0 --gpu-reset").find(" was successfully reset.\n"), std::string::npos);
  EXPECT_EQ(box.smi(mode), "Enabled\n");
  EXPECT_EQ(lines_with(box.smi("mig -lgip"), "|   0").size(), 7U);
  EXPECT_EQ(lines_with(box.smi("mig -cgi 19,19,19,19,19,19,19 -C"), "Successfully").size(), 14U);
  EXPECT_EQ(box.exit_code(), 0);
  EXPECT_EQ(lines_with(box.smi("mig -lgi"), "MIG 1g.5gb").size(), 7U);
  EXPECT_EQ(lines_with(box.smi("-L"), "  MIG 1g.5gb      Device ").size(), 7U);
  EXPECT_EQ(lines_with(box.smi("mig -dci"), "Successfully").size(), 7U);
  EXPECT_EQ(lines_with(box.smi("mig -dgi"), "Successfully").size(), 7U);
  EXPECT_EQ(lines_with(box.smi("mig -cgi 9,14,14 -C"), "Successfully").size(), 6U);
  EXPECT_EQ(lines_with(box.smi("mig -i 0 -lgi"), "MIG").size(), 3U);
  EXPECT_EQ(box.smi("--query-gpu=mig.mode.current --format=csv"), "mig.mode.current\nEnabled\n");
  EXPECT_EQ(box.smi("pmon -c 1"), golden("h200_580_pmon.txt"));
  for (const char* line : {"mig -dci", "mig -dgi", "-i 0 -mig 0", "-i 0 --gpu-reset", ""}) {
    box.smi(line);
    EXPECT_EQ(box.exit_code(), 0) << line;
  }
  EXPECT_EQ(box.smi(mode), "Disabled\n");
}

}  // namespace
}  // namespace mig::hardware
