// SPDX-License-Identifier: Apache-2.0
// For tests: a simulated machine in a folder of its own, made and broken by the built `migctl sim`,
// seen through a Node. Nothing of sim/ is included: what is tested is what users run.
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
  // Any migctl command on the machine: exit code, or 128 + signal. Output is dropped.
  int migctl(const std::vector<std::string>& words) const;
  // Starts one without waiting for it.
  static pid_t start(const std::string& program, const std::vector<std::string>& words);
  static int wait(pid_t child);

  Inventory inventory();
  // Applied or the test fails.
  ApplyResult must_apply(const Result<Plan>& plan);
  void enable_mig();
  void create(std::uint32_t gpu, const std::vector<std::string>& profiles);
  Result<Plan> plan_create(std::uint32_t gpu, const std::vector<std::string>& profiles);
  // "0:4 3g.20gb[3g.20gb]" per instance of a GPU, by place.
  std::string shape(std::uint32_t gpu);

  std::string root_;
  std::unique_ptr<Node> node_;
};

}  // namespace mig::node

#endif  // MIGCTL_NODE_TEST_MACHINE_H_
