// SPDX-License-Identifier: Apache-2.0
#include "cli/parse.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace mig::cli {
namespace {

struct Parsed {
  Globals globals;
  Result<Invocation> result = fail(ErrorCode::kInternal, "not parsed");
};

Parsed parse(const std::vector<std::string>& args) {
  Parsed parsed;
  parsed.result = parse_command_line(args, parsed.globals);
  return parsed;
}

std::string message(const std::vector<std::string>& args) {
  const auto parsed = parse(args);
  if (parsed.result) {
    return "accepted";
  }
  EXPECT_EQ(parsed.result.error().code, ErrorCode::kUsage);
  return parsed.result.error().message + " / " + parsed.result.error().hint;
}

TEST(Parse, NothingIsTheOverview) {
  const auto parsed = parse({});
  ASSERT_TRUE(parsed.result);
  EXPECT_EQ(parsed.result->command, nullptr);
}

TEST(Parse, GlobalOptionsStandAnywhere) {
  const std::vector<std::vector<std::string>> ways = {{"--sim", "lab", "--json", "list"},
                                                      {"list", "--json", "--sim", "lab"},
                                                      {"--sim=lab", "list", "--json"}};
  for (const auto& args : ways) {
    const auto parsed = parse(args);
    ASSERT_TRUE(parsed.result) << parsed.result.error().message;
    EXPECT_EQ(parsed.result->name, "list");
    EXPECT_EQ(parsed.result->globals.simulated, "lab");
    EXPECT_TRUE(parsed.result->globals.json);
    EXPECT_FALSE(parsed.result->globals.quiet);
  }
}

TEST(Parse, UnknownCommandSuggestsTheNearest) {
  EXPECT_EQ(message({"lsit"}), "unknown command \"lsit\" / did you mean `migctl list`?");
  EXPECT_EQ(message({"frobnicate"}),
            "unknown command \"frobnicate\" / migctl --help lists the commands");
  EXPECT_EQ(message({"--sim", "lab", "aply"}),
            "unknown command \"aply\" / did you mean `migctl apply`?");
}

TEST(Parse, UnknownOptionSuggestsTheNearest) {
  EXPECT_EQ(message({"list", "--proceses"}),
            "list: unknown option \"--proceses\" / did you mean --processes?");
  EXPECT_EQ(message({"list", "--jsno"}), "list: unknown option \"--jsno\" / did you mean --json?");
  EXPECT_EQ(message({"list", "--zzz=4"}),
            "list: unknown option \"--zzz\" / migctl list --help lists the options");
  EXPECT_EQ(message({"--smi", "lab", "list"}), "unknown option \"--smi\" / did you mean --sim?");
  EXPECT_NE(message({"-i", "0", "list"}).find("stand after its name"), std::string::npos);
}

TEST(Parse, MissingAndSuperfluousWords) {
  EXPECT_NE(message({"create"}).find("PROFILE[:START[/COMPUTE]] is missing"), std::string::npos);
  EXPECT_NE(message({"list", "everything"}).find("unexpected argument \"everything\""),
            std::string::npos);
  EXPECT_NE(message({"list", "-i"}).find("list: "), std::string::npos);
  EXPECT_NE(message({"list", "--sim"}).find("list: "), std::string::npos);
  EXPECT_NE(message({"export", "-o", "yaml", "-o", "json"}).find("given 2 times"),
            std::string::npos);
  EXPECT_NE(message({"export", "-o", "xml"}).find("one of yaml, json"), std::string::npos);
  EXPECT_NE(message({"destroy", "--gi", "010"}).find("a plain number"), std::string::npos);
  EXPECT_NE(message({"destroy", "--gi", "-1"}).find("a plain number"), std::string::npos);
  EXPECT_NE(message({"list", "-i", "0,,1"}).find("an element is empty"), std::string::npos);
  EXPECT_NE(message({"list", "--", "x"}).find("nothing may stand after --"), std::string::npos);
}

TEST(Parse, StandardInputIsAFileName) {
  EXPECT_EQ(message({"plan", "-f", "-", "-c", "list"}), "accepted");
}

TEST(Parse, RunKeepsTheCommandAsItIs) {
  const auto parsed = parse({"run", "--profile", "1g.5gb", "--", "prog", "--help", "--json", "--"});
  ASSERT_TRUE(parsed.result);
  EXPECT_EQ(parsed.result->rest, (std::vector<std::string>{"prog", "--help", "--json", "--"}));
  EXPECT_FALSE(parsed.result->help);
  EXPECT_FALSE(parsed.globals.json);
}

TEST(Parse, TheFirstWordThatIsNoOptionStartsTheProgramOfRun) {
  using Words = std::vector<std::string>;
  const std::vector<std::pair<Words, Words>> ways = {
      {{"run", "python", "train.py"}, {"python", "train.py"}},
      {{"run", "-d", "python", "-d", "x"}, {"python", "-d", "x"}},
      {{"run", "-p", "1g.5gb", "python"}, {"python"}},
      {{"run", "-p1g.5gb", "python"}, {"python"}},
      {{"run", "-dp", "1g.5gb", "python"}, {"python"}},
      {{"run", "-dp1g.5gb", "python"}, {"python"}},
      {{"run", "--profile=1g.5gb", "python"}, {"python"}},
      {{"run", "--sim", "lab", "-q", "python", "--sim", "x"}, {"python", "--sim", "x"}},
      {{"run", "--time", "2h", "python", "--help", "--json"}, {"python", "--help", "--json"}},
      {{"run", "python", "--", "-x"}, {"python", "--", "-x"}},
      {{"run", "-d", "--", "-x", "y"}, {"-x", "y"}},
      {{"run", "-"}, {"-"}}};
  for (const auto& [args, rest] : ways) {
    const auto parsed = parse(args);
    ASSERT_TRUE(parsed.result) << parsed.result.error().message;
    EXPECT_EQ(parsed.result->rest, rest);
    EXPECT_FALSE(parsed.result->help);
    EXPECT_FALSE(parsed.globals.json);
    EXPECT_FALSE(parsed.result->globals.json);
  }
  EXPECT_TRUE(parse({"run", "--json", "python"}).result->globals.json);
  EXPECT_TRUE(parse({"run", "--help", "python"}).result->help);
}

TEST(Parse, AnOptionBeforeTheProgramThatRunDoesNotKnowIsRefused) {
  EXPECT_EQ(message({"run", "--number-of-epochs", "3", "python"}),
            "run: unknown option \"--number-of-epochs\" / migctl run --help lists the options; "
            "options of "
            "the program stand after its name: migctl run PROGRAM ...");
  EXPECT_NE(message({"run", "--profle", "1g.5gb", "python"}).find("did you mean --profile?"),
            std::string::npos);
  // A value is missing: the program's name must not become one in silence.
  EXPECT_NE(message({"run", "--sms", "python", "train.py"}).find("--sms is \"python\""),
            std::string::npos);
}

TEST(Parse, SmiTakesAllThatFollows) {
  const auto parsed = parse({"--sim", "lab", "smi", "mig", "-lgip", "--help"});
  ASSERT_TRUE(parsed.result);
  EXPECT_EQ(parsed.result->rest, (std::vector<std::string>{"mig", "-lgip", "--help"}));
  EXPECT_FALSE(parsed.result->help);
  EXPECT_EQ(parsed.result->globals.simulated, "lab");
}

TEST(Parse, HelpInAllItsForms) {
  const std::vector<std::vector<std::string>> ways = {
      {"list", "--help"}, {"list", "-h"}, {"--help", "list"}, {"help", "list"}};
  for (const auto& args : ways) {
    const auto parsed = parse(args);
    ASSERT_TRUE(parsed.result) << parsed.result.error().message;
    EXPECT_TRUE(parsed.result->help);
    EXPECT_EQ(parsed.result->name, "list");
  }
  EXPECT_TRUE(parse({"create", "--help"}).result->help);
  EXPECT_TRUE(parse({"help"}).result->help);
}

TEST(Parse, JsonIsKnownEvenWhenTheRestIsWrong) {
  EXPECT_TRUE(parse({"lsit", "--json"}).globals.json);
  EXPECT_TRUE(parse({"list", "--json", "--bad"}).globals.json);
}

TEST(Parse, EnvironmentGivesDefaultsAndWordsWin) {
  ::setenv("MIG_PARTED_OUTPUT_FORMAT", "xml", 1);
  EXPECT_NE(message({"export"}).find("one of yaml, json"), std::string::npos);
  EXPECT_EQ(message({"export", "-o", "json"}), "accepted");
  ::unsetenv("MIG_PARTED_OUTPUT_FORMAT");
  ::setenv("MIG_PARTED_SKIP_RESET", "maybe", 1);
  EXPECT_NE(message({"apply", "-f", "x"}).find("true or false"), std::string::npos);
  ::setenv("MIG_PARTED_SKIP_RESET", "true", 1);
  EXPECT_EQ(message({"apply", "-f", "x"}), "accepted");
  ::unsetenv("MIG_PARTED_SKIP_RESET");
}

TEST(Parse, TooManyWords) {
  Globals globals;
  const auto result = parse_command_line(std::vector<std::string>(5000, "x"), globals);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace mig::cli
