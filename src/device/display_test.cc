// SPDX-License-Identifier: Apache-2.0
// Fake drivers that support all, some and none of the display readings.
#include "device/display.h"

#include <gtest/gtest.h>

namespace mig::device {
namespace {

nvmlReturn_t vga(nvmlDevice_t, nvmlPciInfoExt_v1_t* pci) {
  if (pci->version != nvmlPciInfoExt_v1) {
    return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
  }
  pci->baseClass = 3;
  pci->subClass = 0;
  return NVML_SUCCESS;
}

nvmlReturn_t yes(nvmlDevice_t, nvmlEnableState_t* state) {
  *state = NVML_FEATURE_ENABLED;
  return NVML_SUCCESS;
}

nvmlReturn_t no(nvmlDevice_t, nvmlEnableState_t* state) {
  *state = NVML_FEATURE_DISABLED;
  return NVML_SUCCESS;
}

// Seen on H200 and RTX PRO 6000 Max-Q, R580 and R590: the call is deprecated.
nvmlReturn_t deprecated(nvmlDevice_t, nvmlEnableState_t* state) {
  *state = NVML_FEATURE_ENABLED;
  return NVML_ERROR_DEPRECATED;
}

TEST(Display, WhatADriverDoesNotTellIsUnknown) {
  const Display nothing = read_display({}, nullptr);
  EXPECT_FALSE(nothing.pci_class);
  EXPECT_FALSE(nothing.attached);
  EXPECT_FALSE(nothing.active);
}

TEST(Display, EachReadingStandsByItself) {
  nvml::Functions driver;
  driver.nvmlDeviceGetPciInfoExt = nvml::Function<decltype(nvmlDeviceGetPciInfoExt)>(vga);
  driver.nvmlDeviceGetDisplayMode = nvml::Function<decltype(nvmlDeviceGetDisplayMode)>(deprecated);
  driver.nvmlDeviceGetDisplayActive = nvml::Function<decltype(nvmlDeviceGetDisplayActive)>(no);
  Display display = read_display(driver, nullptr);
  EXPECT_EQ(display.pci_class, 0x0300U);
  EXPECT_FALSE(display.attached);
  EXPECT_EQ(display.active, false);
  driver.nvmlDeviceGetDisplayMode = nvml::Function<decltype(nvmlDeviceGetDisplayMode)>(no);
  driver.nvmlDeviceGetDisplayActive = nvml::Function<decltype(nvmlDeviceGetDisplayActive)>(yes);
  display = read_display(driver, nullptr);
  EXPECT_EQ(display.attached, false);
  EXPECT_EQ(display.active, true);
}

}  // namespace
}  // namespace mig::device
