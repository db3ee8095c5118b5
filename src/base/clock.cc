// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <thread>

namespace mig::base {
namespace {

class SystemClock final : public Clock {
 public:
  std::chrono::nanoseconds monotonic() override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }

  std::chrono::nanoseconds wall() override {
    return std::chrono::system_clock::now().time_since_epoch();
  }

  void sleep(std::chrono::nanoseconds duration) override { std::this_thread::sleep_for(duration); }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace mig::base
