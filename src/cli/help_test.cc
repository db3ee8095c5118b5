// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "cli/commands.h"

namespace mig::cli {
namespace {

TEST(Help, EveryCommandIsInTheOverview) {
  const std::string text = overview();
  for (const auto& name : command_names()) {
    EXPECT_NE(text.find("\n  " + name + " "), std::string::npos) << name;
  }
}

TEST(Help, EveryPageHasPurposeOptionsExampleAndExitCodes) {
  for (const auto& row : command_table()) {
    const auto command = row.make();
    const CommandText text = command->text();
    EXPECT_EQ(text.name, row.name);
    EXPECT_EQ(text.purpose.find('\n'), std::string::npos) << row.name;
    EXPECT_LE(text.purpose.size(), 79U) << row.name;
    const std::string help = command_help(*row.make());
    EXPECT_NE(help.find("Usage: migctl " + text.name), std::string::npos);
    EXPECT_NE(help.find("\nExample"), std::string::npos) << row.name;
    EXPECT_NE(help.find("migctl " + text.examples.at(0)), std::string::npos) << row.name;
    EXPECT_NE(help.find("  0  done\n"), std::string::npos) << row.name;
    Options options;
    command->declare(options);
    for (const auto& spec : options.specs()) {
      EXPECT_FALSE(spec.text.help.empty()) << spec.text.names;
      for (const auto& name : spec.names()) {
        EXPECT_NE(help.find(name), std::string::npos) << row.name << " " << name;
      }
    }
  }
}

TEST(Help, FitsEightyColumns) {
  std::vector<std::string> pages{overview()};
  for (const auto& row : command_table()) {
    pages.push_back(command_help(*row.make()));
  }
  for (const auto& page : pages) {
    for (const auto& line : base::split(page, '\n')) {
      EXPECT_LE(line.size(), 80U) << line;
    }
  }
}

TEST(Help, NoOptionIsDeclaredTwice) {
  Globals globals;
  Options global_options;
  globals.declare(global_options);
  for (const auto& row : command_table()) {
    const auto command = row.make();
    Options options;
    command->declare(options);
    std::set<std::string> seen{"-h", "--help"};
    for (const Options* list : {&global_options, &options}) {
      for (const auto& spec : list->specs()) {
        for (const auto& name : spec.names()) {
          EXPECT_TRUE(seen.insert(name).second) << row.name << " " << name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace mig::cli
