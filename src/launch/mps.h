// SPDX-License-Identifier: Apache-2.0
// A private MPS control daemon: in a folder of mode 0700, as a foreground child process, stopped by
// the destructor. Never the shared one in /tmp/nvidia-mps; no compute mode is set, nothing is
// reset.
//
// A program that cannot reach its MPS server silently runs without it: check clients().
// Threading: as Worker.
#ifndef MIGCTL_LAUNCH_MPS_H_
#define MIGCTL_LAUNCH_MPS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

namespace mig::launch {

// Path of nvidia-cuda-mps-control, in $PATH or where NVIDIA's containers have it; "" = not found.
std::string find_mps_control();

// True when programs without settings of their own would become clients of a running MPS server:
// the one in $CUDA_MPS_PIPE_DIRECTORY, else /tmp/nvidia-mps. Setting the variable to /dev/null
// avoids that.
bool mps_daemon_of_others();

class Mps {
 public:
  // `device`: GPU-... or MIG-..., the only device of its clients, as device 0.
  static Result<Mps> start(const std::string& control, const std::string& device);
  ~Mps();
  Mps(Mps&&) noexcept;
  Mps& operator=(Mps&&) noexcept;
  Mps(const Mps&) = delete;
  Mps& operator=(const Mps&) = delete;

  // Variables that make a program a client; $CUDA_VISIBLE_DEVICES must be unset.
  std::vector<std::pair<std::string, std::string>> environment() const;

  // Pids of the current clients.
  Result<std::vector<int>> clients() const;

 private:
  struct State;
  explicit Mps(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_MPS_H_
