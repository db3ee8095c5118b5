// SPDX-License-Identifier: Apache-2.0
// A pool against a server in memory that refuses what the real one refuses (stale resourceVersion,
// a name that exists), with each request failing once, and with another writer in between.
#include "kubernetes/publish/pool.h"

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "catalog/catalog.h"
#include "kubernetes/objects/slices.h"
#include "kubernetes/publish/pool_update.h"

namespace mig::kube {
namespace {

using base::Json;

Inventory machine(std::uint32_t gpus) {
  auto made = catalog::inventory_of({"h200-141gb", gpus});
  EXPECT_TRUE(made);
  for (Gpu& gpu : made->gpus) {
    gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  }
  return *made;
}

std::vector<Json> slices(const Inventory& now, const std::map<std::string, bool>& held = {}) {
  SliceInput input;
  input.now = &now;
  input.node = "n1";
  input.node_uid = "u-node";
  input.held = held;
  return resource_slices(input, 0).value();
}

class Server {
 public:
  SliceRequests requests() {
    return {[this] { return list(); },
            [this](const Json& slice) { return create(slice); },
            [this](const Json& slice) { return replace(slice); },
            [this](const std::string& name, const std::string& uid) { return remove(name, uid); }};
  }

  // What the scheduler makes of it: the slices of the highest generation, when all are there.
  std::optional<std::vector<Json>> readable() const {
    std::int64_t highest = -1;
    std::vector<Json> all;
    for (const auto& [name, slice] : objects) {
      const std::int64_t generation = slice["spec"]["pool"]["generation"];
      if (generation > highest) {
        highest = generation;
        all.clear();
      }
      if (generation == highest) {
        all.push_back(slice);
      }
    }
    if (all.empty() || all.size() != all[0]["spec"]["pool"]["resourceSliceCount"]) {
      return std::nullopt;
    }
    return all;
  }

  std::map<std::string, Json> objects;
  std::function<void()> after_each;  // a look, or another writer
  std::optional<int> fail_at;        // number of the request that fails
  ErrorCode failure = ErrorCode::kIo;
  int calls = 0;
  int lists = 0;

 private:
  Result<void> call() {
    if (fail_at && calls++ == *fail_at) {
      return fail(failure, "injected");
    }
    return {};
  }

  Json store(Json slice) {
    slice["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects[slice_name(slice)] = slice;
    if (after_each) {
      after_each();
    }
    return slice;
  }

  Result<std::vector<Json>> list() {
    ++lists;
    MIG_TRY(call());
    std::vector<Json> all;
    for (const auto& [name, slice] : objects) {
      all.push_back(slice);
    }
    return all;
  }

  Result<Json> create(Json slice) {
    MIG_TRY(call());
    if (objects.contains(slice_name(slice))) {
      return fail(ErrorCode::kConflict, "already exists");
    }
    slice["metadata"]["uid"] = "u-" + std::to_string(++version_);
    return store(std::move(slice));
  }

  Result<Json> replace(Json slice) {
    MIG_TRY(call());
    const auto found = objects.find(slice_name(slice));
    if (found == objects.end()) {
      return fail(ErrorCode::kNotFound, "not found");
    }
    if (found->second["metadata"]["resourceVersion"] != slice["metadata"]["resourceVersion"]) {
      return fail(ErrorCode::kConflict, "the object has been modified");
    }
    slice["metadata"]["uid"] = found->second["metadata"]["uid"];
    return store(std::move(slice));
  }

  Result<void> remove(const std::string& name, const std::string& uid) {
    MIG_TRY(call());
    const auto found = objects.find(name);
    if (found != objects.end() && found->second["metadata"]["uid"] != uid) {
      return fail(ErrorCode::kConflict, "another uid");
    }
    objects.erase(name);
    if (after_each) {
      after_each();
    }
    return {};
  }

  int version_ = 0;
};

bool same(const std::vector<Json>& a, const std::vector<Json>& b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (compare_slices(a[i], b[i]) != SliceDifference::kNone) {
      return false;
    }
  }
  return true;
}

std::set<std::int64_t> generations(const Server& server) {
  std::set<std::int64_t> all;
  for (const auto& [name, slice] : server.objects) {
    all.insert(slice["spec"]["pool"]["generation"].get<std::int64_t>());
  }
  return all;
}

GpuInstance instance(const Gpu& gpu, const std::string& profile, std::uint32_t start) {
  GpuInstance made;
  for (const GpuInstanceProfile& one : gpu.profiles) {
    if (one.name.str() == profile) {
      made.name = one.name;
      made.placement = {start, one.placements[0].size};
    }
  }
  made.compute_instances.push_back({});
  made.compute_instances[0].name = made.name;
  made.compute_instances[0].uuid = "MIG-1";
  return made;
}

TEST(Pool, WritesWhatIsWantedOnceAndNothingAfterwards) {
  Server server;
  Pool pool(server.requests());
  const std::vector<Json> wanted = slices(machine(8));
  EXPECT_TRUE(pool.publish(wanted).value());
  EXPECT_TRUE(same(server.readable().value(), wanted));
  EXPECT_EQ(pool.writes().created, 5U);
  EXPECT_FALSE(pool.publish(wanted).value());
  // Another process after this one.
  Pool next(server.requests());
  EXPECT_FALSE(next.publish(wanted).value());
}

TEST(Pool, AChangeByThisDriverWritesInPlaceAndIsAlwaysReadable) {
  Server server;
  Pool pool(server.requests());
  Inventory now = machine(8);
  ASSERT_TRUE(pool.publish(slices(now)));
  const auto before = generations(server);
  now.gpus[0].instances.push_back(instance(now.gpus[0], "1g.18gb", 6));
  int unreadable = 0;
  server.after_each = [&] { unreadable += server.readable() ? 0 : 1; };
  const auto wanted = slices(now, {{"gpu-0-mig-1g-18gb-6", true}});
  ASSERT_TRUE(pool.publish(wanted).value());
  EXPECT_EQ(unreadable, 0);
  EXPECT_EQ(generations(server), before);
  EXPECT_TRUE(same(server.readable().value(), wanted));
}

// An instance of somebody else changes counters and devices: whoever reads in between sees the old
// state or an incomplete pool, never counters of one and devices of the other.
TEST(Pool, AChangeByOthersIsNeverReadHalf) {
  Server server;
  Pool pool(server.requests());
  Inventory now = machine(8);
  const auto old = slices(now);
  ASSERT_TRUE(pool.publish(old));
  now.gpus[0].instances.push_back(instance(now.gpus[0], "3g.71gb", 4));
  const auto wanted = slices(now);
  int looks = 0;
  server.after_each = [&] {
    ++looks;
    const auto seen = server.readable();
    EXPECT_TRUE(!seen || same(*seen, old) || same(*seen, wanted));
  };
  ASSERT_TRUE(pool.publish(wanted).value());
  EXPECT_GE(looks, 5);
  EXPECT_EQ(generations(server), std::set<std::int64_t>{2});
}

TEST(Pool, AnyRequestMayFailAndTheNextProcessCompletesIt) {
  Inventory now = machine(2);
  const auto old = slices(now);
  now.gpus[1].instances.push_back(instance(now.gpus[1], "4g.71gb", 0));
  const auto wanted = slices(now);
  for (int at = 0; at < 20; ++at) {
    Server server;
    {
      Pool pool(server.requests());
      ASSERT_TRUE(pool.publish(old));
      server.objects["stray"] =
          server.objects.begin()->second;  // of an older version, another name
      server.objects["stray"]["metadata"]["name"] = "stray";
      server.fail_at = at;
      if (pool.publish(wanted)) {
        EXPECT_GT(at, 3);
        return;
      }
      const auto seen = server.readable();
      EXPECT_TRUE(!seen || same(*seen, old) || same(*seen, wanted)) << at;
    }
    server.fail_at.reset();
    Pool next(server.requests());
    ASSERT_TRUE(next.publish(wanted)) << at;
    EXPECT_TRUE(same(server.readable().value(), wanted)) << at;
    EXPECT_FALSE(server.objects.contains("stray"));
  }
  FAIL() << "no request was the last";
}

TEST(Pool, AnotherWriterInBetweenIsMetByListingAnew) {
  Server server;
  Pool pool(server.requests());
  const auto wanted = slices(machine(2));
  ASSERT_TRUE(pool.publish(wanted));
  for (auto& [name, slice] : server.objects) {
    slice["spec"]["pool"]["generation"] = 70;
    slice["spec"].erase("devices");
    slice["spec"].erase("sharedCounters");
  }
  int times = 0;
  server.after_each = [&] {
    if (++times == 1) {
      for (auto& [name, slice] : server.objects) {
        slice["metadata"]["resourceVersion"] = "foreign";
      }
    }
  };
  ASSERT_TRUE(pool.publish(wanted).value());
  EXPECT_TRUE(same(server.readable().value(), wanted));
  EXPECT_GT(*generations(server).begin(), 70);
  EXPECT_EQ(generations(server).size(), 1U);
}

TEST(Pool, AWriterThatNeverStopsIsAConflictNotALoop) {
  Server server;
  Pool pool(server.requests());
  ASSERT_TRUE(pool.publish(slices(machine(2))));
  server.after_each = [&] {
    for (auto& [name, slice] : server.objects) {
      slice["metadata"]["resourceVersion"] = "foreign" + std::to_string(++server.calls);
    }
  };
  const int before = server.lists;
  const auto result = pool.publish(slices(machine(1)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_LE(server.lists - before, 10);
}

TEST(Pool, ATaintForAllDevicesStaysOneAndGoesWithTheNextPublication) {
  Server server;
  Pool pool(server.requests());
  const auto wanted = slices(machine(2));
  ASSERT_TRUE(pool.publish(wanted));
  EXPECT_TRUE(pool.publish_taint("mig.migctl.dev/unreachable", 1'700'000'000'000).value());
  std::size_t tainted = 0;
  const std::vector<Json> read = server.readable().value();
  for (const Json& slice : read) {
    for (const Json& device : slice["spec"].value("devices", Json::array())) {
      ASSERT_EQ(device["taints"].size(), 1U);
      EXPECT_EQ(device["taints"][0]["effect"], "NoSchedule");
      ++tainted;
    }
  }
  EXPECT_EQ(tainted, 50U);
  EXPECT_FALSE(pool.publish_taint("mig.migctl.dev/unreachable", 1'800'000'000'000).value());
  EXPECT_TRUE(pool.publish(wanted).value());
  EXPECT_TRUE(same(server.readable().value(), wanted));
}

TEST(Pool, ClearRemovesAll) {
  Server server;
  Pool pool(server.requests());
  ASSERT_TRUE(pool.publish(slices(machine(2))));
  ASSERT_TRUE(pool.clear());
  EXPECT_TRUE(server.objects.empty());
}

// Above it there is no room.
TEST(PoolUpdate, AForeignSliceOfTheHighestGenerationIsRemovedAndNotFollowed) {
  const auto wanted = slices(machine(1));
  Json foreign = wanted[0];
  foreign["metadata"]["name"] = "foreign";
  foreign["spec"]["pool"]["generation"] = std::numeric_limits<std::int64_t>::max();
  const PoolUpdate update = pool_update({foreign}, wanted);
  EXPECT_EQ(update.generation, 1);
  ASSERT_EQ(update.remove.size(), 1U);
  EXPECT_EQ(update.remove[0].name, "foreign");
  EXPECT_EQ(update.create.size(), wanted.size());
}

TEST(PoolUpdate, WhatIsNotASliceIsReplacedOrRemoved) {
  const auto wanted = slices(machine(1));
  const std::vector<Json> existing = {Json::parse(R"({"metadata": {"name": "n1-mig-00"}})"),
                                      Json::parse(R"([1])"),
                                      Json::parse(R"({"metadata": 3, "spec": "x"})")};
  const PoolUpdate update = pool_update(existing, wanted);
  EXPECT_EQ(update.generation, 1);
  EXPECT_EQ(update.replace.size(), 1U);
  EXPECT_EQ(update.create.size(), wanted.size() - 1);
}

}  // namespace
}  // namespace mig::kube
