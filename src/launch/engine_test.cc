// SPDX-License-Identifier: Apache-2.0
#include "launch/engine.h"

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

using Words = std::vector<std::string>;

Result<EngineFacts> docker(const char* info) {
  return parse_engine(EngineKind::kDocker, info);
}

Result<EngineFacts> podman(const char* info) {
  return parse_engine(EngineKind::kPodman, info);
}

TEST(Engine, DockerTellsOfCdiByItsFolders) {
  const auto facts = docker(R"({"ServerVersion": "29.6.2", "CgroupDriver": "systemd",
      "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"], "SecurityOptions": ["name=seccomp,profile=builtin"]})");
  ASSERT_TRUE(facts) << facts.error().text();
  EXPECT_EQ(facts->form, DeviceForm::kCdi);
  EXPECT_EQ(facts->cdi_folders, (Words{"/etc/cdi", "/var/run/cdi"}));
  EXPECT_EQ(facts->cgroups, (lease::ContainerCgroups{true, false}));
}

TEST(Engine, DockerWithCdiSwitchedOffIsToldWhatToSet) {
  const auto facts = docker(R"({"ServerVersion": "25.0.3", "CDISpecDirs": null})");
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, ErrorCode::kNotSupported);
  EXPECT_NE(facts.error().hint.find(R"({"features": {"cdi": true}})"), std::string::npos);
}

TEST(Engine, OlderDockerTakesGpus) {
  EXPECT_EQ(docker(R"({"ServerVersion": "24.0.9"})")->form, DeviceForm::kGpusFlag);
  EXPECT_EQ(docker(R"({"ServerVersion": "18.9.1"})").error().code, ErrorCode::kNotSupported);
}

TEST(Engine, DockerThatDoesNotAnswer) {
  const auto facts = docker(R"({"ServerErrors": ["Cannot connect"], "ServerVersion": ""})");
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, ErrorCode::kIo);
  EXPECT_NE(facts.error().message.find("Cannot connect"), std::string::npos);
}

TEST(Engine, DockerOfOwnMakeIsTakenByWhatItSays) {
  EXPECT_EQ(docker(R"({"ServerVersion": "dev", "CDISpecDirs": ["/etc/cdi"]})")->form,
            DeviceForm::kCdi);
  EXPECT_EQ(docker(R"({"ServerVersion": "dev", "CDISpecDirs": []})").error().code,
            ErrorCode::kNotSupported);
}

TEST(Engine, RootlessDockerWithoutSystemdMakesNoCgroups) {
  EXPECT_FALSE(docker(R"({"ServerVersion": "29.0.0", "CDISpecDirs": ["/etc/cdi"],
      "CgroupDriver": "none", "SecurityOptions": ["name=rootless"]})")
                   ->cgroups);
}

TEST(Engine, PodmanNeedsFourOne) {
  EXPECT_EQ(podman(R"({"version": {"Version": "4.0.3"}})").error().code, ErrorCode::kNotSupported);
  const auto facts = podman(R"({"version": {"Version": "4.3.1"},
      "host": {"cgroupManager": "cgroupfs", "cgroupVersion": "v2", "security": {"rootless": false}}})");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->cdi_folders, (Words{"/etc/cdi", "/var/run/cdi"}));
  EXPECT_EQ(facts->cgroups, (lease::ContainerCgroups{false, false}));
}

TEST(Engine, RootlessPodmanHasCgroupsWithSystemdAndCgroupV2Only) {
  const auto of = [](const char* manager, const char* version) {
    const std::string text =
        std::string(R"({"version": {"Version": "5.2.0"}, "host": {"cgroupManager": ")") + manager +
        R"(", "cgroupVersion": ")" + version + R"(", "security": {"rootless": true}}})";
    return podman(text.c_str())->cgroups;
  };
  EXPECT_EQ(of("systemd", "v2"), (lease::ContainerCgroups{true, true}));
  EXPECT_FALSE(of("cgroupfs", "v2"));
  EXPECT_FALSE(of("systemd", "v1"));
}

// Podman 4.3.1 of Debian 12, whose default follows containers.conf.
TEST(Engine, PodmansHelpTellsHowRootsMakesCgroups) {
  constexpr const char* kHelp =
      "Options:\n      --cgroup-manager string       Cgroup manager to use "
      "(\"cgroupfs\"|\"systemd\") "
      "(default \"systemd\")\n      --conmon string   (default \"x\")\n";
  const auto facts = parse_podman_help("podman version 4.3.1\n", kHelp);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->version, "4.3.1");
  EXPECT_EQ(facts->cgroups, (lease::ContainerCgroups{true, false}));
  EXPECT_FALSE(parse_podman_help("podman version 3.4.4\n", kHelp)) << "`podman info` says why not";
  EXPECT_FALSE(parse_podman_help("podman version 4.3.1\n", "  --conmon string (default \"x\")\n"));
  EXPECT_FALSE(parse_podman_help("--version\n", kHelp));
  EXPECT_FALSE(parse_podman_help("", ""));
}

TEST(Engine, OtherTextIsRefused) {
  for (const char* text : {"", "[]", "null", "{", R"({"version": 4})"}) {
    EXPECT_FALSE(podman(text)) << text;
    EXPECT_FALSE(docker(text)) << text;
  }
}

TEST(EngineWords, WhatWouldGoPastTheLeaseIsRefused) {
  for (const Words& words : {Words{"--gpus", "all", "i"},
                             Words{"--gpus=all", "i"},
                             Words{"--device=nvidia.com/gpu=0:0", "i"},
                             Words{"--device", "/dev/nvidia-caps/nvidia-cap1", "i"},
                             Words{"-it", "--rm", "--device", "/dev/nvidia0:/dev/nvidia1", "i"},
                             Words{"-e", "NVIDIA_VISIBLE_DEVICES=all", "i"},
                             Words{"-eNVIDIA_VISIBLE_DEVICES=all", "i"},
                             Words{"--privileged", "i"},
                             Words{"-h", "host", "--privileged", "i"},
                             Words{"--tls-verify", "--privileged", "i"},
                             Words{"--use-api-socket", "--gpus", "all", "i"},
                             Words{"--restart=unless-stopped", "i"},
                             Words{"-itd", "i"},
                             Words{"--detach", "i"},
                             Words{"--cgroup-parent", "/x", "i"},
                             Words{"--cgroups", "disabled", "i"},
                             Words{"--pod", "p", "i"}}) {
    const auto told = check_engine_words(EngineKind::kPodman, words);
    ASSERT_FALSE(told) << words[0];
    EXPECT_EQ(told.error().code, ErrorCode::kUsage);
    EXPECT_NE(told.error().message.find("cannot be given"), std::string::npos);
    EXPECT_FALSE(told.error().hint.empty());
  }
}

TEST(EngineWords, TheRestPasses) {
  for (const Words& words : {Words{"i"},
                             Words{"--rm", "i", "--gpus", "all"},
                             Words{"-it", "--rm", "i", "bash"},
                             Words{"-v", "--gpus", "i"},
                             Words{"-v/a:/b", "i", "-d"},
                             Words{"--device", "/dev/fuse", "i"},
                             Words{"--restart", "no", "i"},
                             Words{"--privileged=false", "i"},
                             Words{"-p", "80:80", "-e", "A=NVIDIA_VISIBLE_DEVICES=1", "i"},
                             Words{"--rootfs", "/r", "/bin/sh", "-d"}}) {
    EXPECT_TRUE(check_engine_words(EngineKind::kPodman, words)) << words[0];
  }
  const auto told =
      check_engine_words(EngineKind::kDocker, {"--name=a", "--cidfile", "/f", "i", "--name", "b"});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->name, "a");
  EXPECT_EQ(told->id_file, "/f");
}

TEST(EngineWords, WithoutAnImage) {
  EXPECT_EQ(check_engine_words(EngineKind::kDocker, {}).error().code, ErrorCode::kUsage);
  EXPECT_EQ(check_engine_words(EngineKind::kDocker, {"--rm"}).error().code, ErrorCode::kUsage);
  EXPECT_EQ(check_engine_words(EngineKind::kDocker, {"-v", "/a:/b"}).error().code,
            ErrorCode::kUsage);
}

}  // namespace
}  // namespace mig::launch
