// SPDX-License-Identifier: Apache-2.0
#include "slurm/controller.h"

#include <gtest/gtest.h>

#include "slurm/program.h"

namespace mig::slurm {
namespace {

// As Slurm 22.05.8 prints it.
constexpr const char* kNode =
    "scontrol: error: something about a plugin\n"
    "NodeName=gpu01 Arch=x86_64 CoresPerSocket=1  CPUAlloc=0 CPUTot=4 Gres=gpu:1g.18gb+me:1,"
    "gpu:3g.71gb:1 NodeAddr=127.0.0.1 State=UNKNOWN+DRAIN+INVALID_REG ThreadsPerCore=1 "
    "SlurmdStartTime=2026-11-29T02:50:39 CapWatts=n/a Reason=gres/gpu count reported lower than "
    "configured (1 < 2) [root@2026-11-29T02:50:39]\n";

NodeState state_of(const std::string& state) {
  NodeState out;
  out.state = state;
  return out;
}

TEST(Controller, ReadsANode) {
  const auto state = parse_node_state(kNode, "gpu01");
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_EQ(state->gres, "gpu:1g.18gb+me:1,gpu:3g.71gb:1");
  EXPECT_EQ(state->slurmd_start, "2026-11-29T02:50:39");
  EXPECT_NE(state->reason.find("(1 < 2)"), std::string::npos);
  EXPECT_TRUE(state->has("DRAIN"));
  EXPECT_FALSE(state->fits());
  EXPECT_FALSE(parse_node_state(kNode, "gpu0"));
  EXPECT_FALSE(parse_node_state("", "gpu01"));
}

TEST(Controller, KnowsWhenANodeIsIdleAndFits) {
  EXPECT_TRUE(state_of("IDLE+DRAIN").idle());
  EXPECT_FALSE(state_of("IDLE+COMPLETING+DRAIN").idle());
  EXPECT_FALSE(state_of("MIXED+DRAIN").idle());
  EXPECT_FALSE(state_of("ALLOCATED").idle());
  EXPECT_TRUE(state_of("IDLE+DRAIN").fits());
  EXPECT_FALSE(state_of("IDLE*+DRAIN").fits());
  EXPECT_FALSE(state_of("DOWN*").fits());
  EXPECT_TRUE(state_of("DOWN*").has("DOWN"));
  EXPECT_FALSE(state_of("IDLE+NOT_RESPONDING").fits());
}

TEST(Controller, ReadsJobsAndWhatTheyAskFor) {
  const auto jobs = parse_jobs(
      "7|root|PENDING|UNLIMITED|gres:gpu:3g.71gb:1|7\nbroken\n8_3|al|RUNNING|9:58|gres:gpu:2|11\n");
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[1].left, "9:58");
  EXPECT_EQ(jobs[1].id, "8_3");
  EXPECT_EQ(jobs[1].number, "11");
  EXPECT_EQ(types_asked(jobs[0].gres), std::vector<std::string>{"3g.71gb"});
  EXPECT_TRUE(types_asked(jobs[1].gres).empty());
  EXPECT_TRUE(types_asked("N/A").empty());
  EXPECT_EQ(types_asked("gpu:1g.18gb").size(), 1U);
}

TEST(Controller, ReadsSlurmdsDevices) {
  const auto devices = parse_slurmd(
      "slurmd: Gres Name=gpu Type=1g.18gb+me Count=1 Index=13 ID=7696487 "
      "File=/d/nvidia0,/d/nvidia-caps/nvidia-cap12,/d/nvidia-caps/nvidia-cap13 (null)\n"
      "slurmd: Gres Name=nic Type=x Count=1\n"
      "slurmd: Gres Name=gpu Type=full Count=1 Index=1 ID=7696487 File=/d/nvidia1 (null)\n");
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].type, "1g.18gb+me");
  EXPECT_EQ(devices[0].files.size(), 3U);
  EXPECT_EQ(devices[1].files, std::vector<std::string>{"/d/nvidia1"});
}

TEST(Controller, SaysWhichDaemonDoesNotAnswer) {
  const auto error = [](const std::string& output) {
    return program_error("look at node n", {"scontrol"}, {1, false, output}, "n");
  };
  EXPECT_NE(error("slurm_load_node error: Unable to contact slurm controller (connect failure)\n")
                .text()
                .find("slurmctld does not answer"),
            std::string::npos);
  const Error munge = error(
      "scontrol: error: Munge encode failed: Failed to access \"/run/munge/munge.socket.2\"\n"
      "slurm_load_node error: Protocol authentication error\n");
  EXPECT_NE(munge.text().find("munge does not answer"), std::string::npos);
  EXPECT_EQ(munge.code, ErrorCode::kIo);
  EXPECT_EQ(error("Node n not found\n").code, ErrorCode::kNotFound);
  EXPECT_EQ(error("slurm_update error: Access/permission denied\n").code, ErrorCode::kPermission);
  EXPECT_NE(error("something new\n").text().find("something new"), std::string::npos);
  EXPECT_EQ(program_error("x", {"scontrol"}, {137, true, ""}, "n").code, ErrorCode::kTimeout);
}

}  // namespace
}  // namespace mig::slurm
