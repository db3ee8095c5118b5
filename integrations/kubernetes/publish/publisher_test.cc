// SPDX-License-Identifier: Apache-2.0
// The publisher against an API server in another process: layouts that change, other writers, a
// server and a daemon that are away.
#include "kubernetes/publish/publisher.h"

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include <gtest/gtest.h>

#include "catalog/catalog.h"
#include "kubernetes/api/test_fake_api.h"
#include "kubernetes/objects/allocation.h"
#include "kubernetes/publish/pool_update.h"

namespace mig::kube {
namespace {

using std::chrono::milliseconds;

class PublisherTest : public testing::Test {
 protected:
  PublisherTest() : api_(server_.client()) {
    server_.put("/api/v1/nodes/n1", node("u-node"));
    machine_ = catalog::inventory_of({"h200-141gb", 2}).value();
    for (Gpu& gpu : machine_->gpus) {
      gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
    }
    settings_.node = "n1";
    settings_.settle = milliseconds(1);
    settings_.least_pause = milliseconds(5);
    settings_.first_wait = milliseconds(5);
    settings_.longest_wait = milliseconds(100);
    settings_.away_after = milliseconds(0);
  }

  static Json node(const std::string& uid) {
    return {{"kind", "Node"}, {"metadata", {{"name", "n1"}, {"uid", uid}}}};
  }

  PublisherSources sources() {
    PublisherSources from;
    from.inventory = [this]() -> Result<Inventory> {
      const std::scoped_lock lock(mutex_);
      if (!machine_) {
        return fail(ErrorCode::kNoDriver, "no daemon listens");
      }
      return *machine_;
    };
    from.held = [this] {
      const std::scoped_lock lock(mutex_);
      return held_;
    };
    return from;
  }

  void take(std::uint32_t gpu, const std::string& profile, std::uint32_t start) {
    const std::scoped_lock lock(mutex_);
    GpuInstance instance;
    instance.name = ProfileName::parse(profile).value();
    instance.placement = {start,
                          machine_->gpus[gpu].find_profile(instance.name)->placements[0].size};
    instance.compute_instances.push_back({});
    instance.compute_instances[0].name = instance.name;
    instance.compute_instances[0].uuid = "MIG-" + std::to_string(start);
    machine_->gpus[gpu].instances.push_back(instance);
  }

  Json slices() { return api_->list(slices_path(), slices_query("n1")).value()["items"]; }

  std::map<std::string, Json> devices() {
    std::map<std::string, Json> all;
    for (const Json& slice : slices()) {
      for (const Json& device : slice["spec"].value("devices", Json::array())) {
        all[device["name"].get<std::string>()] = device;
      }
    }
    return all;
  }

  FakeApi server_;
  std::unique_ptr<ApiClient> api_;
  std::mutex mutex_;
  std::optional<Inventory> machine_;
  std::map<std::string, bool> held_;
  PublisherSettings settings_;
};

TEST_F(PublisherTest, PublishesAndFollowsTheLayout) {
  Publisher publisher(*api_, settings_, sources());
  ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
  EXPECT_EQ(slices()[0]["metadata"]["ownerReferences"][0]["uid"], "u-node");
  take(0, "3g.71gb", 4);  // somebody else's
  publisher.trigger();
  ASSERT_TRUE(becomes([&] {
    const auto now = devices();
    const auto found = now.find("gpu-0-mig-3g-71gb-4");
    return found != now.end() && found->second["attributes"]["static"]["bool"] == true &&
           !now.contains("gpu-0-mig-7g-141gb-0");
  }));
  EXPECT_EQ(publisher.state().trouble, "");
}

TEST_F(PublisherTest, WhatSomebodyElseRemovesOrChangesIsPutRight) {
  Publisher publisher(*api_, settings_, sources());
  ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
  // As the kubelet does when the plugin's socket is gone for long.
  for (const Json& slice : slices()) {
    ASSERT_TRUE(api_->remove(slices_path() + "/" + slice_name(slice), ""));
  }
  ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
  // The publisher may be in the middle of a round, and then ours is the older version.
  ASSERT_TRUE(becomes([&] {
    Json all = slices();
    if (all.size() < 2 || all[1]["spec"].erase("devices") == 0) {
      return false;
    }
    return api_->replace(slices_path() + "/" + slice_name(all[1]), all[1]).has_value();
  }));
  ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
}

TEST_F(PublisherTest, ANodeThatWasMadeAnewIsTheNewOwner) {
  Publisher publisher(*api_, settings_, sources());
  ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
  server_.ask({{"delete", "/api/v1/nodes/n1"}});
  server_.put("/api/v1/nodes/n1", node("u-new"));
  // The garbage collector removes what names the old one.
  const std::string name = slice_name(slices()[0]);
  ASSERT_TRUE(api_->remove(slices_path() + "/" + name, ""));
  ASSERT_TRUE(becomes([&] {
    const Json all = slices();
    return !all.empty() && std::all_of(all.begin(), all.end(), [](const Json& slice) {
      return slice["metadata"]["ownerReferences"][0]["uid"] == "u-new";
    });
  }));
}

TEST_F(PublisherTest, AServerThatIsAwayIsTroubleUntilItIsBack) {
  std::mutex mutex;
  std::vector<std::string> told;
  PublisherSources from = sources();
  from.on_state = [&](const std::string& trouble) {
    const std::scoped_lock lock(mutex);
    told.push_back(trouble);
  };
  server_.fault({{"match", "POST|PUT"}, {"do", "status"}, {"code", 500}, {"times", 20}});
  Publisher publisher(*api_, settings_, std::move(from));
  ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
  // `on_state` is called after the state can be read: a reader of the state may be the earlier one.
  ASSERT_TRUE(becomes([&] {
    const std::scoped_lock lock(mutex);
    return !told.empty() && told.back().empty();
  }));
  EXPECT_EQ(publisher.state().trouble, "");
  const std::scoped_lock lock(mutex);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_NE(told[0], "");
  EXPECT_EQ(told[1], "");
}

TEST_F(PublisherTest, WithoutTheDaemonSlicesStayAndAreTaintedInTheEnd) {
  settings_.away_after = milliseconds(1);
  Publisher publisher(*api_, settings_, sources());
  ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
  std::optional<Inventory> kept;
  {
    const std::scoped_lock lock(mutex_);
    kept = std::exchange(machine_, std::nullopt);
  }
  publisher.trigger();
  ASSERT_TRUE(becomes([&] {
    const auto now = devices();
    return now.size() == 50 && std::all_of(now.begin(), now.end(), [](const auto& one) {
             return one.second.contains("taints") &&
                    one.second["taints"][0]["key"] == "mig.migctl.dev/unreachable";
           });
  }));
  EXPECT_TRUE(becomes(
      [&] { return publisher.state().trouble.find("no daemon listens") != std::string::npos; }));
  {
    const std::scoped_lock lock(mutex_);
    machine_ = kept;
  }
  publisher.trigger();
  ASSERT_TRUE(becomes([&] {
    const auto now = devices();
    return std::none_of(
        now.begin(), now.end(), [](const auto& one) { return one.second.contains("taints"); });
  }));
}

TEST_F(PublisherTest, EndsAtOnceAndLeavesTheSlicesThatRemoveTakesAway) {
  {
    Publisher publisher(*api_, settings_, sources());
    ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
  }
  EXPECT_EQ(devices().size(), 50U);
  ASSERT_TRUE(remove_slices(*api_, "n1"));
  EXPECT_TRUE(slices().empty());
}

// Whoever may write ResourceSlices could create any number of them.
TEST_F(PublisherTest, SlicesWithoutEndAreNotRead) {
  for (int i = 0; i <= 1000; ++i) {
    const std::string name = "foreign-" + std::to_string(i);
    server_.put(slices_path() + "/" + name,
                {{"kind", "ResourceSlice"},
                 {"metadata", {{"name", name}}},
                 {"spec", {{"nodeName", "n1"}, {"driver", kDriverName}}}});
  }
  const auto removed = remove_slices(*api_, "n1");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, ErrorCode::kTooLarge) << removed.error().text();
}

// Own writes come back by the watch, and are nobody's quarrel: a layout that changes at once after
// each publication is followed without growing pauses.
TEST_F(PublisherTest, ChangesInQuickSuccessionAreNoQuarrel) {
  settings_.least_pause = milliseconds(1);
  settings_.first_wait = milliseconds(20);
  settings_.longest_wait = milliseconds(3'600'000);
  Publisher publisher(*api_, settings_, sources());
  ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
  // Pauses that grow from 20 ms would be at a quarter of an hour in the last of these.
  for (int round = 0; round < 16; ++round) {
    if (round % 2 == 0) {
      take(0, "3g.71gb", 4);
    } else {
      const std::scoped_lock lock(mutex_);
      machine_->gpus[0].instances.clear();
    }
    publisher.trigger();
    ASSERT_TRUE(becomes([&] {
      return devices().contains("gpu-0-mig-7g-141gb-0") == (round % 2 == 1);
    })) << round;
  }
}

TEST_F(PublisherTest, AFailureIsNotABusyLoop) {
  settings_.least_pause = milliseconds(1);
  settings_.first_wait = milliseconds(20);
  settings_.longest_wait = milliseconds(3'600'000);
  server_.fault({{"match", "GET /api/v1/nodes"}, {"do", "status"}, {"code", 500}, {"times", 1000}});
  const Publisher publisher(*api_, settings_, sources());
  std::size_t asked = 0;
  const auto count = [&] {
    for (const Json& request : server_.requests()) {
      asked += request["target"].get<std::string>().starts_with("/api/v1/nodes") ? 1 : 0;
    }
    return asked;
  };
  ASSERT_TRUE(becomes([&] { return count() >= 3; }));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  // Pauses of 20, 40, 80, ... ms.
  EXPECT_LE(count(), 12U);
}

// Another writer that undoes each write: the pause between two rounds grows.
TEST_F(PublisherTest, AQuarrelIsNotABusyLoop) {
  settings_.least_pause = milliseconds(1);
  settings_.first_wait = milliseconds(20);
  settings_.longest_wait = milliseconds(3'600'000);
  Publisher publisher(*api_, settings_, sources());
  ASSERT_TRUE(becomes([&] { return devices().size() == 50; }));
  int undone = 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto within = [&](int seconds) {
    return std::chrono::steady_clock::now() < begin + std::chrono::seconds(seconds);
  };
  while (within(2) || (undone < 2 && within(60))) {
    Json all = slices();
    if (all.size() > 1 && all[1]["spec"].contains("devices")) {
      all[1]["spec"].erase("devices");
      undone += api_->replace(slices_path() + "/" + slice_name(all[1]), all[1]) ? 1 : 0;
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  // Pauses of 20, 40, 80, ... ms: a dozen would take a minute and more.
  EXPECT_GE(undone, 2);
  EXPECT_LE(undone, 12);
}

}  // namespace
}  // namespace mig::kube
