// SPDX-License-Identifier: Apache-2.0
// A user's session on a simulated machine, through the function that main() calls.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/cli.h"

namespace mig::cli {
namespace {

struct Ran {
  int code = 0;
  std::string out, err;
};

std::string drain(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
    text += static_cast<char>(c);
  }
  std::fclose(file);
  return text;
}

Ran migctl(std::vector<std::string> words) {
  words.insert(words.begin(), "migctl");
  std::FILE* out = std::tmpfile();
  std::FILE* err = std::tmpfile();
  Output output(out, err);
  Ran ran;
  ran.code = run_cli(words, output);
  ran.out = drain(out);
  ran.err = drain(err);
  return ran;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class Session : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = (std::filesystem::temp_directory_path() / "migctl-session-XXXXXX").string();
    ASSERT_NE(::mkdtemp(root_.data()), nullptr);
    ::setenv("MIGSIM_ROOT", root_.c_str(), 1);
    ::setenv("MIGCTL_SIM_LIBRARY_DIR", MIG_SIM_LIBRARY_DIR, 1);
    ::unsetenv("MIGSIM_MACHINE");
    ASSERT_EQ(
        migctl({"sim", "create", "lab", "--gpus", "2x a100-sxm4-40gb", "--latency", "none"}).code,
        0);
    std::ofstream(file()) << "version: v1\n"
                             "mig-configs:\n"
                             "  mixed:\n"
                             "  - devices: [0]\n"
                             "    mig-enabled: true\n"
                             "    mig-devices: {3g.20gb: 1, 2g.10gb: 2}\n"
                             "  - devices: [1]\n"
                             "    mig-enabled: true\n"
                             "    mig-devices: {1g.5gb: 7}\n"
                             "  too-many:\n"
                             "  - {devices: all, mig-enabled: true, mig-devices: {3g.20gb: 3}}\n"
                             "  off:\n"
                             "  - {devices: all, mig-enabled: false}\n";
  }

  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string file() const { return root_ + "/layouts.yaml"; }

  Ran apply(const std::string& config) {
    return migctl({"--sim", "lab", "apply", "-f", file(), "-c", config});
  }

  std::string root_;
};

TEST_F(Session, PlanApplyAssertExport) {
  const Ran plan = migctl({"--sim", "lab", "plan", "-f", file(), "-c", "mixed"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_TRUE(has(plan.out, "SIMULATED machine \"lab\": plan for layout \"mixed\"")) << plan.out;
  EXPECT_TRUE(has(plan.out, "create  7 x 1g.5gb")) << plan.out;
  EXPECT_EQ(migctl({"--sim", "lab", "assert", "-f", file(), "-c", "mixed"}).code, 10);

  const Ran applied = apply("mixed");
  EXPECT_EQ(applied.code, 0) << applied.err;
  EXPECT_TRUE(has(applied.out, "Applied and verified")) << applied.out;
  EXPECT_TRUE(has(applied.err, "[1/")) << "progress goes to standard error";
  EXPECT_FALSE(has(applied.out, "[1/"));

  EXPECT_EQ(migctl({"--sim", "lab", "assert", "-f", file(), "-c", "mixed"}).code, 0);
  const Ran again = apply("mixed");
  EXPECT_EQ(again.code, 0);
  EXPECT_TRUE(has(again.out, "Nothing to do")) << again.out;

  const Ran exported = migctl({"--sim", "lab", "export", "-l", "now"});
  EXPECT_EQ(exported.code, 0);
  std::ofstream(root_ + "/exported.yaml") << exported.out;
  EXPECT_EQ(migctl({"--sim", "lab", "assert", "-f", root_ + "/exported.yaml"}).code, 0);

  EXPECT_EQ(apply("off").code, 0);
  EXPECT_EQ(migctl({"--sim", "lab", "assert", "-f", file(), "-c", "mixed", "-m"}).code, 10);
}

TEST_F(Session, JsonIsOneDocumentAndSaysSimulated) {
  ASSERT_EQ(apply("mixed").code, 0);
  const std::vector<std::pair<std::vector<std::string>, std::string>> commands = {
      {{"list"}, "Inventory"},
      {{"profiles"}, "ProfileList"},
      {{"placements"}, "PlacementList"},
      {{"plan", "-f", file(), "-c", "off"}, "Plan"},
      {{"assert", "-f", file(), "-c", "off"}, "AssertResult"},
      {{"apply", "-f", file(), "-c", "mixed"}, "ApplyResult"},
      {{"version"}, "Version"},
      {{"destroy", "-i", "0", "--gi", "77"}, "Error"}};
  for (const auto& [words, kind] : commands) {
    std::vector<std::string> all{"--sim", "lab", "--json"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = migctl(all);
    const auto json = nlohmann::json::parse(ran.out, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << words.front() << ran.out;
    EXPECT_EQ(json.at("apiVersion"), "migctl/v1");
    EXPECT_EQ(json.at("kind"), kind);
    EXPECT_EQ(json.at("simulated"), true);
    if (kind == "Error") {
      EXPECT_EQ(json.at("exitCode"), ran.code);
    }
  }
}

TEST_F(Session, BadInputIsRefusedAndChangesNothing) {
  ASSERT_EQ(apply("mixed").code, 0);
  const std::string before = migctl({"--sim", "lab", "list"}).out;
  const Ran too_many = apply("too-many");
  EXPECT_EQ(too_many.code, 9) << too_many.err;
  EXPECT_TRUE(has(too_many.err, "hint:")) << too_many.err;
  EXPECT_EQ(apply("none-such").code, 5);
  EXPECT_EQ(migctl({"--sim", "lab", "apply", "-f", root_ + "/none.yaml"}).code, 5);
  EXPECT_EQ(migctl({"--sim", "lab", "create", "3g.40gb", "-i", "0"}).code, 6);
  EXPECT_EQ(migctl({"--sim", "lab", "create", "7g.40gb", "-i", "0"}).code, 9);
  EXPECT_EQ(migctl({"--sim", "lab", "create", "1g.5gb"}).code, 1);
  EXPECT_EQ(migctl({"--sim", "lab", "destroy", "-i", "0", "--gi", "77"}).code, 4);
  EXPECT_EQ(migctl({"--sim", "lab", "destroy", "-i", "9", "--all"}).code, 4);
  EXPECT_EQ(migctl({"--sim", "lab", "destroy"}).code, 1);
  EXPECT_EQ(migctl({"--sim", "nowhere", "list"}).code, 5);
  EXPECT_EQ(migctl({"--nvml-library", "/none/libnvidia-ml.so.1", "list"}).code, 15);
  EXPECT_EQ(migctl({"--sim", "lab", "list"}).out, before);
}

TEST_F(Session, SavedPlans) {
  const std::string saved = root_ + "/mixed.plan";
  ASSERT_EQ(migctl({"--sim", "lab", "plan", "-f", file(), "-c", "mixed", "-o", saved}).code, 0);
  ASSERT_EQ(migctl({"--sim", "lab", "apply", "--plan", saved}).code, 0);
  EXPECT_EQ(migctl({"--sim", "lab", "assert", "-f", file(), "-c", "mixed"}).code, 0);
  const Ran stale = migctl({"--sim", "lab", "apply", "--plan", saved});
  EXPECT_EQ(stale.code, 11) << stale.out << stale.err;
}

TEST_F(Session, SingleSteps) {
  ASSERT_EQ(migctl({"--sim", "lab", "mode", "enable", "-i", "0"}).code, 0);
  const Ran created = migctl({"--sim", "lab", "create", "3g.20gb:4", "19", "-i", "0"});
  ASSERT_EQ(created.code, 0) << created.err;
  const auto list = nlohmann::json::parse(migctl({"--sim", "lab", "list", "--json"}).out);
  const auto& instances = list.at("gpus").at(0).at("gpuInstances");
  ASSERT_EQ(instances.size(), 2U);
  const std::string id = std::to_string(instances.at(0).at("id").get<int>());
  EXPECT_EQ(migctl({"--sim", "lab", "destroy", "-i", "0", "--gi", id, "--ci", "0"}).code, 0);
  EXPECT_TRUE(has(migctl({"--sim", "lab", "list"}).out, "no compute instance"));
  EXPECT_EQ(migctl({"--sim", "lab", "destroy", "--all"}).code, 0);
  EXPECT_EQ(migctl({"--sim", "lab", "destroy", "--all"}).code, 4);
}

TEST_F(Session, OfflinePlanNeedsNoMachineAndLeavesNone) {
  ASSERT_EQ(migctl({"sim", "destroy", "lab"}).code, 0);
  const Ran plan = migctl({"plan", "-f", file(), "-c", "mixed", "--model", "a100-sxm4-40gb,2"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_TRUE(has(plan.out, "create  7 x 1g.5gb")) << plan.out;
  EXPECT_EQ(migctl({"list"}).code, 15);
  const Ran unknown = migctl({"plan", "-f", file(), "--model", "h200-141"});
  EXPECT_EQ(unknown.code, 5);
  EXPECT_TRUE(has(unknown.err, "--model: no board is called \"h200-141\"")) << unknown.err;
  EXPECT_TRUE(has(unknown.err, "did you mean h200-141gb")) << unknown.err;
  EXPECT_EQ(migctl({"plan", "-f", file(), "--model", "h200-141gb,0"}).code, 1);
}

TEST_F(Session, RunPassesTheExitCodeAndTellsTheDevice) {
  ASSERT_EQ(apply("mixed").code, 0);
  const std::string mark = root_ + "/seen";
  const Ran ran = migctl({"--sim",
                          "lab",
                          "run",
                          "--profile",
                          "3g.20gb",
                          "--",
                          "sh",
                          "-c",
                          "echo $CUDA_VISIBLE_DEVICES > " + mark + "; exit 42"});
  EXPECT_EQ(ran.code, 42) << ran.err;
  std::ifstream stream(mark);
  std::string seen;
  stream >> seen;
  EXPECT_EQ(seen.rfind("MIG-", 0), 0U) << seen;
  EXPECT_TRUE(has(ran.err, seen)) << ran.err;
  EXPECT_EQ(migctl({"--sim", "lab", "run", "--profile", "4g.20gb", "--", "true"}).code, 4);
  EXPECT_EQ(migctl({"--sim", "lab", "run", "--memory", "64GiB", "--", "true"}).code, 4);
  EXPECT_EQ(migctl({"--sim", "lab", "run", "--memory", "12", "--", "true"}).code, 1);
  EXPECT_EQ(migctl({"--sim", "lab", "run"}).code, 1);
}

TEST_F(Session, SmiSpeaksThroughTheSameBinary) {
  const Ran ran = migctl({"--sim", "lab", "smi", "-L"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out.rfind("GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-", 0), 0U) << ran.out;
}

}  // namespace
}  // namespace mig::cli
