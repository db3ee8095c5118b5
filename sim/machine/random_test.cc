// SPDX-License-Identifier: Apache-2.0
// Random sequences of every operation, legal or not: the invariants hold after each.
#include <random>

#include "abi/nvml.h"
#include "sim/machine/process.h"
#include "sim/machine/telemetry.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::Rig;

class Walk {
 public:
  explicit Walk(unsigned seed)
      : rig_({"a100-sxm4-40gb", "h200-141gb", "a30-24gb", "rtx-pro-6000-server"}), random_(seed) {
    rig_.state->options.disable_destroys_idle = seed % 2;
    rig_.state->options.vm_passthrough = seed % 3 == 0 ? 1 : 0;
    rig_.state->options.fresh_uuids = seed % 5 == 0 ? 1 : 0;
    rig_.state->gpus[0].swap_halves = seed % 2;
  }

  const Rig& rig() const { return rig_; }

  int done() const { return done_; }

  void step() {
    const std::uint32_t gpu = below(rig_.hardware->gpu_count);
    const std::uint64_t before = rig_.state->generation;
    const int code = act(rig_.gpu(gpu), below(100));
    done_ += code == NVML_SUCCESS ? 1 : 0;
    if (code != NVML_SUCCESS) {
      EXPECT_EQ(rig_.state->generation, before) << "refused with " << code << " yet changed";
    }
  }

 private:
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }

  int act(GpuRef gpu, std::uint32_t dice) {
    const Board& board = gpu.board();
    const GiProfile& profile = board.gi_profiles[below(board.gi_profile_count)];
    std::uint32_t id = below(4) == 0 ? below(kMaxGis + 1) : some_gi(gpu);
    if (dice < 30) {
      const bool free = gi_remaining(gpu, profile) > 0;
      const bool may = gpu.self().mig_current != 0 && gpu.self().lost == 0;
      const bool idle = !has_process(*rig_.state, gpu.gpu, kNone, kNone) || has_gis(gpu);
      const int code = create_gi(gpu, profile, {}, id);
      EXPECT_EQ(code == NVML_SUCCESS, free && may && idle) << profile.name << ": " << code;
      return code;
    }
    if (dice < 40) {
      return create_gi(gpu, profile, Placement{below(board.memory_slices), 1U << below(4)}, id);
    }
    if (dice < 55) {
      return compute(gpu, profile, id);
    }
    if (dice < 65) {
      return destroy_ci(gpu, id, below(3) == 0 ? below(kMaxCis + 1) : 0);
    }
    if (dice < 75) {
      return destroy_gi(gpu, id);
    }
    if (dice < 97) {
      return process(gpu, dice);
    }
    return power(gpu);
  }

  // Id of a random existing GPU instance, if the GPU has any.
  std::uint32_t some_gi(const GpuRef& gpu) {
    const std::uint32_t from = below(kMaxGis);
    for (std::uint32_t i = 0; i < kMaxGis; ++i) {
      if (gpu.self().gis[(from + i) % kMaxGis].used != 0) {
        return (from + i) % kMaxGis;
      }
    }
    return from;
  }

  static bool has_gis(const GpuRef& gpu) {
    for (const GiState& gi : gpu.self().gis) {
      if (gi.used != 0) {
        return true;
      }
    }
    return false;
  }

  int compute(GpuRef gpu, const GiProfile& profile, std::uint32_t gi) {
    if (gi >= kMaxGis || gpu.self().gis[gi].used == 0) {
      std::uint32_t ci = 0;
      return create_ci(gpu, gi, profile.ci_profiles[0], {}, ci);
    }
    const GiProfile& holder = gpu.board().gi_profiles[gpu.self().gis[gi].profile_index];
    const CiProfile& wanted = holder.ci_profiles[below(holder.ci_profile_count)];
    const bool free = ci_remaining(gpu, gi, wanted) > 0;
    std::uint32_t ci = 0;
    const int code = create_ci(gpu, gi, wanted, {}, ci);
    EXPECT_EQ(code == NVML_SUCCESS, free && gpu.self().lost == 0) << wanted.name;
    return code;
  }

  int process(GpuRef gpu, std::uint32_t dice) {
    State& state = *rig_.state;
    if (dice < 85) {
      ProcessIdentity who;
      who.pid = static_cast<std::int32_t>(1 + below(40));
      Instance at{gpu.gpu, kNone, kNone};
      mig_device_at(gpu.self(), below(4), at.gi, at.ci);
      std::uint32_t slot = 0;
      return attach_process(*rig_.hardware, state, at, who, 1, slot) == Attach::kOk ? 0 : -1;
    }
    const std::uint32_t slot = below(state.process_top + 1);
    if (state.processes[slot].used == 0) {
      return -1;
    }
    if (dice < 92) {
      const bool got = allocate(*rig_.hardware, state, slot, std::uint64_t{below(16384)} << 20U);
      return got ? 0 : -1;
    }
    detach_context(state, slot);
    return 0;
  }

  int power(GpuRef gpu) {
    const std::uint32_t dice = below(10);
    int activation = 0;
    if (dice < 6) {
      return set_mig_mode(gpu, below(2), activation);
    }
    if (dice < 8) {
      return reset_gpu(gpu);
    }
    if (dice == 8 && below(4) == 0) {
      gpu.self().lost = 1;
      return 0;
    }
    if (below(4) == 0) {
      reboot(*rig_.hardware, *rig_.state);
    }
    for (std::uint32_t i = 0; i < rig_.hardware->gpu_count; ++i) {
      set_mig_mode(rig_.gpu(i), 1, activation);
    }
    return 0;
  }

  Rig rig_;
  std::mt19937 random_;
  int done_ = 0;
};

TEST(Random, HundredThousandOperationsKeepEveryInvariant) {
  constexpr int kOperations = 100'000;
  constexpr unsigned kWalks = 10;
  int done = 0;
  for (unsigned seed = 1; seed <= kWalks; ++seed) {
    Walk walk(seed);
    for (int i = 0; i < kOperations / static_cast<int>(kWalks); ++i) {
      walk.step();
      const char* broken = walk.rig().broken();
      ASSERT_EQ(broken, nullptr) << "operation " << i << " of seed " << seed;
      ASSERT_FALSE(::testing::Test::HasFailure()) << "operation " << i << " of seed " << seed;
    }
    done += walk.done();
  }
  std::printf("seeds 1..%u, %d operations, %d done, the rest refused\n", kWalks, kOperations, done);
  EXPECT_GT(done, kOperations / 5);
}

}  // namespace
}  // namespace migsim
