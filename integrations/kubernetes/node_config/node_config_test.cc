// SPDX-License-Identifier: Apache-2.0
// The flow against a fake API server and a machine that is a few variables.
#include "kubernetes/node_config/node_config.h"

#include <atomic>
#include <mutex>
#include <optional>

#include "kubernetes/node_config/test_node.h"

namespace mig::kube {
namespace {

constexpr const char* kTwo =
    "version: v1\nmig-configs:\n  one:\n  - {devices: all, mig-enabled: false}\n"
    "  two:\n  - {devices: all, mig-enabled: false}\n";

class NodeConfigTest : public ::testing::Test {
 protected:
  NodeConfigHooks hooks() {
    NodeConfigHooks out;
    out.plan = [this](const client::WantedLayout& wanted) { return plan(wanted); };
    out.apply = [this](const client::WantedLayout& wanted, const Plan& plan) {
      return apply(wanted, plan);
    };
    out.withhold = [this](const std::vector<Vanishing>& places) {
      const std::lock_guard lock(mutex_);
      withheld_ = places.size();
    };
    out.pod_of = [](std::uint32_t pid) { return pid == 7 ? "u-p" : pid == 8 ? "u-leaves" : ""; };
    return out;
  }

  Result<Plan> plan(const client::WantedLayout& wanted) {
    const std::lock_guard lock(mutex_);
    if (plan_error_) {
      return *plan_error_;
    }
    Plan plan;
    plan.gpus.resize(1);
    if (layout_ != wanted.config) {
      plan.steps.resize(1);
      plan.gpus[0].uuid = "GPU-1";
      plan.gpus[0].destroyed.push_back({});
      for (const std::uint32_t pid : busy_ ? pids_ : std::vector<std::uint32_t>()) {
        Blocker blocker;
        blocker.process = Process{};
        blocker.process->pid = pid;
        plan.gpus[0].blockers.push_back(blocker);
      }
    }
    return plan;
  }

  Result<wire::ApplyAnswer> apply(const client::WantedLayout& wanted, const Plan& /*plan*/) {
    const std::lock_guard lock(mutex_);
    ++applied_;
    if (busy_) {
      return fail(ErrorCode::kInUse, "in use");
    }
    if (apply_answer_) {
      return *apply_answer_;
    }
    layout_ = wanted.config;
    return wire::ApplyAnswer{"applied", std::nullopt};
  }

  template <class T>
  void set(T& to, const T& value) {
    const std::lock_guard lock(mutex_);
    to = value;
  }

  template <class T>
  T now(const T& of) {
    const std::lock_guard lock(mutex_);
    return of;
  }

  // A pod holds what must go; it is gone when the API server says so.
  void occupy() {
    node_.put_pod("p", "u-p");
    set(busy_, true);
  }

  bool free_when_evicted() {
    const bool gone = becomes([&] {
      return node_.fake().ask({{"get", "/api/v1/namespaces/x/pods/p"}}).is_null();
    });
    set(busy_, false);
    return gone;
  }

  // Eviction is allowed, and the pod's PodDisruptionBudget does not let it go.
  NodeConfigSettings evict_in_vain() {
    node_.fake().ask({{"set", {{"budget", {"p"}}}}});
    NodeConfigSettings settings = node_.settings();
    settings.drain = true;
    return settings;
  }

  TestNode node_{kTwo};
  std::mutex mutex_;
  std::string layout_;
  bool busy_ = false;
  std::vector<std::uint32_t> pids_ = {7};
  std::optional<Error> plan_error_;
  std::optional<wire::ApplyAnswer> apply_answer_;
  int applied_ = 0;
  std::size_t withheld_ = 0;
};

TEST_F(NodeConfigTest, ALabelIsApplied) {
  const NodeConfig flow(node_.api(), node_.settings(), hooks());
  node_.want("one");
  ASSERT_TRUE(node_.reaches(kSuccess));
  EXPECT_EQ(now(layout_), "one");
  EXPECT_TRUE(becomes([&] { return now(withheld_) == 0; }));
  ASSERT_TRUE(becomes([&] { return node_.events() == "MigConfigPending MigConfigSuccess "; }))
      << node_.events();
  node_.want("two");
  ASSERT_TRUE(becomes([&] { return now(layout_) == "two"; }));
  ASSERT_TRUE(node_.reaches(kSuccess));
  // The label's end changes nothing.
  node_.set_label(kConfigLabel, nullptr);
  ASSERT_TRUE(node_.reaches(""));
  EXPECT_EQ(node_.annotation(kWishAnnotation), "");
  EXPECT_EQ(now(layout_), "two");
  EXPECT_EQ(now(applied_), 2);
}

TEST_F(NodeConfigTest, ABusyNodeIsFailedUntilPodsMayBeEvicted) {
  occupy();
  const NodeConfig flow(node_.api(), node_.settings(), hooks());
  node_.want("one");
  ASSERT_TRUE(node_.reaches(kFailed));
  EXPECT_NE(node_.message().find("x/p"), std::string::npos) << node_.message();
  EXPECT_EQ(now(applied_), 0);
  EXPECT_TRUE(node_.fake().ask({{"get", "/api/v1/namespaces/x/pods/p"}}).is_object());
  // The budget does not let it go at first.
  node_.fake().ask({{"set", {{"budget", {"p"}}}}});
  node_.annotate(kDrainAnnotation, "true");
  ASSERT_TRUE(becomes([&] {
    return node_.state() == kPending && node_.message().find("budget") != std::string::npos;
  })) << node_.message();
  EXPECT_EQ(now(withheld_), 1U) << "no pod is to be placed there meanwhile";
  node_.fake().ask({{"set", {{"budget", Json::array()}}}});
  ASSERT_TRUE(free_when_evicted());
  ASSERT_TRUE(node_.reaches(kSuccess));
  EXPECT_EQ(now(layout_), "one");
  EXPECT_TRUE(becomes([&] { return now(withheld_) == 0; }));
}

TEST_F(NodeConfigTest, APodThatStaysEndsTheFlow) {
  occupy();
  NodeConfigSettings settings = evict_in_vain();
  settings.limits.drain_s = 1;
  const NodeConfig flow(node_.api(), settings, hooks());
  node_.want("one");
  ASSERT_TRUE(node_.reaches(kFailed));
  EXPECT_NE(node_.message().find("still in use"), std::string::npos) << node_.message();
  EXPECT_TRUE(becomes([&] { return now(withheld_) == 0; }));
  EXPECT_EQ(now(applied_), 0);
}

TEST_F(NodeConfigTest, APodThatIsLeavingIsNotEvictedAgain) {
  occupy();
  set(pids_, {7, 8});
  node_.put_pod("leaves", "u-leaves");
  const std::string path = "/api/v1/namespaces/x/pods/leaves";
  Json leaves = node_.fake().ask({{"get", path}});
  leaves["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  node_.fake().put(path, leaves);
  const NodeConfig flow(node_.api(), evict_in_vain(), hooks());
  node_.want("one");
  ASSERT_TRUE(becomes([&] { return node_.message().find("budget") != std::string::npos; }));
  bool asked = false;
  for (const Json& request : node_.fake().requests()) {
    const std::string target = request["target"].get<std::string>();
    asked = asked || target.ends_with("pods/p/eviction");
    EXPECT_FALSE(target.ends_with("pods/leaves/eviction"));
  }
  EXPECT_TRUE(asked);
}

TEST_F(NodeConfigTest, TheNewestLabelWins) {
  occupy();
  const NodeConfig flow(node_.api(), evict_in_vain(), hooks());
  node_.want("one");
  ASSERT_TRUE(becomes([&] { return node_.message().find("budget") != std::string::npos; }));
  set(layout_, std::string("two"));
  node_.want("two");  // which is there: nothing stands in the way
  ASSERT_TRUE(node_.reaches(kSuccess));
  EXPECT_EQ(now(applied_), 0);
  EXPECT_TRUE(node_.fake().ask({{"get", "/api/v1/namespaces/x/pods/p"}}).is_object());
}

TEST_F(NodeConfigTest, AConfigMapWithAnErrorAndItsRepair) {
  node_.set_config("version: v1\nmig-configs:\n  one:\n  - device: all\n");
  const NodeConfig flow(node_.api(), node_.settings(), hooks());
  node_.want("one");
  ASSERT_TRUE(node_.reaches(kFailed));
  EXPECT_TRUE(node_.message().starts_with("ConfigMap gpu/mig-config config.yaml:4:5: "))
      << node_.message();
  node_.set_config(kTwo);
  ASSERT_TRUE(node_.reaches(kSuccess));
  node_.want("tow");
  ASSERT_TRUE(becomes([&] {
    return node_.message().find("there are: one, two") != std::string::npos;
  })) << node_.message();
  EXPECT_NE(node_.message().find("did you mean two?"), std::string::npos);
  EXPECT_EQ(now(layout_), "one");
  node_.fake().ask({{"delete", kTestConfigMap}});
  ASSERT_TRUE(becomes([&] { return node_.message().find("no ConfigMap") != std::string::npos; }));
}

TEST_F(NodeConfigTest, AFailureOfTheDriverIsSaid) {
  set(apply_answer_,
      std::optional(
          wire::ApplyAnswer{"rolled_back", Error{ErrorCode::kDriver, "no luck", "look", {}, {}}}));
  const NodeConfig flow(node_.api(), node_.settings(), hooks());
  node_.want("one");
  ASSERT_TRUE(node_.reaches(kFailed));
  EXPECT_EQ(node_.message(), "rolled_back: no luck. look");
  ASSERT_TRUE(becomes([&] { return node_.events() == "MigConfigPending MigConfigFailed "; }));
  EXPECT_EQ(now(applied_), 1) << "a failure is not tried again by itself";
}

TEST_F(NodeConfigTest, WhatWasAppliedIsReadBack) {
  set(apply_answer_, std::optional(wire::ApplyAnswer{"applied", std::nullopt}));
  NodeConfigSettings settings = node_.settings();
  settings.limits.whole_s = 1;
  const NodeConfig flow(node_.api(), settings, hooks());
  node_.want("one");  // and the machine stays what it is
  ASSERT_TRUE(node_.reaches(kFailed));
  EXPECT_NE(node_.message().find("gave up"), std::string::npos) << node_.message();
}

// The clock was set back meanwhile: a flow that began in the future has no end of its own.
TEST_F(NodeConfigTest, ABeginThatIsStillToComeIsTheEnd) {
  set(plan_error_, std::optional(Error{ErrorCode::kNotFound, "nobody listens", {}, {}, {}}));
  const NodeConfig flow(node_.api(), node_.settings(), hooks());
  node_.want("one");
  ASSERT_TRUE(becomes([&] { return node_.message() == "nobody listens"; }));
  const auto tomorrow = std::chrono::system_clock::now() + std::chrono::hours(24);
  node_.annotate(kSinceAnnotation, std::to_string(std::chrono::system_clock::to_time_t(tomorrow)));
  ASSERT_TRUE(node_.reaches(kFailed));
}

TEST_F(NodeConfigTest, MigdAwayForAWhile) {
  const Error away{ErrorCode::kNotFound, "nobody listens", {}, {}, {}};
  set(plan_error_, std::optional(away));
  {
    const NodeConfig flow(node_.api(), node_.settings(), hooks());
    node_.want("one");
    ASSERT_TRUE(becomes([&] { return node_.message() == "nobody listens"; }));
    EXPECT_EQ(node_.state(), kPending);
    set(plan_error_, std::optional<Error>());
    ASSERT_TRUE(node_.reaches(kSuccess));
  }
  set(plan_error_, std::optional(away));
  NodeConfigSettings settings = node_.settings();
  settings.limits.whole_s = 1;
  const NodeConfig flow(node_.api(), settings, hooks());
  node_.want("two");
  ASSERT_TRUE(node_.reaches(kFailed));
  EXPECT_NE(node_.message().find("gave up"), std::string::npos);
}

TEST_F(NodeConfigTest, TwoThatFightAreRefused) {
  node_.put_pod("mig-manager", "u-m", {{"app", "nvidia-mig-manager"}});
  {
    const NodeConfig flow(node_.api(), node_.settings(), hooks());
    node_.want("one");
    ASSERT_TRUE(becomes([&] { return node_.events() == "MigConfigRefused "; })) << node_.events();
    EXPECT_EQ(node_.state(), "");
    node_.annotate("x", "y");  // another look is no other Event
  }
  node_.fake().ask({{"delete", "/api/v1/namespaces/x/pods/mig-manager"}});
  const NodeConfig flow(node_.api(), node_.settings(), hooks());
  ASSERT_TRUE(node_.reaches(kSuccess));
  // Somebody else writes the state.
  node_.set_label(kStateLabel, "rebooting");
  ASSERT_TRUE(becomes([&] {
    return node_.events().ends_with("MigConfigSuccess MigConfigRefused ");
  })) << node_.events();
  EXPECT_EQ(node_.state(), "rebooting");
}

TEST_F(NodeConfigTest, WhatARestartFinds) {
  {
    const NodeConfig flow(node_.api(), node_.settings(), hooks());
    node_.want("one");
    ASSERT_TRUE(node_.reaches(kSuccess));
  }
  // A reboot took the instances.
  set(layout_, std::string());
  {
    const NodeConfig flow(node_.api(), node_.settings(), hooks());
    ASSERT_TRUE(becomes([&] { return now(layout_) == "one"; }));
    ASSERT_TRUE(node_.reaches(kSuccess));
  }
  const int applied = now(applied_);
  node_.fake().requests();
  const NodeConfig flow(node_.api(), node_.settings(), hooks());
  // Each call gives the requests since the one before.
  std::size_t seen = 0;
  ASSERT_TRUE(becomes([&] { return (seen += node_.fake().requests().size()) > 3; }));
  EXPECT_EQ(now(applied_), applied) << "it is as it should be";
  EXPECT_EQ(node_.state(), kSuccess);
}

// The API server answers k requests of a flow and no more, and the process ends: the next one goes
// on, whatever k is.
TEST_F(NodeConfigTest, ACrashBetweenAnyTwoRequests) {
  for (int k = 0; k < 24; ++k) {
    const std::string config = k % 2 == 0 ? "one" : "two";
    set(layout_, std::string("neither"));
    node_.fake().ask({{"set", {{"faults", Json::array()}}}});
    node_.want(config);
    Json dead = {
        {"match", "^(GET /api/v1/nodes/|GET [^?]*configmaps/|PATCH|POST|GET /api/v1/pods)"},
        {"do", "status"},
        {"code", 500},
        {"skip", k},
        {"times", 1'000'000}};
    node_.fake().fault(dead);
    node_.fake().requests();
    {
      const NodeConfig flow(node_.api(), node_.settings(), hooks());
      int seen = 0;
      ASSERT_TRUE(becomes([&] {
        for (const Json& request : node_.fake().requests()) {
          const std::string target = request["target"].get<std::string>();
          seen += target.find("watch=1") == std::string::npos ? 1 : 0;
        }
        return seen > k + 2 || (node_.state() == kSuccess && now(layout_) == config);
      }));
    }
    node_.fake().ask({{"set", {{"faults", Json::array()}}}});
    const NodeConfig flow(node_.api(), node_.settings(), hooks());
    ASSERT_TRUE(becomes([&] { return now(layout_) == config; })) << k;
    ASSERT_TRUE(node_.reaches(kSuccess)) << k;
    ASSERT_EQ(wanted_of(node_.annotation(kWishAnnotation)), config) << k;
  }
}

}  // namespace
}  // namespace mig::kube
