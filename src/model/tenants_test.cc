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
  out.others = Role::kViewer;
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

TEST(Role, NamesComeBack) {
  for (const Role role : {Role::kNone, Role::kViewer, Role::kUser, Role::kOperator, Role::kAdmin}) {
    EXPECT_EQ(parse_role(name_of(role)), role);
  }
  EXPECT_FALSE(parse_role("root"));
}

}  // namespace
}  // namespace mig
