// SPDX-License-Identifier: Apache-2.0
// Instances at chosen placements over the API, with their keys, leases and failures.
#include "daemon/api_instances.h"

#include <sys/wait.h>

#include <string>

#include <fmt/format.h>
#include <signal.h>

#include "daemon/test_api.h"

namespace mig::daemon {
namespace {

constexpr const char* kInstances = "/v1/instances";
constexpr const char* kProgram = "test";

class InstancesTest : public ApiTest {
 protected:
  // A machine with one foreign 1g.5gb at slot 0.
  void serve() {
    make("1x a100-sxm4-40gb");
    enable_mig();
    create(0, {"1g.5gb:0"});
    again();
  }

  // As after a restart of the daemon.
  void again() {
    instances_.reset();
    api_.reset();
    desk_.reset();
    node_ = open();
    Tenants tenants;
    tenants.from_file = true;
    tenants.tenants = {tenant("a", kAlice, Role::kUser), tenant("o", kBob, Role::kOperator)};
    tenants.reclaim_ms = 0;
    tenants_ = tenants;
    open_api();
    instances_ = std::make_unique<InstancesApi>(
        *api_, *desk_, wire::Source{true, "lab"}, std::string(kProgram));
    instances_->add_to(api_->router());
  }

  void TearDown() override {
    instances_.reset();
    ApiTest::TearDown();
  }

  std::string body(const std::string& profile,
                   int start,
                   const std::string& key,
                   const std::string& more = "") {
    return fmt::format(R"({{"gpu": "{}", "profile": "{}", "start": {}, "key": "{}"{}}})",
                       inventory().gpus.at(0).uuid,
                       profile,
                       start,
                       key,
                       more);
  }

  static std::string leased(const std::string& more = "") {
    return R"(, "lease": {"job": "default/claim"})" + more;
  }

  std::string told(const std::shared_ptr<Answer>& answer) const {
    return answer->json().value("message", answer->body);
  }

  std::unique_ptr<InstancesApi> instances_;
};

TEST_F(InstancesTest, AKeyHasOneInstanceUntilItIsDestroyedByIt) {
  serve();
  const auto made = ask(0, "POST", kInstances, body("2g.10gb", 2, "k"));
  ASSERT_EQ(made->status, 200) << made->body;
  const Json answer = made->json();
  EXPECT_EQ(answer.at("kind"), "PlacedInstance");
  EXPECT_EQ(answer.at("made"), true);
  EXPECT_EQ(answer.at("placement").at("start"), 2);
  EXPECT_TRUE(answer.at("lease").is_null());
  EXPECT_TRUE(answer.at("cdi").at("device").is_null());
  EXPECT_NE(answer.at("cdi").at("missing").get<std::string>().find("cdi generate"),
            std::string::npos);
  EXPECT_EQ(shape(0), "0:1 1g.5gb[1g.5gb] 2:2 2g.10gb[2g.10gb]");

  EXPECT_EQ(ask(0, "POST", kInstances, body("2g.10gb", 2, "k"))->json(), answer)
      << "the same again";
  EXPECT_EQ(status(0, "POST", kInstances, body("2g.10gb", 4, "k")), 409) << "one key, one instance";
  const auto other = ask(0, "POST", kInstances, body("2g.10gb", 2, "other"));
  EXPECT_EQ(other->status, 409);
  EXPECT_NE(other->body.find("2g.10gb gi="), std::string::npos) << other->body;

  again();
  EXPECT_EQ(ask(0, "POST", kInstances, body("2g.10gb", 2, "k"))->json(), answer)
      << "after a restart";

  const std::string path = fmt::format("{}/{}", kInstances, answer.at("uuid").get<std::string>());
  EXPECT_EQ(status(0, "DELETE", path + "?key=other"), 404) << "not made for that key";
  EXPECT_EQ(status(0, "DELETE", path + "?key=k"), 200);
  EXPECT_EQ(status(0, "DELETE", path + "?key=k"), 404) << "it is gone";
  EXPECT_EQ(shape(0), "0:1 1g.5gb[1g.5gb]");
}

TEST_F(InstancesTest, WhatSomebodyElseMadeAtThePlaceIsNotTheKeysAnyMore) {
  serve();
  const auto made = ask(0, "POST", kInstances, body("1g.5gb", 3, "k"));
  ASSERT_EQ(made->status, 200) << made->body;
  must_apply(node_->plan_destroy({GpuIndex{0}, std::nullopt, {}, false}));
  create(0, {"1g.5gb:3"});
  const std::string uuid = inventory().gpus.at(0).instances.at(0).compute_instances.at(0).uuid;
  EXPECT_EQ(status(0, "DELETE", fmt::format("{}/{}?key=k", kInstances, uuid)), 404);
  EXPECT_EQ(status(0, "POST", kInstances, body("1g.5gb", 3, "k")), 409);
  EXPECT_EQ(shape(0), "3:1 1g.5gb[1g.5gb]");
  EXPECT_EQ(status(0, "DELETE", fmt::format("{}/{}", kInstances, uuid)), 200)
      << "without a key: any";
}

TEST_F(InstancesTest, IsForAdminsAndForWhatTheBoardCan) {
  serve();
  EXPECT_EQ(status(kAlice, "POST", kInstances, body("1g.5gb", 1, "k")), 403);
  EXPECT_EQ(status(kBob, "POST", kInstances, body("1g.5gb", 1, "k")), 403) << "an operator";
  EXPECT_EQ(status(kAlice, "DELETE", std::string(kInstances) + "/MIG-0"), 403);
  EXPECT_EQ(status(0, "DELETE", std::string(kInstances) + "/MIG-0"), 404);
  EXPECT_EQ(status(0, "POST", kInstances, body("1g.99gb", 1, "k")), 404);
  EXPECT_EQ(status(0, "POST", kInstances, body("2g.10gb", 1, "k")), 422) << "no legal start";
  EXPECT_EQ(status(0, "POST", kInstances, body("1g.5gb", 1, "")), 422) << "no key";
  EXPECT_EQ(status(0, "POST", kInstances, body("1g.5gb", 1, "k", R"(, "existing": true)")), 422);
  EXPECT_EQ(shape(0), "0:1 1g.5gb[1g.5gb]");
}

TEST_F(InstancesTest, AFailureLeavesNothingAndARetryWorks) {
  serve();
  for (const char* call : {"nvmlDeviceCreateGpuInstanceWithPlacement",
                           "nvmlGpuInstanceCreateComputeInstance",
                           "nvmlGpuInstanceCreateComputeInstanceWithPlacement"}) {
    inject({"--call", call, "--fail", "NVML_ERROR_UNKNOWN"});
    const auto failed = ask(0, "POST", kInstances, body("2g.10gb", 2, call, leased()));
    inject({"--clear"});
    if (failed->status == 200) {  // not the call that this driver offers
      const std::string uuid = failed->json().at("uuid");
      const auto id = failed->json().at("lease").get<std::int64_t>();
      ASSERT_EQ(status(0, "DELETE", fmt::format("/v1/leases/{}", id)), 200);
      api_->step();
      ASSERT_EQ(status(0, "DELETE", fmt::format("{}/{}?key={}", kInstances, uuid, call)), 200);
      continue;
    }
    EXPECT_EQ(shape(0), "0:1 1g.5gb[1g.5gb]") << call << ": " << failed->body;
    EXPECT_TRUE(leases_now().at("leases").empty());
    const auto retried = ask(0, "POST", kInstances, body("2g.10gb", 2, call, leased()));
    ASSERT_EQ(retried->status, 200) << retried->body;
    const auto id = retried->json().at("lease").get<std::int64_t>();
    ASSERT_EQ(status(0, "DELETE", fmt::format("/v1/leases/{}", id)), 200);
    api_->step();
    const std::string uuid = retried->json().at("uuid");
    ASSERT_EQ(status(0, "DELETE", fmt::format("{}/{}?key={}", kInstances, uuid, call)), 200);
  }
}

TEST_F(InstancesTest, ALeaseOfAnExternalComponentEndsByReleaseOnly) {
  serve();
  const auto made = ask(0, "POST", kInstances, body("3g.20gb", 4, "k", leased()));
  ASSERT_EQ(made->status, 200) << made->body;
  const auto id = made->json().at("lease").get<std::int64_t>();
  const std::string instance =
      fmt::format("{}/{}", kInstances, made->json().at("uuid").get<std::string>());
  EXPECT_EQ(ask(0, "POST", kInstances, body("3g.20gb", 4, "k", leased()))->json(), made->json());

  again();
  api_->step();
  api_->step();
  const Json leases = leases_now().at("leases");
  ASSERT_EQ(leases.size(), 1U) << "it survives the daemon, and nobody reclaims its instance";
  EXPECT_EQ(leases.at(0).at("holder"), (Json{{"external", "k"}}));
  EXPECT_EQ(leases.at(0).at("job"), "default/claim");
  EXPECT_TRUE(leases.at(0).at("limitMs").is_null());

  const auto refused = ask(0, "DELETE", instance + "?key=k");
  EXPECT_EQ(refused->status, 409) << "it is leased";
  EXPECT_NE(refused->body.find("default/claim"), std::string::npos) << refused->body;
  const std::string lease = fmt::format("/v1/leases/{}", id);
  EXPECT_EQ(status(0, "PATCH", lease, R"({"holder": {"pid": 1}})"), 400) << "it is not bound anew";
  EXPECT_EQ(status(0, "DELETE", lease), 200);
  api_->step();
  EXPECT_TRUE(leases_now().at("leases").empty());
  EXPECT_EQ(status(0, "DELETE", instance + "?key=k"), 200);
}

TEST_F(InstancesTest, OnlyAnAdminLeasesForAnExternalComponent) {
  serve();
  const std::string uuid = inventory().gpus.at(0).instances.at(0).compute_instances.at(0).uuid;
  const std::string wanted =
      fmt::format(R"({{"need": {{"uuid": "{}"}}, "holder": {{"external": "x"}}{}}})", uuid, "");
  EXPECT_EQ(status(kAlice, "POST", "/v1/leases", wanted), 403);
  EXPECT_EQ(status(0, "POST", "/v1/leases", wanted), 200);
  const auto with_limit = fmt::format(
      R"({{"need": {{"uuid": "{}"}}, "holder": {{"external": "x"}}, "limitMs": 1000}})", uuid);
  EXPECT_EQ(status(0, "POST", "/v1/leases", with_limit), 400) << "it has no limit";
}

TEST_F(InstancesTest, WhatIsThereAlreadyIsLeasedAndNeverDestroyed) {
  serve();
  const auto taken = ask(0, "POST", kInstances, body("1g.5gb", 0, "k", leased()));
  EXPECT_EQ(taken->status, 409) << "another's, without the word for it";
  const auto found =
      ask(0, "POST", kInstances, body("1g.5gb", 0, "k", leased(R"(, "existing": true)")));
  ASSERT_EQ(found->status, 200) << found->body;
  EXPECT_EQ(found->json().at("made"), false);
  EXPECT_EQ(
      ask(0, "POST", kInstances, body("1g.5gb", 0, "k", leased(R"(, "existing": true)")))->json(),
      found->json());
  EXPECT_EQ(status(0, "POST", kInstances, body("1g.5gb", 0, "l", leased(R"(, "existing": true)"))),
            409)
      << "it is leased";
  const auto id = found->json().at("lease").get<std::int64_t>();
  ASSERT_EQ(status(0, "DELETE", fmt::format("/v1/leases/{}", id)), 200);
  api_->step();
  const std::string uuid = found->json().at("uuid");
  EXPECT_EQ(status(0, "DELETE", fmt::format("{}/{}?key=k", kInstances, uuid)), 404);
  EXPECT_EQ(shape(0), "0:1 1g.5gb[1g.5gb]");
}

TEST_F(InstancesTest, TheOneThatIsMeantByItsUuidIsLeasedOrNothingIs) {
  serve();
  const std::string uuid = inventory().gpus.at(0).instances.at(0).compute_instances.at(0).uuid;
  const auto meant = [&](const std::string& which) {
    return leased(fmt::format(R"(, "uuid": "{}")", which));
  };
  const auto found = ask(0, "POST", kInstances, body("1g.5gb", 0, "k", meant(uuid)));
  ASSERT_EQ(found->status, 200) << found->body;
  EXPECT_EQ(found->json().at("uuid"), uuid);
  EXPECT_EQ(found->json().at("made"), false);
  const auto id = found->json().at("lease").get<std::int64_t>();
  ASSERT_EQ(status(0, "DELETE", fmt::format("/v1/leases/{}", id)), 200);
  api_->step();
  EXPECT_EQ(status(0, "POST", kInstances, body("1g.5gb", 0, "k", meant("MIG-other"))), 404);
  const auto nothing = ask(0, "POST", kInstances, body("1g.5gb", 3, "k", meant(uuid)));
  EXPECT_EQ(nothing->status, 404) << "it is at another place, and none is made here";
  EXPECT_NE(nothing->body.find("is not at slot 3"), std::string::npos) << nothing->body;
  EXPECT_EQ(shape(0), "0:1 1g.5gb[1g.5gb]");
  EXPECT_TRUE(leases_now().at("leases").empty());
}

// The instance is made and cannot be leased: a quota. Nothing stays.
TEST_F(InstancesTest, WhatCannotBeLeasedIsUndone) {
  serve();
  Tenants tenants = tenants_;
  Tenant root = tenant("root", 0, Role::kAdmin);
  root.quota.instances = 0;
  tenants.tenants.push_back(root);
  desk_->set_tenants(tenants);
  api_->forget_peers();
  const auto refused = ask(0, "POST", kInstances, body("1g.5gb", 1, "k", leased()));
  EXPECT_EQ(refused->status, 409) << refused->body;
  EXPECT_NE(refused->body.find("quota"), std::string::npos) << refused->body;
  EXPECT_EQ(shape(0), "0:1 1g.5gb[1g.5gb]");
}

TEST_F(InstancesTest, ProcessesOnItAreNotEndedAndKeepIt) {
  serve();
  const auto made = ask(0, "POST", kInstances, body("1g.5gb", 1, "k", leased()));
  ASSERT_EQ(made->status, 200) << made->body;
  const std::string uuid = made->json().at("uuid");
  ::setenv("CUDA_VISIBLE_DEVICES", uuid.c_str(), 1);
  ::setenv("MIGSIM_MACHINE", (root_ + "/lab").c_str(), 1);
  const pid_t pod = MachineTest::start(MIG_BIN_DIR "/mig-workload", {"train", "--seconds", "600"});
  ::unsetenv("CUDA_VISIBLE_DEVICES");
  ::unsetenv("MIGSIM_MACHINE");
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (inventory().gpus.at(0).processes.empty() && std::chrono::steady_clock::now() < give_up) {
    ::usleep(20'000);
  }
  ASSERT_FALSE(inventory().gpus.at(0).processes.empty());
  EXPECT_TRUE(ask(0, "GET", "/v1/leases")->json().at("unleased").empty());
  const auto id = made->json().at("lease").get<std::int64_t>();
  const auto released = ask(0, "DELETE", fmt::format("/v1/leases/{}", id));
  ASSERT_EQ(released->status, 200);
  EXPECT_EQ(released->json().at("leases").at(0).at("ending"), "released");
  EXPECT_EQ(released->json().at("leases").at(0).at("processes"), 1);
  api_->step();
  EXPECT_EQ(::kill(pod, 0), 0);
  int none = 0;
  EXPECT_EQ(::waitpid(pod, &none, WNOHANG), 0) << "it is not ended";
  EXPECT_EQ(status(0, "DELETE", fmt::format("{}/{}?key=k", kInstances, uuid)), 409);
  ::kill(pod, SIGKILL);
  ::waitpid(pod, &none, 0);
  while (!leases_now().at("leases").empty() && std::chrono::steady_clock::now() < give_up) {
    api_->step();
    ::usleep(20'000);
  }
  EXPECT_TRUE(leases_now().at("leases").empty());
  EXPECT_EQ(status(0, "DELETE", fmt::format("{}/{}?key=k", kInstances, uuid)), 200);
}

TEST_F(InstancesTest, TheWholeMachineIsForProgramsOfThisVersion) {
  serve();
  EXPECT_EQ(status(0, "GET", "/v1/machine?version=test"), 200);
  EXPECT_EQ(status(0, "GET", "/v1/machine?version=0"), 409);
  EXPECT_EQ(status(kAlice, "GET", "/v1/machine?version=test"), 403);
}

}  // namespace
}  // namespace mig::daemon
