// SPDX-License-Identifier: Apache-2.0
// An MPS control daemon of our own: in a private folder (mode 0700), in the foreground of a child,
// stopped when the value goes. Never the shared one in /tmp/nvidia-mps; no compute mode is set,
// nothing is reset.
//
// A program that cannot reach its MPS server runs without it and says nothing: ask clients().
// Threading: as Worker.
#ifndef MIGCTL_LAUNCH_MPS_H_
#define MIGCTL_LAUNCH_MPS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

namespace mig::launch {

// nvidia-cuda-mps-control in $PATH or where NVIDIA's containers have it; "" = not here.
std::string find_mps_control();

// True when programs that say nothing would become clients of somebody's server: the one in
// $CUDA_MPS_PIPE_DIRECTORY, else /tmp/nvidia-mps. Who does not want that names /dev/null there.
bool mps_daemon_of_others();

class Mps {
 public:
  // `device`: GPU-... or MIG-..., all that its clients see, as device 0.
  static Result<Mps> start(const std::string& control, const std::string& device);
  ~Mps();
  Mps(Mps&&) noexcept;
  Mps& operator=(Mps&&) noexcept;
  Mps(const Mps&) = delete;
  Mps& operator=(const Mps&) = delete;

  // What makes a program a client; $CUDA_VISIBLE_DEVICES must be unset beside it.
  std::vector<std::pair<std::string, std::string>> environment() const;

  // Pids of the programs that are clients now.
  Result<std::vector<int>> clients() const;

 private:
  struct State;
  explicit Mps(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_MPS_H_
