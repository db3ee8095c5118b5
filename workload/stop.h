// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM end a workload after its current step.
#ifndef MIGCTL_WORKLOAD_STOP_H_
#define MIGCTL_WORKLOAD_STOP_H_

#include <atomic>

namespace workload {

void catch_stop_signals();
bool stop_requested();
int stop_signal();  // Number of the stop signal received, 0 = none.
const std::atomic<bool>& stop_flag();

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_STOP_H_
