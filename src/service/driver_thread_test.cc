// SPDX-License-Identifier: Apache-2.0
#include "service/driver_thread.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "node/test_machine.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;

// Far beyond what any of this takes: the tests end by what happens, not by time.
constexpr auto kPatience = 60s;

class DriverThreadTest : public node::MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    make("1x a100-sxm4-40gb");
  }

  DriverThread::Post post() {
    return [this](std::function<void()> call) {
      const std::lock_guard lock(mutex_);
      calls_.push_back(std::move(call));
      came_.notify_all();
    };
  }

  // Runs what was posted, here, until `done`.
  void pump(const std::function<bool()>& done) {
    while (!done()) {
      std::unique_lock lock(mutex_);
      ASSERT_TRUE(came_.wait_for(lock, kPatience, [this] { return !calls_.empty(); }));
      const auto call = std::move(calls_.front());
      calls_.pop_front();
      lock.unlock();
      call();
    }
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> calls_;
};

TEST_F(DriverThreadTest, JobsRunThereInTurnAndTheirResultsComeHere) {
  DriverThread driver(*node_, post());
  std::vector<std::string> heard;
  std::thread::id there;
  ASSERT_TRUE(driver.run(
      "reading",
      [&](node::Node& node) {
        there = std::this_thread::get_id();
        return node.snapshot(node::Age::fresh());
      },
      [&](Result<node::Node::Snapshot> now) {
        EXPECT_EQ(now->get()->gpus.size(), 1U);
        heard.push_back(std::this_thread::get_id() == there ? "there" : "here");
      }));
  ASSERT_TRUE(driver.run(
      "counting",
      [](node::Node&) { return 7; },
      [&](int value) { heard.push_back(std::to_string(value)); }));
  pump([&] { return heard.size() == 2; });
  EXPECT_EQ(heard, (std::vector<std::string>{"here", "7"}));
  EXPECT_TRUE(driver.stop(kPatience));
  EXPECT_FALSE(driver.run(
      "late", [](node::Node&) { return 0; }, [](int) {}));
}

TEST_F(DriverThreadTest, AHangingCallIsToldAndDoesNotHoldUpTheEnd) {
  std::promise<void> gate;
  std::promise<void> reached;
  std::promise<void> left;
  auto driver = std::make_unique<DriverThread>(*node_, post());
  ASSERT_TRUE(driver->run(
      "a call that hangs",
      [&](node::Node&) {
        reached.set_value();
        gate.get_future().wait();
        left.set_value();
        return 0;
      },
      [](int) { ADD_FAILURE() << "nobody wants the answer any more"; }));
  reached.get_future().wait();
  const auto busy = driver->busy();
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->what, "a call that hangs");
  std::size_t taken = 0;
  while (driver->run(
      "more", [](node::Node&) { return 0; }, [](int) {})) {
    ++taken;
  }
  EXPECT_EQ(taken, DriverThread::kMostJobs) << "what waits is bounded";
  EXPECT_FALSE(driver->stop(10ms));
  driver.reset();
  gate.set_value();
  left.get_future().wait();  // the thread used its own state only
}

TEST(DriverTrouble, IsToldWhenACallTakesLong) {
  EXPECT_EQ(driver_trouble(std::nullopt), "");
  EXPECT_EQ(driver_trouble(DriverThread::Busy{"reading the machine", 1s}), "");
  EXPECT_EQ(driver_trouble(DriverThread::Busy{"reading the machine", 14s}),
            "the driver has been busy for 14 s with reading the machine");
}

}  // namespace
}  // namespace mig::service
