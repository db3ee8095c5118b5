// SPDX-License-Identifier: Apache-2.0
#include "wire/leases.h"

#include <string>

#include <gtest/gtest.h>

namespace mig::wire {
namespace {

lease::LeaseRequest full_request() {
  lease::LeaseRequest request;
  request.need.profile = *ProfileName::parse("1c.3g.20gb");
  request.need.min_memory_mib = 12 * 1024;
  request.need.min_sm = 30;
  request.need.gpu_uuid = "0";
  request.need.gpu_instance = GpuInstanceId{2};
  request.count = 3;
  request.shared = 4;
  request.holder = lease::LeaseHolder::process(41, 77);
  request.limit_ms = 7'200'000;
  request.job = "train-\"a\"";
  request.priority = -5;
  request.wait_ms = 600'000;
  request.create = request.preempt = request.stoppable = true;
  request.grace_ms = 1000;
  request.key = "k";
  return request;
}

TEST(LeaseRequestText, ComesBackAsItWas) {
  const lease::LeaseRequest sent = full_request();
  const auto got = parse_lease_request(lease_request_document(sent));
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(lease_request_document(*got), lease_request_document(sent));
  EXPECT_EQ(got->need.str(), sent.need.str());
  EXPECT_EQ(got->priority, -5);
  EXPECT_EQ(got->holder.start_ticks, 77U);
  EXPECT_EQ(got->limit_ms, 7'200'000);
}

TEST(LeaseRequestText, WhoAsksIsNotTheClientsToSay) {
  for (const char* text : {R"({"uid": 0})", R"({"tenant": "root"})", R"({"caller": {"uid": 0}})"}) {
    const auto got = parse_lease_request(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code, ErrorCode::kInvalidInput);
  }
}

TEST(LeaseRequestText, NonsenseIsRefusedWithItsPlace) {
  struct Bad {
    const char* text;
    const char* says;
  };

  for (const Bad& bad : {Bad{"", "not JSON"},
                         Bad{"[]", ""},
                         Bad{R"({"count": "two"})", "count"},
                         Bad{R"({"count": 4294967296})", "count"},
                         Bad{R"({"need": {"profile": "huge"}})", "profile"},
                         Bad{R"({"need": {"sm": 3}})", "sm"},
                         Bad{R"({"holder": {"pid": -1}})", "pid"},
                         Bad{R"({"limitMs": 1e40})", "limitMs"},
                         Bad{R"({"priority": "high"})", "priority"},
                         Bad{R"({"priority": 1.5})", "priority"},
                         Bad{R"({"limitMs": 316224000001000})", "limitMs"},
                         Bad{R"({"job": "a\u0000b"})", "job: control"},
                         Bad{R"({"key": "a\nb"})", "key: control"},
                         Bad{R"({"need": {"uuid": "MIG-x\nprofile=7g.40gb"}})", "need.uuid"},
                         Bad{R"({"holder": {"unit": "a\u007f"}})", "holder.unit"}}) {
    const auto got = parse_lease_request(bad.text);
    ASSERT_FALSE(got) << bad.text;
    EXPECT_NE(got.error().message.find(bad.says), std::string::npos) << got.error().message;
  }
}

TEST(LeaseAnswerText, LeasesAndQueueComeBack) {
  lease::Lease lease;
  lease.id = 12;
  lease.instance.uuid = "MIG-1";
  lease.instance.profile = *ProfileName::parse("1g.5gb");
  lease.instance.memory_mib = 4864;
  lease.holder = lease::LeaseHolder::process(41, 7);
  lease.heir = lease::LeaseHolder::process(42, 8);
  lease.tenant = "team-a";
  lease.instance.gpu_minor = 3;
  lease.limit_ms = 1000;
  const auto leases = parse_lease_answer(lease_list_document({lease}, {}, {}));
  ASSERT_TRUE(leases) << leases.error().text();
  ASSERT_EQ(leases->leases.size(), 1U);
  EXPECT_EQ(leases->leases[0].id, 12);
  EXPECT_EQ(leases->leases[0].heir.pid, 42U);
  EXPECT_EQ(leases->leases[0].limit_ms, 1000);
  EXPECT_EQ(leases->leases[0].instance.gpu_minor, 3U);
  lease::QueueEntry entry;
  entry.need.profile = lease.instance.profile;
  entry.reason = "waits for 1g.5gb";
  entry.forecast_ms = 5;
  const auto queue = parse_lease_answer(lease_queue_document({entry}, {}));
  ASSERT_TRUE(queue) << queue.error().text();
  EXPECT_EQ(queue->queue.at(0).reason, entry.reason);
  EXPECT_EQ(queue->queue.at(0).forecast_ms, 5);
}

// Round trip: every member of a lease and a queue entry survives encoding and decoding.
TEST(LeaseAnswerText, EveryMemberComesBack) {
  lease::Lease lease;
  lease.id = 12;
  lease.request = 11;
  lease.instance.uuid = "MIG-1";
  lease.instance.profile = *ProfileName::parse("1c.3g.20gb");
  lease.instance.gpu_uuid = "GPU-0";
  lease.instance.gpu = GpuIndex{2};
  lease.instance.gpu_instance = GpuInstanceId{3};
  lease.instance.compute_instance = ComputeInstanceId{4};
  lease.instance.memory_mib = 20096;
  lease.instance.sm = 14;
  lease.instance.slices = 1;
  lease.instance.gpu_minor = 5;
  lease.shared = 6;
  lease.holder = lease::LeaseHolder::of_unit("x.service");
  lease.heir = lease::LeaseHolder::process(14, 15);
  lease.stoppable = true;
  lease.uid = 1000;
  lease.tenant = "team-a";
  lease.job = "j";
  lease.priority = -7;
  lease.granted_ms = 8;
  lease.limit_ms = 9;
  lease.left_ms = 10;
  lease.notice_ms = 13;
  lease.vanished = true;
  lease::UnleasedProcess stray;
  stray.pid = 4121;
  stray.start_ticks = 9;
  stray.uid = 1001;
  stray.tenant = "b";
  stray.command = "python";
  stray.instance = lease.instance;
  const std::string leases = lease_list_document({lease}, std::vector{stray}, {true, "lab"});
  const auto got = parse_lease_answer(leases);
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(lease_list_document(got->leases, got->unleased, got->source), leases);
  EXPECT_EQ(got->leases[0].instance, lease.instance);
  EXPECT_EQ(got->leases[0].holder, lease.holder);
  EXPECT_EQ(got->leases[0].heir, lease.heir);
  EXPECT_EQ(got->leases[0].notice_ms, 13);
  EXPECT_EQ(got->leases[0].left_ms, 10);
  EXPECT_EQ(got->leases[0].priority, -7);
  EXPECT_TRUE(got->leases[0].vanished);
  EXPECT_EQ(got->leases[0].holder.unit, "x.service");
  lease::QueueEntry entry;
  entry.id = 1;
  entry.position = 2;
  entry.need.profile = *ProfileName::parse("2g.10gb");
  entry.count = 3;
  entry.shared = 4;
  entry.uid = 5;
  entry.tenant = "t";
  entry.job = "j";
  entry.priority = 6;
  entry.since_ms = 7;
  entry.gives_up_in_ms = 8;
  entry.reason = "r";
  entry.forecast_ms = 9;
  const std::string queue = lease_queue_document({entry}, {});
  const auto line = parse_lease_answer(queue);
  ASSERT_TRUE(line) << line.error().text();
  EXPECT_EQ(lease_queue_document(line->queue, line->source), queue);
  EXPECT_EQ(line->queue[0].gives_up_in_ms, 8);
  EXPECT_EQ(line->queue[0].since_ms, 7);
  TenantUse tenant;
  tenant.tenant.name = "t";
  tenant.tenant.role = Role::kOperator;
  tenant.tenant.weight = 2;
  tenant.tenant.users = {"a", "b"};
  tenant.tenant.groups = {"g"};
  tenant.tenant.quota = {1, 2, 3, 4};
  tenant.tenant.job = {5, 6, 7, 8};
  tenant.tenant.job_time_ms = 9;
  tenant.tenant.max_priority = 10;
  tenant.leases = 11;
  tenant.slices = 12;
  tenant.sm = 13;
  tenant.memory_mib = 14;
  tenant.instances = 15;
  tenant.tenant.per_user.instances = 1;
  tenant.tenant.default_time_ms = 5000;
  tenant.tenant.may_create = true;
  tenant.tenant.may_linger = true;
  Tenants site;
  site.from_file = true;
  site.unleased = Unleased::kEnd;
  site.preemption = {true, 90'000};
  site.reclaim_ms.reset();
  site.others.role = Role::kUser;
  site.others.max_priority = 0;
  site.others.quota.slices = 2;
  const std::string tenants = tenant_list_document({tenant}, site, {});
  const auto list = parse_lease_answer(tenants);
  ASSERT_TRUE(list) << list.error().text();
  EXPECT_EQ(tenant_list_document(list->tenants, list->site, list->source), tenants);
  EXPECT_EQ(list->tenants.at(0).tenant.per_user.instances, 1U);
  ASSERT_TRUE(list->site);
  EXPECT_EQ(*list->site, site);
  const auto untold = parse_lease_answer(tenant_list_document({tenant}, std::nullopt, {}));
  ASSERT_TRUE(untold);
  EXPECT_FALSE(untold->site);
  EXPECT_EQ(list->tenants[0].tenant.quota.memory_mib, tenant.tenant.quota.memory_mib);
  EXPECT_EQ(list->tenants[0].tenant.max_priority, 10);
}

TEST(LeaseAnswerText, AnErrorIsThatError) {
  const Error sent{ErrorCode::kNoCapacity, "the queue is full", "later", {"context"}, {}};
  const auto got = parse_lease_answer(error_document(sent, "", Source{}));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, sent.code);
  EXPECT_EQ(got.error().message, sent.message);
  EXPECT_EQ(got.error().hint, sent.hint);
}

TEST(LeaseChangeText, IsOneOfTwo) {
  LeaseChange change;
  change.heir = lease::LeaseHolder::process(9, 0);
  const auto got = parse_lease_change(lease_change_document(change));
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->heir->pid, 9U);
  EXPECT_FALSE(parse_lease_change("{}"));
  EXPECT_FALSE(parse_lease_change(R"({"holder": {"pid": 1}, "heir": {"pid": 2}})"));
}

TEST(LeaseHistoryText, ComesBackAsItWas) {
  lease::History history;
  history.events.push_back(
      {12, 1'764'336'000'123, "granted", 7, "a", 1001, "1g.5gb on GPU 0", "j"});
  history.events.push_back({11, 0, "holder ended", 6, "b", 0, "", ""});
  history.next = 11;
  const std::string text = lease_history_document(history, Source{true, "lab"});
  EXPECT_NE(text.find(R"("kind": "LeaseHistory")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("atMs": 1764336000123)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("job": null)"), std::string::npos) << text;
  const auto got = parse_lease_history(text);
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(lease_history_document(got->history, got->source), text);
  ASSERT_EQ(got->history.events.size(), 2U);
  EXPECT_EQ(got->history.events[0].uid, 1001U);
  EXPECT_EQ(got->history.next, 11);
  history.next.reset();
  EXPECT_NE(lease_history_document(history, Source{}).find(R"("next": null)"), std::string::npos);
}

TEST(LeaseHistoryText, AnErrorIsThatErrorAndNonsenseIsRefused) {
  Error error{ErrorCode::kPermission, "no", "", {}, {}};
  EXPECT_EQ(parse_lease_history(error_document(error, "", Source{})).error().code,
            ErrorCode::kPermission);
  for (const char* text : {"",
                           "{}",
                           R"({"events": 1, "next": null})",
                           R"({"events": [{"id": -1}], "next": null})",
                           R"({"events": [], "next": "x"})"}) {
    EXPECT_FALSE(parse_lease_history(text)) << text;
  }
}

TEST(FreeText, ComesBackAsItWas) {
  FreeReport report;
  InstanceState& one = report.instances.emplace_back();
  one.instance.uuid = "MIG-1";
  one.instance.profile = *ProfileName::parse("2g.10gb");
  one.instance.gpu = GpuIndex{1};
  one.instance.gpu_instance = GpuInstanceId{3};
  one.instance.memory_mib = 9856;
  one.instance.sm = 28;
  one.instance.slices = 2;
  one.state = Occupancy::kShared;
  one.yours = true;
  one.shared = 4;
  one.leases = 2;
  one.ends_in_ms = 60'000;
  one.holders = {"lease 4 of a (\"train\")"};
  report.makeable.push_back({*ProfileName::parse("1g.5gb"), 2, 14, 1, 4864});
  report.may_create = true;
  report.leases = 9;
  report.your_leases = 2;
  WaitingRequest& waiting = report.waiting.emplace_back();
  waiting.need.min_memory_mib = 8000;
  waiting.count = 2;
  waiting.forecast_ms = 1;
  report.waiting.emplace_back();
  const std::string text = free_document(report, Source{true, "lab"});
  const auto got = parse_free(text);
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(free_document(got->report, got->source), text);
  EXPECT_EQ(got->report.instances.at(0).state, Occupancy::kShared);
  EXPECT_EQ(got->report.instances.at(0).ends_in_ms, 60'000);
  EXPECT_EQ(got->report.waiting.at(0).need.min_memory_mib, 8000U);
  EXPECT_FALSE(got->report.waiting.at(1).forecast_ms);
}

TEST(FreeText, AnErrorIsThatErrorAndNonsenseIsRefused) {
  const Error error{ErrorCode::kPermission, "no", "", {}, {}};
  EXPECT_EQ(parse_free(error_document(error, "", Source{})).error().code, ErrorCode::kPermission);
  for (const char* text :
       {"", "{}", R"({"leases": 1, "yourLeases": 0, "instances": [{"state": "somehow"}]})"}) {
    EXPECT_FALSE(parse_free(text)) << text;
  }
}

TEST(LeaseListText, WhatIsNotShownIsCounted) {
  EXPECT_EQ(parse_lease_answer(lease_list_document({}, {}, Source{}, 9))->others, 9U);
  EXPECT_EQ(parse_lease_answer(lease_queue_document({}, Source{}, 8))->others, 8U);
  EXPECT_EQ(parse_lease_answer(tenant_list_document({}, std::nullopt, Source{}, 7))->others, 7U);
  EXPECT_EQ(parse_lease_answer(lease_list_document({}, {}, Source{}))->others, 0U);
}

}  // namespace
}  // namespace mig::wire
