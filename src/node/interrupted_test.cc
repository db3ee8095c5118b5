// SPDX-License-Identifier: Apache-2.0
#include "node/interrupted.h"

#include <sys/wait.h>

#include <gtest/gtest.h>

#include "node/test_machine.h"

namespace mig::node {
namespace {

class InterruptedTest : public MachineTest {
 protected:
  // Number of reads that saw an interrupted change while this command ran.
  int found_during(const std::vector<std::string>& words) {
    std::vector<std::string> all{"--sim", "lab", "-q"};
    all.insert(all.end(), words.begin(), words.end());
    const pid_t writer = start(MIG_BIN_DIR "/migctl", all);
    int found = 0;
    int status = 0;
    while (::waitpid(writer, &status, WNOHANG) == 0) {
      const auto cut_short = node_->interrupted();
      EXPECT_TRUE(cut_short) << cut_short.error().text();
      found += cut_short && *cut_short ? 1 : 0;
    }
    EXPECT_EQ(status, 0) << words.front();
    return found;
  }
};

// Race: a change that ends between the check of the journal and the check of its writer's lock is
// not an interrupted one.
TEST_F(InterruptedTest, WhoLooksWhileChangesEndSeesNoneCutShort) {
  make("a30-24gb");
  enable_mig();
  for (int i = 0; i < 15; ++i) {
    EXPECT_EQ(found_during({"create", "1g.6gb"}), 0);
    EXPECT_EQ(found_during({"destroy", "--all"}), 0);
  }
}

}  // namespace
}  // namespace mig::node
