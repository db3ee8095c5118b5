// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/allocation.h"

#include <string>

#include <gtest/gtest.h>

#include "base/json.h"

namespace mig::kube {
namespace {

using base::Json;

const ClaimRef kRef{"team", "train", "u-1"};

Json claim() {
  return Json::parse(R"({
    "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
    "metadata": {"name": "train", "namespace": "team", "uid": "u-1"},
    "status": {"allocation": {"devices": {"results": [
      {"request": "gpu", "driver": "mig.migctl.dev", "pool": "n1", "device": "gpu-0-mig-3g-71gb-4"},
      {"request": "nic", "driver": "nic.example.com", "pool": "fabric", "device": "port-1"},
      {"request": "gpu/small", "driver": "mig.migctl.dev", "pool": "n1", "device": "gpu-1-mig-1g-18gb-6",
       "shareID": "s-9", "adminAccess": false}],
      "config": [{"source": "FromClaim", "opaque": {"driver": "nic.example.com", "parameters": {}}}]}}}})");
}

Result<std::vector<AllocatedDevice>> parse(const Json& json) {
  return parse_allocation(json.dump(), kRef, "n1");
}

TEST(Allocation, GivesTheDevicesOfThisDriver) {
  const auto devices = parse(claim());
  ASSERT_TRUE(devices) << devices.error().message;
  const std::vector<AllocatedDevice> expected = {{"gpu", "n1", "gpu-0-mig-3g-71gb-4", ""},
                                                 {"gpu/small", "n1", "gpu-1-mig-1g-18gb-6", "s-9"}};
  EXPECT_EQ(*devices, expected);
}

TEST(Allocation, OfAnotherClaimOrNoneIsAConflict) {
  Json other = claim();
  other["metadata"]["uid"] = "u-2";
  EXPECT_EQ(parse(other).error().code, ErrorCode::kConflict);
  Json none = claim();
  none["status"].erase("allocation");
  EXPECT_EQ(parse(none).error().code, ErrorCode::kConflict);
  none.erase("status");
  EXPECT_EQ(parse(none).error().code, ErrorCode::kConflict);
  Json elsewhere = claim();
  elsewhere["status"]["allocation"]["devices"]["results"][0]["pool"] = "n2";
  EXPECT_EQ(parse(elsewhere).error().code, ErrorCode::kConflict);
}

TEST(Allocation, RefusesWhatItWouldHaveToIgnore) {
  Json admin = claim();
  admin["status"]["allocation"]["devices"]["results"][0]["adminAccess"] = true;
  EXPECT_EQ(parse(admin).error().code, ErrorCode::kInvalidInput);
  Json parameters = claim();
  parameters["status"]["allocation"]["devices"]["config"][0]["opaque"]["driver"] = "mig.migctl.dev";
  EXPECT_EQ(parse(parameters).error().code, ErrorCode::kInvalidInput);
}

TEST(Allocation, NamesWhatIsMalformed) {
  Json missing = claim();
  missing["status"]["allocation"]["devices"]["results"][0].erase("pool");
  EXPECT_NE(parse(missing).error().message.find("pool: missing"), std::string::npos);
  EXPECT_EQ(parse(Json::parse("[]")).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(parse_allocation("{", kRef, "n1").error().code, ErrorCode::kInvalidInput);
  Json text = claim();
  text["status"]["allocation"]["devices"]["results"] = "gpu";
  EXPECT_EQ(parse(text).error().code, ErrorCode::kInvalidInput);
}

TEST(Allocation, HasLimits) {
  Json many = claim();
  Json& results = many["status"]["allocation"]["devices"]["results"];
  while (results.size() < 33) {
    results.push_back(results[0]);
  }
  EXPECT_EQ(parse(many).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(parse_allocation(std::string(3U << 20U, ' '), kRef, "n1").error().code,
            ErrorCode::kTooLarge);
}

TEST(Allocation, WithoutDevicesOfThisDriverIsEmpty) {
  Json none = claim();
  none["status"]["allocation"]["devices"]["results"] = Json::array();
  EXPECT_TRUE(parse(none)->empty());
  none["status"]["allocation"].erase("devices");
  EXPECT_TRUE(parse(none)->empty());
}

}  // namespace
}  // namespace mig::kube
