// SPDX-License-Identifier: Apache-2.0
// For tests: the API on a simulated machine, without a socket, and processes of several users.
#ifndef MIGCTL_DAEMON_TEST_API_H_
#define MIGCTL_DAEMON_TEST_API_H_

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/api.h"
#include "daemon/daemon.h"
#include "node/test_machine.h"

namespace mig::daemon {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

inline constexpr std::uint32_t kAlice = 61001;
inline constexpr std::uint32_t kBob = 61002;
inline constexpr std::uint32_t kViewer = 61003;
inline constexpr std::uint32_t kStranger = 61004;

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

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_TEST_API_H_
