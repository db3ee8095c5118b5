// SPDX-License-Identifier: Apache-2.0
// Words, help and the reference page. After an intended change: MIG_UPDATE_GOLDENS=1 kube_main_test
#include "kubernetes/main/settings.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

namespace mig::kube {
namespace {

constexpr std::string_view kMark =
    "<!-- below: the help text; made by MIG_UPDATE_GOLDENS=1 kube_main_test -->\n";

Result<Settings> parsed(const std::vector<std::string>& args,
                        const std::map<std::string, std::string>& environment = {}) {
  return parse_settings(args, [&](const std::string& name) {
    const auto at = environment.find(name);
    return at == environment.end() ? "" : at->second;
  });
}

TEST(Settings, WordsWinOverTheEnvironment) {
  const auto both = parsed({"--node-name", "a"}, {{"NODE_NAME", "b"}});
  ASSERT_TRUE(both);
  EXPECT_EQ(both->node_name, "a");
  const auto environment = parsed({}, {{"NODE_NAME", "b"}, {"KUBECONFIG", "/etc/k"}});
  ASSERT_TRUE(environment);
  EXPECT_EQ(environment->node_name, "b");
  EXPECT_EQ(environment->kubeconfig, "/etc/k");
}

TEST(Settings, FoldersAreBelowTheKubelets) {
  const auto settings = parsed({"--node-name=a", "--kubelet-dir", "/k", "--registry-dir", "/r"});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->plugins_dir, "/k/plugins");
  EXPECT_EQ(settings->registry_dir, "/r");
  EXPECT_EQ(settings->device_dir, "/k/device-plugins");
  EXPECT_EQ(settings->pod_resources, "/k/pod-resources/kubelet.sock");
}

TEST(Settings, DefaultsOfTheEnvironmentDoNotHideADefault) {
  const auto settings =
      parsed({"--node-name", "a"}, {{"MIG_STRATEGY", "single"}, {"POD_NAMESPACE", "gpu"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->mig_strategy, "single");
  EXPECT_EQ(settings->name_space, "gpu");
  const auto plain = parsed({"--node-name", "a"});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->mig_strategy, "mixed");
  EXPECT_EQ(plain->name_space, "migctl");
  EXPECT_EQ(plain->mode, "auto");
  EXPECT_TRUE(plain->node_config);
}

TEST(Settings, WrongWordsAreNamed) {
  const auto message = [](const std::vector<std::string>& args) {
    const auto settings = parsed(args);
    EXPECT_FALSE(settings);
    return settings ? "" : settings.error().text();
  };
  EXPECT_NE(message({}).find("NODE_NAME"), std::string::npos);
  EXPECT_NE(message({"--node-name", "A b"}).find("--node-name"), std::string::npos);
  EXPECT_NE(message({"--node-name", "a", "--mode", "both"}).find("dra, device-plugin, auto"),
            std::string::npos);
  EXPECT_NE(message({"--node-name", "a", "--state-dir", "here"}).find("absolute path"),
            std::string::npos);
  EXPECT_NE(message({"--node-name", "a", "--node-config", "maybe"}).find("node-config"),
            std::string::npos);
  EXPECT_NE(message({"--frobnicate"}), "");
  EXPECT_NE(message({"--node-name", "a", "more"}), "");
}

TEST(Settings, XidsThatAreIgnored) {
  const auto settings =
      parsed({"--node-name", "a", "--ignore-xids", "94,119,94", "--xid-effect", "NoExecute"});
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(settings->ignored_xids, (std::set<std::uint64_t>{94, 119}));
  EXPECT_EQ(settings->xid_effect, "NoExecute");
  const auto plain = parsed({"--node-name", "a"});
  EXPECT_TRUE(plain->ignored_xids.empty());
  EXPECT_EQ(plain->xid_effect, "NoSchedule");
  for (const char* wrong : {"94,", "x", "94 119", "-1", "10000", "all", "94,,95"}) {
    const auto bad = parsed({"--node-name", "a", "--ignore-xids", wrong});
    ASSERT_FALSE(bad) << wrong;
    EXPECT_NE(bad.error().text().find("--ignore-xids takes numbers"), std::string::npos);
  }
  EXPECT_FALSE(parsed({"--node-name", "a", "--xid-effect", "None"}));
}

TEST(Settings, Verbs) {
  EXPECT_EQ(parsed({"--help"})->verb, Settings::Verb::kHelp);
  EXPECT_EQ(parsed({"--version"})->verb, Settings::Verb::kVersion);
  const auto check = parsed({"check", "--ready", "--state-dir", "/s"});
  ASSERT_TRUE(check) << check.error().text();
  EXPECT_EQ(check->verb, Settings::Verb::kCheck);
  EXPECT_TRUE(check->ready);
  EXPECT_EQ(check->state_dir, "/s") << "a check needs no node's name";
  EXPECT_EQ(parsed({"--node-name", "a"})->verb, Settings::Verb::kServe);
}

TEST(Settings, ReferencePageHoldsTheHelp) {
  const std::string path = std::string(MIG_REFERENCE) + "/mig-kubelet.md";
  std::ifstream stream(path);
  ASSERT_TRUE(stream) << path;
  std::ostringstream content;
  content << stream.rdbuf();
  const std::string text = content.str();
  const auto at = text.find(kMark);
  ASSERT_NE(at, std::string::npos);
  const std::string wanted = text.substr(0, at + kMark.size()) + "\n```\n" + help_text() + "```\n";
  if (std::getenv("MIG_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path) << wanted;
    return;
  }
  EXPECT_EQ(text, wanted);
}

}  // namespace
}  // namespace mig::kube
