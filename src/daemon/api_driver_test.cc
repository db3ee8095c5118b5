// SPDX-License-Identifier: Apache-2.0
// The API beside a driver that hangs: what needs no answer of it goes on.
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file_lock.h"
#include "daemon/api.h"
#include "daemon/api_instances.h"
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

  // Calls that come after that time.
  std::size_t later_than(std::chrono::milliseconds time) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::distance(calls_.upper_bound(Steady::now() + time), calls_.end()));
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
    instances_ = std::make_unique<InstancesApi>(
        *api_, *desk_, wire::Source{true, "lab"}, std::string("test"));
    instances_->add_to(api_->router());
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
    instances_.reset();
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
                              const std::string& body = "",
                              const std::string& query = "") {
    auto answer = std::make_shared<Answer>();
    http::Request request;
    request.peer = {0, 0, static_cast<std::uint32_t>(::getpid())};
    request.method = method;
    request.path = path;
    request.query = query;
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

  void another_program_changes() {
    auto lock =
        base::FileLock::acquire(node_->places().writer_lock().value(), 0ms, clock_, "apply");
    ASSERT_TRUE(lock) << lock.error().text();
    writer_.emplace(*std::move(lock));
  }

  std::shared_ptr<Answer> ask_for(const std::string& key, const std::string& profile, int start) {
    return ask("POST",
               "/v1/instances",
               fmt::format(R"({{"profile": "{}", "start": {}, "key": "{}", "gpu": "{}"}})",
                           profile,
                           start,
                           key,
                           inventory().gpus.at(0).uuid));
  }

  Loop loop_;
  std::unique_ptr<service::LeaseDesk> desk_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<InstancesApi> instances_;
  base::Clock& clock_ = base::system_clock();
  std::optional<base::FileLock> writer_;
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

// Another program's change keeps an instance at a chosen placement waiting, and nobody else: not a
// reading, and it is not told that the driver hangs.
TEST_F(BesideTheDriver, AnInstanceWaitsForAnotherProgramsChangeAlone) {
  another_program_changes();
  const auto made = ask_for("k", "2g.10gb", 2);
  const auto begin = Steady::now();
  while (Steady::now() - begin < 1s) {
    EXPECT_EQ(wait(ask("GET", "/v1/inventory")).status, 200);
    EXPECT_EQ(service::driver_trouble(driver_->busy()), "");
  }
  EXPECT_EQ(made->status, 0);
  writer_.reset();
  EXPECT_EQ(wait(made).status, 200) << made->body;
  const std::string uuid = Json::parse(made->body)["uuid"];

  another_program_changes();
  const auto gone = ask("DELETE", "/v1/instances/" + uuid);
  EXPECT_EQ(wait(ask("GET", "/v1/inventory")).status, 200);
  EXPECT_EQ(gone->status, 0);
  writer_.reset();
  EXPECT_EQ(wait(gone).status, 200) << gone->body;
  EXPECT_EQ(loop_.later_than(60s), 0U) << "no timer stays behind";
}

// Its sender has gone, and a later process gives the key up: it would not know of the instance.
TEST_F(BesideTheDriver, AnInstanceWhoseKeyIsGivenUpIsNotMadeLater) {
  another_program_changes();
  const auto given_up = ask_for("k", "1g.5gb", 2);
  const auto other = ask_for("l", "1g.5gb", 3);
  const auto gone = ask("DELETE", "/v1/instances/-", "", "key=k");
  EXPECT_EQ(wait(gone).status, 404) << gone->body;
  EXPECT_EQ(wait(given_up).status, 409) << given_up->body;
  EXPECT_EQ(other->status, 0);
  const auto again = ask_for("k", "1g.5gb", 2);
  writer_.reset();
  EXPECT_EQ(wait(other).status, 200) << other->body;
  EXPECT_EQ(wait(again).status, 200) << "asked for after that: " << again->body;
}

TEST_F(BesideTheDriver, AnInstanceDoesNotWaitForEver) {
  another_program_changes();
  const Answer answer = wait(ask_for("k", "2g.10gb", 2));
  EXPECT_EQ(answer.status, 409) << answer.body;
  EXPECT_NE(answer.body.find("apply"), std::string::npos) << answer.body;
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
