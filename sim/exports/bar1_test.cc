// SPDX-License-Identifier: Apache-2.0
// BAR1 of MIG devices against published nvidia-smi tables (the board files name them).
#include <cmath>

#include "sim/exports/test_library.h"

namespace migsim::testing {
namespace {

struct Bar1Reading {
  const char* board;
  const char* driver;
  std::uint32_t profile;
  double mib;
};

class Bar1 : public LibraryTest {
 protected:
  double of(const Bar1Reading& reading) {
    start({reading.board}, true);
    Options& options = rig->state->options;
    std::snprintf(options.driver_version, sizeof(options.driver_version), "%s", reading.driver);
    const int gi = rig->create(reading.profile);
    EXPECT_GE(gi, 0);
    const GiProfile& profile = rig->profile(reading.profile);
    for (std::uint32_t i = 0; i < profile.ci_profile_count; ++i) {
      if (profile.ci_profiles[i].is_default != 0) {
        EXPECT_GE(
            rig->create_compute(static_cast<std::uint32_t>(gi), profile.ci_profiles[i].profile), 0);
      }
    }
    open();
    nvmlBAR1Memory_t bar1{};
    EXPECT_EQ(NV(nvmlDeviceGetBAR1MemoryInfo)(mig(0), &bar1), NVML_SUCCESS);
    return static_cast<double>(bar1.bar1Total >> 20U);
  }
};

class ShareOfTheWhole : public Bar1, public ::testing::WithParamInterface<Bar1Reading> {};

TEST_P(ShareOfTheWhole, UpToR570) {
  EXPECT_EQ(of(GetParam()), GetParam().mib);
}

INSTANTIATE_TEST_SUITE_P(Published,
                         ShareOfTheWhole,
                         ::testing::Values(Bar1Reading{"a100-sxm4-40gb", "560.28.03", 19, 8191},
                                           Bar1Reading{"a100-pcie-40gb", "535.54.03", 19, 8191},
                                           Bar1Reading{"a100-sxm4-80gb", "535.54.03", 19, 16383},
                                           Bar1Reading{"a30-24gb", "550.90.07", 5, 16383},
                                           Bar1Reading{"a30-24gb", "550.90.07", 14, 8191},
                                           Bar1Reading{"h100-pcie-80gb", "570.169", 19, 16383}));

class ShareOfTheRest : public Bar1, public ::testing::WithParamInterface<Bar1Reading> {};

TEST_P(ShareOfTheRest, FromR580On) {
  EXPECT_EQ(of(GetParam()), GetParam().mib);
}

INSTANTIATE_TEST_SUITE_P(
    Published,
    ShareOfTheRest,
    ::testing::Values(Bar1Reading{"a100-sxm4-40gb", "590.48.01", 9, 12210},
                      Bar1Reading{"a100-sxm4-40gb", "590.48.01", 14, 6105},
                      Bar1Reading{"a100-sxm4-40gb", "590.48.01", 19, 3052},
                      Bar1Reading{"h100-nvl-94gb", "580.105.08", 19, 4405},
                      Bar1Reading{"h100-sxm5-80gb", "580.173.02", 9, 24740},
                      Bar1Reading{"h100-sxm5-80gb", "580.173.02", 19, 6185},
                      Bar1Reading{"h200-141gb", "590.48.01", 9, 59237},
                      Bar1Reading{"h200-141gb", "590.48.01", 14, 29618},
                      Bar1Reading{"h200-141gb", "580.173.02", 19, 14809},
                      Bar1Reading{"rtx-pro-6000-server", "580.105.08", 14, 8317},
                      Bar1Reading{"rtx-pro-6000-maxq", "580.105.08", 14, 8327}));

// R590 reports 2 MiB less for instances of an H100; a board file has one figure for all drivers.
TEST_F(Bar1, OfAnH100WithR590IsWithinOneMib) {
  EXPECT_NEAR(of({"h100-sxm5-80gb", "590.48.01", 9, 24739}), 24739, 1);
}

TEST_F(Bar1, WhereNobodySawItItIsAboutWhatTheMemoryLeaves) {
  EXPECT_EQ(of({"h100-pcie-80gb", "580.173.02", 19, 0}), (131072 - 81559) / 8);
}

class UsedByTheGpu : public Bar1 {
 protected:
  std::uint64_t mib(const char* driver) {
    start({"a100-sxm4-80gb"}, true);
    Options& options = rig->state->options;
    std::snprintf(options.driver_version, sizeof(options.driver_version), "%s", driver);
    EXPECT_GE(rig->create(15), 0);
    open();
    nvmlBAR1Memory_t bar1{};
    EXPECT_EQ(NV(nvmlDeviceGetBAR1MemoryInfo)(gpu(), &bar1), NVML_SUCCESS);
    EXPECT_EQ(bar1.bar1Total >> 20U, 131072U);
    return bar1.bar1Used >> 20U;
  }
};

// Source: telegraf's A100-SXM4-80GB with four instances.
TEST_F(UsedByTheGpu, IsOneMibUpToR570) {
  EXPECT_EQ(mib("535.54.03"), 1U);
}

// An H200 with instances: 143157 of 262144 MiB, which is the GPU's memory less the reserved part.
TEST_F(UsedByTheGpu, IsItsMemoryFromR580On) {
  EXPECT_EQ(mib("590.48.01"), 81920U - 869U);
}

}  // namespace
}  // namespace migsim::testing
