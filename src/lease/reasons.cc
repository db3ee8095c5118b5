// SPDX-License-Identifier: Apache-2.0
#include "lease/reasons.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "base/units.h"

namespace mig::lease {

std::string words_of(const Waiting& request, const WaitFacts& facts) {
  std::vector<std::string> parts;
  const std::string several = request.count > 1 ? fmt::format("{} x ", request.count) : "";
  if (facts.instances < request.count) {
    parts.push_back(
        facts.instances == 0
            ? std::string("no such instance is there now")
            : fmt::format("only {} there now", base::counted(facts.instances, "such instance")));
  }
  if (facts.free > 0) {
    parts.push_back(fmt::format("{} of {} free", facts.free, request.count));
  }
  if (facts.promised > 0) {
    parts.push_back(
        fmt::format("{} free there but promised to requests before it", facts.promised));
  }
  if (facts.leases > 0 && facts.start_in_ms && facts.ending > 0) {
    parts.push_back(fmt::format("{} of {} there end in ~{}",
                                facts.ending,
                                base::counted(facts.leases, "lease"),
                                base::span_text(*facts.start_in_ms)));
  } else if (facts.spoken_for > 0) {
    parts.push_back(fmt::format("{} there, and what comes free is promised to requests before it",
                                base::counted(facts.leases, "lease")));
  } else if (facts.leases > 0) {
    parts.push_back(fmt::format("{} there, and when {} cannot be told",
                                base::counted(facts.leases, "lease"),
                                facts.leases == 1 ? "it ends" : "they end"));
  }
  if (facts.leaving > 0) {
    parts.push_back(fmt::format("{} asked to make room", facts.leaving));
  }
  for (const std::string& who : facts.busy) {
    parts.push_back("in use without a lease by " + who);
  }
  return fmt::format("{}{}: {}", several, request.need.str(), base::join(parts, "; "));
}

void Amount::add(const Instance& instance) {
  slices += instance.slices;
  sm += instance.sm.value_or(0);
  memory_mib += instance.memory_mib;
  ++instances;
}

std::string over_quota(const Quota& quota,
                       const Amount& used,
                       const Amount& more,
                       const std::string& whose) {
  std::vector<std::string> parts;
  const auto check = [&](auto limit, std::uint64_t now, std::uint64_t plus, const char* what) {
    if (limit && now + plus > *limit) {
      parts.push_back(
          fmt::format("{} of {} {} are in use and it needs {}", now, *limit, what, plus));
    }
  };
  check(quota.slices, used.slices, more.slices, "slices");
  check(quota.sm, used.sm, more.sm, "SMs");
  check(quota.memory_mib, used.memory_mib, more.memory_mib, "MiB");
  check(quota.instances, used.instances, more.instances, "instances");
  return parts.empty() ? "" : whose + ": " + base::join(parts, "; ");
}

}  // namespace mig::lease
