// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/watch.h"

#include <algorithm>
#include <mutex>

#include "kubernetes/api/test_fake_api.h"

namespace mig::kube {
namespace {

constexpr const char* kNodes = "/api/v1/nodes";

Pace quick() {
  Pace pace;
  pace.first_pause = std::chrono::milliseconds(5);
  pace.longest_pause = std::chrono::milliseconds(20);
  return pace;
}

// What a watcher said, in order: "list a b", "ADDED c", "trouble ...", "works".
class Seen {
 public:
  WatchHandlers handlers() {
    WatchHandlers out;
    out.on_list = [this](const std::vector<Json>& all) {
      std::string line = "list";
      for (const Json& object : all) {
        line += " " + object["metadata"]["name"].get<std::string>();
      }
      add(line);
    };
    out.on_event = [this](const std::string& type, const Json& object) {
      add(type + " " + object["metadata"]["name"].get<std::string>());
    };
    out.on_state = [this](const std::string& trouble) {
      add(trouble.empty() ? "works" : "trouble " + trouble);
    };
    return out;
  }

  void add(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }

  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  std::size_t count(const std::string& part) {
    const auto all = lines();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& line) {
      return line.find(part) != std::string::npos;
    }));
  }

  // That line, at least that often.
  bool has(const std::string& part, std::size_t times = 1) {
    return becomes([&] { return count(part) >= times; });
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

class WatchTest : public ::testing::Test {
 protected:
  void SetUp() override { put("a"); }

  void put(const std::string& name, int spec = 0) {
    fake_.put(std::string(kNodes) + "/" + name, {{"spec", spec}});
  }

  // Times that a watch was asked for, and lists; since the last time.
  std::pair<int, int> asked() {
    std::pair<int, int> out;
    for (const Json& request : fake_.requests()) {
      const bool watch = request["target"].get<std::string>().find("watch=1") != std::string::npos;
      (watch ? out.first : out.second)++;
    }
    return out;
  }

  FakeApi fake_;
  std::unique_ptr<ApiClient> api_ = fake_.client();
  Seen seen_;
};

TEST_F(WatchTest, AListAndThenWhatHappens) {
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), quick());
  ASSERT_TRUE(seen_.has("list a"));
  put("b");
  put("b", 1);
  fake_.ask({{"delete", std::string(kNodes) + "/b"}});
  ASSERT_TRUE(seen_.has("DELETED b"));
  EXPECT_EQ(seen_.lines(),
            (std::vector<std::string>{"list a", "ADDED b", "MODIFIED b", "DELETED b"}));
}

TEST_F(WatchTest, OnlyWhatIsSelected) {
  const Watcher watcher(
      *api_, kNodes, "fieldSelector=metadata.name%3Da", seen_.handlers(), quick());
  ASSERT_TRUE(seen_.has("list a"));
  put("b");
  put("a", 1);
  ASSERT_TRUE(seen_.has("MODIFIED a"));
  EXPECT_EQ(seen_.count("b"), 0U);
}

TEST_F(WatchTest, ABrokenConnectionIsResumedWithoutAList) {
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), quick());
  ASSERT_TRUE(seen_.has("list a"));
  for (int round = 0; round < 5; ++round) {
    put("b", round);
    ASSERT_TRUE(seen_.has("D b", static_cast<std::size_t>(round + 1)));
    fake_.ask({{"drop", true}});
    put("c", round);  // while nobody watches
    ASSERT_TRUE(seen_.has("D c", static_cast<std::size_t>(round + 1)));
  }
  EXPECT_EQ(seen_.count("list"), 1U);
}

TEST_F(WatchTest, TheEndOfAWatchIsNoTrouble) {
  Pace pace = quick();
  pace.watch = std::chrono::milliseconds(1'000);
  fake_.fault({{"match", "watch=1"},
               {"do", "lines"},
               {"lines",
                {R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"500"}}})"
                 "\n"}},
               {"then", "end"}});
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), pace);
  ASSERT_TRUE(seen_.has("list a"));
  // The next watch begins where the bookmark was.
  ASSERT_TRUE(becomes([&] {
    for (const Json& request : fake_.requests()) {
      const std::string target = request["target"].get<std::string>();
      if (target.find("resourceVersion=500") != std::string::npos &&
          target.find("timeoutSeconds=1") != std::string::npos &&
          target.find("allowWatchBookmarks=true") != std::string::npos) {
        return true;
      }
    }
    return false;
  }));
  EXPECT_EQ(seen_.lines(), std::vector<std::string>{"list a"});
}

TEST_F(WatchTest, GoneIsListedAnew) {
  // As a status, and as an event of the stream.
  fake_.ask(
      {{"set",
        {{"faults",
          {{{"match", "watch=1"}, {"do", "status"}, {"code", 410}},
           {{"match", "watch=1"},
            {"do", "lines"},
            {"lines", {"{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"old\"}}\n"}},
            {"then", "hang"}}}}}}});
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), quick());
  ASSERT_TRUE(seen_.has("list a", 3));
  put("b");
  ASSERT_TRUE(seen_.has("ADDED b"));
  EXPECT_EQ(seen_.count("trouble"), 0U);
}

TEST_F(WatchTest, GoneWhileItWasAway) {
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), quick());
  ASSERT_TRUE(seen_.has("list a"));
  put("b");
  ASSERT_TRUE(seen_.has("ADDED b"));
  fake_.ask({{"expire", true}});
  fake_.ask({{"drop", true}});
  ASSERT_TRUE(seen_.has("list a b"));
}

TEST_F(WatchTest, WhatIsNotUnderstoodIsListedAnew) {
  const std::string whole = R"({"type":"ADDED","object":{"metadata":{"name":"x"}}})";
  Json faults = Json::array();
  for (const std::string& line :
       {std::string("garbage"),
        std::string("[]"),
        std::string("{}"),
        whole,
        std::string(R"({"type":"ERROR","object":{"code":500,"message":"broken"}})"),
        std::string(5U << 20U, 'x')}) {
    faults.push_back({{"match", "watch=1"},
                      {"do", "lines"},
                      {"lines", Json::array({line + "\n"})},
                      {"then", "hang"}});
  }
  fake_.ask({{"set", {{"faults", faults}}}});
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), quick());
  ASSERT_TRUE(seen_.has("list a", 7));
  put("b");
  ASSERT_TRUE(seen_.has("ADDED b"));
  EXPECT_EQ(seen_.count("ADDED x"), 0U) << "it has no version to go on from";
  EXPECT_EQ(seen_.count("list"), 7U);
}

TEST_F(WatchTest, ALineThatIsCutIsNoEvent) {
  fake_.fault({{"match", "watch=1"},
               {"do", "lines"},
               {"lines", {R"({"type":"DELETED","object":{"metadata":{"resourceVersion":"1)"}},
               {"then", "cut"}});
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), quick());
  ASSERT_TRUE(seen_.has("list a"));
  put("b");
  ASSERT_TRUE(seen_.has("ADDED b"));
  EXPECT_EQ(seen_.count("DELETED"), 0U);
  EXPECT_EQ(seen_.count("list"), 1U);
}

TEST_F(WatchTest, TroubleIsToldOnceAndItsEndToo) {
  fake_.fault({{"match", ""}, {"do", "status"}, {"code", 500}, {"times", 4}});
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), quick());
  ASSERT_TRUE(seen_.has("list a"));
  const auto lines = seen_.lines();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines[0].starts_with("trouble cannot list /api/v1/nodes")) << lines[0];
  EXPECT_EQ(lines[1], "works");
}

TEST_F(WatchTest, AServerThatEndsEachWatchAtOnceIsNotAskedInALoop) {
  Pace pace = quick();
  pace.first_pause = std::chrono::milliseconds(500);
  pace.longest_pause = std::chrono::hours(1);
  fake_.fault({{"match", "watch=1"},
               {"do", "lines"},
               {"lines", Json::array()},
               {"then", "end"},
               {"times", 100'000}});
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), pace);
  ASSERT_TRUE(seen_.has("trouble each watch"));
  EXPECT_EQ(asked().first, 3);
}

// A peer that is gone without a word: what was asked to end by itself and does not is given up.
TEST_F(WatchTest, ASilentConnectionIsGivenUp) {
  Pace pace = quick();
  pace.watch = std::chrono::milliseconds(50);
  pace.grace = std::chrono::milliseconds(50);
  fake_.fault({{"match", "watch=1"}, {"do", "lines"}, {"lines", Json::array()}, {"then", "hang"}});
  const Watcher watcher(*api_, kNodes, "", seen_.handlers(), pace);
  ASSERT_TRUE(seen_.has("trouble"));
  put("b");
  ASSERT_TRUE(seen_.has("ADDED b"));
  EXPECT_EQ(seen_.count("list"), 1U);
}

TEST_F(WatchTest, ATokenThatExpiredIsExchanged) {
  ApiConfig config = fake_.config();
  config.token_file = fake_.file("token");
  ASSERT_TRUE(base::write_file_atomic(config.token_file, "old"));
  fake_.ask({{"set", {{"token", "old"}}}});
  const auto api = FakeApi::client(config);
  const Watcher watcher(*api, kNodes, "", seen_.handlers(), quick());
  ASSERT_TRUE(seen_.has("list a"));
  fake_.ask({{"set", {{"token", "new"}}}});
  fake_.ask({{"drop", true}});
  ASSERT_TRUE(seen_.has("trouble"));
  ASSERT_TRUE(base::write_file_atomic(config.token_file, "new"));
  put("b");
  ASSERT_TRUE(seen_.has("ADDED b"));
}

// The destructor's promise, in each thing that it may wait for.
TEST_F(WatchTest, ItStopsAtOnce) {
  const auto begin = std::chrono::steady_clock::now();
  Pace slow = quick();
  slow.first_pause = slow.longest_pause = std::chrono::hours(1);
  {
    const Watcher watching(*api_, kNodes, "", seen_.handlers(), slow);
    ASSERT_TRUE(seen_.has("list a"));
    ASSERT_TRUE(becomes([&] { return asked().first > 0; }));
  }
  fake_.fault({{"match", ""}, {"do", "hang"}});
  {
    const Watcher listing(*api_, kNodes, "", seen_.handlers(), slow);
    ASSERT_TRUE(becomes([&] { return asked().second > 0; }));
  }
  fake_.fault({{"match", ""}, {"do", "status"}, {"code", 500}});
  {
    const Watcher pausing(*api_, kNodes, "", seen_.handlers(), slow);
    ASSERT_TRUE(seen_.has("trouble"));
  }
  // Each of the three would wait for 30 s or an hour.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25));
}

}  // namespace
}  // namespace mig::kube
