// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: the energy of a board, split among its GPU instances. There is no meter of an
// instance: NVML counts for the board, so a split is a model, and says by which method.
//
// For every interval between two readings of the board's counter:
//   - the idle floor (the least power that the board was ever seen with) goes to the instances that
//     exist by their share of all SMs, the rest of it to nobody;
//   - what is above the floor goes to instances by SM activity x SMs, and DRAM activity x memory
//     (sm_dram_weighted), or, where activity is unknown, by SMs among those with processes
//     (slice_share); to nobody where no instance did anything;
//   - an interval, or the part of one, in which nobody looked, goes to nobody.
//
// Conservation: in millijoules, what instances have, what instances had that are gone, and what is
// nobody's always add up to the counter, exactly. The counter is carried on over its resets.
//
// Threading: not thread-safe. Pure: no clock, no driver.
#ifndef MIGCTL_OBSERVE_ENERGY_H_
#define MIGCTL_OBSERVE_ENERGY_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace mig::observe {

inline constexpr const char* kBySmAndDram = "sm_dram_weighted";
inline constexpr const char* kBySlices = "slice_share";

// What one instance did in an interval between two ticks.
struct InstanceLoad {
  std::uint64_t generation = 0;
  double sm_share = 0;             // of the board's SMs
  double memory_share = 0;         // of the board's memory slices
  std::optional<double> sm, dram;  // activity; nullopt: unknown
  bool has_process = false;
};

class BoardEnergy {
 public:
  // Kept across restarts.
  struct State {
    std::uint64_t total_mj = 0;    // the counter, carried on
    std::uint64_t counter_mj = 0;  // as last read
    std::uint64_t unattributed_mj = 0;
    std::uint64_t gone_mj = 0;
    std::optional<double> floor_watts;
    std::map<std::uint64_t, std::uint64_t> instances_mj;  // by generation
    friend bool operator==(const State&, const State&) = default;
  };

  BoardEnergy() = default;

  // Continues an earlier process's account. What the board used since then is nobody's.
  explicit BoardEnergy(State state) : state_(std::move(state)), counted_(true) {}

  // Between two ticks these instances were there and did this.
  void add(const std::vector<InstanceLoad>& loads, std::chrono::nanoseconds time);

  // The board's counter now, and the time since its last reading here (nullopt: the first of this
  // process).
  void read(std::uint64_t counter_mj, std::optional<std::chrono::nanoseconds> since);

  // Instances of other generations are gone: what they have goes to gone_mj.
  void keep_only(const std::vector<std::uint64_t>& generations);

  // True after the first reading of the counter.
  bool counted() const { return counted_; }

  const State& state() const { return state_; }

  std::uint64_t of_instance(std::uint64_t generation) const;
  // The board's power now, split by what instances do now as an interval's energy is; by
  // generation. Empty: the idle floor is not known yet.
  std::map<std::uint64_t, double> parts_of(double watts,
                                           const std::vector<InstanceLoad>& loads) const;

  // The method of the last split; nullptr: nothing was split yet.
  const char* method() const { return method_; }

 private:
  // Sums over the ticks since the last reading, in seconds.
  struct Sum {
    double floor = 0;   // SM share x time
    double active = 0;  // activity weight x time
    double busy = 0;    // SM share x time with a process
    bool gone = false;
  };

  class Division;

  static void add_to(std::map<std::uint64_t, Sum>& sums,
                     bool& unknown,
                     const std::vector<InstanceLoad>& loads,
                     double span);
  void split(std::uint64_t delta_mj, double seconds);
  std::uint64_t give(std::uint64_t generation, double millijoules, std::uint64_t left);

  State state_;
  bool counted_ = false;
  std::map<std::uint64_t, Sum> sums_;  // by generation
  double observed_ = 0;                // seconds of ticks since the last reading
  bool unknown_ = false;               // some instance's activity, in these ticks
  const char* method_ = nullptr;
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_ENERGY_H_
