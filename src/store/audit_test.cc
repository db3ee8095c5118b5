// SPDX-License-Identifier: Apache-2.0
// What happened to leases, as the store keeps it.
#include <sys/stat.h>

#include <filesystem>

#include "store/test_leases.h"

namespace mig::store {
namespace {

TEST_F(LeaseStore, TheAuditTellsTheNewestFirst) {
  Leases leases = open();
  for (std::int64_t i = 1; i <= 3; ++i) {
    AuditRow row;
    row.lease = i;
    ASSERT_TRUE(leases.note(row));
  }
  AuditFilter two;
  two.limit = 2;
  const auto rows = leases.audit(two);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).lease, 3);
}

TEST_F(LeaseStore, TheAuditIsReadByTenantUserTimeAndPage) {
  Leases leases = open();
  for (std::int64_t i = 1; i <= 6; ++i) {
    ASSERT_TRUE(
        leases.note({0, i * 1000, i, 100 + i % 3, "granted", i % 2 == 0 ? "a" : "b", "", ""}));
  }
  const auto ids = [&](const AuditFilter& filter) {
    std::vector<std::int64_t> out;
    const auto rows = leases.audit(filter);
    for (const AuditRow& row : *rows) {
      out.push_back(row.id);
    }
    return out;
  };
  using Ids = std::vector<std::int64_t>;
  AuditFilter filter;
  EXPECT_EQ(ids(filter), (Ids{6, 5, 4, 3, 2, 1}));
  filter.tenant = "a";
  EXPECT_EQ(ids(filter), (Ids{6, 4, 2}));
  filter.uid = 101;
  EXPECT_EQ(ids(filter), (Ids{4}));
  filter = {};
  filter.since_ms = 5000;
  EXPECT_EQ(ids(filter), (Ids{6, 5}));
  filter = {};
  filter.before = 3;
  EXPECT_EQ(ids(filter), (Ids{2, 1}));
  filter.limit = 1;
  EXPECT_EQ(ids(filter), (Ids{2}));
  filter = {};
  filter.tenant = "";
  EXPECT_EQ(ids(filter), Ids{}) << "the tenant without a name is one of its own";
  filter.tenant = "a' OR 1=1 --";
  EXPECT_EQ(ids(filter), Ids{});
}

TEST_F(LeaseStore, OnlyTheOwnerReadsItAndNoLinkIsFollowed) {
  open();

  struct stat info {};

  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const std::string link = folder_ + "/link.db";
  std::filesystem::create_symlink(folder_ + "/elsewhere.db", link);
  EXPECT_FALSE(Leases::open(link));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/elsewhere.db"));
}

TEST_F(LeaseStore, TheAuditKeepsTheNewestAndShowsThemFirst) {
  Leases leases = open();
  ASSERT_TRUE(leases.transaction([&]() -> Result<void> {
    for (std::int64_t i = 0; i < Leases::kMostAudit + 5; ++i) {
      MIG_TRY(leases.note({0, i, 0, 0, "granted", "a", "", ""}));
    }
    return {};
  }));
  AuditFilter filter;
  filter.limit = 2;
  const auto newest = leases.audit(filter);
  ASSERT_EQ(newest->size(), 2U);
  EXPECT_EQ(newest->front().at_ms, Leases::kMostAudit + 4);
  filter.limit = Leases::kMostAudit + 100;
  const auto all = leases.audit(filter);
  EXPECT_EQ(all->size(), static_cast<std::size_t>(Leases::kMostAudit));
  EXPECT_EQ(all->back().at_ms, 5);
}

}  // namespace
}  // namespace mig::store
