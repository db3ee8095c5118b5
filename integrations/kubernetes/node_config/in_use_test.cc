// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/in_use.h"

#include "kubernetes/node_config/test_node.h"

namespace mig::kube {
namespace {

constexpr const char* kUid = "1b2c3d4e-0000-4111-8222-aabbccddeeff";

TEST(PodOfProcess, ByItsCgroup) {
  EXPECT_EQ(
      pod_uid_of_cgroup("0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-"
                        "pod1b2c3d4e_0000_4111_8222_aabbccddeeff.slice/cri-containerd-9.scope"),
      kUid);
  EXPECT_EQ(pod_uid_of_cgroup(std::string("0::/kubepods/burstable/pod") + kUid + "/9"), kUid);
  for (const char* other : {"",
                            "0::/",
                            "0::/user.slice/podman-1.scope",
                            "0::/pod1b2c3d4e",
                            "0::/pod1b2c3d4e-0000-4111-8222-aabbccddeefX"}) {
    EXPECT_EQ(pod_uid_of_cgroup(other), "") << other;
  }
  EXPECT_EQ(pod_of_process("/nonexistent")(1), "");
}

TEST(ClaimOfJob, OnlyANamespaceAndAName) {
  EXPECT_EQ(claim_of_job("team/train"), std::pair(std::string("team"), std::string("train")));
  for (const char* job : {"", "train", "/train", "team/", "a/b/c"}) {
    EXPECT_EQ(claim_of_job(job), std::nullopt) << job;
  }
}

class InUseTest : public ::testing::Test {
 protected:
  void lease(const std::string& job, const std::string& key = "") {
    Blocker blocker;
    blocker.what = "lease of " + job;
    blocker.lease = InstanceLease{};
    blocker.lease->job = job;
    blocker.lease->key = key;
    plan_.gpus[0].blockers.push_back(blocker);
  }

  void process(std::uint32_t pid) {
    Blocker blocker;
    blocker.what = "pid " + std::to_string(pid);
    blocker.process = Process{};
    blocker.process->pid = pid;
    plan_.gpus[0].blockers.push_back(blocker);
  }

  void lease_of_claim(const std::string& name) {
    lease("x/" + name, "kubernetes/uid-of-" + name + "/gpu-0-mig-1g-5gb-0");
  }

  void claim(const std::string& name, const std::vector<Json>& reserved) {
    node_.fake().put("/apis/resource.k8s.io/v1/namespaces/x/resourceclaims/" + name,
                     {{"metadata", {{"namespace", "x"}, {"name", name}, {"uid", "uid-of-" + name}}},
                      {"status", {{"reservedFor", reserved}}}});
  }

  static Json by(const std::string& pod, const std::string& uid) {
    return {{"resource", "pods"}, {"name", pod}, {"uid", uid}};
  }

  InTheWay found() {
    const auto out = in_the_way(node_.api(), "n1", plan_, [](std::uint32_t pid) {
      return pid == 7 ? "u-p" : pid == 8 ? "u-gone" : "";
    });
    EXPECT_TRUE(out);
    return out.value_or(InTheWay{});
  }

  TestNode node_{""};
  Plan plan_ = [] {
    Plan plan;
    plan.gpus.resize(1);
    return plan;
  }();
};

TEST_F(InUseTest, LeasesLeadToClaimsAndThoseToPods) {
  node_.put_pod("p", "u-p");
  node_.put_pod("q", "u-q");
  claim("shared", {by("p", "u-p"), by("q", "u-q")});
  claim("of-an-earlier-pod", {by("p", "u-other")});
  claim("of-nobody", {});
  lease_of_claim("shared");
  process(7);  // in p, which is there already
  EXPECT_EQ(found().pods, (std::vector<PodRef>{{"x", "p", "u-p"}, {"x", "q", "u-q"}}));
  EXPECT_TRUE(found().others.empty());
  plan_.gpus[0].blockers.clear();
  lease_of_claim("of-an-earlier-pod");
  lease_of_claim("of-nobody");
  lease_of_claim("gone");
  EXPECT_EQ(found().leaving.size(), 3U);
  EXPECT_TRUE(found().pods.empty());
}

TEST_F(InUseTest, WhatIsNoPodIsSaid) {
  lease("train");
  process(8);
  process(9);
  EXPECT_EQ(found().others, (std::vector<std::string>{"lease of train", "pid 9"}));
  EXPECT_EQ(found().leaving, std::vector<std::string>{"pid 8 of a pod that is deleted (u-gone)"});
}

TEST_F(InUseTest, AJobThatIsCalledLikeSomebodysClaimEvictsNobody) {
  node_.put_pod("p", "u-p");
  claim("theirs", {by("p", "u-p")});
  lease("x/theirs");
  lease("x/theirs", "slurm/uid-of-theirs/d");
  EXPECT_TRUE(found().pods.empty());
  EXPECT_EQ(found().others.size(), 2U);
}

TEST_F(InUseTest, AClaimIsFoundByItsUidWhereTheJobsNameIsCutOrAnothers) {
  node_.put_pod("p", "u-p");
  claim("long", {by("p", "u-p")});
  lease("x/lo...", "kubernetes/uid-of-long/gpu-0-mig-1g-5gb-0");
  EXPECT_EQ(found().pods, (std::vector<PodRef>{{"x", "p", "u-p"}}));
  plan_.gpus[0].blockers.clear();
  claim("made-anew", {by("p", "u-p")});
  lease("x/made-anew", "kubernetes/uid-of-the-former/gpu-0-mig-1g-5gb-0");
  EXPECT_TRUE(found().pods.empty()) << "the former claim is gone";
  EXPECT_EQ(found().leaving, std::vector<std::string>{"claim x/made-anew"});
}

TEST_F(InUseTest, PodsOfOtherNodesAreLeftAlone) {
  node_.fake().put("/api/v1/namespaces/x/pods/far",
                   {{"metadata", {{"uid", "u-f"}}}, {"spec", {{"nodeName", "n2"}}}});
  claim("c", {by("far", "u-f")});
  lease_of_claim("c");
  EXPECT_TRUE(found().pods.empty());
}

TEST_F(InUseTest, PodsThatLeaveAndStaticPods) {
  node_.fake().put("/api/v1/namespaces/x/pods/p",
                   {{"metadata",
                     {{"uid", "u-of-the-mirror"},
                      {"deletionTimestamp", "2026-01-01T00:00:00Z"},
                      {"annotations", {{"kubernetes.io/config.mirror", "u-p"}}}}},
                    {"spec", {{"nodeName", "n1"}}}});
  process(7);  // whose cgroup has the uid of the static pod's file
  ASSERT_EQ(found().pods.size(), 1U);
  EXPECT_TRUE(found().pods[0].leaving);
  EXPECT_TRUE(found().pods[0].fixed);
}

TEST_F(InUseTest, AnErrorOfTheServerPasses) {
  lease_of_claim("c");
  node_.fake().fault({{"match", ""}, {"do", "status"}, {"code", 500}});
  EXPECT_FALSE(in_the_way(node_.api(), "n1", plan_, {}));
}

}  // namespace
}  // namespace mig::kube
