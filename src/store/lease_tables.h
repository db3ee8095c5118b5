// SPDX-License-Identifier: Apache-2.0
// Inside of store/: the tables of leases.db, as steps from each released format to the next.
#ifndef MIGCTL_STORE_LEASE_TABLES_H_
#define MIGCTL_STORE_LEASE_TABLES_H_

#include "store/database.h"

namespace mig::store {

const Migrations& lease_migrations();

}  // namespace mig::store

#endif  // MIGCTL_STORE_LEASE_TABLES_H_
