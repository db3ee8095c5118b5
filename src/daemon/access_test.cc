// SPDX-License-Identifier: Apache-2.0
#include "daemon/access.h"

#include <gtest/gtest.h>

namespace mig::daemon {
namespace {

std::string words(const Error& error) {
  return error.message;
}

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    request_.peer = http::PeerCredentials::nobody();
    request_.remote = http::Remote{"127.0.0.1", true};
    request_.method = "GET";
    request_.path = "/metrics";
    request_.headers["host"] = "127.0.0.1:9400";
  }

  // Status of the refusal; 0 = it may come.
  int status() {
    http::Request request = request_;
    const auto refused = access_.refused(request);
    return refused ? refused->status : 0;
  }

  int status_with(const std::string& name, const std::string& value) {
    const auto before = request_.headers;
    request_.headers[name] = value;
    const int code = status();
    request_.headers = before;
    return code;
  }

  TokenBook tokens_{"", base::system_clock()};
  Access access_{{"node-7"}, tokens_, words};
  http::Request request_;
};

TEST_F(AccessTest, MonitoringFromThisMachineNeedsNoToken) {
  EXPECT_EQ(status(), 0);
  request_.path = "/v1/health";
  EXPECT_EQ(status(), 0);
  request_.method = "POST";
  EXPECT_EQ(status(), 401);
  request_.method = "GET";
  for (const char* path : {"/v1/leases", "/v1/machine", "/v1/health/", "/", "/metrics/x", "/v2"}) {
    request_.path = path;
    EXPECT_EQ(status(), 401) << path;
  }
}

TEST_F(AccessTest, MonitoringThatShowsATokenComesByIt) {
  EXPECT_EQ(status_with("authorization", "Bearer migt_1_none"), 401);
  EXPECT_EQ(status_with("authorization", "Basic eDp5"), 401);
}

TEST_F(AccessTest, FromElsewhereAllNeedsAToken) {
  request_.remote = http::Remote{"10.0.0.2", false};
  EXPECT_EQ(status(), 401);
}

// A proxy on this machine brings requests of others.
TEST_F(AccessTest, WhatAProxyBringsIsNotFromThisMachine) {
  for (const char* name : {"forwarded", "x-forwarded-for", "via"}) {
    EXPECT_EQ(status_with(name, "10.0.0.2"), 401) << name;
  }
}

TEST_F(AccessTest, TheKernelsWordNeedsNoCheck) {
  request_.remote.reset();
  request_.headers = {{"host", "evil.test"}, {"origin", "http://evil.test"}};
  request_.path = "/v1/leases";
  EXPECT_EQ(status(), 0);
}

// DNS rebinding: the page's name was made to point to this machine.
TEST_F(AccessTest, AnotherHostsRequestIsRefused) {
  for (const char* host : {"localhost",
                           "LocalHost:9400",
                           "x.localhost:1",
                           "[::1]:9400",
                           "[::1]",
                           "10.1.2.3",
                           "node-7:9400",
                           "Node-7"}) {
    EXPECT_EQ(status_with("host", host), 0) << host;
  }
  for (const char* host : {"",
                           "evil.test",
                           "evil.test:9400",
                           "127.0.0.1.evil.test",
                           "localhost.evil.test",
                           "127.0.0.1:9400, evil.test",
                           "[::1",
                           "[::1]x",
                           "[evil]",
                           "localhost:x",
                           "node-7.",
                           "@",
                           "evil.test@localhost",
                           "1.2.3",
                           "0x7f.1",
                           "localhost:"}) {
    EXPECT_EQ(status_with("host", host), 403) << host;
  }
  request_.headers.erase("host");
  EXPECT_EQ(status(), 403) << "HTTP/1.0 without it";
}

TEST_F(AccessTest, AnotherSitesPageIsRefused) {
  EXPECT_EQ(status_with("origin", "http://127.0.0.1:9400"), 0);
  EXPECT_EQ(status_with("sec-fetch-site", "same-origin"), 0);
  EXPECT_EQ(status_with("sec-fetch-site", "none"), 0);
  for (const char* origin :
       {"http://evil.test", "null", "http://127.0.0.1:9401", "http://127.0.0.1", "x", "file://"}) {
    EXPECT_EQ(status_with("origin", origin), 403) << origin;
  }
  EXPECT_EQ(status_with("sec-fetch-site", "cross-site"), 403);
  EXPECT_EQ(status_with("sec-fetch-site", "same-site"), 403);
}

}  // namespace
}  // namespace mig::daemon
