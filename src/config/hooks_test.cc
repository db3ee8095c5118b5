// SPDX-License-Identifier: Apache-2.0
#include "config/hooks.h"

#include <gtest/gtest.h>

namespace mig::config {
namespace {

TEST(ParseHooks, ReadsWhatMigPartedReads) {
  const auto hooks = parse_hooks(
      "version: v1\n"
      "hooks:\n"
      "  apply-start:\n"
      "  - command: \"/bin/bash\"\n"
      "    args: [\"-x\", \"-c\", \"source hooks.sh; apply-start ${MIG_PARTED_SELECTED_CONFIG}\"]\n"
      "    envs: {SYSTEMD_LOG_LEVEL: debug, N: \"3\"}\n"
      "    workdir: \"/etc/nvidia-mig-manager\"\n"
      "  pre-apply-mode:\n"
      "  - command: first\n"
      "  - command: second\n"
      "  apply-exit:\n",
      "hooks.yaml");
  ASSERT_TRUE(hooks) << hooks.error().text();
  ASSERT_EQ(hooks->apply_start.size(), 1U);
  const HookCommand& start = hooks->apply_start[0];
  EXPECT_EQ(start.command, "/bin/bash");
  EXPECT_EQ(start.args,
            (std::vector<std::string>{
                "-x", "-c", "source hooks.sh; apply-start ${MIG_PARTED_SELECTED_CONFIG}"}));
  EXPECT_EQ(start.envs,
            (std::map<std::string, std::string>{{"SYSTEMD_LOG_LEVEL", "debug"}, {"N", "3"}}));
  EXPECT_EQ(start.workdir, "/etc/nvidia-mig-manager");
  ASSERT_EQ(hooks->pre_apply_mode.size(), 2U);
  EXPECT_EQ(hooks->pre_apply_mode[1].command, "second");
  EXPECT_TRUE(hooks->pre_apply_config.empty());
  EXPECT_TRUE(hooks->apply_exit.empty());
}

TEST(ParseHooks, ReadsJson) {
  const auto hooks = parse_hooks(
      R"({"version": "v1", "hooks": {"apply-exit": [{"command": "/bin/true"}]}})", "hooks.json");
  ASSERT_TRUE(hooks) << hooks.error().text();
  EXPECT_EQ(hooks->apply_exit.size(), 1U);
}

TEST(ParseHooks, RefusesWhatNobodyWouldRun) {
  const struct {
    const char* text;
    const char* said;
  } kRows[] = {
      {"hooks: {}\n", "h:1:1: the hooks file has no version"},
      {"version: v2\n", "h:1:10: unknown version: \"v2\""},
      {"version: v1\nhook: {}\n", "h:2:1: unexpected field \"hook\" in the hooks file"},
      {"version: v1\nhooks:\n  apply-stop:\n  - command: x\n",
       "h:3:3: unexpected field \"apply-stop\" in hooks"},
      {"version: v1\nhooks:\n  apply-exit:\n  - args: [x]\n",
       "h:4:5: a hook of apply-exit has no command"},
      {"version: v1\nhooks:\n  apply-exit:\n  - command: x\n    env: {A: b}\n",
       "h:5:5: unexpected field \"env\" in a hook"},
      {"version: v1\nhooks:\n  apply-exit:\n  - command: x\n    args: [5]\n",
       "h:5:12: an element of args is a text, not \"5\""},
      {"version: v1\nhooks:\n  apply-exit:\n  - command: x\n    args: \"-c ls\"\n",
       "h:5:11: args is a list, not the text \"-c ls\""},
      {"version: v1\nhooks:\n  apply-exit:\n  - command: x\n    envs: {A: true}\n",
       "h:5:15: variable A is a text, not \"true\""},
      {"version: v1\nhooks:\n  apply-exit: x\n",
       "h:3:15: apply-exit is a list of hooks, not \"x\""},
  };

  for (const auto& row : kRows) {
    const auto hooks = parse_hooks(row.text, "h");
    ASSERT_FALSE(hooks) << row.text;
    EXPECT_EQ(hooks.error().message, row.said);
    EXPECT_EQ(hooks.error().code, ErrorCode::kInvalidInput);
  }
}

}  // namespace
}  // namespace mig::config
