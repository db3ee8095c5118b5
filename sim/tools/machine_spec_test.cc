// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/machine_spec.h"

#include <gtest/gtest.h>

#include "sim/gpus/board.h"
#include "sim/tools/identity.h"
#include "sim/tools/nearest.h"

namespace migsim {
namespace {

using Keys = std::vector<std::string>;

Problem parse(std::string_view text, Keys& keys) {
  return parse_gpus(text, builtin_board_keys(), keys);
}

TEST(ParseGpus, CountsAndBoards) {
  Keys keys;
  EXPECT_TRUE(parse("2x a100-sxm4-40gb, 1x h200-141gb", keys).ok());
  EXPECT_EQ(keys, (Keys{"a100-sxm4-40gb", "a100-sxm4-40gb", "h200-141gb"}));
  EXPECT_TRUE(parse(" h200-141gb ", keys).ok());
  EXPECT_EQ(keys, Keys{"h200-141gb"});
  EXPECT_TRUE(parse("2xh200-141gb,a30-24gb", keys).ok());
  EXPECT_EQ(keys.size(), 3U);
}

TEST(ParseGpus, RefusesWhatIsNoCount) {
  for (const char* text : {"010x h200-141gb",
                           "0x h200-141gb",
                           "2 h200-141gb",
                           "2x",
                           "99999999999x h200-141gb",
                           "-1x h200-141gb",
                           "",
                           "h200-141gb,",
                           ",",
                           "1.5x h200-141gb"}) {
    Keys keys;
    EXPECT_FALSE(parse(text, keys).ok()) << text;
  }
  Keys keys;
  EXPECT_EQ(parse("17x h200-141gb", keys).code, Exit::kTooLarge);
  EXPECT_EQ(parse("8x h200-141gb, 9x a30-24gb", keys).code, Exit::kTooLarge);
  EXPECT_EQ(parse(std::string(5000, 'x'), keys).code, Exit::kTooLarge);
}

TEST(ParseGpus, UnknownBoardNamesTheNearest) {
  Keys keys;
  const Problem problem = parse("a100-40gb", keys);
  EXPECT_EQ(problem.code, Exit::kNotFound);
  EXPECT_NE(problem.hint.find("a100-sxm4-40gb"), std::string::npos);
  EXPECT_NE(problem.hint.find("a100-pcie-40gb"), std::string::npos);
}

TEST(MachineName, OnlyPlainOnes) {
  EXPECT_TRUE(check_machine_name("lab-1.b_c").ok());
  for (const char* name : {"", ".", "..", ".hidden", "-x", "a/b", "Lab", "a b", "a\nb", "ä"}) {
    EXPECT_FALSE(check_machine_name(name).ok()) << name;
  }
  EXPECT_FALSE(check_machine_name(std::string(64, 'a')).ok());
}

TEST(Latency, WordsAndNumbers) {
  std::uint32_t permille = 7;
  EXPECT_TRUE(parse_latency("true", permille).ok());
  EXPECT_EQ(permille, 1000U);
  EXPECT_TRUE(parse_latency("none", permille).ok());
  EXPECT_EQ(permille, 0U);
  EXPECT_TRUE(parse_latency("250", permille).ok());
  EXPECT_EQ(permille, 250U);
  for (const char* text : {"", "fast", "-1", "010", "1e3", "100001"}) {
    EXPECT_FALSE(parse_latency(text, permille).ok()) << text;
  }
}

TEST(DriverVersion, MustHaveMig) {
  EXPECT_TRUE(check_driver_version("580.159.04").ok());
  EXPECT_TRUE(check_driver_version("450.80").ok());
  for (const char* text : {"", "580", "440.33.01", "580..1", "580.1.2.3", "x.1", "580.1;rm"}) {
    EXPECT_FALSE(check_driver_version(text).ok()) << text;
  }
}

TEST(Identity, SameSeedSameNames) {
  EXPECT_EQ(gpu_uuid(1, "lab", 0), gpu_uuid(1, "lab", 0));
  EXPECT_NE(gpu_uuid(1, "lab", 0), gpu_uuid(1, "lab", 1));
  EXPECT_NE(gpu_uuid(1, "lab", 0), gpu_uuid(2, "lab", 0));
  EXPECT_NE(gpu_uuid(1, "lab", 0), gpu_uuid(1, "lab2", 0));
  EXPECT_EQ(gpu_uuid(1, "lab", 0).size(), 40U);
  EXPECT_EQ(gpu_serial(1, "lab", 0).size(), 13U);
}

TEST(Nearest, NothingIsNearToNonsense) {
  EXPECT_TRUE(nearest("qqqqqqqqqqqqqqqqqqqq", builtin_board_keys()).empty());
  EXPECT_EQ(any_of_names({"a", "b", "c"}), "a, b or c");
}

}  // namespace
}  // namespace migsim
