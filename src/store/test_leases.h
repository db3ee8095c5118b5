// SPDX-License-Identifier: Apache-2.0
// For tests: a lease store in a folder of its own.
#ifndef MIGCTL_STORE_TEST_LEASES_H_
#define MIGCTL_STORE_TEST_LEASES_H_

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "store/leases.h"

namespace mig::store {

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

  static LeaseRow lease(const std::string& uuid, std::uint32_t shared = 1) {
    LeaseRow row;
    row.instance.uuid = uuid;
    row.shared = shared;
    return row;
  }

  static RequestRow request(const std::string& tenant, const std::string& key = "") {
    RequestRow row;
    row.caller.tenant = tenant;
    row.key = key;
    return row;
  }

  std::string folder_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_TEST_LEASES_H_
