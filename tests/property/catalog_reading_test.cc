// SPDX-License-Identifier: Apache-2.0
// Two independent readings of every board file: the catalog's, and a driver session on a simulated
// machine with one GPU of each. They share no code below device/ and must agree.
#include <unistd.h>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp and setenv are POSIX

#include "base/strings.h"
#include "catalog/catalog.h"
#include "device/inventory_reader.h"
#include "nvml/session.h"
#include "sim/tools/create.h"

namespace mig::property {
namespace {

// A machine with one GPU of each board, removed by the destructor.
class EveryBoard {
 public:
  EveryBoard() {
    root_ = std::filesystem::temp_directory_path() / "migctl-catalog-XXXXXX";
    EXPECT_NE(::mkdtemp(root_.data()), nullptr);
    ::setenv("MIGSIM_ROOT", root_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no thread yet
    migsim::MachineSpec spec;
    spec.name = "shelf";
    spec.latency = "none";
    spec.gpus = base::join(catalog::board_names(), ", ");
    std::string dir;
    const migsim::Problem problem = migsim::create_machine(spec, dir);
    EXPECT_TRUE(problem.ok()) << problem.message;
    ::setenv("MIGSIM_MACHINE", dir.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }

  ~EveryBoard() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  EveryBoard(const EveryBoard&) = delete;
  EveryBoard& operator=(const EveryBoard&) = delete;

  static Inventory read() {
    auto session = nvml::Session::open(MIG_SIM_LIBRARY_DIR "/libnvidia-ml.so.1");
    EXPECT_TRUE(session) << session.error().text();
    auto inventory = session ? device::read_inventory(**session, {}) : Result<Inventory>(Error{});
    EXPECT_TRUE(inventory) << inventory.error().text();
    return inventory ? *inventory : Inventory{};
  }

 private:
  std::string root_;
};

TEST(Catalog, SaysOfEveryBoardWhatADriverSessionReads) {
  const EveryBoard shelf;
  const Inventory read = EveryBoard::read();
  const std::vector<std::string> names = catalog::board_names();
  ASSERT_EQ(read.gpus.size(), names.size());
  for (std::uint32_t index = 0; index < names.size(); ++index) {
    SCOPED_TRACE(names[index]);
    auto gpu = catalog::gpu_of(names[index], GpuIndex{index});
    ASSERT_TRUE(gpu) << gpu.error().text();
    const Gpu& there = read.gpus[index];
    gpu->uuid = there.uuid;  // derived from the machine's name
    ASSERT_EQ(gpu->profiles.size(), there.profiles.size());
    for (std::size_t i = 0; i < there.profiles.size(); ++i) {
      SCOPED_TRACE(there.profiles[i].name.str());
      EXPECT_EQ(gpu->profiles[i].name.str(), there.profiles[i].name.str());
      EXPECT_TRUE(gpu->profiles[i] == there.profiles[i]);
    }
    EXPECT_EQ(gpu->name, there.name);
    EXPECT_EQ(gpu->pci_bus_id, there.pci_bus_id);
    EXPECT_EQ(gpu->display, there.display);
    EXPECT_EQ(gpu->memory_total_mib, there.memory_total_mib);
    EXPECT_TRUE(*gpu == there);
  }
}

}  // namespace
}  // namespace mig::property
