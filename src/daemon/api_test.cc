// SPDX-License-Identifier: Apache-2.0
// The API on a simulated machine, without a socket: paths, statuses, permissions, waiting requests.
#include "daemon/api.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/daemon.h"
#include "node/test_machine.h"

namespace mig::daemon {
namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

constexpr std::uint32_t kAlice = 61001;
constexpr std::uint32_t kBob = 61002;
constexpr std::uint32_t kViewer = 61003;
constexpr std::uint32_t kStranger = 61004;

struct Answer {
  int status = 0;  // 0 = none yet
  std::string body;

  Json json() const { return Json::parse(body); }
};

class ApiTest : public node::MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    if (::getuid() != 0) {
      GTEST_SKIP() << "only root can be several users";
    }
  }

  void start(const Strings& profiles = {"1g.5gb"}) {
    make("1x a100-sxm4-40gb");
    enable_mig();
    create(0, profiles);
    Tenants tenants;
    tenants.from_file = true;
    tenants.tenants = {tenant("a", kAlice, Role::kUser),
                       tenant("b", kBob, Role::kUser),
                       tenant("v", kViewer, Role::kViewer)};
    tenants_ = tenants;
    open_api();
  }

  void open_api() {
    auto desk = service::LeaseDesk::open(*node_, tenants_);
    ASSERT_TRUE(desk) << desk.error().text();
    desk_ = *std::move(desk);
    api_ = std::make_unique<Api>(*desk_, wire::Source{true, "lab"});
    api_->on_holders = [this](const std::vector<lease::LeaseHolder>& holders) {
      told_.insert(told_.end(), holders.begin(), holders.end());
    };
  }

  // A process of that user, standing for a client.
  std::uint32_t client(std::uint32_t uid) {
    if (uid == ::getuid()) {
      return static_cast<std::uint32_t>(::getpid());
    }
    pid_t& pid = clients_[uid];
    if (pid == 0) {
      int ready[2];
      EXPECT_EQ(::pipe(ready), 0);
      pid = ::fork();
      if (pid == 0) {
        const bool changed = ::setresuid(uid, uid, uid) == 0;
        ::close(ready[0]);
        ::close(ready[1]);
        if (changed) {
          ::pause();
        }
        ::_exit(0);
      }
      ::close(ready[1]);
      char none = 0;
      EXPECT_EQ(::read(ready[0], &none, 1), 0);  // the child's uid has changed
      ::close(ready[0]);
    }
    return static_cast<std::uint32_t>(pid);
  }

  void TearDown() override {
    for (const auto& [uid, pid] : clients_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    api_.reset();
    desk_.reset();
    MachineTest::TearDown();
  }

  static Tenant tenant(const std::string& name, std::uint32_t uid, Role role) {
    Tenant out;
    out.name = name;
    out.users = {std::to_string(uid)};
    out.role = role;
    return out;
  }

  std::shared_ptr<Answer> ask(std::uint32_t uid,
                              const std::string& method,
                              const std::string& path,
                              const std::string& body = "") {
    auto answer = std::make_shared<Answer>();
    const http::PeerCredentials peer{uid, uid, client(uid)};
    http::Request request;
    request.peer = peer;
    request.method = method;
    request.path = path.substr(0, path.find('?'));
    request.query = path.find('?') == std::string::npos ? "" : path.substr(path.find('?') + 1);
    request.body = body;
    api_->handle(request, [answer](http::Response response) {
      EXPECT_EQ(answer->status, 0) << "answered twice: " << response.body;
      *answer = {response.status, response.body};
    });
    return answer;
  }

  // All leases without their remaining time, which changes with each read.
  Json leases_now() {
    Json leases = ask(0, "GET", "/v1/leases")->json();
    for (Json& lease : leases.at("leases"))
      EXPECT_EQ(lease.erase("leftMs"), 1U);
    return leases;
  }

  int status(std::uint32_t uid,
             const std::string& method,
             const std::string& path,
             const std::string& body = "") {
    return ask(uid, method, path, body)->status;
  }

  static std::string wants(const std::string& more = "") {
    return R"({"need": {"profile": "1g.5gb"}, "limitMs": 3600000)" + more + "}";
  }

  Tenants tenants_;
  std::unique_ptr<service::LeaseDesk> desk_;
  std::unique_ptr<Api> api_;
  std::vector<lease::LeaseHolder> told_;
  std::map<std::uint32_t, pid_t> clients_;
};

TEST_F(ApiTest, PathsAndMethodsHaveTheirStatus) {
  start();
  for (const char* path : {"/v1/leases", "/v1/queue", "/v1/tenants", "/v1/inventory"}) {
    EXPECT_EQ(status(0, "GET", path), 200) << path;
  }

  struct Row {
    const char *method, *path;
    int status;
  };

  for (const Row& row : {Row{"GET", "/", 404},
                         Row{"GET", "/v2/leases", 404},
                         Row{"GET", "/v1/leases/", 404},
                         Row{"DELETE", "/v1/leases/-1", 404},
                         Row{"DELETE", "/v1/leases/1x", 404},
                         Row{"DELETE", "/v1/leases/9223372036854775808", 404},
                         Row{"DELETE", "/v1/leases/99", 404},
                         Row{"PUT", "/v1/leases", 405},
                         Row{"DELETE", "/v1/leases", 405},
                         Row{"PROPFIND", "/v1/leases", 405},
                         Row{"get", "/v1/leases", 405},
                         Row{"POST", "/v1/queue", 405},
                         Row{"GET", "/v1/leases/1", 405},
                         Row{"POST", "/v1/inventory", 405}}) {
    const auto answer = ask(0, row.method, row.path);
    EXPECT_EQ(answer->status, row.status) << row.method << " " << row.path;
    EXPECT_EQ(answer->json().at("kind"), "Error");
    EXPECT_EQ(answer->json().at("simulated"), true);
  }
  EXPECT_NE(
      ask(0, "PUT", "/v1/leases")->json().at("hint").get<std::string>().find("GET, HEAD, POST"),
      std::string::npos);
}

// Every code has its HTTP status, its exit code, and a null hint where there is none, as on the
// command line.
TEST(ErrorWriter, WritesEveryErrorOfTheTable) {
  const http::ErrorWriter writer = error_writer(wire::Source{true, "lab"});
  ASSERT_GT(error_table().size(), 20U);
  for (const ErrorInfo& row : error_table()) {
    const http::Response bare = http::refusal(Error{row.code, "what", "", {}, {}}, writer);
    EXPECT_EQ(bare.status, row.http_status) << row.name;
    EXPECT_EQ(bare.content_type, "application/json");
    const Json json = Json::parse(bare.body);
    EXPECT_EQ(json.at("apiVersion"), "migctl/v1");
    EXPECT_EQ(json.at("kind"), "Error");
    EXPECT_EQ(json.at("simulated"), true);
    EXPECT_EQ(json.at("simulatedMachine"), "lab");
    EXPECT_EQ(json.at("code"), row.name);
    EXPECT_EQ(json.at("exitCode"), row.exit_code);
    EXPECT_EQ(json.at("message"), "what");
    EXPECT_TRUE(json.at("hint").is_null()) << bare.body;
    EXPECT_TRUE(json.at("nvml").is_null()) << bare.body;
    const http::Response full = http::refusal(Error{row.code, "what", "do", {"a"}, 19}, writer);
    EXPECT_EQ(Json::parse(full.body).at("hint"), "do");
    EXPECT_EQ(Json::parse(full.body).at("context"), Json({"a"}));
    EXPECT_EQ(Json::parse(full.body).at("nvml").at("code"), 19);
    EXPECT_EQ(Json::parse(full.body).at("nvml").at("name"), "NVML_ERROR_IN_USE");
  }
}

// Refusals by the router have the same format.
TEST_F(ApiTest, ARefusalOfTheRouterIsAnErrorLikeAnyOther) {
  start();
  const auto unknown = ask(kAlice, "GET", "/v1/leases?user=alice");
  EXPECT_EQ(unknown->status, 400);
  EXPECT_EQ(unknown->json().at("code"), "usage");
  EXPECT_EQ(unknown->json().at("exitCode"), 1);
  EXPECT_NE(unknown->json().at("hint").get<std::string>().find("tenant"), std::string::npos);
  EXPECT_EQ(ask(kAlice, "GET", "/nowhere")->json().at("exitCode"), 5);
  EXPECT_EQ(ask(kAlice, "PUT", "/v1/queue")->json().at("exitCode"), 1);
  EXPECT_EQ(ask(kStranger, "GET", "/v1/leases")->json().at("exitCode"), 7);
  EXPECT_TRUE(ask(kStranger, "GET", "/v1/leases")->json().at("hint").is_null());
}

// A query parameter narrows the visible entries, and never widens them.
TEST_F(ApiTest, AQueryFiltersWhatThePeerMaySee) {
  start({"1g.5gb", "1g.5gb"});
  ASSERT_EQ(status(kAlice, "POST", "/v1/leases", wants()), 200);
  ASSERT_EQ(status(kBob, "POST", "/v1/leases", wants()), 200);
  const auto tenants_seen = [this](std::uint32_t uid, const std::string& query) {
    Strings seen;
    const auto answer = ask(uid, "GET", "/v1/leases" + query);
    EXPECT_EQ(answer->status, 200) << answer->body;
    const Json document = answer->json();
    for (const Json& lease : document.at("leases")) {
      seen.push_back(lease.at("tenant"));
    }
    return seen;
  };
  EXPECT_EQ(tenants_seen(0, ""), (Strings{"a", "b"}));
  EXPECT_EQ(tenants_seen(0, "?tenant=b"), Strings{"b"});
  EXPECT_EQ(tenants_seen(0, "?tenant=%62"), Strings{"b"});
  EXPECT_EQ(tenants_seen(0, "?tenant=nobody"), Strings{});
  EXPECT_EQ(tenants_seen(kAlice, ""), Strings{"a"});
  EXPECT_EQ(tenants_seen(kAlice, "?tenant=a"), Strings{"a"});
  EXPECT_EQ(tenants_seen(kAlice, "?tenant=b"), Strings{}) << "bob's lease is not alice's to see";
  ASSERT_EQ(ask(kBob, "POST", "/v1/leases", wants(R"(, "waitMs": 600000)"))->status, 0);
  EXPECT_EQ(ask(0, "GET", "/v1/queue?tenant=a")->json().at("queue").size(), 0U);
  EXPECT_EQ(ask(0, "GET", "/v1/queue?tenant=b")->json().at("queue").size(), 1U);
  EXPECT_EQ(ask(0, "GET", "/v1/tenants?tenant=b")->json().at("tenants").size(), 1U);
  EXPECT_EQ(ask(0, "GET", "/v1/tenants?tenant=b")->json().at("tenants").at(0).at("name"), "b");
  for (const char* path : {"/v1/inventory?tenant=a",
                           "/v1/leases?tenant=a&tenant=b",
                           "/v1/leases?tenant=",
                           "/v1/queue?limit=1"}) {
    EXPECT_EQ(status(0, "GET", path), 400) << path;
  }
  EXPECT_EQ(status(0, "POST", "/v1/leases?tenant=b", wants()), 400) << "a query is no part of it";
  EXPECT_EQ(status(0, "DELETE", "/v1/leases/1?force=1"), 400);
  EXPECT_EQ(ask(0, "GET", "/v1/leases")->json().at("leases").size(), 2U) << "nothing was done";
  api_->stop();
}

// Authorisation and pagination: a tenant reads the audit of its own leases, operators read all.
TEST_F(ApiTest, WhatHappenedToLeasesIsReadByWhoMaySeeIt) {
  start({"1g.5gb", "1g.5gb"});
  ASSERT_EQ(status(kAlice, "POST", "/v1/leases", wants(R"(, "job": "train")")), 200);
  ASSERT_EQ(status(kBob, "POST", "/v1/leases", wants()), 200);
  ASSERT_EQ(status(kAlice, "DELETE", "/v1/leases/1"), 200);
  const auto read = [this](std::uint32_t uid, const std::string& query) {
    const auto answer = ask(uid, "GET", "/v1/history/leases" + query);
    EXPECT_EQ(answer->status, 200) << query << answer->body;
    return answer->json();
  };
  const auto actions = [&read](std::uint32_t uid, const std::string& query) {
    Strings seen;
    const Json document = read(uid, query);
    for (const Json& event : document.at("events")) {
      seen.push_back(event.at("tenant").get<std::string>() + " " +
                     event.at("action").get<std::string>());
    }
    return seen;
  };
  EXPECT_EQ(actions(0, ""), (Strings{"a released", "b granted", "a granted"}));
  EXPECT_EQ(actions(kAlice, ""), (Strings{"a released", "a granted"}));
  EXPECT_EQ(actions(kAlice, "?tenant=b"), Strings{});
  EXPECT_EQ(actions(0, "?tenant=b"), Strings{"b granted"});
  EXPECT_EQ(actions(0, fmt::format("?uid={}", kAlice)), (Strings{"a released", "a granted"}));
  EXPECT_EQ(actions(0, "?sinceMs=9223372036854775807"), Strings{});
  EXPECT_EQ(actions(0, "?sinceMs=0").size(), 3U);
  const Json first = read(0, "?limit=2");
  EXPECT_EQ(first.at("kind"), "LeaseHistory");
  EXPECT_EQ(first.at("events").size(), 2U);
  const Json last = read(0, fmt::format("?limit=2&before={}", first.at("next").get<int>()));
  EXPECT_EQ(last.at("events").size(), 1U);
  EXPECT_TRUE(last.at("next").is_null());
  EXPECT_EQ(last.at("events").at(0).at("job"), "train");
  EXPECT_EQ(status(kStranger, "GET", "/v1/history/leases"), 403);
  for (const char* query : {"limit=0", "limit=1001", "limit=-1", "before=x", "uid=alice", "x=1"}) {
    EXPECT_EQ(status(0, "GET", std::string("/v1/history/leases?") + query), 400) << query;
  }
}

// The page lists every method, path and query parameter.
TEST_F(ApiTest, ThePageHasTheTableOfPaths) {
  start();
  std::ifstream file(MIG_LEASES_PAGE);
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  ASSERT_FALSE(page.empty()) << MIG_LEASES_PAGE;
  const auto lines = api_->router().lines();
  EXPECT_GE(lines.size(), 7U);
  for (const auto& line : lines) {
    std::string path = line.path;
    if (const auto at = path.find("{id:number}"); at != std::string::npos) {
      path.replace(at, std::string("{id:number}").size(), "ID");
    }
    const auto found = page.find("- `" + line.method + " " + path + "`");
    ASSERT_NE(found, std::string::npos) << line.method << " " << path << " is not on the page";
    const std::string entry = page.substr(found, page.find("\n- `", found) - found);
    for (const auto& parameter : line.parameters) {
      EXPECT_NE(entry.find("`" + parameter + "`"), std::string::npos)
          << line.method << " " << path << " takes " << parameter << ", says the table";
    }
  }
}

// An error's code determines the HTTP status, by the one table.
TEST_F(ApiTest, ErrorsHaveTheStatusOfTheirCode) {
  start();
  EXPECT_EQ(status(0, "POST", "/v1/leases", "{"), 422);
  EXPECT_EQ(status(0, "POST", "/v1/leases", std::string(70000, ' ')), 413);
  EXPECT_EQ(status(0, "POST", "/v1/leases", R"({"need": {"profile": "1g.5gb"}})"), 400)
      << "nothing ends it";
  EXPECT_EQ(status(0, "POST", "/v1/leases", R"({"need": {"profile": "7g.40gb"}, "limitMs": 1000})"),
            404);
  ASSERT_EQ(status(0, "POST", "/v1/leases", wants()), 200);
  const auto busy = ask(0, "POST", "/v1/leases", wants());
  EXPECT_EQ(busy->status, 409);
  EXPECT_EQ(busy->json().at("code"), "in_use");
  EXPECT_EQ(status(0, "PATCH", "/v1/leases/1", "{}"), 422);
  const Json leases = leases_now();
  EXPECT_EQ(status(0, "DELETE", "/v1/leases/1x"), 404) << "is not lease 1, which is there";
  EXPECT_EQ(status(0, "DELETE", "/v1/leases/10"), 404);
  EXPECT_EQ(leases_now().dump(), leases.dump());
}

// Only an admin has the file read again; what cannot be read changes nothing.
TEST_F(ApiTest, AnAdminHasTheTenantsFileReadAgain) {
  start();
  int reloads = 0;
  Result<void> outcome = {};
  api_->on_reload = [&] {
    ++reloads;
    return outcome;
  };
  for (const std::uint32_t uid : {kAlice, kViewer, kStranger}) {
    EXPECT_EQ(status(uid, "POST", "/v1/reload"), 403);
  }
  EXPECT_EQ(status(0, "POST", "/v1/reload", "{}"), 422) << "nothing is to be said";
  EXPECT_EQ(status(0, "GET", "/v1/reload"), 405);
  EXPECT_EQ(reloads, 0);
  const auto read = ask(0, "POST", "/v1/reload");
  EXPECT_EQ(read->status, 200);
  EXPECT_EQ(read->json().at("kind"), "TenantList");
  EXPECT_EQ(reloads, 1);
  outcome = Error{ErrorCode::kInvalidInput, "t.yaml:3:1: no", {}, {}, {}};
  EXPECT_EQ(status(0, "POST", "/v1/reload"), 422);
}

TEST_F(ApiTest, ThePolicyIsToldToWhoSeesAll) {
  start();
  EXPECT_EQ(ask(0, "GET", "/v1/tenants")->json().at("site").at("preemption").at("enabled"), false);
  EXPECT_TRUE(ask(kAlice, "GET", "/v1/tenants")->json().at("site").is_null());
}

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

TEST_F(ApiTest, TheHistoryEndsWhereItIsAsked) {
  start();
  ASSERT_EQ(status(kAlice, "POST", "/v1/leases", wants()), 200);
  const Json events = ask(0, "GET", "/v1/history/leases")->json().at("events");
  ASSERT_EQ(events.size(), 1U);
  const auto at = events.at(0).at("atMs").get<std::int64_t>();
  const auto until = [&](std::int64_t ms) {
    return ask(0, "GET", fmt::format("/v1/history/leases?untilMs={}", ms))
        ->json()
        .at("events")
        .size();
  };
  EXPECT_EQ(until(at), 0U);
  EXPECT_EQ(until(at + 1), 1U);
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

// On hardware each reading of a closed driver costs an nvmlInit, and holds every GPU meanwhile.
TEST_F(ApiTest, AnIdleDaemonLeavesTheDriverClosed) {
  start();
  node_->rest();
  const std::uint64_t before = node_->session().value()->epoch();
  node_->rest();
  api_->step();
  node_->rest();
  EXPECT_EQ(node_->session().value()->epoch(), before + 1) << "only this test opened it";
  ASSERT_EQ(status(kAlice, "POST", "/v1/leases", wants()), 200);
  node_->rest();
  api_->step();
  node_->rest();
  EXPECT_GT(node_->session().value()->epoch(), before + 2) << "a lease's instance is looked at";
}

TEST_F(ApiTest, TheSocketIsTheOneNamedOrTheMachinesOwn) {
  // The environment is read when the node is opened.
  ::setenv("MIGCTL_SOCKET", "/x/y.sock", 1);
  make("1x a100-sxm4-40gb");
  EXPECT_EQ(default_socket(*node_).value(), "/x/y.sock");
  ::setenv("MIGCTL_SOCKET", "", 1);
  EXPECT_TRUE(default_socket(*open()).value().starts_with(root_ + "/lab/"));
  ::unsetenv("MIGCTL_SOCKET");
}

}  // namespace
}  // namespace mig::daemon
