// SPDX-License-Identifier: Apache-2.0
#include "smi/options.h"

#include <gtest/gtest.h>

#include "smi/main_command.h"
#include "smi/mig_command.h"
#include "smi/pmon.h"

namespace mig::smi {
namespace {

using Words = std::vector<std::string>;

std::string main_text(const Words& words) {
  return main_usage_error(parse_main(words)).text;
}

std::string mig_text(const Words& words) {
  return mig_usage_error(parse_mig(words)).text;
}

std::string pmon_text(const Words& words) {
  return pmon_usage_error(parse_pmon(words)).text;
}

TEST(Options, ValuesAfterBlankOrEquals) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-i", "0,1"}, {"--id=0,1"}, {"--id", "0,1"}, {"-i=0,1"}}) {
    const Options options = parse_main(words);
    EXPECT_TRUE(options.error.empty());
    EXPECT_EQ(options.get("-i"), "0,1");
  }
}

TEST(Options, AValueThatMayBeLeftOut) {
  EXPECT_EQ(parse_mig({"-cci", "-gi", "1"}).get("-cci"), "");
  EXPECT_EQ(parse_mig({"-cci", "-gi", "1"}).get("-gi"), "1");
  EXPECT_EQ(parse_mig({"-cci", "0,0", "-gi", "1"}).get("-cci"), "0,0");
  EXPECT_TRUE(parse_mig({"-cci", "0,0", "-gi", "1"}).error.empty());
}

TEST(Options, ErrorsAsNvidiaSmiWordsThem) {
  const UsageError unknown = parse_main({"-lms100"}).error;
  EXPECT_EQ(unknown.text,
            "ERROR: Option -lms100 is not recognized. Please run 'nvidia-smi -h'.\n\n");
  EXPECT_EQ(unknown.exit, 255);
  const UsageError with_list = parse_main({"--id=0", "-L"}).error;
  EXPECT_EQ(with_list.text,
            "ERROR: Option --id is not valid for this command. Please run 'nvidia-smi -h' for "
            "help.\n\n");
  EXPECT_EQ(with_list.exit, 2);
  EXPECT_EQ(parse_main({"--id"}).error.text,
            "ERROR: Option --id is missing its value. Please run 'nvidia-smi -h' for help.\n\n");
  EXPECT_EQ(parse_main({"--id"}).error.exit, 255);
  EXPECT_EQ(main_text({"--format=csv"}),
            "ERROR: Option --format=csv is not recognized. Please run 'nvidia-smi -h'.\n\n");
  EXPECT_EQ(main_text({"-d", "MEMORY"}),
            "Invalid combination of input arguments. Specify -q/--query and -d/--display to run a "
            "filtered query.  Please run 'nvidia-smi -h' for help.\n\n");
}

TEST(Options, OneActionAtATime) {
  EXPECT_EQ(main_text({"-L"}), "");
  EXPECT_EQ(main_text({}), "");
  EXPECT_EQ(main_text({"--version", "-q"}),
            "ERROR: Option -q is not valid for this command. Please run 'nvidia-smi -h' for help.\n"
            "\n");
  EXPECT_EQ(main_text({"-mig", "1", "-q"}),
            "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n");
  EXPECT_NE(mig_text({"-lgi", "-dgi"}), "");
  EXPECT_NE(mig_text({"-dci", "-dgi"}), "");
  EXPECT_EQ(mig_text({"-lgi", "-lgip"}), "");
  EXPECT_TRUE(parse_mig({"-i", "0"}).has("-h"));
  EXPECT_EQ(mig_text({"-lgi", "-C"}), "");
  EXPECT_NE(mig_text({"-dgi", "-C"}), "");
  EXPECT_EQ(mig_text({"-cgi", "9,14:4", "-C"}), "");
}

TEST(Options, BadNumbersAreRefusedBeforeAnythingHappens) {
  EXPECT_EQ(mig_text({"-lgip", "-gi", "x"}), "") << "not read";
  EXPECT_NE(mig_text({"-cgi", "9", "-gi", "1,,2"}), "");
  EXPECT_NE(main_text({"-mig", "2"}), "");
  EXPECT_NE(main_text({"-mig", "1", "-l", "1"}), "");
  EXPECT_NE(pmon_text({"-c", "-1"}), "");
  EXPECT_NE(pmon_text({"-d", "11"}), "");
  EXPECT_EQ(pmon_text({"-c", "1"}), "");
}

// nvidia-smi prints the help after the error and exits with 0.
TEST(Options, PmonAnswersWithItsHelp) {
  for (const auto& [words, error] :
       {std::pair(std::vector<std::string>{"-c", "0"},
                  "Invalid value for number of samples to be displayed\n"),
        {{"-d", "0"}, "Collection delay/interval should be between 1 second and 10 seconds\n"},
        {{"-bogus"}, "Option \"-bogus\" is not recognized.\n"}}) {
    const UsageError answer = pmon_usage_error(parse_pmon(words));
    EXPECT_EQ(answer.text, error + pmon_help());
    EXPECT_EQ(answer.exit, 0);
  }
}

TEST(Options, QueriesAreCheckedWhole) {
  EXPECT_EQ(main_text({"--query-gpu=index,name", "--format=csv,noheader"}), "");
  EXPECT_EQ(main_text({"--query-gpu=cuda_version", "--format=csv"}),
            "Field \"cuda_version\" is not a valid field to query.\n\n");
  EXPECT_EQ(main_text({"--query-gpu=index"}), "");
  EXPECT_EQ(main_text({"--query-gpu=index", "--format=noheader"}), "");
  EXPECT_NE(main_text({"--query-gpu=index", "--format=csv,"}), "");
  EXPECT_EQ(main_text({"--query-compute-apps=pid,used_memory", "--format=csv"}), "");
  EXPECT_NE(main_text({"--query-compute-apps=pids", "--format=csv"}), "");
}

// Invalid combinations, with the messages of an H200's nvidia-smi 580.
TEST(Options, DocumentsUnitsAndQueries) {
  const std::string invalid = "Invalid combination of input arguments";
  EXPECT_EQ(main_text({"-x"}).rfind(invalid + ". Specify -q/--query and -x/--xml-format", 0), 0U);
  EXPECT_EQ(main_text({"-u"}).rfind(invalid + ". Specify -q/--query and -u/--unit", 0), 0U);
  EXPECT_EQ(main_text({"-q", "-x", "-d", "MEMORY"}),
            invalid + ": --display/-d flags can not be combined with -x/--xml-format flags.\n");
  EXPECT_EQ(main_text({"-q", "--dtd"}).rfind(invalid + ": Specify -x/--xml-format", 0), 0U);
  EXPECT_EQ(main_text({"--query-gpu=index", "--query-compute-apps=pid"}),
            "Only one --query-* switch can be used at a time.\n");
  EXPECT_EQ(
      main_text({"-L", "-B"}),
      "ERROR: Only one command can be run at a time. Please run 'nvidia-smi -h' for help.\n\n");
  const UsageError stray = parse_main({"-q", "-x", "--query-gpu=index"}).error;
  EXPECT_EQ(stray.text,
            "ERROR: Option -q is not recognized. Please run 'nvidia-smi -h' for help.\n\n");
  EXPECT_EQ(stray.exit, 2);
  EXPECT_EQ(parse_main({"-x", "--dtd"}).error.exit, 255);
  EXPECT_EQ(main_text({"-q", "-u", "-i", "x"}), "Invalid format for Unit index id: x\n");
  EXPECT_EQ(
      main_text({"-l", "0"}),
      "Provided [-l(ms) | --loop(-ms)=] value is incorrect. Loop frequency must be greater than "
      "0.\n\n");
  for (const Words& words : {Words{"-q", "-x"},
                             {"-x", "-a"},
                             {"--dtd", "-u"},
                             {"-q", "-d", "ecc,,power"},
                             {"-q", "-x", "--dtd", "-i", "0", "-l", "1"},
                             {"-f", "log", "-q"}}) {
    EXPECT_EQ(main_text(words), "") << words.front();
  }
}

TEST(Options, FilesAreNotForWhatChangesAGpu) {
  EXPECT_NE(main_text({"-pm", "1", "-f", "log"}), "");
  EXPECT_NE(main_text({"-L", "-f", "log"}), "");
}

}  // namespace
}  // namespace mig::smi
