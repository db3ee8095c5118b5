// SPDX-License-Identifier: Apache-2.0
#include "config/cdi_spec.h"

#include <gtest/gtest.h>

namespace mig::config {
namespace {

// In the form of NVIDIA Container Toolkit's files.
constexpr const char* kYaml = R"(---
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
    - name: "0:1"
      containerEdits:
        deviceNodes:
            - path: /dev/nvidia0
            - path: /dev/nvidia-caps/nvidia-cap12
              hostPath: /run/dev/nvidia-caps/nvidia-cap12
              major: 241
              minor: 12
        hooks:
            - hookName: createContainer
              path: /usr/bin/nvidia-cdi-hook
              args: [nvidia-cdi-hook, chmod]
containerEdits:
    env: [NVIDIA_VISIBLE_DEVICES=void]
    mounts:
        - hostPath: /lib/libcuda.so.580.1
          containerPath: /lib/libcuda.so.580.1
          options: [ro]
    somethingNew: 1
)";

TEST(CdiSpec, Yaml) {
  const auto spec = parse_cdi_spec(kYaml, "f");
  ASSERT_TRUE(spec) << spec.error().text();
  EXPECT_EQ(spec->version, "0.5.0");
  EXPECT_EQ(spec->kind, "nvidia.com/gpu");
  ASSERT_EQ(spec->devices.size(), 1U);
  const CdiDevice& device = spec->devices[0];
  EXPECT_EQ(device.name, "0:1");
  ASSERT_EQ(device.edits.nodes.size(), 2U);
  EXPECT_EQ(device.edits.nodes[0].host_path, "/dev/nvidia0");
  EXPECT_FALSE(device.edits.nodes[0].minor_number);
  EXPECT_EQ(device.edits.nodes[1].path, "/dev/nvidia-caps/nvidia-cap12");
  EXPECT_EQ(device.edits.nodes[1].host_path, "/run/dev/nvidia-caps/nvidia-cap12");
  EXPECT_EQ(device.edits.nodes[1].major_number, 241U);
  EXPECT_EQ(device.edits.nodes[1].minor_number, 12U);
  EXPECT_EQ(device.edits.hooks, std::vector<std::string>{"/usr/bin/nvidia-cdi-hook"});
  EXPECT_EQ(spec->common.mounts, std::vector<std::string>{"/lib/libcuda.so.580.1"});
}

TEST(CdiSpec, Json) {
  const auto spec = parse_cdi_spec(
      R"({"cdiVersion":"0.6.0","kind":"a.com/b","devices":[{"name":"x","containerEdits":{}}]})",
      "f");
  ASSERT_TRUE(spec) << spec.error().text();
  EXPECT_EQ(spec->devices[0].name, "x");
}

TEST(CdiSpec, WhatIsReadHasItsType) {
  for (const char* text : {"",
                           "[]",
                           "kind: a/b",
                           "{cdiVersion: 1, kind: a/b, devices: []}",
                           "{cdiVersion: 1, kind: [a], devices: [{name: x}]}",
                           "{cdiVersion: 1, kind: a/b, devices: {name: x}}",
                           "{cdiVersion: 1, kind: a/b, devices: [x]}",
                           "{cdiVersion: 1, kind: a/b, devices: [{name: x, containerEdits: 1}]}",
                           "{cdiVersion: 1, kind: a/b, devices: [{name: x, containerEdits: "
                           "{deviceNodes: [{path: a, minor: -1}]}}]}"}) {
    const auto spec = parse_cdi_spec(text, "f.yaml");
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().code, ErrorCode::kInvalidInput) << text;
    EXPECT_NE(spec.error().text().find("f.yaml"), std::string::npos) << spec.error().text();
  }
}

}  // namespace
}  // namespace mig::config
