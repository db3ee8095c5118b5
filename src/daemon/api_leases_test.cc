// SPDX-License-Identifier: Apache-2.0
// Leases over the API: who may have one for whom, waiting requests, keys, holders.
#include <sys/wait.h>

#include <csignal>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "daemon/test_api.h"

namespace mig::daemon {
namespace {

TEST_F(ApiTest, ALeaseForAnotherUserIsAnAdmins) {
  start({"1g.5gb", "1g.5gb"});
  const auto whose = [](std::uint32_t uid) { return fmt::format(R"(, "user": "{}")", uid); };
  EXPECT_EQ(status(kAlice, "POST", "/v1/leases", wants(whose(kBob))), 403);
  EXPECT_EQ(status(kAlice, "POST", "/v1/leases", wants(whose(kAlice))), 200) << "it is herself";
  const auto lease = ask(0, "POST", "/v1/leases", wants(whose(kBob)));
  ASSERT_EQ(lease->status, 200) << lease->body;
  EXPECT_EQ(lease->json().at("leases").at(0).at("uid"), kBob);
  EXPECT_EQ(lease->json().at("leases").at(0).at("tenant"), "b");
  EXPECT_EQ(ask(kBob, "GET", "/v1/leases")->json().at("leases").size(), 1U);
  const Json events = ask(kBob, "GET", "/v1/history/leases")->json().at("events");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events.at(0).at("action"), "asked for by");
  EXPECT_EQ(events.at(0).at("uid"), 0);
  EXPECT_EQ(status(0, "POST", "/v1/leases", wants(whose(kViewer))), 403) << "who may not lease";
}

TEST_F(ApiTest, WhoMayWhat) {
  start();
  EXPECT_EQ(status(kStranger, "GET", "/v1/leases"), 403);
  EXPECT_EQ(status(kStranger, "GET", "/v1/inventory"), 403);
  EXPECT_EQ(status(kStranger, "POST", "/v1/leases", wants()), 403);
  EXPECT_EQ(status(kViewer, "GET", "/v1/inventory"), 200);
  EXPECT_EQ(status(kViewer, "POST", "/v1/leases", wants()), 403);
  const auto lease = ask(kAlice, "POST", "/v1/leases", wants());
  ASSERT_EQ(lease->status, 200) << lease->body;
  const auto id = lease->json().at("leases").at(0).at("id").get<int>();
  const std::string path = fmt::format("/v1/leases/{}", id);
  EXPECT_EQ(lease->json().at("leases").at(0).at("tenant"), "a");
  EXPECT_TRUE(ask(kBob, "GET", "/v1/leases")->json().at("leases").empty());
  EXPECT_EQ(ask(kAlice, "GET", "/v1/leases")->json().at("leases").size(), 1U);
  EXPECT_EQ(status(kBob, "DELETE", path), 404);
  EXPECT_EQ(status(kViewer, "DELETE", path), 403);
  EXPECT_EQ(status(kAlice, "DELETE", path), 200);
  EXPECT_EQ(status(kAlice, "DELETE", path), 404);
}

TEST_F(ApiTest, WhoWaitsIsAnsweredWhenItsTurnComes) {
  start();
  const auto held = ask(kAlice, "POST", "/v1/leases", wants());
  ASSERT_EQ(held->status, 200);
  const auto first = ask(kBob, "POST", "/v1/leases", wants(R"(, "waitMs": 600000)"));
  const auto second = ask(kAlice, "POST", "/v1/leases", wants(R"(, "waitMs": 600000)"));
  api_->step();
  EXPECT_EQ(first->status, 0);
  EXPECT_EQ(ask(0, "GET", "/v1/queue")->json().at("queue").size(), 2U);
  const auto id = held->json().at("leases").at(0).at("id").get<int>();
  ASSERT_EQ(status(kAlice, "DELETE", fmt::format("/v1/leases/{}", id)), 200);
  EXPECT_EQ(first->status, 200) << "a release serves the next at once";
  EXPECT_EQ(second->status, 0);
  api_->stop();
  const auto next = first->json().at("leases").at(0).at("id").get<int>();
  ASSERT_EQ(status(kBob, "DELETE", fmt::format("/v1/leases/{}", next)), 200);
  api_->step();
  EXPECT_EQ(second->status, 0) << "let go of: its client asks the next daemon";
}

// A client that gives up while it waits, or whose answer got lost, leaves nothing behind.
TEST_F(ApiTest, ARequestIsWithdrawnByItsKey) {
  start();
  ASSERT_EQ(status(0, "POST", "/v1/leases", wants()), 200);
  const auto waiting =
      ask(kAlice, "POST", "/v1/leases", wants(R"(, "waitMs": 600000, "key": "k")"));
  const auto next = ask(kBob, "POST", "/v1/leases", wants(R"(, "waitMs": 600000, "key": "b")"));
  api_->step();
  EXPECT_EQ(status(kAlice, "DELETE", "/v1/queue"), 400);
  EXPECT_EQ(ask(kBob, "DELETE", "/v1/queue?key=k")->json().at("queue").size(), 0U);
  EXPECT_EQ(waiting->status, 0) << "bob's k is not alice's";
  const auto withdrawn = ask(kAlice, "DELETE", "/v1/queue?key=k");
  ASSERT_EQ(withdrawn->status, 200) << withdrawn->body;
  EXPECT_EQ(withdrawn->json().at("queue").at(0).at("tenant"), "a");
  EXPECT_GE(waiting->status, 400) << "its connection is told";
  EXPECT_EQ(ask(kAlice, "DELETE", "/v1/queue?key=k")->json().at("queue").size(), 0U);
  EXPECT_EQ(ask(0, "GET", "/v1/queue")->json().at("queue").size(), 1U);
  ASSERT_EQ(status(0, "DELETE", "/v1/leases/1"), 200);
  api_->step();
  ASSERT_EQ(next->status, 200);
  // Granted meanwhile: it is given back.
  ASSERT_EQ(status(kBob, "DELETE", "/v1/queue?key=b"), 200);
  EXPECT_EQ(ask(0, "GET", "/v1/leases")->json().at("leases").size(), 0U);
}

// With a key a client gets its state within seconds, and keeps its place in the queue on a retry.
TEST_F(ApiTest, AKeyIsAnsweredSoonAndIsItsUsersOwn) {
  start();
  ASSERT_EQ(status(0, "POST", "/v1/leases", wants()), 200);
  const std::string keyed = wants(R"(, "waitMs": 600000, "key": "k")");
  const auto waiting = ask(kAlice, "POST", "/v1/leases", keyed);
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 6000 && waiting->status == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    api_->step();
  }
  ASSERT_EQ(waiting->status, 202) << waiting->body;
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
  EXPECT_EQ(waiting->json().at("queue").at(0).at("position"), 1);
  const auto other = ask(kBob, "POST", "/v1/leases", keyed);
  const auto again = ask(kAlice, "POST", "/v1/leases", keyed);
  EXPECT_EQ(ask(0, "GET", "/v1/queue")->json().at("queue").size(), 2U)
      << "bob's k is not alice's, hers is the same";
  ASSERT_EQ(status(0, "DELETE", "/v1/leases/1"), 200);
  EXPECT_EQ(again->status, 200) << again->body;
  EXPECT_EQ(other->status, 0);
  const auto once_more = ask(kAlice, "POST", "/v1/leases", keyed);
  ASSERT_EQ(once_more->status, 200);
  EXPECT_EQ(once_more->json().at("leases").at(0).at("id"),
            again->json().at("leases").at(0).at("id"));
}

TEST_F(ApiTest, WhoGivesUpIsToldSo) {
  start();
  ASSERT_EQ(status(0, "POST", "/v1/leases", wants()), 200);
  const auto hasty = ask(kAlice, "POST", "/v1/leases", wants(R"(, "waitMs": 1)"));
  for (int i = 0; i < 6000 && hasty->status == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    api_->step();
  }
  EXPECT_EQ(hasty->status, 504) << hasty->body;
}

TEST_F(ApiTest, ALeaseIsBoundToALivingProcessOfOnesOwn) {
  start();
  const auto bound_to = [](std::uint32_t pid, std::uint64_t start) {
    return fmt::format(
        R"({{"need": {{"profile": "1g.5gb"}}, "holder": {{"pid": {}, "startTicks": {}}}}})",
        pid,
        start);
  };
  EXPECT_EQ(status(kAlice, "POST", "/v1/leases", bound_to(client(kBob), 0)), 403);
  EXPECT_EQ(status(kAlice, "POST", "/v1/leases", bound_to(client(kAlice), 1)), 404)
      << "that process has ended, and its number is another's";
  EXPECT_EQ(status(kAlice, "POST", "/v1/leases", bound_to(client(kAlice), 0)), 200);
}

TEST_F(ApiTest, HoldersAreWatchedFromTheStart) {
  start({"1g.5gb", "1g.5gb"});
  const std::string own =
      fmt::format(R"({{"need": {{"profile": "1g.5gb"}}, "holder": {{"pid": {}}}}})", ::getpid());
  ASSERT_EQ(status(0, "POST", "/v1/leases", own), 200);
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0].pid, static_cast<std::uint32_t>(::getpid()));
  ASSERT_EQ(status(0, "POST", "/v1/leases", wants()), 200);
  EXPECT_EQ(told_.size(), 1U) << "nobody is to be watched for a time";
  ASSERT_EQ(
      status(
          0, "PATCH", "/v1/leases/2", fmt::format(R"({{"holder": {{"pid": {}}}}})", ::getppid())),
      200);
  EXPECT_EQ(told_.size(), 2U);
  told_.clear();
  open_api();
  api_->start();
  EXPECT_EQ(told_.size(), 2U) << "those from before the daemon";
}

}  // namespace
}  // namespace mig::daemon
