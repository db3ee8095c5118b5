// SPDX-License-Identifier: Apache-2.0
// Compares docs/reference with the program. After an intended change of help texts:
// MIG_UPDATE_GOLDENS=1 cli_test
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/help.h"

namespace mig::cli {
namespace {

constexpr std::string_view kMark =
    "<!-- below: the help texts; made by MIG_UPDATE_GOLDENS=1 cli_test -->\n";

std::string page(const std::string& name) {
  std::ifstream stream(std::string(MIG_REFERENCE) + "/" + name);
  EXPECT_TRUE(stream) << name;
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string help_sections() {
  std::string out = "\n## migctl\n\n```\n" + overview() + "```\n";
  for (const auto& row : command_table()) {
    out += fmt::format("\n## migctl {}\n\n```\n{}```\n", row.name, command_help(*row.make()));
  }
  return out;
}

TEST(Reference, ErrorsPageIsTheTable) {
  const std::string text = page("errors.md");
  for (const auto& row : error_table()) {
    const std::string line = fmt::format("| {0} | <a id=\"{1}\"></a>`{1}` | {2} | {3} |\n",
                                         row.exit_code,
                                         row.name,
                                         row.http_status,
                                         row.meaning);
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  std::size_t rows = 0;
  for (const auto& line : base::split(text, '\n')) {
    rows += line.find("<a id=") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(rows, error_table().size());
}

TEST(Reference, CliPageHoldsEveryHelpText) {
  std::string text = page("cli.md");
  const auto at = text.find(kMark);
  ASSERT_NE(at, std::string::npos);
  const std::string begin = text.substr(0, at + kMark.size());
  if (std::getenv("MIG_UPDATE_GOLDENS") != nullptr) {
    text = begin + help_sections();
    std::ofstream(std::string(MIG_REFERENCE) + "/cli.md") << text;
  }
  EXPECT_EQ(text.substr(begin.size()), help_sections());
}

}  // namespace
}  // namespace mig::cli
