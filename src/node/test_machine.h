// SPDX-License-Identifier: Apache-2.0
// Test fixture: a simulated machine in its own folder, created and faulted by the built `migctl
// sim`, accessed through a Node. Nothing of sim/ is included: the built programs are under test.
#ifndef MIGCTL_NODE_TEST_MACHINE_H_
#define MIGCTL_NODE_TEST_MACHINE_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "node/node.h"

namespace mig::node {

class MachineTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // `migctl sim create lab --gpus GPUS --latency none MORE...`, then a Node on it.
  void make(const std::string& gpus, const std::vector<std::string>& more = {});
  std::unique_ptr<Node> open() const;

  // `migctl sim inject lab ...`.
  void inject(const std::vector<std::string>& words);
  // Runs any migctl command on the machine; returns its exit code, or 128 + signal. Output is
  // discarded.
  int migctl(const std::vector<std::string>& words) const;
  // Starts a program without waiting.
  static pid_t start(const std::string& program, const std::vector<std::string>& words);
  static int wait(pid_t child);

  Inventory inventory();
  // Fails the test unless applied.
  ApplyResult must_apply(const Result<Plan>& plan);
  void enable_mig();
  void create(std::uint32_t gpu, const std::vector<std::string>& profiles);
  Result<Plan> plan_create(std::uint32_t gpu, const std::vector<std::string>& profiles);
  // Layout of a GPU as text: "0:4 3g.20gb[3g.20gb]" per instance, by placement.
  std::string shape(std::uint32_t gpu);

  std::string root_;
  std::unique_ptr<Node> node_;
};

}  // namespace mig::node

#endif  // MIGCTL_NODE_TEST_MACHINE_H_
