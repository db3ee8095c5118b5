// SPDX-License-Identifier: Apache-2.0
#include "model/tenants.h"

#include <gtest/gtest.h>

namespace mig {
namespace {

Tenants table() {
  Tenant first;
  first.name = "first";
  first.users = {"alice", "1002"};
  first.groups = {"ml"};
  Tenant second;
  second.name = "second";
  second.users = {"bob"};
  second.groups = {"2000", "alice"};
  second.role = Role::kOperator;
  Tenants out;
  out.from_file = true;
  out.others = Tenant{};
  out.others.role = Role::kViewer;
  out.tenants = {first, second};
  return out;
}

TEST(TenantOf, UserThenGroupThenOneOfTheirOwn) {
  const Tenants tenants = table();
  EXPECT_EQ(tenants.tenant_of({1001, "alice", {2000}, {"x"}}).name, "first") << "by name first";
  EXPECT_EQ(tenants.tenant_of({1002, "", {}, {}}).name, "first") << "by number";
  EXPECT_EQ(tenants.tenant_of({1009, "eve", {7, 2000}, {"y", "x"}}).name, "second");
  EXPECT_EQ(tenants.tenant_of({1009, "eve", {7}, {"ml"}}).name, "first");
  const Tenant other = tenants.tenant_of({1009, "eve", {7}, {"y"}});
  EXPECT_EQ(other.name, "eve");
  EXPECT_EQ(other.role, Role::kViewer);
  EXPECT_EQ(tenants.tenant_of({1009, "", {}, {}}).name, "uid-1009");
}

TEST(TenantOf, ATenantsNameIsNotToBeHadByHavingIt) {
  const Tenant mallory = table().tenant_of({1010, "second", {}, {}});
  EXPECT_EQ(mallory.name, "uid-1010");
  EXPECT_EQ(mallory.role, Role::kViewer);
}

// A gid without a name must not match other gids without a name.
TEST(TenantOf, NamelessGroupsAreTheirNumber) {
  Tenants tenants = table();
  tenants.tenants[0].groups = {""};
  tenants.tenants[1].groups = {};
  EXPECT_EQ(tenants.tenant_of({1011, "eve", {7, 8}, {""}}).name, "eve");
}

TEST(TenantOf, RootIsAdminWhateverTheFileSays) {
  Tenants tenants = table();
  EXPECT_EQ(tenants.tenant_of({0, "root", {2000}, {"x"}}).name, "root") << "not by a group";
  EXPECT_EQ(tenants.tenant_of({0, "root", {}, {}}).role, Role::kAdmin);
  tenants.tenants[0].users = {"root"};
  tenants.tenants[0].role = Role::kNone;
  EXPECT_EQ(tenants.tenant_of({0, "root", {}, {}}).role, Role::kAdmin);
}

TEST(TenantOf, WithoutAFileEachIsAUser) {
  EXPECT_EQ(Tenants{}.tenant_of({1001, "alice", {}, {}}).role, Role::kUser);
}

TEST(TenantOf, WithoutAFileNobodyIsStrongerThanAnother) {
  const Tenant alice = Tenants{}.tenant_of({1001, "alice", {}, {}});
  EXPECT_TRUE(alice.may_create);
  EXPECT_FALSE(alice.may_preempt);
  EXPECT_FALSE(alice.may_linger);
  EXPECT_EQ(alice.max_priority.value_or(0), 0);
  EXPECT_FALSE(Tenants{}.preemption.enabled);
  EXPECT_EQ(Tenants{}.counted_as("alice"), "alice") << "each has a share of its own";
}

// A user called root with another uid is not root.
TEST(TenantOf, RootsTenantIsNotHadByName) {
  EXPECT_EQ(Tenants{}.tenant_of({1013, "root", {}, {}}).name, "uid-1013");
  EXPECT_EQ(Tenants{}.tenant_of({1013, Tenants::kOthers, {}, {}}).name, "uid-1013");
}

TEST(TenantOf, OthersHaveTheLimitsOfOthers) {
  Tenants tenants = table();
  tenants.others.quota.slices = 2;
  tenants.others.per_user.instances = 1;
  const Tenant eve = tenants.tenant_of({1012, "eve", {}, {}});
  EXPECT_EQ(eve.name, "eve");
  EXPECT_EQ(eve.quota.slices, 2U);
  EXPECT_EQ(tenants.limits_of("eve").quota, eve.quota);
  EXPECT_FALSE(eve.may_create) << "a right that the file does not give";
}

TEST(CountedAs, OthersAreOneTogether) {
  const Tenants tenants = table();
  EXPECT_EQ(tenants.counted_as("eve"), Tenants::kOthers);
  EXPECT_EQ(tenants.counted_as("uid-1009"), Tenants::kOthers);
  EXPECT_EQ(tenants.counted_as("first"), "first");
  EXPECT_EQ(tenants.counted_as("root"), "root");
}

TEST(LimitsOf, RootHasNone) {
  const Tenants tenants = table();
  EXPECT_EQ(tenants.limits_of("root").quota, Quota{});
  EXPECT_TRUE(tenants.limits_of("root").may_preempt);
  EXPECT_EQ(tenants.limits_of("root").max_priority, 100);
}

TEST(AssumedLength, IsTheTenantsElseTheSites) {
  Tenants tenants = table();
  tenants.default_time_ms = 1000;
  tenants.tenants[0].default_time_ms = 20;
  EXPECT_EQ(tenants.assumed_ms("first"), 20);
  EXPECT_EQ(tenants.assumed_ms("second"), 1000);
  EXPECT_EQ(tenants.assumed_ms("eve"), 1000);
}

TEST(Role, NamesComeBack) {
  for (const Role role : {Role::kNone, Role::kViewer, Role::kUser, Role::kOperator, Role::kAdmin}) {
    EXPECT_EQ(parse_role(name_of(role)), role);
  }
  EXPECT_FALSE(parse_role("root"));
}

}  // namespace
}  // namespace mig
