// SPDX-License-Identifier: Apache-2.0
#include "apply/test_machine.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <spawn.h>

#include "apply/journal_recorder.h"
#include "apply/runtime.h"
#include "apply/saved_layout.h"
#include "device/inventory_reader.h"
#include "planner/planner.h"

namespace mig::apply {
namespace {

int run(const std::vector<std::string>& words) {
  const std::string program = MIG_BIN_DIR "/migctl";
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int failed =
      ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed != 0 || ::waitpid(child, &status, 0) != child) {
    return -1;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::unique_ptr<nvml::Session> open_session() {
  auto session = nvml::Session::open(MIG_SIM_LIBRARY_DIR "/libnvidia-ml.so.1");
  EXPECT_TRUE(session) << session.error().text();
  return session ? *std::move(session) : nullptr;
}

}  // namespace

Result<void> Listener::begin(const Plan&, const Inventory&) {
  begun = true;
  return {};
}

Result<void> Listener::before_call(const Call& call) {
  calls.push_back((call.direction == Direction::kDo ? "do " : "undo ") + call.step.str());
  return before ? before(call) : Result<void>();
}

Result<void> Listener::after_call(const Call& call, const Error*) {
  return after ? after(call) : Result<void>();
}

Result<void> Listener::finish(const ApplyResult& result) {
  finished = result.outcome;
  return {};
}

void ApplyMachineTest::SetUp() {
  root_ = testing::TempDir() + "/migctl-apply-XXXXXX";
  ASSERT_NE(::mkdtemp(root_.data()), nullptr);
  ::setenv("MIGSIM_ROOT", root_.c_str(), 1);
  ::setenv("MIGSIM_MACHINE", (root_ + "/lab").c_str(), 1);
  ::unsetenv("MIGCTL_STATE_DIR");
}

void ApplyMachineTest::TearDown() {
  session_.reset();
  stranger_.reset();
  std::filesystem::remove_all(root_);
}

void ApplyMachineTest::make(const std::string& gpus, const std::vector<std::string>& more) {
  std::vector<std::string> words{"sim", "create", "lab", "--gpus", gpus, "--latency", "none"};
  words.insert(words.end(), more.begin(), more.end());
  ASSERT_EQ(run(words), 0);
  reopen();
}

void ApplyMachineTest::reopen() {
  session_ = open_session();
  ASSERT_NE(session_, nullptr);
}

void ApplyMachineTest::inject(const std::vector<std::string>& words) {
  std::vector<std::string> all{"sim", "inject", "lab"};
  all.insert(all.end(), words.begin(), words.end());
  ASSERT_EQ(run(all), 0);
}

int ApplyMachineTest::migctl(const std::vector<std::string>& words) const {
  if (!words.empty() && words.front() == "sim") {
    return run(words);
  }
  std::vector<std::string> all{"--sim", "lab"};
  all.insert(all.end(), words.begin(), words.end());
  return run(all);
}

Inventory ApplyMachineTest::look() const {
  auto now = device::read_inventory(*session_, {});
  EXPECT_TRUE(now) << now.error().text();
  return now ? *std::move(now) : Inventory{};
}

std::string ApplyMachineTest::shape(std::uint32_t gpu) const {
  const Inventory now = look();
  const Gpu* found = now.find_gpu(GpuIndex{gpu});
  if (found == nullptr) {
    return "no GPU";
  }
  if (found->mig_current != MigMode::kEnabled) {
    return "MIG off";
  }
  std::vector<GpuInstance> instances = found->instances;
  std::sort(instances.begin(), instances.end(), [](const auto& a, const auto& b) {
    return a.placement < b.placement;
  });
  std::string out = "MIG";
  for (const GpuInstance& instance : instances) {
    out += fmt::format(
        " {}:{} {}[", instance.placement.start, instance.placement.size, instance.name.str());
    for (const ComputeInstance& compute : instance.compute_instances) {
      out += (out.back() == '[' ? "" : " ") + compute.name.str();
    }
    out += "]";
  }
  return out;
}

std::string ApplyMachineTest::modes(std::uint32_t gpu) const {
  const Inventory now = look();
  const Gpu* found = now.find_gpu(GpuIndex{gpu});
  const auto text = [](MigMode mode) { return mode == MigMode::kEnabled ? "enabled" : "disabled"; };
  return found == nullptr
             ? "no GPU"
             : fmt::format("{}/{}", text(found->mig_current), text(found->mig_pending));
}

Plan ApplyMachineTest::plan_for(const std::vector<std::string>& instances, bool enabled) const {
  const Inventory now = look();
  DesiredGpu gpu{GpuIndex{0}, enabled, {}, {}};
  for (const std::string& text : instances) {
    DesiredInstance wanted;
    const std::size_t colon = text.find(':');
    const ProfileName name = *ProfileName::parse(text.substr(0, colon));
    wanted.profile = name.gpu_instance();
    wanted.compute_instances = {name};
    if (colon != std::string::npos) {
      const auto start = static_cast<std::uint32_t>(std::stoul(text.substr(colon + 1)));
      const auto* profile = now.gpus.at(0).find_profile(wanted.profile);
      wanted.placement = Placement{start, profile->placements.front().size};
    }
    gpu.instances.push_back(std::move(wanted));
  }
  auto plan = planner::plan(now, DesiredLayout{"test", {gpu}, {}}, {});
  EXPECT_TRUE(plan) << plan.error().text();
  return plan ? *std::move(plan) : Plan{};
}

Context ApplyMachineTest::context(Recorder* recorder) {
  return Context{*session_, clock_, recorder};
}

Result<ApplyResult> ApplyMachineTest::carry_out(const Plan& plan, Recorder* recorder) {
  return apply(context(recorder), plan, {});
}

void ApplyMachineTest::must_have(const std::vector<std::string>& instances) {
  const auto done = carry_out(plan_for(instances));
  ASSERT_TRUE(done) << done.error().text();
  ASSERT_FALSE(done->failure) << done->failure->text();
}

std::uint32_t ApplyMachineTest::stranger_creates(const std::string& instance, bool compute) {
  if (stranger_ == nullptr) {
    stranger_ = open_session();
  }
  const Inventory now = look();
  const std::size_t colon = instance.find(':');
  const ProfileName name = *ProfileName::parse(instance.substr(0, colon));
  const GpuInstanceProfile* profile = now.gpus.at(0).find_profile(name);
  const Placement place{static_cast<std::uint32_t>(std::stoul(instance.substr(colon + 1))),
                        profile->placements.front().size};
  auto gpu = device::find_gpu(*stranger_, now.gpus[0].uuid);
  EXPECT_TRUE(gpu);
  auto made = device::create_gpu_instance(*stranger_, *gpu, name, profile->id, place);
  EXPECT_TRUE(made) << made.error().text();
  if (made && compute) {
    EXPECT_TRUE(device::create_compute_instance(*stranger_, *gpu, *made, name, std::nullopt));
  }
  return made ? made->value : 0;
}

void ApplyMachineTest::stranger_destroys(std::uint32_t gpu_instance, bool gpu_instance_too) {
  if (stranger_ == nullptr) {
    stranger_ = open_session();
  }
  const Inventory now = look();
  auto gpu = device::find_gpu(*stranger_, now.gpus.at(0).uuid);
  ASSERT_TRUE(gpu);
  const GpuInstanceId id{gpu_instance};
  const GpuInstance* instance = now.gpus[0].find_instance(id);
  ASSERT_NE(instance, nullptr);
  for (const ComputeInstance& one : instance->compute_instances) {
    ASSERT_TRUE(device::destroy_compute_instance(*stranger_, *gpu, id, one.id));
  }
  if (gpu_instance_too) {
    ASSERT_TRUE(device::destroy_gpu_instance(*stranger_, *gpu, id));
  }
}

void ApplyMachineTest::stranger_sets_mode(bool enabled) {
  if (stranger_ == nullptr) {
    stranger_ = open_session();
  }
  auto gpu = device::find_gpu(*stranger_, look().gpus.at(0).uuid);
  ASSERT_TRUE(gpu);
  ASSERT_TRUE(device::set_mig_mode(*stranger_, *gpu, enabled));
}

store::Journal ApplyMachineTest::journal() {
  auto opened = store::Journal::open(places_of(*session_).journal());
  EXPECT_TRUE(opened) << opened.error().text();
  return *std::move(opened);
}

std::int64_t ApplyMachineTest::open_change(store::Journal& into,
                                           const Plan& plan,
                                           const Inventory& before) {
  store::ChangeRow change;
  change.boot_id = "boot";
  change.command = "test";
  change.before = save_layout(before, {before.gpus.at(0).uuid});
  std::vector<store::StepRow> rows;
  for (const Step& step : plan.steps) {
    rows.push_back(row_of(step, static_cast<std::int64_t>(rows.size())));
  }
  const auto id = into.begin(change, rows);
  EXPECT_TRUE(id) << id.error().text();
  return id.value_or(0);
}

Recovery ApplyMachineTest::must_recover() {
  store::Journal of_machine = journal();
  auto recovery = recover(context(), of_machine);
  EXPECT_TRUE(recovery) << recovery.error().text();
  EXPECT_FALSE(of_machine.open_change()->has_value());
  return recovery ? *std::move(recovery) : Recovery{};
}

}  // namespace mig::apply
