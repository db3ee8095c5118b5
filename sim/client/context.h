// SPDX-License-Identifier: Apache-2.0
// State of a migsim_context, and its calls into the machine.
#ifndef MIGCTL_SIM_CLIENT_CONTEXT_H_
#define MIGCTL_SIM_CLIENT_CONTEXT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "sim/client/migsim.h"
#include "sim/machine/machine.h"
#include "sim/machine/process.h"

struct migsim_context {
  std::unique_ptr<migsim::Machine> machine;
  migsim::Instance at;
  std::int32_t pid = 0;      // pid at attach: a forked child must not use the context
  std::uint32_t slot = 0;    // index in the process table
  std::uint64_t serial = 0;  // slot's serial at attach; another one = detached
  bool faulted = false;
  std::uint64_t next_allocation = 1;
  std::map<std::uint64_t, std::uint64_t> allocations;  // bytes by allocation id
  double rate[migsim::kMetricCount] = {};              // as last reported by this context
  migsim::Wants wants;                                 // demand as last reported by this context
  bool said_what_it_wants = false;
  std::string message;
};

namespace migsim {

// Error when the context may not be used (faulted, instance gone, forked child); sets its message.
migsim_result check_usable(migsim_context& context, const State& state);

void describe(const migsim_context& context, const State& state, migsim_device& device);

// Replaces the context's share of its process's rates.
void set_rates(migsim_context& context, State& state, const double (&rate)[kMetricCount]);

// Replaces the context's share of its process's demand.
void set_wants(migsim_context& context, State& state, const Wants& wants);

// Frees the context's allocations and detaches its process.
void leave(migsim_context& context);

}  // namespace migsim

#endif  // MIGCTL_SIM_CLIENT_CONTEXT_H_
