// SPDX-License-Identifier: Apache-2.0
#include "config/daemon_file.h"

#include <gtest/gtest.h>

namespace mig::config {
namespace {

TEST(DaemonFile, SaysWhatTheCommandLineCanSay) {
  const auto file = parse_daemon_file(R"(version: v1
socket: /run/x.sock
tenants: /etc/t.yaml
guard_nodes: on
listen: ["127.0.0.1:9400", "https://0.0.0.0:9443"]
hosts: [gpu-7.example]
tls:
  certificate: /etc/migctl/host.pem
  key: /etc/migctl/host.key
tokens: /etc/migctl/tokens.txt
keep_open: 30s
sample: 500ms
dcgm: 4.9
hpc_jobs: /var/run/dcgm-job-map
dcgm_activity: require
dcgm_engine: /run/dcgm/engine.sock
)",
                                      "migd.yaml");
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->socket, "/run/x.sock");
  EXPECT_EQ(file->guard_nodes, "on");
  EXPECT_EQ(file->listen, (std::vector<std::string>{"127.0.0.1:9400", "https://0.0.0.0:9443"}));
  EXPECT_EQ(file->hosts, std::vector<std::string>{"gpu-7.example"});
  EXPECT_EQ(file->tls_certificate, "/etc/migctl/host.pem");
  EXPECT_EQ(file->tls_key, "/etc/migctl/host.key");
  EXPECT_EQ(file->keep_open_ms, 30'000);
  EXPECT_EQ(file->sample_ms, 500);
  EXPECT_FALSE(file->sample_off);
  EXPECT_EQ(file->dcgm, "4.9");
  EXPECT_EQ(file->hpc_jobs, "/var/run/dcgm-job-map");
  EXPECT_EQ(file->dcgm_activity, "require");
  EXPECT_EQ(file->dcgm_engine, "/run/dcgm/engine.sock");
  EXPECT_TRUE(parse_daemon_file("version: v1\nsample: off\n", "migd.yaml")->sample_off);
  const auto least = parse_daemon_file("version: v1\n", "migd.yaml");
  ASSERT_TRUE(least);
  EXPECT_EQ(*least, DaemonFile());
}

TEST(DaemonFile, WhatIsWrongHasItsPlace) {
  struct Case {
    const char* text;
    const char* place;
    const char* says;
  };

  for (const Case& one : {
           Case{"", "migd.yaml:1:1: ", "the configuration of migd"},
           Case{"listen: []\n", "migd.yaml:1:1: ", "no version"},
           Case{"version: v2\n", "migd.yaml:1:1: ", "unknown version"},
           Case{"version: v1\nlisten: 127.0.0.1:9400\n", "migd.yaml:2:9: ", "a list"},
           Case{"version: v1\nlistn: []\n", "migd.yaml:2:1: ", "listn"},
           Case{"version: v1\ntls:\n  cert: /x\n", "migd.yaml:3:3: ", "cert"},
           Case{"version: v1\ntls:\n  key: x.pem\n", "migd.yaml:3:8: ", "absolute"},
           Case{"version: v1\nguard_nodes: maybe\n", "migd.yaml:2:14: ", "none of"},
           Case{"version: v1\nsample: 99ms\n", "migd.yaml:2:9: ", "100ms to 60s"},
           Case{"version: v1\nsample: 61s\n", "migd.yaml:2:9: ", "100ms to 60s"},
           Case{"version: v1\nsample: often\n", "migd.yaml:2:9: ", "sample"},
           Case{"version: v1\nsample: [1s]\n", "migd.yaml:2:9: ", "sample"},
           Case{"version: v1\ndcgm: 5.0\n", "migd.yaml:2:7: ", "off, legacy, 4.9"},
           Case{"version: v1\ndcgm_activity: on\n", "migd.yaml:2:16: ", "off, auto, require"},
           Case{"version: v1\ndcgm_engine: [a]\n", "migd.yaml:2:14: ", "a text"},
           Case{"version: v1\nhpc_jobs: jobs\n", "migd.yaml:2:11: ", "absolute"},
           Case{"version: v1\nkeep_open: 5\n", "migd.yaml:2:12: ", "keep_open"},
           Case{"version: v1\nhosts: [a, [b]]\n", "migd.yaml:2:12: ", "a text"},
           Case{"version: v1\nversion: v1\n", "migd.yaml:2:1: ", "version"},
       }) {
    const auto file = parse_daemon_file(one.text, "migd.yaml");
    ASSERT_FALSE(file) << one.text;
    EXPECT_EQ(file.error().code, ErrorCode::kInvalidInput) << one.text;
    EXPECT_TRUE(file.error().message.starts_with(one.place)) << file.error().message;
    EXPECT_NE(file.error().message.find(one.says), std::string::npos) << file.error().message;
  }
}

}  // namespace
}  // namespace mig::config
