// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: conversion between values and rows of the store.
#ifndef MIGCTL_LEASE_ROWS_H_
#define MIGCTL_LEASE_ROWS_H_

#include <string>
#include <vector>

#include "mig/inventory.h"

#include "holders/lease_life.h"
#include "lease/schedule.h"
#include "model/lease_values.h"
#include "model/tenants.h"
#include "store/leases.h"

namespace mig::lease {

Lease lease_of(const store::LeaseRow& row, const holders::Moment& now);
store::LeaseRow lease_row(const store::RequestRow& request,
                          const Instance& instance,
                          const holders::Moment& now);
store::RequestRow request_row(const LeaseRequest& request, const holders::Moment& now);
// For the audit log: "1g.5gb on GPU 0 gi=7 ci=0 (MIG-...)".
std::string instance_text(const Instance& instance);
// As the scheduler counts it: in the name of the tenant that it counts for.
Waiting waiting_of(const store::RequestRow& row, const Tenants& tenants);

// Every compute instance that can be leased (a seat of the scheduler), with the processes that the
// driver reports on it.
std::vector<Seat> seats_of(const Inventory& inventory);

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_ROWS_H_
