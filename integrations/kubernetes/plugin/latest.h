// SPDX-License-Identifier: Apache-2.0
// The latest value of something that many streams show: a slow reader misses values in between and
// always gets the newest, so nothing queues up. Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_PLUGIN_LATEST_H_
#define MIGCTL_KUBERNETES_PLUGIN_LATEST_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace mig::kube {

template <class T>
class Latest {
 public:
  struct Seen {
    T value;
    std::uint64_t version = 0;
  };

  // False when the value is what it was; nobody is woken then.
  bool set(T value) {
    const std::lock_guard lock(mutex_);
    if (version_ > 0 && value == value_) {
      return false;
    }
    value_ = std::move(value);
    ++version_;
    changed_.notify_all();
    return true;
  }

  // No further values: all who wait return.
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  bool ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

  // The value, if its version is above `seen` (0 = none seen): waits for that at most `patience`.
  std::optional<Seen> wait(std::uint64_t seen, std::chrono::milliseconds patience) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return ended_ || version_ > seen; });
    if (version_ <= seen) {
      return std::nullopt;
    }
    return Seen{value_, version_};
  }

  // The value, if there is one.
  std::optional<Seen> now() const { return wait(0, std::chrono::milliseconds{0}); }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  T value_{};
  std::uint64_t version_ = 0;  // 0 = no value yet
  bool ended_ = false;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_LATEST_H_
