// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "cli/commands.h"

namespace mig::cli {
namespace {

// Exit status of `command` with `input` on stdin; -1 when it does not run.
int feed(const std::string& command, const std::string& input) {
  std::FILE* pipe = ::popen(command.c_str(), "w");
  if (pipe == nullptr) {
    return -1;
  }
  std::fwrite(input.data(), 1, input.size(), pipe);
  const int status = ::pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Completion, EveryShellKnowsEveryCommandAndLongOption) {
  for (const std::string& script : {bash_completion(), zsh_completion(), fish_completion()}) {
    for (const auto& row : command_table()) {
      EXPECT_NE(script.find(row.name), std::string::npos) << row.name;
      const auto command = row.make();
      Options options;
      command->declare(options);
      for (const auto& spec : options.specs()) {
        for (const auto& name : spec.names()) {
          EXPECT_NE(script.find(name.substr(name.find_first_not_of('-'))), std::string::npos);
        }
      }
    }
  }
}

TEST(Completion, BashCompletesCommandsOptionsAndWords) {
  ASSERT_EQ(feed("bash -n", bash_completion()), 0);
  const auto completes = [](const std::string& words, const std::string& wanted) {
    const std::string machines =
        "migctl() { printf 'lab  (simulated)  /var/lab\\n  GPU 0  a30-24gb  MIG disabled\\n'; }\n";
    const std::string test = machines + bash_completion() + "COMP_WORDS=(" + words +
                             ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_migctl\n"
                             "for w in \"${COMPREPLY[@]}\"; do [ \"$w\" = '" +
                             wanted + "' ] && exit 0; done\nexit 9\n";
    return feed("bash", test) == 0;
  };
  EXPECT_TRUE(completes("migctl li", "list"));
  EXPECT_TRUE(completes("migctl --sim lab pro", "profiles"));
  EXPECT_TRUE(completes("migctl list --proc", "--processes"));
  EXPECT_TRUE(completes("migctl mode en", "enable"));
  EXPECT_TRUE(completes("migctl export -o j", "json"));
  EXPECT_TRUE(completes("migctl list --js", "--json"));
  EXPECT_FALSE(completes("migctl list --proc", "--compute"));
  EXPECT_TRUE(completes("migctl --sim l", "lab"));
  EXPECT_TRUE(completes("migctl sim shell ''", "lab"));
  EXPECT_FALSE(completes("migctl sim shell ''", "GPU"));
}

TEST(Completion, OtherShellsParseItWhereTheyAreInstalled) {
  if (feed("command -v zsh >/dev/null && cat >/dev/null", "") == 0) {
    EXPECT_EQ(feed("zsh -n", zsh_completion()), 0);
  }
  if (feed("command -v fish >/dev/null && cat >/dev/null", "") == 0) {
    EXPECT_EQ(feed("fish --no-execute", fish_completion()), 0);
  }
}

}  // namespace
}  // namespace mig::cli
