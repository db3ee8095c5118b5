// SPDX-License-Identifier: Apache-2.0
#include "doctor/xid_check.h"

#include <gtest/gtest.h>

namespace mig::doctor {
namespace {

TEST(Xid, LinesOfAKernelLog) {
  const auto groups = xids_in(
      "4,1021,55,-;NVRM: Xid (PCI:0000:3B:00): 31, pid=12345, name=python, Ch 00000008\n"
      "Nov 28 10:00:00 host kernel: NVRM: Xid (PCI:0000:3b:00): 31, pid=2, name=b\n"
      "NVRM: Xid (PCI:0000:07:00 GPU-I:05): 94, pid=7194, Contained: CE User Channel\n"
      "NVRM: GPU at PCI:0000:3b:00: GPU-1\n"
      "NVRM: Xid (PCI:0000:3b:00): pid\n"
      "NVRM: Xid (PCI:0000:3b:00");
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].bus, "0000:3b:00");
  EXPECT_EQ(groups[0].number, 31U);
  EXPECT_EQ(groups[0].count, 2U);
  EXPECT_EQ(groups[0].last, "NVRM: Xid (PCI:0000:3b:00): 31, pid=2, name=b");
  EXPECT_EQ(groups[0].gpu_instance, "");
  EXPECT_EQ(groups[1].bus, "0000:07:00");
  EXPECT_EQ(groups[1].gpu_instance, "05");
  EXPECT_EQ(groups[1].number, 94U);
}

}  // namespace
}  // namespace mig::doctor
