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
  EXPECT_EQ(tenants->others.role, Role::kViewer);
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

Tenants tenants_of_text(const std::string& text) {
  const auto tenants = parse_tenants(text, "t.yaml");
  EXPECT_TRUE(tenants) << tenants.error().text();
  return tenants ? *tenants : Tenants{};
}

TEST(TenantsFile, SaysTheSitesPolicy) {
  const Tenants tenants = tenants_of_text(R"(version: v1
unleased: end
preemption: {enabled: true, grace: 90s}
reclaim: never
default_time: 2h
)");
  EXPECT_EQ(tenants.unleased, Unleased::kEnd);
  EXPECT_TRUE(tenants.preemption.enabled);
  EXPECT_EQ(tenants.preemption.grace_ms, 90'000);
  EXPECT_FALSE(tenants.reclaim_ms);
  EXPECT_EQ(tenants.default_time_ms, 2 * 3600 * 1000);
}

// What a file does not say is off: a site that never heard of preemption has none.
TEST(TenantsFile, GrantsNothingByItself) {
  const Tenants tenants = tenants_of_text("version: v1\ntenants:\n  a: {users: [x]}\n");
  EXPECT_EQ(tenants.unleased, Unleased::kReport);
  EXPECT_EQ(tenants.preemption, PreemptionPolicy{});
  EXPECT_EQ(tenants.reclaim_ms, 600'000);
  EXPECT_EQ(tenants.default_time_ms, 3'600'000);
  EXPECT_EQ(tenants.others.role, Role::kNone);
  const Tenant& a = tenants.tenants.at(0);
  EXPECT_FALSE(a.may_preempt || a.may_create || a.may_linger);
  EXPECT_EQ(a.max_priority.value_or(0), 0);
  EXPECT_EQ(a.per_user, Quota{});
}

TEST(TenantsFile, GivesRightsAndLimitsPerUser) {
  const Tenants tenants = tenants_of_text(R"(version: v1
tenants:
  a:
    users: [x]
    per_user: {slices: 2, sms: 28, memory: 10GiB, instances: 1}
    job: {preempt: true, create: true, linger: true, default_time: 20m}
  ops: {users: [o], role: operator}
  bound: {users: [p], role: admin, job: {create: false}}
)");
  const Tenant& a = tenants.tenants.at(0);
  EXPECT_EQ(a.per_user, (Quota{2, 28, 1, 10U * 1024}));
  EXPECT_TRUE(a.may_preempt && a.may_create && a.may_linger);
  EXPECT_EQ(a.default_time_ms, 20 * 60 * 1000);
  EXPECT_TRUE(tenants.find("ops")->may_create) << "an operator may anyway";
  EXPECT_FALSE(tenants.find("bound")->may_create) << "unless the file says no";
}

TEST(TenantsFile, DefaultsHoldUnlessATenantSaysOtherwise) {
  const Tenants tenants = tenants_of_text(R"(version: v1
others: user
tenants:
  a: {users: [x], quota: {slices: 7}}
  b: {users: [y], quota: {slices: none, sms: 90}, job: {create: false, time: none}, weight: 4}
default: {weight: 3, quota: {slices: 4, sms: 56}, per_user: {instances: 1}, job: {time: 8h, create: true}}
)");
  const Tenant& a = *tenants.find("a");
  EXPECT_EQ(a.weight, 3U);
  EXPECT_EQ(a.quota, (Quota{7, 56, {}, {}}));
  EXPECT_EQ(a.per_user.instances, 1U);
  EXPECT_EQ(a.job_time_ms, 8 * 3600 * 1000);
  EXPECT_TRUE(a.may_create);
  const Tenant& b = *tenants.find("b");
  EXPECT_EQ(b.quota, (Quota{{}, 90, {}, {}})) << "none lifts a default";
  EXPECT_FALSE(b.job_time_ms);
  EXPECT_FALSE(b.may_create);
  EXPECT_EQ(b.weight, 4U);
  EXPECT_EQ(tenants.others.quota, (Quota{4, 56, {}, {}}));
  EXPECT_FALSE(tenants.others.may_create) << "b may not, so others may not";
}

// Field by field the least of all tenants that may lease: who is shut out is no measure.
TEST(TenantsFile, OthersHaveNoMoreThanTheLeastTenant) {
  const Tenants tenants = tenants_of_text(R"(version: v1
others: {role: user, quota: {slices: 1}}
tenants:
  a: {users: [x], weight: 5, quota: {slices: 3}, job: {time: 1h, priority: 4, create: true}}
  b: {users: [y], weight: 2, quota: {instances: 2}, per_user: {sms: 14}, job: {time: 2h, priority: 9, create: true, preempt: true}}
  out: {users: [z], role: none, quota: {slices: 0}}
)");
  const Tenant& others = tenants.others;
  EXPECT_EQ(others.role, Role::kUser);
  EXPECT_EQ(others.weight, 1U);
  EXPECT_EQ(others.quota, (Quota{1, {}, 2, {}}));
  EXPECT_EQ(others.per_user.sm, 14U);
  EXPECT_EQ(others.job_time_ms, 3'600'000);
  EXPECT_EQ(others.max_priority.value_or(0), 0);
  EXPECT_TRUE(others.may_create == false && others.may_preempt == false);
}

TEST(TenantsFile, TellsWhereEachMemberStands) {
  const auto file =
      parse_tenants_file("version: v1\ntenants:\n  a: {users: [x, 7], groups: [g]}\n", "t.yaml");
  ASSERT_TRUE(file) << file.error().text();
  ASSERT_EQ(file->members.size(), 3U);
  EXPECT_EQ(file->members[1].name, "7");
  EXPECT_EQ(file->members[1].position.str(), "t.yaml:3:18");
  EXPECT_FALSE(file->members[1].group);
  EXPECT_TRUE(file->members[2].group);
  EXPECT_EQ(file->members[2].tenant, "a");
}

TEST(TenantsFile, TellsWhatAnotherChanges) {
  const Tenants now = tenants_of_text(R"(version: v1
others: viewer
tenants:
  a: {users: [x, y], quota: {slices: 7}, job: {time: 2h}}
  b: {users: [z]}
)");
  const Tenants next = tenants_of_text(R"(version: v1
others: user
unleased: end
preemption: {enabled: true, grace: 1m}
reclaim: never
tenants:
  a: {users: [y, w], quota: {slices: none, memory: 10GiB}, job: {time: 2h, create: true}}
  c: {users: [z]}
)");
  EXPECT_EQ(differences(now, now), std::vector<std::string>{});
  EXPECT_EQ(differences(now, next),
            (std::vector<std::string>{
                "unleased report -> end",
                "preemption.enabled false -> true",
                "preemption.grace 30 s -> 60 s",
                "reclaim 10 min -> never",
                "others: role viewer -> user, quota.slices 7 -> no limit, quota.memory no limit -> "
                "10 GiB",
                "tenant a: quota.slices 7 -> no limit, quota.memory no limit -> 10 GiB, "
                "job.create false -> true, users +w -x",
                "tenant c is new",
                "tenant b is gone"}));
  EXPECT_EQ(differences(Tenants{}, now).front(), "there was no tenants file before");
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
                   "t.yaml:4:3: user \"x\" is in tenant a"},
        BadTenants{"version: v1\ntenants:\n  root: {users: [x]}\n", "t.yaml:3:3: root is"},
        BadTenants{"version: v1\nunleased: kill\n", "t.yaml:2:11: unleased is report or end"},
        BadTenants{"version: v1\npreemption: {enabled: yes}\n", "t.yaml:2:23: enabled is true"},
        BadTenants{"version: v1\npreemption: {grace: 0s}\n", "t.yaml:2:21: grace"},
        BadTenants{"version: v1\npreemption: {grase: 1s}\n",
                   "t.yaml:2:14: unexpected field \"grase\" in preemption"},
        BadTenants{"version: v1\nreclaim: soon\n", "t.yaml:2:10: reclaim is a duration"},
        BadTenants{"version: v1\ndefault_time: never\n", "t.yaml:2:15: default_time"},
        BadTenants{"version: v1\ndefault: {role: user}\n", "t.yaml:2:11: unexpected"},
        BadTenants{"version: v1\ntenants:\n  a: {job: {create: 'true'}}\n", "t.yaml:3:21: create"},
        BadTenants{"version: v1\ntenants:\n  a: {per_user: {weight: 2}}\n", "t.yaml:3:18"},
        BadTenants{"version: v1\nothers: [x]\n", "t.yaml:2:9"},
        BadTenants{"version: v1\nothers: {users: [x]}\n", "t.yaml:2:10: unexpected"}));

// Others that ask for more than the least tenant are refused, not cut down in silence.
class OthersRefused : public ::testing::TestWithParam<BadTenants> {};

TEST_P(OthersRefused, WithItsPlaceAndTheTenant) {
  const std::string text =
      std::string("version: v1\nothers: ") + GetParam().text +
      "\ntenants:\n  rich: {users: [r], role: admin, weight: 3, job: "
      "{preempt: true, create: true, linger: true, priority: 9}}\n  a: {users: "
      "[x], weight: 2, quota: {slices: 2, memory: 10GiB}, per_user: {sms: 14}, "
      "job: {time: 1h, priority: 3}}\n";
  const auto tenants = parse_tenants(text, "t.yaml");
  ASSERT_FALSE(tenants) << GetParam().text;
  EXPECT_NE(tenants.error().text().find(GetParam().says), std::string::npos)
      << tenants.error().text();
  EXPECT_NE(tenants.error().text().find("more than tenant a"), std::string::npos)
      << tenants.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    All,
    OthersRefused,
    ::testing::Values(
        BadTenants{"operator", "t.yaml:2:9: others have role operator"},
        BadTenants{"{role: user, weight: 3}", "t.yaml:2:30: others have weight 3"},
        BadTenants{"{role: user, quota: {slices: 3}}", "others have quota.slices 3"},
        BadTenants{"{role: user, quota: {slices: none}}", "others have quota.slices no limit"},
        BadTenants{"{role: user, quota: {memory: 20GiB}}", "others have quota.memory 20 GiB"},
        BadTenants{"{role: user, per_user: {sms: 15}}", "others have per_user.sms 15"},
        BadTenants{"{role: user, job: {time: 2h}}", "others have job.time 2 h"},
        BadTenants{"{role: user, job: {priority: 4}}", "others have job.priority 4"},
        BadTenants{"{role: user, job: {preempt: true}}", "others have job.preempt true"},
        BadTenants{"{role: user, job: {create: true}}", "others have job.create true"},
        BadTenants{"{role: user, job: {linger: true}}", "others have job.linger true"}));

}  // namespace
}  // namespace mig::config
