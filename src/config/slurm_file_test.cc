// SPDX-License-Identifier: Apache-2.0
#include "config/slurm_file.h"

#include <gtest/gtest.h>

namespace mig::config {
namespace {

Error refused_file(const std::string& text) {
  const auto file = parse_slurm_file(text, "slurm.yaml");
  EXPECT_FALSE(file) << text;
  return file ? Error{} : file.error();
}

TEST(SlurmFile, SaysWhatItSays) {
  const auto file = parse_slurm_file(
      "version: v1\nnode: gpu01\ntypes: nvml\nform: autodetect\nlease: require\ndrain: 2h\n"
      "settle: 5s\nlease_time: 7d\nslurm_conf: /s/slurm.conf\n"
      "restart:\n  slurmctld: [ssh, ctl, systemctl, restart, slurmctld]\n",
      "slurm.yaml");
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->node, "gpu01");
  EXPECT_EQ(file->types, "nvml");
  EXPECT_EQ(file->form, "autodetect");
  EXPECT_EQ(file->lease, "require");
  EXPECT_EQ(file->drain_ms, 7'200'000);
  EXPECT_EQ(file->settle_ms, 5'000);
  EXPECT_EQ(file->slurm_conf, "/s/slurm.conf");
  EXPECT_EQ(file->restart_slurmctld.size(), 5U);
  EXPECT_TRUE(file->restart_slurmd.empty());
}

TEST(SlurmFile, IsRefusedWithItsPlace) {
  EXPECT_NE(refused_file("version: v1\nnodes: gpu01\n").text().find("slurm.yaml:2:1"),
            std::string::npos);
  EXPECT_NE(refused_file("version: v1\nnode: gpu[01-04]\n").text().find("slurm.yaml:2:7"),
            std::string::npos);
  EXPECT_NE(
      refused_file("version: v1\nrestart: {slurmd: systemctl restart slurmd}\n").hint.find("shell"),
      std::string::npos);
  EXPECT_NE(refused_file("version: v1\nrestart: {slurmd: []}\n").text().find("restart.slurmd"),
            std::string::npos);
  EXPECT_NE(refused_file("version: v1\ngres_conf: gres.conf\n").text().find("absolute"),
            std::string::npos);
  EXPECT_NE(refused_file("version: v1\ntypes: mine\n").text().find("profile, nvml"),
            std::string::npos);
  EXPECT_NE(refused_file("node: gpu01\n").text().find("no version"), std::string::npos);
  EXPECT_NE(refused_file("").text().find("empty"), std::string::npos);
}

}  // namespace
}  // namespace mig::config
