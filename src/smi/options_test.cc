// SPDX-License-Identifier: Apache-2.0
#include "smi/options.h"

#include <gtest/gtest.h>

#include "smi/main_command.h"
#include "smi/mig_command.h"
#include "smi/pmon.h"

namespace mig::smi {
namespace {

TEST(Options, ValuesAfterBlankOrEquals) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-i", "0,1"}, {"--id=0,1"}, {"--id", "0,1"}, {"-i=0,1"}}) {
    const Options options = parse_main(words);
    EXPECT_EQ(options.error, "");
    EXPECT_EQ(options.get("-i"), "0,1");
  }
}

TEST(Options, AValueThatMayBeLeftOut) {
  EXPECT_EQ(parse_mig({"-cci", "-gi", "1"}).get("-cci"), "");
  EXPECT_EQ(parse_mig({"-cci", "-gi", "1"}).get("-gi"), "1");
  EXPECT_EQ(parse_mig({"-cci", "0,0", "-gi", "1"}).get("-cci"), "0,0");
  EXPECT_EQ(parse_mig({"-cci", "0,0", "-gi", "1"}).error, "");
}

TEST(Options, ErrorsAsNvidiaSmiWordsThem) {
  EXPECT_EQ(parse_main({"-lms100"}).error,
            "ERROR: Option -lms100 is not recognized. Please run 'nvidia-smi -h' for help.\n");
  EXPECT_EQ(parse_main({"-L", "noheader"}).error,
            "ERROR: Option noheader is not recognized. Please run 'nvidia-smi -h' for help.\n");
  EXPECT_EQ(parse_main({"--id"}).error,
            "ERROR: Option --id is missing its value. Please run 'nvidia-smi -h' for help.\n");
}

TEST(Options, OneActionAtATime) {
  EXPECT_EQ(main_usage_error(parse_main({"-L"})), "");
  EXPECT_EQ(main_usage_error(parse_main({})), "");
  EXPECT_EQ(main_usage_error(parse_main({"-L", "-q"})),
            "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n");
  EXPECT_NE(mig_usage_error(parse_mig({"-lgi", "-dgi"})), "");
  EXPECT_NE(mig_usage_error(parse_mig({})), "");
  EXPECT_NE(mig_usage_error(parse_mig({"-lgi", "-C"})), "");
  EXPECT_EQ(mig_usage_error(parse_mig({"-cgi", "9,14:4", "-C"})), "");
}

TEST(Options, BadNumbersAreRefusedBeforeAnythingHappens) {
  EXPECT_NE(mig_usage_error(parse_mig({"-dgi", "-gi", "x"})), "");
  EXPECT_NE(mig_usage_error(parse_mig({"-dgi", "-gi", "1,,2"})), "");
  EXPECT_NE(main_usage_error(parse_main({"-mig", "2"})), "");
  EXPECT_NE(main_usage_error(parse_main({"-mig", "1", "-l", "1"})), "");
  EXPECT_NE(pmon_usage_error(parse_pmon({"-c", "0"})), "");
  EXPECT_NE(pmon_usage_error(parse_pmon({"-c", "-1"})), "");
  EXPECT_EQ(pmon_usage_error(parse_pmon({"-c", "1"})), "");
}

TEST(Options, QueriesAreCheckedWhole) {
  EXPECT_EQ(main_usage_error(parse_main({"--query-gpu=index,name", "--format=csv,noheader"})), "");
  EXPECT_EQ(main_usage_error(parse_main({"--query-gpu=cuda_version", "--format=csv"})),
            "Field \"cuda_version\" is not a valid field to query.\n\n");
  EXPECT_EQ(main_usage_error(parse_main({"--query-gpu=index"})),
            "\"--format=\" switch is missing. Please run 'nvidia-smi -h' for help.\n");
  EXPECT_NE(main_usage_error(parse_main({"--query-gpu=index", "--format=noheader"})), "");
  EXPECT_NE(main_usage_error(parse_main({"--format=csv"})), "");
  EXPECT_EQ(main_usage_error(parse_main({"--query-compute-apps=pid,used_memory", "--format=csv"})),
            "");
  EXPECT_NE(main_usage_error(parse_main({"--query-compute-apps=pids", "--format=csv"})), "");
}

}  // namespace
}  // namespace mig::smi
