// SPDX-License-Identifier: Apache-2.0
// Planning without a machine: a simulated machine of the board that lives as long as this object.
#ifndef MIGCTL_CLI_OFFLINE_H_
#define MIGCTL_CLI_OFFLINE_H_

#include <memory>
#include <string>

#include "mig/result.h"

namespace mig::node {
struct DriverChoice;
}  // namespace mig::node

namespace mig::cli {

class OfflineMachine {
 public:
  // "h200-141gb" or "a100-sxm4-40gb,8".
  static Result<std::unique_ptr<OfflineMachine>> make(const std::string& model);
  ~OfflineMachine();
  OfflineMachine(const OfflineMachine&) = delete;
  OfflineMachine& operator=(const OfflineMachine&) = delete;
  OfflineMachine(OfflineMachine&&) = delete;
  OfflineMachine& operator=(OfflineMachine&&) = delete;

  node::DriverChoice choice() const;

 private:
  explicit OfflineMachine(std::string root) : root_(std::move(root)) {}

  std::string root_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_OFFLINE_H_
