// SPDX-License-Identifier: Apache-2.0
#include "cli/mig_parted_flags.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace mig::cli {
namespace {

MigPartedFlags parsed(const std::vector<std::string>& args) {
  MigPartedFlags flags;
  const auto done = parse_mig_parted(args, flags);
  EXPECT_TRUE(done) << done.error().text();
  return flags;
}

std::string refused(const std::vector<std::string>& args) {
  MigPartedFlags flags;
  const auto done = parse_mig_parted(args, flags);
  return done ? "accepted" : done.error().text();
}

TEST(MigPartedFlags, EveryFormOfAFlag) {
  for (const std::vector<std::string>& form : {std::vector<std::string>{"-f", "a.yaml"},
                                               {"-f=a.yaml"},
                                               {"--config-file", "a.yaml"},
                                               {"--config-file=a.yaml"},
                                               {"-config-file", "a.yaml"}}) {
    std::vector<std::string> args = {"-d", "apply"};
    args.insert(args.end(), form.begin(), form.end());
    args.insert(args.end(), {"-c", "mixed", "-sm", "-k", "-"});
    const MigPartedFlags flags = parsed(args);
    EXPECT_EQ(flags.command, "apply");
    EXPECT_TRUE(flags.debug);
    EXPECT_EQ(flags.config_file, "a.yaml") << form.front();
    EXPECT_EQ(flags.selected_config, "mixed");
    EXPECT_EQ(flags.hooks_file, "-");
    EXPECT_TRUE(flags.skip_reset);
    EXPECT_TRUE(flags.mode_only);
  }
  EXPECT_TRUE(parsed({"assert", "-a"}).valid_config);
  EXPECT_FALSE(parsed({"assert", "--valid-config=false"}).valid_config);
  EXPECT_EQ(parsed({"generate-config", "-f", "out", "-o", "json"}).output_file, "out");
  EXPECT_EQ(parsed({"restore", "-f", "c.json"}).checkpoint_file, "c.json");
  EXPECT_EQ(parsed({"export"}).output_format, "yaml");
  EXPECT_EQ(parsed({"export", "-l", "now"}).config_label, "now");
  EXPECT_TRUE(parsed({"help", "apply"}).help);
  EXPECT_EQ(parsed({"assert", "-mf", "a.yaml"}).config_file, "a.yaml");
}

TEST(MigPartedFlags, WhatItDoesNotTakeIsRefused) {
  EXPECT_EQ(refused({"apply", "-x"}), "flag provided but not defined: -x");
  EXPECT_EQ(refused({"apply", "-sx"}), "flag provided but not defined: -sx");
  EXPECT_EQ(refused({"apply", "--bogus=1"}), "flag provided but not defined: -bogus");
  EXPECT_EQ(refused({"export", "-c", "x"}), "flag provided but not defined: -c");
  EXPECT_EQ(refused({"apply", "-f"}), "flag needs an argument: -f");
  EXPECT_EQ(refused({"frob"}), "no help topic for 'frob'");
  EXPECT_EQ(refused({"apply", "extra"}), "apply: unexpected argument \"extra\"");
  EXPECT_NE(refused({"apply", "--mode-only=maybe"}), "accepted");
}

class Variables : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"MIG_PARTED_CONFIG_FILE",
                             "MIG_PARTED_SKIP_RESET",
                             "MIG_PARTED_DEBUG",
                             "MIG_PARTED_CHECKPOINT_FILE"}) {
      ::unsetenv(name);
    }
  }
};

TEST_F(Variables, GiveWhatTheCommandLineDoesNot) {
  ::setenv("MIG_PARTED_CONFIG_FILE", "env.yaml", 1);
  ::setenv("MIG_PARTED_SKIP_RESET", "true", 1);
  ::setenv("MIG_PARTED_DEBUG", "1", 1);
  ::setenv("MIG_PARTED_CHECKPOINT_FILE", "env.json", 1);
  const MigPartedFlags flags = parsed({"apply"});
  EXPECT_EQ(flags.config_file, "env.yaml");
  EXPECT_TRUE(flags.skip_reset);
  EXPECT_TRUE(flags.debug);
  EXPECT_EQ(flags.checkpoint_file, "") << "not a flag of apply";
  EXPECT_EQ(parsed({"apply", "-f", "word.yaml", "--skip-reset=false"}).config_file, "word.yaml");
  EXPECT_FALSE(parsed({"apply", "-f", "word.yaml", "--skip-reset=false"}).skip_reset);
  ::setenv("MIG_PARTED_SKIP_RESET", "perhaps", 1);
  EXPECT_NE(refused({"apply"}).find("$MIG_PARTED_SKIP_RESET"), std::string::npos);
}

TEST(MigPartedFlags, HelpNamesEveryFlagAndVariable) {
  const std::string help = mig_parted_help("apply");
  for (const char* word : {"--config-file, -f value",
                           "--selected-config, -c value",
                           "--hooks-file, -k value",
                           "--skip-reset, -s",
                           "--mode-only, -m",
                           "$MIG_PARTED_MODE_CHANGE_ONLY"}) {
    EXPECT_NE(help.find(word), std::string::npos) << word << help;
  }
  EXPECT_NE(mig_parted_help("").find("generate-config"), std::string::npos);
}

}  // namespace
}  // namespace mig::cli
