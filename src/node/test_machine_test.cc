// SPDX-License-Identifier: Apache-2.0
#include "node/test_machine.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <spawn.h>

namespace mig::node {
namespace {

constexpr const char* kMigctl = MIG_BIN_DIR "/migctl";
constexpr const char* kSimLibrary = MIG_SIM_LIBRARY_DIR;

}  // namespace

void MachineTest::SetUp() {
  root_ = testing::TempDir() + "/migctl-service-XXXXXX";
  ASSERT_NE(::mkdtemp(root_.data()), nullptr);
  ::setenv("MIGSIM_ROOT", root_.c_str(), 1);
  ::unsetenv("MIGSIM_MACHINE");
}

void MachineTest::TearDown() {
  node_.reset();
  std::filesystem::remove_all(root_);
}

void MachineTest::make(const std::string& gpus, const std::vector<std::string>& more) {
  std::vector<std::string> words{"sim", "create", "lab", "--gpus", gpus, "--latency", "none"};
  words.insert(words.end(), more.begin(), more.end());
  ASSERT_EQ(wait(start(kMigctl, words)), 0);
  node_ = open();
  ASSERT_NE(node_, nullptr);
}

std::unique_ptr<Node> MachineTest::open() const {
  auto node = Node::open({"", "lab", kSimLibrary});
  EXPECT_TRUE(node) << node.error().text();
  return node ? *std::move(node) : nullptr;
}

void MachineTest::inject(const std::vector<std::string>& words) {
  std::vector<std::string> all{"sim", "inject", "lab"};
  all.insert(all.end(), words.begin(), words.end());
  ASSERT_EQ(wait(start(kMigctl, all)), 0);
}

int MachineTest::migctl(const std::vector<std::string>& words) const {
  std::vector<std::string> all{"--sim", "lab"};
  all.insert(all.end(), words.begin(), words.end());
  return wait(start(kMigctl, all));
}

pid_t MachineTest::start(const std::string& program, const std::vector<std::string>& words) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  EXPECT_EQ(::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ), 0)
      << program;
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

int MachineTest::wait(pid_t child) {
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    return -1;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Inventory MachineTest::inventory() {
  auto read = node_->inventory();
  EXPECT_TRUE(read) << read.error().text();
  return read ? *std::move(read) : Inventory{};
}

ApplyResult MachineTest::must_apply(const Result<Plan>& plan) {
  EXPECT_TRUE(plan) << plan.error().text();
  if (!plan) {
    return {};
  }
  auto result = node_->apply(*plan, {});
  EXPECT_TRUE(result) << result.error().text();
  if (!result) {
    return {};
  }
  EXPECT_FALSE(result->failure) << result->failure->text();
  return *std::move(result);
}

void MachineTest::enable_mig() {
  EXPECT_EQ(must_apply(node_->plan_mode({}, true)).outcome, Outcome::kApplied);
}

Result<Plan> MachineTest::plan_create(std::uint32_t gpu, const std::vector<std::string>& profiles) {
  Node::CreateRequest request{GpuIndex{gpu}, {}};
  for (const std::string& text : profiles) {
    DesiredInstance instance;
    const std::size_t colon = text.find(':');
    const ProfileName name = *ProfileName::parse(text.substr(0, colon));
    instance.profile = name.gpu_instance();
    instance.compute_instances = {name};
    if (colon != std::string::npos) {
      const Inventory now = inventory();
      const auto start = static_cast<std::uint32_t>(std::stoul(text.substr(colon + 1)));
      const auto* profile = now.find_gpu(GpuIndex{gpu})->find_profile(instance.profile);
      instance.placement = Placement{start, profile->placements.front().size};
    }
    request.instances.push_back(std::move(instance));
  }
  return node_->plan_create(request);
}

void MachineTest::create(std::uint32_t gpu, const std::vector<std::string>& profiles) {
  EXPECT_EQ(must_apply(plan_create(gpu, profiles)).outcome, Outcome::kApplied);
}

std::string MachineTest::shape(std::uint32_t gpu) {
  const Inventory now = inventory();
  const Gpu* found = now.find_gpu(GpuIndex{gpu});
  if (found == nullptr) {
    return "no GPU";
  }
  std::vector<GpuInstance> instances = found->instances;
  std::sort(instances.begin(), instances.end(), [](const auto& a, const auto& b) {
    return a.placement < b.placement;
  });
  std::string out;
  for (const GpuInstance& instance : instances) {
    out += fmt::format("{}{}:{} {}[",
                       out.empty() ? "" : " ",
                       instance.placement.start,
                       instance.placement.size,
                       instance.name.str());
    for (const ComputeInstance& compute : instance.compute_instances) {
      out += (out.back() == '[' ? "" : " ") + compute.name.str();
    }
    out += "]";
  }
  return out;
}

}  // namespace mig::node
