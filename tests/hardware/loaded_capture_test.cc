// SPDX-License-Identifier: Apache-2.0
// The published capture of an H200 under load (driver 590.48.01) rebuilt on a simulated one: the
// same instances, three processes with the same memory on the same compute instance, and every
// section about MIG. Process ids and names cannot be chosen and are masked.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <regex>

#include <gtest/gtest.h>

#include "sim/client/migsim.h"
#include "simulated_machine.h"
#include "smi/golden.h"

namespace mig::hardware {
namespace {

using smi::golden;

constexpr std::array<std::uint64_t, 3> kHeldMib = {2194, 1170, 13526};

// Attaches, reports it through the pipe, and stays until killed.
[[noreturn]] void occupy(const std::string& uuid, std::uint64_t mib, int ready) {
  migsim_context* context = nullptr;
  std::uint64_t allocation = 0;
  const bool held = migsim_attach(uuid.c_str(), &context) == MIGSIM_OK &&
                    migsim_alloc(context, mib << 20U, &allocation) == MIGSIM_OK;
  const char answer = held ? 'y' : 'n';
  if (write(ready, &answer, 1) != 1 || !held) {
    _exit(1);
  }
  for (;;) {
    pause();
  }
}

class LoadedCapture : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "a driver lets only root change instances";
    }
    ASSERT_TRUE(box_.created());
    for (const char* line :
         {"-i 0 -mig 1", "mig -cgi 9,14,19,19", "mig -cci 0,1 -gi 2", "mig -cci -gi 3,9,10"}) {
      box_.smi(line);
      ASSERT_EQ(box_.exit_code(), 0) << line;
    }
    const std::string list = box_.smi("-L");
    const std::size_t at = list.find("MIG-", list.find("Device  1:"));
    const std::string uuid = list.substr(at, list.find(')', at) - at);
    for (std::size_t i = 0; i < kHeldMib.size(); ++i) {
      start(uuid, kHeldMib[i]);
    }
  }

  void TearDown() override {
    for (const pid_t pid : pids_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }

  // In ascending order of pids, as the capture lists them.
  void start(const std::string& uuid, std::uint64_t mib) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      occupy(uuid, mib, ends[1]);
    }
    close(ends[1]);
    pids_.push_back(pid);
    char answer = 0;
    EXPECT_EQ(read(ends[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    close(ends[0]);
  }

  std::string shown(const std::string& line) {
    const std::string text = box_.smi(line);
    EXPECT_EQ(box_.exit_code(), 0) << line;
    return text;
  }

  SimulatedMachine box_{"1x h200-141gb", {"--driver", "590.48.01"}};
  std::vector<pid_t> pids_;
};

std::string section(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t begin = text.find(from);
  if (begin == std::string::npos) {
    return "";
  }
  return text.substr(begin, to.empty() ? std::string::npos : text.find(to, begin) - begin);
}

// Masks the name in rows such as "   12249      C   /root/tools/memhog          2194MiB |".
std::string without_names(const std::string& text) {
  static const std::regex kRow("(\\|    0    2    1) +[0-9]+( +C   ).{36,40}?( +[0-9]+MiB \\|)");
  static const std::regex kPmon("(\n    0) +[0-9]+( +C .* )[^ ]+ *(?=\n)");
  static const std::regex kDetail("(Process ID +: |            Name +: ).*");
  std::string out = std::regex_replace(text, kRow, "$1 <pid>$2<name>$3");
  out = std::regex_replace(out, kPmon, "$1 <pid>$2<name>");
  return std::regex_replace(out, kDetail, "$1<masked>");
}

// The driver's own memory in an instance, beside processes and idle use, differs by program (13 MiB
// here; 7 MiB with one process on an H100, 37 with three).
std::string without_unknowns(const std::string& text) {
  static const std::regex kUsed("169[0-9]{2}MiB");
  return std::regex_replace(text, kUsed, "169xxMiB");
}

TEST_F(LoadedCapture, MigAndProcessTables) {
  const std::string summary = shown("");
  const std::string reading = golden("h200_590_mig_load_summary.txt");
  EXPECT_EQ(without_unknowns(section(summary, "| MIG devices:", "\n\n")),
            without_unknowns(section(reading, "| MIG devices:", "\n\n")));
  const std::string rows = section(summary, "| Processes:", "");
  EXPECT_EQ(without_names(rows), without_names(section(reading, "| Processes:", "")));
  // By pid, the largest last, as in the capture.
  EXPECT_LT(rows.find("2194MiB"), rows.find("1170MiB"));
  EXPECT_LT(rows.find("1170MiB"), rows.find("13526MiB"));
}

TEST_F(LoadedCapture, ProcessMonitor) {
  EXPECT_EQ(without_names(shown("pmon -c 1")), without_names(golden("h200_590_mig_pmon.txt")));
}

TEST_F(LoadedCapture, ProcessesOfTheDetail) {
  const std::string reading = golden("h200_590_mig_q_processes.txt");
  const std::string first = reading.substr(0, reading.find('\n') + 1);
  const std::string detail = shown("-q");
  const std::string block = section(detail, "    Processes\n", "    Capabilities");
  EXPECT_EQ(without_names(block).substr(0, without_names(reading).size()), without_names(reading))
      << first;
}

TEST_F(LoadedCapture, Queries) {
  const std::string apps = shown("--query-compute-apps=used_gpu_memory --format=csv");
  EXPECT_EQ(apps, "used_gpu_memory [MiB]\n2194 MiB\n1170 MiB\n13526 MiB\n");
  // From the capture's long query: properties that depend on MIG, and sizes. Reserved memory
  // depends on the driver version: 614 MiB there, 616 MiB with 580.159.04, the board file's figure.
  EXPECT_EQ(shown("--query-gpu=memory.total,utilization.gpu,utilization.memory,"
                  "utilization.encoder,utilization.decoder,utilization.jpeg,utilization.ofa,"
                  "mig.mode.current,mig.mode.pending,pstate,clocks.current.sm,clocks.max.sm,"
                  "power.limit,power.min_limit --format=csv,noheader"),
            "143771 MiB, [N/A], [N/A], [N/A], [N/A], [N/A], [N/A], Enabled, Enabled, P0, "
            "1980 MHz, 1980 MHz, 700.00 W, 200.00 W\n");
}

TEST_F(LoadedCapture, WhatIsInUseStays) {
  for (const char* line : {"mig -dci -gi 2 -ci 1", "mig -dgi -gi 2"}) {
    EXPECT_NE(box_.smi(line).find("In use by another client"), std::string::npos) << line;
    EXPECT_EQ(box_.exit_code(), 19) << line;
  }
}

}  // namespace
}  // namespace mig::hardware
