// SPDX-License-Identifier: Apache-2.0
// One simulated machine of a random walk: created by the simulator's own tools, driven through the
// built libnvidia-ml.so.1 in this process, and inspected directly in its state file. Processes on
// it are real child processes, so that their deaths are real.
#ifndef MIGCTL_TESTS_PROPERTY_WORLD_H_
#define MIGCTL_TESTS_PROPERTY_WORLD_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "node/node.h"
#include "nvml/session.h"
#include "random_case.h"
#include "sim/machine/machine.h"
#include "sim/machine/process.h"

namespace mig::property {

struct CiShot {
  std::uint32_t id = 0, profile = 0, start = 0, size = 0;
  std::uint64_t serial = 0;
  friend bool operator==(const CiShot&, const CiShot&) = default;
};

struct GiShot {
  std::uint32_t id = 0, profile_id = 0, start = 0, size = 0;
  std::uint64_t serial = 0;
  std::vector<CiShot> computes;
  friend bool operator==(const GiShot&, const GiShot&) = default;
};

struct GpuShot {
  bool current = false, pending = false, lost = false;
  std::vector<GiShot> instances;
  friend bool operator==(const GpuShot&, const GpuShot&) = default;

  const GiShot* find(std::uint32_t id) const;
};

struct ProcessShot {
  std::int32_t pid = 0;
  std::uint32_t gpu = 0, gi = 0, ci = 0;
  std::uint64_t serial = 0;
  std::uint32_t slot = 0;
  friend auto operator<=>(const ProcessShot&, const ProcessShot&) = default;
};

// Copy of the simulator's state, made under its lock.
struct Shot {
  std::vector<GpuShot> gpus;
  std::vector<ProcessShot> processes;
  const char* broken = nullptr;  // a broken invariant of the simulator

  bool runs_on(std::uint32_t gpu, std::uint32_t gi, std::uint32_t ci) const;
};

// Text of the layouts without serials and compute instance ids: what a rollback must restore.
std::string layout_text(const Shot& shot);

class World {
 public:
  // Aborts when the machine cannot be created.
  World(const std::string& root, Random& random);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Shot look() const;

  const BoardFacts& board(std::uint32_t gpu) const { return brute_[gpu]->board(); }

  const BruteForce& brute(std::uint32_t gpu) const { return *brute_[gpu]; }

  std::uint32_t gpu_count() const { return static_cast<std::uint32_t>(brute_.size()); }

  const nvml::Functions& nvml() const { return session_->nvml(); }

  nvml::Session& session() { return *session_; }

  node::Node& node() { return *node_; }

  // A child process on an instance (kNone: on the whole GPU); false when the machine refuses.
  bool attach(Random& random, migsim::Instance at);
  void detach(std::uint32_t slot);
  bool allocate(std::uint32_t slot, std::uint64_t bytes);
  // Sends SIGKILL to a random child; returns its pid. Another one is started.
  std::int32_t kill_one(Random& random);

  void inject(const migsim::Fault& fault);
  void clear_faults();

  bool faults_armed() const { return faults_; }

  void lose(std::uint32_t gpu);
  void reboot();

 private:
  struct Child {
    pid_t pid = -1;
    migsim::ProcessIdentity who;
  };

  static Child spawn();

  std::string dir_;
  std::vector<const BruteForce*> brute_;
  std::unique_ptr<migsim::Machine> machine_;
  std::unique_ptr<nvml::Session> session_;
  std::unique_ptr<node::Node> node_;
  std::vector<Child> children_;
  bool faults_ = false;
};

}  // namespace mig::property

#endif  // MIGCTL_TESTS_PROPERTY_WORLD_H_
