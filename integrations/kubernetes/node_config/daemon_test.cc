// SPDX-License-Identifier: Apache-2.0
// The flow with migd on a simulated machine: only what differs moves.
#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <cstdlib>

#include "kubernetes/node_config/test_node.h"
#include "node/test_machine.h"

namespace mig::kube {
namespace {

constexpr const char* kLayouts =
    "version: v1\nmig-configs:\n"
    "  seven:\n  - {devices: all, mig-enabled: true, mig-devices: {1g.5gb: 7}}\n"
    "  halves:\n  - {devices: [0], mig-enabled: true, mig-devices: {3g.20gb: 2}}\n"
    "    # GPU 1 is not named\n"
    "  too-much:\n  - {devices: all, mig-enabled: true, mig-devices: {4g.20gb: 2}}\n";

class DaemonFlowTest : public node::MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    make("2x a100-sxm4-40gb");
    // This process reads the machine: a change of the mode would wait for its end.
    enable_mig();
    socket_ = root_ + "/migd.sock";
    daemon_ =
        start(std::string(MIG_BIN_DIR) + "/migctl", {"--sim", "lab", "serve", "--socket", socket_});
    hooks_.inventory = [this]() -> Result<Inventory> { return inventory(); };
    hooks_.log = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      log_ += line + "\n";
    };
    use_daemon(hooks_, socket_);
  }

  void TearDown() override {
    ::kill(daemon_, SIGTERM);
    wait(daemon_);
    MachineTest::TearDown();
  }

  TestNode node_{kLayouts};
  NodeConfigHooks hooks_;
  std::string socket_, log_;
  std::mutex mutex_;
  pid_t daemon_ = -1;
};

TEST_F(DaemonFlowTest, LayoutsLabelsAndWhatCannotBe) {
  const NodeConfig flow(node_.api(), node_.settings(), hooks_);
  node_.want("seven");
  ASSERT_TRUE(node_.reaches(kSuccess)) << log_;
  EXPECT_EQ(inventory().gpus[0].instances.size(), 7U);
  EXPECT_EQ(inventory().gpus[1].instances.size(), 7U);
  EXPECT_EQ(node_.label("nvidia.com/mig-1g.5gb.count"), "14");
  EXPECT_EQ(node_.label("nvidia.com/mig-1g.5gb.multiprocessors"), "14");
  const auto untouched = inventory().gpus[1].instances;

  node_.want("halves");
  ASSERT_TRUE(becomes([&] { return inventory().gpus[0].instances.size() == 2; })) << log_;
  ASSERT_TRUE(node_.reaches(kSuccess));
  EXPECT_EQ(inventory().gpus[1].instances, untouched);
  EXPECT_EQ(node_.label("nvidia.com/mig-1g.5gb.count"), "7");
  EXPECT_EQ(node_.label("nvidia.com/mig-3g.20gb.count"), "2");

  node_.want("too-much");
  ASSERT_TRUE(node_.reaches(kFailed));
  EXPECT_NE(node_.message().find("4g.20gb"), std::string::npos) << node_.message();
  EXPECT_EQ(inventory().gpus[0].instances.size(), 2U) << "nothing was touched";
}

TEST_F(DaemonFlowTest, APodsProcessIsEvictedAndNobodyElses) {
  std::atomic<bool> known = false;
  hooks_.pod_of = [&known](std::uint32_t) { return known ? "u-p" : ""; };
  const NodeConfig flow(node_.api(), node_.settings(), hooks_);
  node_.want("seven");
  ASSERT_TRUE(node_.reaches(kSuccess)) << log_;
  const auto before = inventory().gpus[1].instances;
  const std::string busy = inventory().gpus[0].instances[0].compute_instances[0].uuid;
  ::setenv("CUDA_VISIBLE_DEVICES", busy.c_str(), 1);
  ::setenv("MIGSIM_MACHINE", (root_ + "/lab").c_str(), 1);
  const pid_t child = start(MIG_BIN_DIR "/mig-workload", {"train", "--seconds", "600"});
  ::unsetenv("CUDA_VISIBLE_DEVICES");
  ::unsetenv("MIGSIM_MACHINE");
  ASSERT_TRUE(becomes([&] { return !inventory().gpus[0].processes.empty(); }));

  node_.annotate(kDrainAnnotation, "true");
  node_.want("halves");
  // The process is in no pod: nothing is done to it.
  ASSERT_TRUE(node_.reaches(kFailed));
  EXPECT_NE(node_.message().find("no pod"), std::string::npos) << node_.message();
  EXPECT_EQ(inventory().gpus[0].instances.size(), 7U);

  known = true;
  node_.put_pod("p", "u-p");
  node_.set_label(kConfigLabel, nullptr);
  ASSERT_TRUE(node_.reaches(""));
  node_.want("halves");
  ASSERT_TRUE(becomes([&] {
    return node_.fake().ask({{"get", "/api/v1/namespaces/x/pods/p"}}).is_null();
  })) << node_.message();
  EXPECT_EQ(inventory().gpus[0].instances.size(), 7U) << "it is still there";
  ::kill(child, SIGTERM);
  wait(child);
  ASSERT_TRUE(node_.reaches(kSuccess));
  EXPECT_EQ(inventory().gpus[0].instances.size(), 2U);
  EXPECT_EQ(inventory().gpus[1].instances, before);
}

}  // namespace
}  // namespace mig::kube
