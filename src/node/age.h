// SPDX-License-Identifier: Apache-2.0
// Maximum age of the cached reading that may serve a call.
#ifndef MIGCTL_NODE_AGE_H_
#define MIGCTL_NODE_AGE_H_

#include <chrono>
#include <optional>

namespace mig::node {

class Age {
 public:
  // Never cached. For polling loops, and for checks after a change.
  static constexpr Age fresh() { return Age(std::chrono::milliseconds(0)); }

  // A younger reading may serve. For a daemon with many requests in a moment.
  static constexpr Age at_most(std::chrono::milliseconds limit) { return Age(limit); }

  // The command's cached reading serves, of any age: the last one since the Node was opened, closed
  // its GPUs (Node::rest) or dropped its cache. For a process that runs one command: planning,
  // refusals and output then refer to one consistent state.
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
