// SPDX-License-Identifier: Apache-2.0
// The API beside a driver that hangs: what needs no answer of it goes on.
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/api.h"
#include "node/test_machine.h"
#include "service/driver_thread.h"

namespace mig::daemon::beside {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using Steady = std::chrono::steady_clock;

constexpr auto kPatience = 120s;

struct Answer {
  int status = 0;
  std::string body;
};

// The thread of the API, as the HTTP server is one.
class Loop {
 public:
  void post(std::function<void()> call) { after(0ms, std::move(call)); }

  void after(std::chrono::milliseconds time, std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    calls_.emplace(Steady::now() + time, std::move(call));
    came_.notify_all();
  }

  void run_until(const std::function<bool()>& done) {
    const auto give_up = Steady::now() + kPatience;
    while (!done()) {
      ASSERT_LT(Steady::now(), give_up);
      std::unique_lock lock(mutex_);
      if (calls_.empty() || calls_.begin()->first > Steady::now()) {
        came_.wait_until(lock, calls_.empty() ? Steady::now() + 20ms : calls_.begin()->first);
        continue;
      }
      const auto call = std::move(calls_.begin()->second);
      calls_.erase(calls_.begin());
      lock.unlock();
      call();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::multimap<Steady::time_point, std::function<void()>> calls_;
};

class BesideTheDriver : public node::MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    if (::getuid() != 0) {
      GTEST_SKIP() << "only root leases for nobody in particular";
    }
    make("1x a100-sxm4-40gb");
    enable_mig();
    create(0, {"1g.5gb", "1g.5gb", "3g.20gb"});
    auto desk = service::LeaseDesk::open(*node_, {}, node::Age::at_most(200ms), 200);
    ASSERT_TRUE(desk) << desk.error().text();
    desk_ = *std::move(desk);
    api_ = std::make_unique<Api>(*desk_, wire::Source{true, "lab"});
    api_->start();
    const auto post = [this](std::function<void()> call) { loop_.post(std::move(call)); };
    driver_ = std::make_unique<service::DriverThread>(*node_, post);
    api_->use(*driver_,
              {post,
               [this](std::chrono::milliseconds time, std::function<void()> call) {
                 loop_.after(time, std::move(call));
               }},
              [] {});
    // A reading before anything hangs.
    EXPECT_EQ(wait(ask("GET", "/v1/leases")).status, 200);
  }

  void TearDown() override {
    if (hangs_) {
      go_on();
    }
    driver_.reset();
    if (api_) {
      api_->stop();
    }
    api_.reset();
    desk_.reset();
    MachineTest::TearDown();
  }

  void hang() {
    hangs_ = true;
    ASSERT_TRUE(driver_->run(
        "a call that hangs",
        [this](node::Node&) {
          gate_.get_future().wait();
          return 0;
        },
        [](int) {}));
  }

  void go_on() {
    hangs_ = false;
    gate_.set_value();
  }

  std::shared_ptr<Answer> ask(const std::string& method,
                              const std::string& path,
                              const std::string& body = "") {
    auto answer = std::make_shared<Answer>();
    http::Request request;
    request.peer = {0, 0, static_cast<std::uint32_t>(::getpid())};
    request.method = method;
    request.path = path;
    request.body = body;
    api_->handle(request, [answer](const http::Response& response) {
      EXPECT_EQ(answer->status, 0) << "answered twice";
      *answer = {response.status, response.body};
    });
    return answer;
  }

  Answer wait(const std::shared_ptr<Answer>& answer) {
    loop_.run_until([&] { return answer->status != 0; });
    return *answer;
  }

  static std::string wants(const std::string& profile, const std::string& more = "") {
    return R"({"need": {"profile": ")" + profile + R"("}, "limitMs": 3600000)" + more + "}";
  }

  Loop loop_;
  std::unique_ptr<service::LeaseDesk> desk_;
  std::unique_ptr<Api> api_;
  std::promise<void> gate_;
  bool hangs_ = false;
  std::unique_ptr<service::DriverThread> driver_;
};

TEST_F(BesideTheDriver, ListsGrantsAndReleasesGoOnWhileItHangs) {
  hang();
  const Answer granted = wait(ask("POST", "/v1/leases", wants("1g.5gb")));
  ASSERT_EQ(granted.status, 200) << granted.body;
  const auto id = Json::parse(granted.body)["leases"][0]["id"].get<std::int64_t>();
  const Answer list = wait(ask("GET", "/v1/leases"));
  EXPECT_EQ(Json::parse(list.body)["leases"].size(), 1U);
  EXPECT_EQ(wait(ask("GET", "/v1/queue")).status, 200);
  EXPECT_EQ(wait(ask("DELETE", "/v1/leases/" + std::to_string(id))).status, 200);
  EXPECT_TRUE(Json::parse(wait(ask("GET", "/v1/leases")).body)["leases"].empty());
}

TEST_F(BesideTheDriver, WhoWaitsIsServedByAReleaseWhileItHangs) {
  const Answer first = wait(ask("POST", "/v1/leases", wants("3g.20gb")));
  ASSERT_EQ(first.status, 200) << first.body;
  const auto second = ask("POST", "/v1/leases", wants("3g.20gb", R"(, "waitMs": 600000)"));
  hang();
  const auto id = Json::parse(first.body)["leases"][0]["id"].get<std::int64_t>();
  EXPECT_EQ(wait(ask("DELETE", "/v1/leases/" + std::to_string(id))).status, 200);
  EXPECT_EQ(wait(second).status, 200);
}

TEST_F(BesideTheDriver, ACreationWaitsForItAndNobodyWaitsForTheCreation) {
  hang();
  const auto made = ask("POST", "/v1/leases", wants("2g.10gb", R"(, "create": true)"));
  EXPECT_EQ(wait(ask("POST", "/v1/leases", wants("1g.5gb"))).status, 200);
  EXPECT_EQ(made->status, 0) << "it needs the driver";
  go_on();
  EXPECT_EQ(wait(made).status, 200);
}

TEST_F(BesideTheDriver, WhatCannotBeMadeIsRefusedWhileItHangs) {
  hang();
  const Answer answer = wait(ask("POST", "/v1/leases", wants("7g.40gb", R"(, "create": true)")));
  EXPECT_EQ(answer.status, 409) << answer.body;
  EXPECT_NE(answer.body.find("none can be made"), std::string::npos) << answer.body;
}

TEST_F(BesideTheDriver, WhatIsMadeIsGranted) {
  const Answer answer =
      wait(ask("POST", "/v1/leases", wants("1g.5gb", R"(, "count": 3, "create": true)")));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(Json::parse(answer.body)["leases"].size(), 3U);
}

TEST_F(BesideTheDriver, AHangIsSaidToThoseWhoNeedTheDriver) {
  hang();
  const Answer inventory = wait(ask("GET", "/v1/inventory"));
  EXPECT_EQ(inventory.status, 504) << inventory.body;
  EXPECT_NE(inventory.body.find("the driver has been busy for"), std::string::npos);
  EXPECT_NE(inventory.body.find("a call that hangs"), std::string::npos) << inventory.body;
}

// A grant by the known reading is checked by the next one: another program may have destroyed the
// instance meanwhile.
TEST_F(BesideTheDriver, ALeaseOfAnInstanceThatWentIsGivenBack) {
  const Answer granted = wait(ask("POST", "/v1/leases", wants("3g.20gb")));
  ASSERT_EQ(granted.status, 200) << granted.body;
  ASSERT_EQ(migctl({"smi", "mig", "-dci"}), 0);
  const auto leases = [&] {
    return Json::parse(wait(ask("GET", "/v1/leases")).body)["leases"].size();
  };
  const auto give_up = Steady::now() + kPatience;
  while (leases() > 0) {
    ASSERT_LT(Steady::now(), give_up);
    std::this_thread::sleep_for(50ms);
  }
}

}  // namespace
}  // namespace mig::daemon::beside
