// SPDX-License-Identifier: Apache-2.0
// The conformance program on a simulated H200 must print the lines recorded on a real H200.
#include <unistd.h>

#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "simulated_machine.h"

namespace mig::hardware {
namespace {

std::set<std::string> lines_of(std::istream& in) {
  std::set<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.insert(line);
  }
  return lines;
}

std::set<std::string> conformance_lines() {
  const std::string command = std::string(MIG_CONFORMANCE) + " " + MIG_SIM_NVML_LIBRARY;
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    text.append(buffer, got);
  }
  EXPECT_EQ(pclose(pipe), 0);
  std::istringstream in(text);
  return lines_of(in);
}

// Recorded on a real GPU with MIG off: the simulated board must give exactly the same lines.
void expect_answers_of(const std::string& board, const std::string& recorded) {
  SimulatedMachine box("1x " + board);
  ASSERT_TRUE(box.created());
  std::ifstream file(std::string(MIG_HARDWARE_TESTDATA) + "/" + recorded);
  const std::set<std::string> known = lines_of(file);
  ASSERT_GT(known.size(), 40U);
  const std::set<std::string> have = conformance_lines();
  for (const std::string& line : known) {
    EXPECT_TRUE(have.count(line) == 1) << "a real " << board << " answers: " << line;
  }
  for (const std::string& line : have) {
    EXPECT_TRUE(known.count(line) == 1) << "a real " << board << " does not answer: " << line;
  }
}

TEST(Conformance, SimulatedBoardsAnswerLikeTheRealOnes) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "a driver tells capacities and placements only to root";
  }
  expect_answers_of("h200-141gb", "h200_580_answers.txt");
  expect_answers_of("h100-sxm5-80gb", "h100_580_answers.txt");
}

TEST(Conformance, SeesInstances) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "a driver lets only root change instances";
  }
  SimulatedMachine box("1x h200-141gb");
  box.smi("-mig 1");
  box.smi("mig -cgi 9,19 -C");
  const std::set<std::string> have = conformance_lines();
  for (const char* line : {"gpu 0 mig mode -> 1 pending 1",
                           "gpu 0 max mig devices -> 7",
                           "gpu 0 gi 2 -> profile 9 at 4:4",
                           "gpu 0 mig device 1 -> SUCCESS",
                           "gpu 0 mig device 0 utilization -> NOT_SUPPORTED"}) {
    EXPECT_TRUE(have.count(line) == 1) << line;
  }
}

}  // namespace
}  // namespace mig::hardware
