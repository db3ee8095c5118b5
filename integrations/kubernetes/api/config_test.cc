// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/file.h"
#include "kubernetes/api/client.h"
#include "kubernetes/api/kubeconfig.h"

namespace mig::kube {
namespace {

namespace fs = std::filesystem;

std::string kubeconfig(const std::string& cluster, const std::string& user) {
  return fmt::format(
      "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
      "contexts:\n- name: other\n  context: {{cluster: none, user: none}}\n"
      "- name: here\n  context: {{cluster: c, user: u, namespace: team}}\n"
      "clusters:\n- name: c\n  cluster: {{{}}}\nusers:\n- name: u\n  user: {{{}}}\n"
      "preferences: {{}}\n",
      cluster,
      user);
}

Result<ApiConfig> of(const std::string& cluster, const std::string& user) {
  return parse_kubeconfig(kubeconfig(cluster, user), "/etc/k/config");
}

const std::string kServer = "server: \"https://evil.test:1\"";

TEST(Kubeconfig, TheCurrentContextsClusterAndUser) {
  const std::string pem = "-----BEGIN CERTIFICATE-----\nx\n";
  const auto config =
      of(kServer + ", tls-server-name: api, certificate-authority-data: " + base::base64(pem),
         "client-certificate: cert.pem, client-key: /abs/key.pem, token: t");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->server, "https://evil.test:1");
  EXPECT_EQ(config->tls_server_name, "api");
  EXPECT_EQ(config->ca_data, pem);
  EXPECT_EQ(config->client_cert_file, "/etc/k/cert.pem");
  EXPECT_EQ(config->client_key_file, "/abs/key.pem");
  EXPECT_EQ(config->token, "t");
  EXPECT_EQ(config->own_namespace, "team");
  EXPECT_FALSE(config->skip_tls_verify);
  const auto by_file = of(kServer + ", insecure-skip-tls-verify: true", "tokenFile: tok, token: t");
  EXPECT_EQ(by_file->token_file, "/etc/k/tok");
  EXPECT_EQ(by_file->token, "") << "the file goes before";
  EXPECT_TRUE(by_file->skip_tls_verify);
}

TEST(Kubeconfig, WhatIsNotSupportedIsNamed) {
  for (const char* user : {"exec: {command: aws}",
                           "auth-provider: {name: gcp}",
                           "username: x",
                           "password: y",
                           "as: z"}) {
    const auto config = of(kServer, user);
    ASSERT_FALSE(config) << user;
    EXPECT_EQ(config.error().code, ErrorCode::kNotSupported);
    const std::string word = std::string(user).substr(0, std::string(user).find(':'));
    EXPECT_NE(config.error().message.find(word + " is not supported"), std::string::npos);
    EXPECT_TRUE(config.error().message.starts_with("/etc/k/config:14:")) << config.error().message;
  }
  EXPECT_EQ(of(kServer + ", proxy-url: x", "token: t").error().code, ErrorCode::kNotSupported);
}

TEST(Kubeconfig, WhatIsWrongIsNamedWithItsPlace) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {of("server: \"\"", "token: t").error().message, "no server"},
      {of(kServer, "tokn: t").error().message, "unknown member \"tokn\""},
      {of(kServer + ", sever: x", "token: t").error().message, "unknown member \"sever\""},
      {of(kServer, "token: [t]").error().message, "token: a text is expected"},
      {of(kServer, "client-key: k").error().message, "client-key without a client-certificate"},
      {of(kServer + ", certificate-authority-data: '!!'", "").error().message, "no base64 of PEM"},
      {of(kServer + ", insecure-skip-tls-verify: yes", "").error().message, "true or false"},
      {of(kServer + ", insecure-skip-tls-verify: true, certificate-authority: x", "")
           .error()
           .message,
       "exclude one another"}};
  for (const auto& [message, part] : wrong) {
    EXPECT_TRUE(message.starts_with("/etc/k/config:")) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  for (const char* text : {"",
                           "x",
                           "[]",
                           "kind: Config",
                           "current-context: a",
                           "current-context: a\ncontexts: 7",
                           "current-context: a\ncontexts: [{name: a}]",
                           "current-context: a\ncontexts: [{name: a, context: {cluster: b}}]",
                           "a: &x 1\nb: *x"}) {
    const auto config = parse_kubeconfig(text, "f");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, ErrorCode::kInvalidInput) << text;
  }
}

class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "api_config.XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }

  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text, unsigned mode = 0600) {
    const std::string path = folder_ + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    EXPECT_TRUE(base::write_file_atomic(path, text, mode));
    return path;
  }

  std::string folder_;
};

TEST_F(ConfigTest, SecretsThatOthersCanReadAreWarnedOf) {
  const std::string secret = write("a", kubeconfig(kServer, "token: hidden"), 0644);
  const auto config = api_config(secret);
  ASSERT_EQ(config->warnings.size(), 1U);
  EXPECT_NE(config->warnings[0].find(secret), std::string::npos);
  EXPECT_EQ(config->warnings[0].find("hidden"), std::string::npos);
  EXPECT_TRUE(api_config(write("b", kubeconfig(kServer, "token: x"), 0600))->warnings.empty());
  EXPECT_TRUE(api_config(write("c", kubeconfig(kServer, "tokenFile: x"), 0644))->warnings.empty());
  EXPECT_EQ(api_config(folder_ + "/none").error().code, ErrorCode::kNotFound);
}

TEST_F(ConfigTest, APodsAccount) {
  const std::string account = "var/run/secrets/kubernetes.io/serviceaccount/";
  write(account + "namespace", "team\n");
  const auto v4 = api_config("", {"127.0.0.1", "443", folder_});
  ASSERT_TRUE(v4) << v4.error().text();
  EXPECT_EQ(v4->server, "https://127.0.0.1:443");
  EXPECT_EQ(v4->token_file, folder_ + "/" + account + "token");
  EXPECT_EQ(v4->ca_file, folder_ + "/" + account + "ca.crt");
  EXPECT_EQ(v4->own_namespace, "team");
  EXPECT_EQ(api_config("", {"fd00::1", "6443", folder_})->server, "https://[fd00::1]:6443");
  EXPECT_EQ(api_config("", {"h", "443x", folder_}).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(api_config("", {"", "", folder_}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(api_config("", {"h", "1", folder_ + "/none"}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace mig::kube
