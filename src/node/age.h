// SPDX-License-Identifier: Apache-2.0
// How old a reading of the machine may be that an answer is made from.
#ifndef MIGCTL_NODE_AGE_H_
#define MIGCTL_NODE_AGE_H_

#include <chrono>
#include <optional>

namespace mig::node {

class Age {
 public:
  // The driver is asked now. For loops that wait for something, and for checks after a change.
  static constexpr Age fresh() { return Age(std::chrono::milliseconds(0)); }

  // A reading that is younger serves. For a daemon that answers many in a moment.
  static constexpr Age at_most(std::chrono::milliseconds limit) { return Age(limit); }

  // The reading of the command under way serves, however old: the last one since the Node was
  // opened, let go of the GPUs (Node::rest) or was told to forget. For a process that is one
  // command: what it plans, refuses and prints is then about one and the same state.
  static constexpr Age of_command() { return Age(std::nullopt); }

  constexpr bool any() const { return !limit_; }

  constexpr std::chrono::milliseconds limit() const {
    return limit_.value_or(std::chrono::milliseconds(0));
  }

 private:
  explicit constexpr Age(std::optional<std::chrono::milliseconds> limit) : limit_(limit) {}

  std::optional<std::chrono::milliseconds> limit_;
};

}  // namespace mig::node

#endif  // MIGCTL_NODE_AGE_H_
