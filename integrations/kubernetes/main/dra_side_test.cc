// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/dra_side.h"

#include <string>

#include <gtest/gtest.h>

namespace mig::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// A lease whose checkpoint was lost, or a process that stays, is there for days.
TEST(NextRepair, WhatDoesNotChangeIsLookedAtLessAndLess) {
  milliseconds wait = next_repair(milliseconds(0), false, false);
  EXPECT_EQ(wait, seconds(15));
  for (const seconds longer : {seconds(30), seconds(60), seconds(120), seconds(240)}) {
    wait = next_repair(wait, false, true);
    EXPECT_EQ(wait, longer);
  }
  EXPECT_EQ(next_repair(wait, false, true), minutes(5));
  EXPECT_EQ(next_repair(minutes(5), false, true), minutes(5));
  EXPECT_EQ(next_repair(minutes(5), false, false), seconds(15)) << "news";
  EXPECT_EQ(next_repair(seconds(15), true, false), minutes(5)) << "nothing to do";
}

// A claim that was deallocated by force is gone, for this node.
TEST(AllocatedHere, ByDriverAndPool) {
  const auto claim = [](const char* driver, const char* pool) {
    base::Json one;
    one["metadata"]["uid"] = "u";
    one["status"]["allocation"]["devices"]["results"] =
        base::Json::array({{{"driver", "other.example"}, {"pool", "n1"}},
                           {{"driver", driver}, {"pool", pool}, {"device", "gpu-0-mig-1g-5gb-0"}}});
    return one;
  };
  EXPECT_TRUE(allocated_here(claim("mig.migctl.dev", "n1"), "n1"));
  EXPECT_FALSE(allocated_here(claim("mig.migctl.dev", "n2"), "n1"));
  EXPECT_FALSE(allocated_here(claim("other.example", "n1"), "n1"));
  for (const char* text : {"{}",
                           R"({"status": {}})",
                           R"({"status": {"allocation": null}})",
                           R"({"status": {"allocation": {"devices": {"results": [7]}}}})"}) {
    EXPECT_FALSE(allocated_here(base::Json::parse(text), "n1")) << text;
  }
}

}  // namespace
}  // namespace mig::kube
