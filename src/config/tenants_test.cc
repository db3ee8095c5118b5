// SPDX-License-Identifier: Apache-2.0
#include "config/tenants.h"

#include <gtest/gtest.h>

namespace mig::config {
namespace {

constexpr const char* kTenantsText = R"(version: v1
others: viewer
tenants:
  team-a:
    users: [alice, 1001]
    weight: 2
    quota: {slices: 7, sms: 98, memory: 40GiB, instances: 4}
    job: {time: 24h, slices: 4, priority: 10}
  team-b:
    groups: [ml]
    role: operator
)";

TEST(TenantsFile, IsReadWithItsUnits) {
  const auto tenants = parse_tenants(kTenantsText, "t.yaml");
  ASSERT_TRUE(tenants) << tenants.error().text();
  ASSERT_EQ(tenants->tenants.size(), 2U);
  const Tenant& a = tenants->tenants[0];
  EXPECT_EQ(a.weight, 2U);
  EXPECT_EQ(a.quota.slices, 7U);
  EXPECT_EQ(a.quota.memory_mib, 40U * 1024);
  EXPECT_EQ(a.job_time_ms, 24 * 3600 * 1000);
  EXPECT_EQ(a.max_priority, 10);
  EXPECT_EQ(tenants->others, Role::kViewer);
}

TEST(TenantsFile, SaysWhoBelongsWhere) {
  const auto tenants = parse_tenants(kTenantsText, "t.yaml");
  ASSERT_TRUE(tenants);
  EXPECT_EQ(tenants->tenant_of({2000, "alice", {}, {}}).name, "team-a");
  EXPECT_EQ(tenants->tenant_of({1001, "bob", {}, {}}).name, "team-a");
  const Tenant by_group = tenants->tenant_of({1002, "carol", {50, 60}, {"users", "ml"}});
  EXPECT_EQ(by_group.name, "team-b");
  EXPECT_EQ(by_group.role, Role::kOperator);
  const Tenant other = tenants->tenant_of({1003, "dave", {50}, {"users"}});
  EXPECT_EQ(other.name, "dave");
  EXPECT_EQ(other.role, Role::kViewer);
  EXPECT_EQ(tenants->tenant_of({0, "root", {0}, {"root"}}).role, Role::kAdmin);
}

TEST(TenantsFile, ATenantIsNotHadByItsName) {
  const auto tenants = parse_tenants(kTenantsText, "t.yaml");
  ASSERT_TRUE(tenants);
  EXPECT_EQ(tenants->tenant_of({1004, "team-a", {}, {}}).name, "uid-1004");
}

struct BadTenants {
  const char* text;
  const char* says;
};

class TenantsRefused : public ::testing::TestWithParam<BadTenants> {};

TEST_P(TenantsRefused, WithItsPlace) {
  const auto tenants = parse_tenants(GetParam().text, "t.yaml");
  ASSERT_FALSE(tenants);
  EXPECT_EQ(tenants.error().code, ErrorCode::kInvalidInput);
  EXPECT_NE(tenants.error().text().find(GetParam().says), std::string::npos)
      << tenants.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    All,
    TenantsRefused,
    ::testing::Values(
        BadTenants{"tenants: {}\n", "no version"},
        BadTenants{"version: v2\n", "t.yaml:1:10: unknown version"},
        BadTenants{"version: v1\ntenant: {}\n", "t.yaml:2:1: unexpected field \"tenant\""},
        BadTenants{"version: v1\ntenants:\n  a: {quota: {slice: 3}}\n", "t.yaml:3:15: unexpected"},
        BadTenants{"version: v1\ntenants:\n  a: {quota: {memory: 40}}\n", "t.yaml:3:23: memory"},
        BadTenants{"version: v1\ntenants:\n  a: {quota: {slices: -1}}\n", "t.yaml:3:23: slices"},
        BadTenants{"version: v1\ntenants:\n  a: {job: {time: 5}}\n", "t.yaml:3:19: time"},
        BadTenants{"version: v1\ntenants:\n  a: {role: king}\n", "t.yaml:3:13"},
        BadTenants{"version: v1\ntenants:\n  a: {weight: 0}\n", "weight 0"},
        BadTenants{"version: v1\ntenants:\n  'a b': {}\n", "is no name of a tenant"},
        BadTenants{"version: v1\ntenants:\n  a: {users: [x]}\n  b: {users: [x]}\n",
                   "t.yaml:4:3: user \"x\" is in tenant a"}));

}  // namespace
}  // namespace mig::config
