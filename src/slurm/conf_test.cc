// SPDX-License-Identifier: Apache-2.0
#include "slurm/conf.h"

#include <gtest/gtest.h>

namespace mig::slurm {
namespace {

constexpr const char* kConf =
    "# NodeName=commented Gres=gpu:9\n"
    "ClusterName=c  GresTypes=gpu # not this: TaskProlog=/x\n"
    "nodename=gpu01 CPUs=4 \\\n"
    "   GRES=gpu:1g.18gb:2,nic:1,gpu:full:1(S:0-1) State=UNKNOWN\n"
    "NodeName=gpu[02-04],cpu01 CPUs=4\n"
    "include nodes.conf\n"
    "PartitionName=p Nodes=gpu01 Default=YES";

ConfLine line_of(const std::string& text, const std::string& node) {
  auto line = node_line(text, "slurm.conf", node);
  EXPECT_TRUE(line) << line.error().text();
  return line ? *line : ConfLine{};
}

TEST(SlurmConf, IsReadAsSlurmReadsIt) {
  const auto lines = conf_lines(kConf);
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0].number, 2U);
  EXPECT_EQ(lines[0].find("taskprolog"), nullptr);
  EXPECT_EQ(lines[1].number, 3U);
  ASSERT_NE(lines[1].find("gres"), nullptr);
  EXPECT_EQ(lines[1].find("gres")->value, "gpu:1g.18gb:2,nic:1,gpu:full:1(S:0-1)");
  EXPECT_EQ(lines[2].number, 5U);
  EXPECT_EQ(lines[3].find("include")->value, "nodes.conf");
  EXPECT_EQ(value_of(kConf, "default"), "YES");
  EXPECT_EQ(value_of("Prolog=\"/a b\"\n", "prolog"), "/a b");
  EXPECT_EQ(value_of("Prolog = /a\n", "prolog"), "/a");
}

TEST(SlurmConf, EveryByteThatIsNotMeantStays) {
  const std::string text = with_gres(kConf, line_of(kConf, "gpu01"), "gpu:3g.71gb:2");
  std::string wanted = kConf;
  const std::string old = "gpu:1g.18gb:2,nic:1,gpu:full:1(S:0-1)";
  wanted.replace(wanted.find(old), old.size(), "gpu:3g.71gb:2,nic:1");
  EXPECT_EQ(text, wanted);
  // There and back: without GPUs the other resources stay.
  EXPECT_NE(with_gres(kConf, line_of(kConf, "gpu01"), "").find("GRES=nic:1 State"),
            std::string::npos);
}

TEST(SlurmConf, GresIsAddedAndRemoved) {
  const std::string bare = "NodeName=n CPUs=2\nPartitionName=p Nodes=n\n";
  const std::string with = with_gres(bare, line_of(bare, "n"), "gpu:a:1");
  EXPECT_EQ(with, "NodeName=n Gres=gpu:a:1 CPUs=2\nPartitionName=p Nodes=n\n");
  EXPECT_EQ(with_gres(with, line_of(with, "n"), ""), bare);
}

TEST(SlurmConf, ALineOfSeveralNodesIsRefused) {
  const auto line = node_line(kConf, "slurm.conf", "gpu03");
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, ErrorCode::kConflict);
  EXPECT_NE(line.error().text().find("slurm.conf:5"), std::string::npos) << line.error().text();
  const auto none = node_line(kConf, "slurm.conf", "other");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(may_name("cpu[01-02],gpu01", "gpu01"));
  EXPECT_FALSE(may_name("gpu010", "gpu01"));
}

TEST(SlurmConf, TheBlockIsReplacedWhereItIs) {
  const std::string block =
      block_begin("n") + "\nNodeName=n Name=gpu File=/dev/nvidia0\n" + block_end("n") + "\n";
  const std::string first = "# mine\nNodeName=m Name=gpu File=/dev/nvidia0";
  auto text = with_block(first, "gres.conf", "n", block);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, first + "\n" + block);
  const std::string other = block_begin("n") + "\n" + block_end("n") + "\n";
  auto again = with_block(*text + "# after\n", "gres.conf", "n", other);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, first + "\n" + other + "# after\n");
  EXPECT_FALSE(with_block(block_begin("n") + "\n", "gres.conf", "n", block));
  EXPECT_FALSE(block_of(block + block, "gres.conf", "n"));
  // A node whose name begins with this one's has a block of its own.
  EXPECT_EQ(*block_of(block_begin("n2") + "\n" + block_end("n2") + "\n", "g", "n"), std::nullopt);
}

TEST(SlurmConf, ForeignLinesAboutTheNodeAreSeen) {
  const std::string ours =
      block_begin("n") + "\nNodeName=n Name=gpu File=/dev/nvidia0 # x\n" + block_end("n") + "\n";
  EXPECT_TRUE(foreign_lines(ours + "NodeName=m Name=gpu File=/a\nName=nic File=/b\n", "n").empty());
  EXPECT_EQ(foreign_lines(ours + "Name=gpu File=/dev/nvidia1\n", "n").size(), 1U);
  EXPECT_EQ(foreign_lines("AutoDetect=nvml\n" + ours, "n").size(), 1U);
  EXPECT_EQ(foreign_lines("NodeName=[n,m] name=GPU File=/a\n" + ours, "n").size(), 1U);
}

TEST(SlurmConf, TheBlockTellsItsDevices) {
  const std::string line =
      "NodeName=n Name=gpu Type=1g MultipleFiles=/a,/b,/c # index=0 uuid=MIG-1 gpu=1 gi=3 ci=0\n";
  auto devices = devices_in(block_begin("n") + "\n" + line + block_end("n") + "\n", "gres.conf");
  ASSERT_TRUE(devices) << devices.error().text();
  ASSERT_EQ(devices->size(), 1U);
  EXPECT_EQ(devices->front().uuid, "MIG-1");
  EXPECT_EQ(devices->front().gpu.value, 1U);
  EXPECT_EQ(devices->front().gpu_instance->value, 3U);
  EXPECT_EQ(devices->front().type, "1g");
  EXPECT_EQ(devices->front().files.size(), 3U);
  EXPECT_FALSE(devices_in("NodeName=n Name=gpu Type=1g File=/a\n", "gres.conf"));
  EXPECT_FALSE(devices_in("NodeName=n Name=gpu File=/a # index=x uuid=MIG-1\n", "gres.conf"));
}

// What anybody may have written: no crash, and no byte lost.
TEST(SlurmConf, OddTextsAreRead) {
  for (const std::string text : {"",
                                 "\\",
                                 "\\\n",
                                 "a",
                                 "=",
                                 "a=\"",
                                 "a= \\\n",
                                 "#",
                                 "include ",
                                 "include",
                                 "NodeName=",
                                 "NodeName=n \\",
                                 "NodeName=n Gres=\n",
                                 "NodeName=n Gres=gpu\n",
                                 "\n\n\n",
                                 "a=b=c d\n",
                                 "a\\#b=1\n"}) {
    for (const ConfLine& line : conf_lines(text)) {
      EXPECT_LE(line.end, text.size());
      for (const ConfPair& pair : line.pairs) {
        EXPECT_LE(pair.begin, pair.end);
        EXPECT_LE(pair.end, text.size()) << text;
      }
    }
    if (auto line = node_line(text, "f", "n")) {
      EXPECT_NE(with_gres(text, *line, "gpu:1").find("gpu:1"), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace mig::slurm
