// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/client.h"

#include <cstdlib>

#include "kubernetes/api/test_fake_api.h"

namespace mig::kube {
namespace {

constexpr const char* kNode = "/api/v1/nodes/n1";

class ClientTest : public ::testing::Test {
 protected:
  FakeApi fake_;
};

Json named(const std::string& name) {
  return {{"metadata", {{"name", name}}}};
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST_F(ClientTest, ObjectsAreMadeReadChangedAndRemoved) {
  const auto api = fake_.client();
  const auto made = api->create("/api/v1/nodes", named("n1"));
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->at("metadata").at("name"), "n1");
  EXPECT_EQ(code_of(api->create("/api/v1/nodes", named("n1"))), ErrorCode::kConflict);

  auto patched = api->patch(kNode, {{"metadata", {{"labels", {{"a", "b"}, {"c", "d"}}}}}});
  ASSERT_TRUE(patched) << patched.error().text();
  patched = api->patch(kNode, {{"metadata", {{"labels", {{"a", nullptr}}}}}});
  EXPECT_EQ(patched->at("metadata").at("labels").dump(), R"({"c":"d"})");

  Json stale = *made;
  EXPECT_EQ(code_of(api->replace(kNode, stale)), ErrorCode::kConflict);
  stale["metadata"]["resourceVersion"] = patched->at("metadata").at("resourceVersion");
  stale["spec"] = "x";
  ASSERT_TRUE(api->replace(kNode, stale));
  EXPECT_EQ(api->get(kNode)->at("spec"), "x");

  EXPECT_TRUE(api->remove(kNode, "another uid"));  // that one is gone
  EXPECT_TRUE(api->get(kNode));
  EXPECT_TRUE(api->remove(kNode, made->at("metadata").at("uid").get<std::string>()));
  EXPECT_EQ(code_of(api->get(kNode)), ErrorCode::kNotFound);
  EXPECT_TRUE(api->remove(kNode, ""));
}

TEST_F(ClientTest, RequestsSayWhatTheyAre) {
  fake_.put(kNode, named("n1"));
  const auto api = fake_.client();
  ASSERT_TRUE(api->patch(kNode, {{"spec", 1}}));
  ASSERT_TRUE(api->create("/api/v1/nodes", named("n2")));
  const Json asked = fake_.requests();
  EXPECT_EQ(asked[0]["headers"]["content-type"], "application/merge-patch+json");
  EXPECT_EQ(asked[1]["headers"]["content-type"], "application/json");
  EXPECT_TRUE(asked[0]["headers"]["user-agent"].get<std::string>().starts_with("mig-kubelet/"));
  EXPECT_FALSE(asked[0]["headers"].contains("authorization"));
}

TEST_F(ClientTest, AListHasAllPagesAndASelector) {
  for (int i = 0; i < 1203; ++i) {
    fake_.put(fmt::format("/api/v1/namespaces/x/pods/p{:04}", i),
              {{"spec", {{"nodeName", i % 2 == 0 ? "n1" : "n2"}}}});
  }
  const auto api = fake_.client();
  fake_.requests();
  const auto all = api->list("/api/v1/pods", "");
  ASSERT_TRUE(all) << all.error().text();
  EXPECT_EQ(all->at("items").size(), 1203U);
  EXPECT_EQ(all->at("items")[1202]["metadata"]["name"], "p1202");
  EXPECT_FALSE(all->at("metadata").at("resourceVersion").get<std::string>().empty());
  EXPECT_EQ(fake_.requests().size(), 3U);
  const auto some =
      api->list("/api/v1/pods", "fieldSelector=" + percent_encoded("spec.nodeName=n1"));
  EXPECT_EQ(some->at("items").size(), 602U);

  // Too old to be continued: once from the beginning.
  fake_.fault({{"match", "continue=500"}, {"do", "status"}, {"code", 410}});
  EXPECT_EQ(api->list("/api/v1/pods", "")->at("items").size(), 1203U);
  fake_.fault({{"match", "continue=500"}, {"do", "status"}, {"code", 410}, {"times", 9}});
  EXPECT_EQ(code_of(api->list("/api/v1/pods", "")), ErrorCode::kConflict);
}

TEST_F(ClientTest, RefusalsHaveTheServersWords) {
  const auto api = fake_.client();
  const auto missing = api->get(kNode);
  EXPECT_NE(missing.error().message.find("nodes \"n1\" not found"), std::string::npos);
  const std::vector<std::pair<int, ErrorCode>> codes = {{400, ErrorCode::kInvalidInput},
                                                        {401, ErrorCode::kPermission},
                                                        {403, ErrorCode::kPermission},
                                                        {409, ErrorCode::kConflict},
                                                        {410, ErrorCode::kConflict},
                                                        {413, ErrorCode::kTooLarge},
                                                        {422, ErrorCode::kInvalidInput},
                                                        {429, ErrorCode::kIo},
                                                        {500, ErrorCode::kIo},
                                                        {503, ErrorCode::kIo},
                                                        {504, ErrorCode::kTimeout}};
  for (const auto& [status, code] : codes) {
    fake_.fault({{"match", ""},
                 {"do", "status"},
                 {"code", status},
                 {"body", {{"message", "because\x1b[2J"}, {"reason", "Reason"}}}});
    const auto refused = api->get(kNode);
    EXPECT_EQ(code_of(refused), code) << status;
    EXPECT_NE(refused.error().message.find("Reason: because\\u001b"), std::string::npos)
        << refused.error().message;
  }
}

TEST_F(ClientTest, OfTwoEvictionsTheBudgetRefusesOne) {
  fake_.put("/api/v1/namespaces/x/pods/a", named("a"));
  fake_.put("/api/v1/namespaces/x/pods/b", named("b"));
  fake_.ask({{"set", {{"budget", {"b"}}}}});
  const auto api = fake_.client();
  EXPECT_TRUE(api->evict("x", "a", ""));
  EXPECT_TRUE(api->evict("x", "a", "")) << "gone already";
  EXPECT_TRUE(api->evict("x", "b", "of an earlier pod"));
  const auto refused = api->evict("x", "b", "");
  EXPECT_EQ(code_of(refused), ErrorCode::kInUse);
  EXPECT_NE(refused.error().message.find("disruption budget"), std::string::npos);
  EXPECT_TRUE(fake_.ask({{"get", "/api/v1/namespaces/x/pods/b"}}).is_object());
}

// Whoever asks for the eviction says why the pod stays, and asks again later.
TEST_F(ClientTest, ADisruptionBudgetIsNotWaitedFor) {
  fake_.put("/api/v1/namespaces/x/pods/b", named("b"));
  fake_.fault(
      {{"match", "eviction"},
       {"do", "status"},
       {"code", 429},
       {"headers", {{"Retry-After", "1"}}},
       {"body", Json::parse(R"({"details": {"causes": [{"reason": "DisruptionBudget"}]}})")}});
  const auto api = fake_.client();
  EXPECT_FALSE(api->evict("x", "b", ""));
  EXPECT_TRUE(api->evict("x", "b", ""));
}

TEST_F(ClientTest, TooManyRequestsIsWaitedForOnce) {
  fake_.put(kNode, named("n1"));
  const auto api = fake_.client();
  Json busy = {{"match", ""}, {"do", "status"}, {"code", 429}, {"headers", {{"Retry-After", "1"}}}};
  fake_.fault(busy);
  EXPECT_TRUE(api->get(kNode));
  busy["times"] = 2;
  fake_.fault(busy);
  EXPECT_EQ(code_of(api->get(kNode)), ErrorCode::kIo);
  EXPECT_TRUE(api->get(kNode)) << "both were used";
  ApiConfig patient = fake_.config();
  patient.second = std::chrono::milliseconds(300);
  busy["times"] = 1;
  fake_.fault(busy);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(FakeApi::client(patient)->get(kNode));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, patient.second);
  // What is too long for the time limit is not waited for.
  ApiConfig hasty = fake_.config();
  hasty.second = std::chrono::hours(1);
  fake_.fault(busy);
  EXPECT_EQ(code_of(FakeApi::client(hasty)->get(kNode)), ErrorCode::kIo);
}

TEST_F(ClientTest, ARedirectIsNotFollowed) {
  fake_.fault({{"match", ""},
               {"do", "status"},
               {"code", 307},
               {"headers", {{"Location", "https://evil.test/x"}}}});
  const auto refused = fake_.client()->get(kNode);
  EXPECT_EQ(code_of(refused), ErrorCode::kIo);
  EXPECT_NE(refused.error().message.find("evil.test"), std::string::npos);
  EXPECT_EQ(fake_.requests().size(), 1U);
}

TEST_F(ClientTest, BrokenAnswersAreErrors) {
  const auto api = fake_.client();
  fake_.fault({{"match", ""}, {"do", "cut"}});
  EXPECT_EQ(code_of(api->get(kNode)), ErrorCode::kIo);
  fake_.fault({{"match", ""}, {"do", "garbage"}});
  EXPECT_EQ(code_of(api->get(kNode)), ErrorCode::kInvalidInput);
  fake_.fault({{"match", ""}, {"do", "garbage"}});
  EXPECT_EQ(code_of(api->list("/api/v1/nodes", "")), ErrorCode::kInvalidInput);
  fake_.fault({{"match", ""}, {"do", "huge"}, {"bytes", 5 << 20}});
  EXPECT_EQ(code_of(api->get(kNode)), ErrorCode::kTooLarge);
  fake_.fault({{"match", ""}, {"do", "huge"}, {"bytes", 65 << 20}});
  EXPECT_EQ(code_of(api->list("/api/v1/nodes", "")), ErrorCode::kTooLarge);
}

TEST_F(ClientTest, TimeLimits) {
  ApiConfig config = fake_.config();
  config.timeout = std::chrono::milliseconds(50);
  fake_.fault({{"match", ""}, {"do", "hang"}, {"times", 9}});
  EXPECT_EQ(code_of(FakeApi::client(config)->get(kNode)), ErrorCode::kTimeout);
  // Nobody listens there.
  config.server = "https://127.0.0.1:1";
  config.timeout = std::chrono::milliseconds(30'000);
  EXPECT_EQ(code_of(FakeApi::client(config)->get(kNode)), ErrorCode::kIo);
}

TEST_F(ClientTest, ATokenIsReadAgainWhenItChangesAndAfterARefusal) {
  fake_.put(kNode, named("n1"));
  ApiConfig config = fake_.config();
  config.token_file = fake_.file("token");
  ASSERT_TRUE(base::write_file_atomic(config.token_file, "first\n"));
  fake_.ask({{"set", {{"token", "first"}}}});
  const auto api = FakeApi::client(config);
  EXPECT_TRUE(api->get(kNode));
  ASSERT_TRUE(base::write_file_atomic(config.token_file, "second\n"));
  fake_.ask({{"set", {{"token", "second"}}}});
  fake_.requests();
  EXPECT_TRUE(api->get(kNode));
  EXPECT_EQ(fake_.requests().size(), 1U) << "no refusal was needed";

  // Written in place, of the same size and time: only a refusal tells.
  const auto time = std::filesystem::last_write_time(config.token_file);
  std::FILE* file = std::fopen(config.token_file.c_str(), "r+");
  std::fputs("SECOND\n", file);
  std::fclose(file);
  std::filesystem::last_write_time(config.token_file, time);
  fake_.ask({{"set", {{"token", "SECOND"}}}});
  EXPECT_TRUE(api->get(kNode));
  EXPECT_EQ(fake_.requests().size(), 2U);

  // The file is away for a moment: the last token is used.
  std::filesystem::remove(config.token_file);
  EXPECT_TRUE(api->get(kNode));
  fake_.ask({{"set", {{"token", "third"}}}});
  const auto refused = api->get(kNode);
  EXPECT_EQ(code_of(refused), ErrorCode::kPermission);
  EXPECT_EQ((refused.error().text() + refused.error().hint).find("SECOND"), std::string::npos);
}

TEST_F(ClientTest, ATokenWithALineEndInItIsNotSent) {
  ApiConfig config = fake_.config();
  config.token = "secret\r\nX-Other: 1";
  const auto refused = FakeApi::client(config)->get(kNode);
  EXPECT_EQ(code_of(refused), ErrorCode::kInvalidInput);
  EXPECT_EQ(refused.error().text().find("secret"), std::string::npos);
  EXPECT_TRUE(fake_.requests().empty());
}

TEST_F(ClientTest, TheServerIsVerifiedAndAnAuthorityReadAgain) {
  fake_.put(kNode, named("n1"));
  ApiConfig system = fake_.config();
  system.ca_file.clear();
  EXPECT_EQ(code_of(FakeApi::client(system)->get(kNode)), ErrorCode::kIo);
  system.skip_tls_verify = true;
  EXPECT_TRUE(FakeApi::client(system)->get(kNode));
  ApiConfig inline_data = fake_.config();
  inline_data.ca_data = base::read_file(inline_data.ca_file, 1 << 20).value_or("");
  inline_data.ca_file.clear();
  EXPECT_TRUE(FakeApi::client(inline_data)->get(kNode));

  const auto api = fake_.client();
  EXPECT_TRUE(api->get(kNode));
  fake_.ask({{"certificate", true}});
  EXPECT_TRUE(FakeApi::client(fake_.config())->get(kNode));
  // The connection that was open would still do: end it.
  fake_.fault({{"match", ""}, {"do", "cut"}});
  EXPECT_FALSE(api->get(kNode));
  EXPECT_TRUE(api->get(kNode));
  EXPECT_EQ(code_of(FakeApi::client(inline_data)->get(kNode)), ErrorCode::kIo);
}

TEST_F(ClientTest, TheCertificateMayHaveAnotherName) {
  fake_.put(kNode, named("n1"));
  ApiConfig config = fake_.config();
  config.tls_server_name = "api.test";
  fake_.requests();
  const auto found = FakeApi::client(config)->get(kNode);
  EXPECT_TRUE(found) << found.error().text();
  EXPECT_EQ(fake_.requests()[0]["headers"]["host"], fmt::format("127.0.0.1:{}", fake_.port()));
  config.tls_server_name = "other.test";
  EXPECT_EQ(code_of(FakeApi::client(config)->get(kNode)), ErrorCode::kIo);
}

TEST_F(ClientTest, AClientCertificateSaysWhoAsks) {
  fake_.put(kNode, named("n1"));
  ApiConfig config = fake_.config();
  config.client_cert_file = fake_.file("client.pem");
  config.client_key_file = fake_.file("client-key.pem");
  EXPECT_TRUE(FakeApi::client(config)->get(kNode));
  EXPECT_EQ(fake_.requests()[0]["client"], "node");
}

TEST_F(ClientTest, TheEnvironmentsProxyIsUsed) {
  ::setenv("https_proxy", "http://127.0.0.1:1", 1);  // nobody listens
  const auto refused = fake_.client()->get(kNode);
  ::unsetenv("https_proxy");
  EXPECT_EQ(code_of(refused), ErrorCode::kIo);
  EXPECT_TRUE(fake_.requests().empty());
}

TEST_F(ClientTest, ManyThreadsMayAsk) {
  fake_.put(kNode, named("n1"));
  const auto api = fake_.client();
  std::vector<std::thread> threads;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        answered += api->get(kNode) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(answered, 60);
}

TEST_F(ClientTest, PathsCannotLeaveTheirPlace) {
  const auto api = fake_.client();
  for (const char* path : {"", "x", "/a/../b", "/a/./b", "/a?watch=1", "/a b", "/a#b", "/a\n"}) {
    EXPECT_EQ(code_of(api->get(path)), ErrorCode::kInvalidInput) << path;
  }
  EXPECT_TRUE(fake_.requests().empty());
  EXPECT_EQ(claim_path("a b", "c/d?e"),
            "/apis/resource.k8s.io/v1/namespaces/a%20b/resourceclaims/c%2Fd%3Fe");
}

TEST(ApiClient, AddressesThatAreRefused) {
  for (const char* server : {"",
                             "not a url",
                             "ftp:"
                             "//x",
                             "http://evil.test:80",
                             "https:"
                             "//u:p@evil.test",
                             "https://"}) {
    ApiConfig config;
    config.server = server;
    EXPECT_EQ(code_of(ApiClient::open(config)), ErrorCode::kInvalidInput) << server;
  }
  ApiConfig config;
  config.server = "https://127.0.0.1:6443";
  config.token_file = "/nonexistent/token";
  EXPECT_EQ(code_of(ApiClient::open(config)), ErrorCode::kNotFound);
}

TEST(ApiClient, PlainHttpOnThisMachine) {
  FakeApi fake(false);
  fake.put(kNode, named("n1"));
  EXPECT_TRUE(fake.client()->get(kNode));
}

}  // namespace
}  // namespace mig::kube
