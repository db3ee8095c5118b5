// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/claim_key.h"

#include <gtest/gtest.h>

namespace mig::kube {
namespace {

TEST(ClaimKeys, NameTheClaimAndTheDevice) {
  const ClaimRef claim{"default", "c", "0a-1"};
  EXPECT_EQ(key_of(claim, {"r", "p", "gpu-0-mig-1g-5gb-0", ""}),
            "kubernetes/0a-1/gpu-0-mig-1g-5gb-0");
  EXPECT_EQ(claim_of_key(key_of(claim, {"r", "p", "d", "share"})), "0a-1");
  EXPECT_NE(key_of(claim, {"r", "p", "d", "share"}), key_of(claim, {"r", "p", "d", "other"}));
  for (const char* other : {"",
                            "kubernetes/",
                            "kubernetes//d",
                            "kubernetes/0a-1",
                            "slurm/0a-1/d",
                            "kubernetez/0a-1/d"}) {
    EXPECT_FALSE(claim_of_key(other)) << other;
  }
}

}  // namespace
}  // namespace mig::kube
