// SPDX-License-Identifier: Apache-2.0
// The last line of defence: whatever the scheduler decided, the store keeps leases apart.
#include "store/leases.h"

#include <sys/stat.h>

#include <filesystem>

#include <gtest/gtest.h>

namespace mig::store {
namespace {

class LeaseStore : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "leasesXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/leases.db"; }

  Leases open() const {
    auto leases = Leases::open(path());
    EXPECT_TRUE(leases) << leases.error().text();
    return *std::move(leases);
  }

  static LeaseRow lease(const std::string& uuid, std::int64_t shared = 1) {
    LeaseRow row;
    row.uuid = uuid;
    row.shared = shared;
    return row;
  }

  static RequestRow request(const std::string& tenant, const std::string& key = "") {
    RequestRow row;
    row.tenant = tenant;
    row.key = key;
    return row;
  }

  std::string folder_;
};

TEST_F(LeaseStore, AnInstanceIsOnesOrIsSharedInOneWay) {
  Leases leases = open();
  ASSERT_TRUE(leases.add(lease("one")));
  const auto second = leases.add(lease("one"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  EXPECT_EQ(leases.add(lease("one", 3)).error().code, ErrorCode::kInUse) << "it is leased alone";
  ASSERT_TRUE(leases.add(lease("many", 3)));
  EXPECT_EQ(leases.add(lease("many")).error().code, ErrorCode::kInUse) << "it is shared";
  EXPECT_EQ(leases.add(lease("many", 2)).error().code, ErrorCode::kInUse) << "in another way";
  ASSERT_TRUE(leases.add(lease("many", 3)));
  ASSERT_TRUE(leases.add(lease("many", 3)));
  EXPECT_EQ(leases.add(lease("many", 3)).error().code, ErrorCode::kInUse) << "three have it";
  EXPECT_EQ(leases.leases()->size(), 4U);
}

// What SQL alone forbids, should the code above it ever forget.
TEST_F(LeaseStore, TheTableItselfRefusesTwoExclusiveLeases) {
  Leases leases = open();
  const auto one = leases.add(lease("one"));
  LeaseRow other = lease("two");
  other.id = leases.add(other).value();
  other.uuid = "one";
  EXPECT_FALSE(leases.move(other));
  EXPECT_TRUE(one);
}

TEST_F(LeaseStore, RequestsAreCountedForTheirTenant) {
  Leases leases = open();
  for (const char* tenant : {"a", "a", "b"})
    ASSERT_TRUE(leases.enqueue(request(tenant)));
  const auto crowd = leases.crowd("a");
  EXPECT_EQ(crowd->waiting, 3);
  EXPECT_EQ(crowd->of_tenant, 2);
}

TEST_F(LeaseStore, ARequestIsFoundByItsKeyAndNoneByNoKey) {
  Leases leases = open();
  ASSERT_TRUE(leases.enqueue(request("a")));
  const auto keyed = leases.enqueue(request("a", "k"));
  EXPECT_EQ(leases.request_of_key("k").value()->id, *keyed);
  EXPECT_FALSE(leases.request_of_key("").value());
  EXPECT_FALSE(leases.request_of_key("other").value());
}

TEST_F(LeaseStore, TheAuditTellsTheNewestFirst) {
  Leases leases = open();
  for (std::int64_t i = 1; i <= 3; ++i) {
    AuditRow row;
    row.lease = i;
    ASSERT_TRUE(leases.note(row));
  }
  const auto rows = leases.audit(2);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).lease, 3);
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

}  // namespace
}  // namespace mig::store
