// SPDX-License-Identifier: Apache-2.0
// Test fixture: a folder with the files of a made-up machine (/dev, /proc, /sys), and its
// Inventory: two GPUs whose minors are not their indices, MIG on the first.
#ifndef MIGCTL_CDI_TEST_MACHINE_H_
#define MIGCTL_CDI_TEST_MACHINE_H_

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cdi/devices.h"
#include "cdi/driver_files.h"

namespace mig::cdi {

namespace fs = std::filesystem;

class CdiTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "mig-cdi-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    roots_ = {root_ + "/dev", root_ + "/proc", root_ + "/sys", ""};
    write("proc/devices",
          "Character devices:\n195 nvidia\n195 nvidiactl\n238 nvidia-uvm\n241 nvidia-caps\n\n"
          "Block devices:\n  7 loop\n");
    for (const char* name : {"nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"}) {
      write(std::string("dev/") + name, "");
      ::chmod((root_ + "/dev/" + name).c_str(), 0666);
    }
  }

  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const fs::path file = fs::path(root_) / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  void capability(std::uint32_t gpu, std::uint32_t gi, std::uint32_t ci, std::uint32_t minor) {
    const std::string folder =
        fmt::format("proc/driver/nvidia/capabilities/gpu{}/mig/gi{}", gpu, gi);
    write(folder + "/access", text_of(minor));
    write(fmt::format("{}/ci{}/access", folder, ci), text_of(minor + 1 + ci));
  }

  static std::string text_of(std::uint32_t minor) {
    return fmt::format("DeviceFileMinor: {}\nDeviceFileMode: 292\nDeviceFileModify: 1\n", minor);
  }

  static GpuInstance instance(std::uint32_t id,
                              const std::string& profile,
                              Placement place,
                              const std::string& uuid,
                              std::uint32_t index) {
    GpuInstance made;
    made.id = {id};
    made.name = *ProfileName::parse(profile);
    made.placement = place;
    ComputeInstance compute;
    compute.id = {0};
    compute.name = made.name;
    compute.uuid = uuid;
    compute.device_index = index;
    made.compute_instances.push_back(compute);
    return made;
  }

  // Two GPUs whose minors are not their indices; MIG on the first.
  Inventory machine() {
    Inventory now;
    Gpu first;
    first.index = {0};
    first.minor = 1;
    first.uuid = "GPU-a";
    first.mig_current = MigMode::kEnabled;
    first.instances.push_back(instance(7, "1g.18gb", {0, 1}, "MIG-a", 0));
    first.instances.push_back(instance(9, "1g.18gb+me", {1, 1}, "MIG-b", 1));
    first.instances.push_back(instance(11, "1g.18gb", {2, 1}, "MIG-c", 2));
    Gpu second;
    second.index = {1};
    second.minor = 0;
    second.uuid = "GPU-b";
    second.mig_current = MigMode::kDisabled;
    now.gpus = {first, second};
    capability(1, 7, 0, 30);
    capability(1, 9, 0, 39);
    capability(1, 11, 0, 48);
    return now;
  }

  static std::vector<std::string> names(const std::vector<Device>& devices) {
    std::vector<std::string> out;
    out.reserve(devices.size());
    for (const Device& device : devices) {
      out.push_back(device.name);
    }
    return out;
  }

  static std::vector<std::uint32_t> minors(const Device& device) {
    std::vector<std::uint32_t> out;
    for (const DeviceNode& node : device.edits.nodes) {
      out.push_back(node.minor_number);
    }
    return out;
  }

  DeviceList list(const std::vector<SlotInstance>& slots = {}) {
    return devices_of(machine(), slots, DriverFiles(roots_));
  }

  std::string root_;
  Roots roots_;
};

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_TEST_MACHINE_H_
