// SPDX-License-Identifier: Apache-2.0
// Test fixtures: boards from sim/gpus, a machine in memory, a machine on disk.
#ifndef MIGCTL_SIM_MACHINE_TEST_MACHINE_H_
#define MIGCTL_SIM_MACHINE_TEST_MACHINE_H_

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "sim/gpus/board.h"
#include "sim/machine/machine.h"
#include "sim/machine/mig.h"

namespace migsim::testing {

inline Board load(std::string_view key) {
  Board board;
  std::string error;
  EXPECT_TRUE(load_board(builtin_board(key), board, error)) << key << ": " << error;
  return board;
}

// A machine as State and Hardware only, without a file: the input of the MIG rules.
struct Rig {
  std::unique_ptr<Hardware> hardware = std::make_unique<Hardware>();
  std::unique_ptr<State> state = std::make_unique<State>();

  explicit Rig(const std::vector<std::string>& keys, bool mig = true) {
    hardware->gpu_count = hardware->board_count = static_cast<std::uint32_t>(keys.size());
    for (std::uint32_t i = 0; i < keys.size(); ++i) {
      hardware->boards[i] = load(keys[i]);
      GpuState& gpu = state->gpus[i];
      gpu.board = gpu.minor = i;
      std::snprintf(
          gpu.uuid, sizeof(gpu.uuid), "GPU-%08x-1111-2222-3333-444444444444", 0xabc00000U + i);
      gpu.mig_current = gpu.mig_pending = mig ? 1 : 0;
    }
    std::snprintf(hardware->machine_name, sizeof(hardware->machine_name), "test");
    state->options.latency_permille = 0;
  }

  GpuRef gpu(std::uint32_t index = 0) const { return {*hardware, *state, index}; }

  const GiProfile& profile(std::uint32_t id, std::uint32_t index = 0) const {
    const GiProfile* found = find_gi_profile_by_id(gpu(index).board(), id);
    EXPECT_NE(found, nullptr) << "profile " << id;
    return *found;
  }

  // Id of the new instance, or minus the NVML code.
  int create(std::uint32_t profile_id, std::optional<Placement> at = {}, std::uint32_t index = 0) {
    std::uint32_t id = kNone;
    const int code = create_gi(gpu(index), profile(profile_id, index), at, id);
    return code == 0 ? static_cast<int>(id) : -code;
  }

  int create_compute(std::uint32_t gi, std::uint32_t ci_profile, std::uint32_t index = 0) {
    const GiState& self = state->gpus[index].gis[gi];
    const CiProfile* found =
        find_ci_profile(gpu(index).board().gi_profiles[self.profile_index], ci_profile);
    std::uint32_t id = kNone;
    const int code = create_ci(gpu(index), gi, *found, {}, id);
    return code == 0 ? static_cast<int>(id) : -code;
  }

  const char* broken() const { return broken_invariant(*hardware, *state); }
};

// A temporary folder, removed by the destructor.
class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/migsim-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }

  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Writes the rig to disk as a machine and opens it.
inline std::unique_ptr<Machine> on_disk(const TempDir& dir, const Rig& rig) {
  Status status = Machine::create(dir.path(), *rig.hardware, *rig.state);
  EXPECT_TRUE(status.ok()) << status.error;
  std::unique_ptr<Machine> machine = Machine::open(dir.path(), status);
  EXPECT_NE(machine, nullptr) << status.error;
  return machine;
}

}  // namespace migsim::testing

#endif  // MIGCTL_SIM_MACHINE_TEST_MACHINE_H_
