// SPDX-License-Identifier: Apache-2.0
#include "launch/engine_place.h"

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

TEST(EnginePlace, ASocketIsOfThisMachine) {
  for (const char* here : {"", "unix:///var/run/docker.sock", "unix:/run/podman/podman.sock"}) {
    EXPECT_TRUE(on_this_machine(here)) << here;
  }
  for (const char* far :
       {"ssh://evil.test", "tcp://127.0.0.1:2375", "npipe:////./pipe/x", "unix"}) {
    EXPECT_FALSE(on_this_machine(far)) << far;
  }
}

// As Docker 28.2.2 writes it.
TEST(EnginePlace, TheContextOfDockersSettings) {
  EXPECT_EQ(context_of_settings("{\n\t\"auths\": {},\n\t\"currentContext\": \"far\"\n}"), "far");
  EXPECT_EQ(context_of_settings(R"({"auths": {}})"), "");
  for (const char* text : {"", "[]", "{", "null"}) {
    EXPECT_EQ(context_of_settings(text), std::nullopt) << text;
  }
}

// As Podman 4.3.1 prints it.
constexpr const char* kConnections = R"([
    {
        "Name": "other",
        "URI": "ssh://evil.test:22/run/podman/podman.sock",
        "Identity": "",
        "IsMachine": false,
        "Default": true
    },
    {"Name": "local", "URI": "unix:///run/podman/podman.sock", "Default": false}
])";

TEST(EnginePlace, APodmanConnectionByItsName) {
  EXPECT_EQ(*podman_connection(kConnections, "local"), "unix:///run/podman/podman.sock");
  EXPECT_EQ(*podman_connection(kConnections, "other"), "ssh://evil.test:22/run/podman/podman.sock");
  const auto unknown = podman_connection(kConnections, "nope");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kUsage);
}

TEST(EnginePlace, TheDefaultConnection) {
  EXPECT_EQ(*podman_connection(kConnections, ""), "ssh://evil.test:22/run/podman/podman.sock");
  EXPECT_EQ(*podman_connection("[]", ""), "") << "the usual socket";
  EXPECT_FALSE(podman_connection("nonsense", ""));
}

}  // namespace
}  // namespace mig::launch
