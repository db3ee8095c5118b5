// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/allocation.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/strings.h"

namespace mig::kube {
namespace {

using base::Json;
using base::JsonProblem;
using base::JsonReader;

constexpr std::size_t kMostClaimBytes = 2U << 20U;  // etcd itself stops at 1.5 MiB
constexpr std::size_t kMostResults = 32;            // AllocationResultsMaxSize of the API

std::string text_or_empty(const JsonReader& object, std::string_view key) {
  return object.given(key) ? object.at(key).text() : std::string();
}

Error conflict(const ClaimRef& ref, const std::string& why) {
  return Error{ErrorCode::kConflict,
               fmt::format("cannot prepare ResourceClaim {}: {}", ref.str(), why),
               "",
               {},
               {}};
}

Error refused(const ClaimRef& ref, const std::string& why, std::string hint) {
  return Error{ErrorCode::kInvalidInput,
               fmt::format("cannot prepare ResourceClaim {}: {}", ref.str(), why),
               std::move(hint),
               {},
               {}};
}

// Parameters that nobody reads would be a wish that is silently ignored.
Result<void> no_parameters(const JsonReader& devices, const ClaimRef& ref) {
  if (!devices.given("config")) {
    return {};
  }
  for (const JsonReader& config : devices.at("config").elements()) {
    if (config.given("opaque") && config.at("opaque").at("driver").text() == kDriverName) {
      return refused(ref,
                     fmt::format("it has parameters for {}, which knows none", kDriverName),
                     "remove spec.devices.config from the claim, or config from the DeviceClass");
    }
  }
  return {};
}

Result<void> take_result(const JsonReader& result,
                         const ClaimRef& ref,
                         const std::string& pool,
                         const JsonProblem& problem,
                         std::vector<AllocatedDevice>& devices) {
  if (result.at("driver").text() != kDriverName) {
    return {};
  }
  AllocatedDevice device{result.at("request").text(),
                         result.at("pool").text(),
                         result.at("device").text(),
                         text_or_empty(result, "shareID")};
  const bool admin = result.given("adminAccess") && result.at("adminAccess").boolean();
  if (problem.any()) {
    return {};  // reported by the caller
  }
  if (device.pool != pool) {
    return conflict(ref,
                    fmt::format("its device {} is of pool {}, and this node's is {}",
                                base::quoted(device.device),
                                base::quoted(device.pool),
                                base::quoted(pool)));
  }
  if (admin) {
    return refused(ref,
                   fmt::format("it asks for adminAccess to {}, which would make or take an "
                               "instance that belongs to another claim",
                               base::quoted(device.device)),
                   "GPUs are watched through migd's metrics, without a claim");
  }
  devices.push_back(std::move(device));
  return {};
}

}  // namespace

Result<std::vector<AllocatedDevice>> parse_allocation(std::string_view claim,
                                                      const ClaimRef& ref,
                                                      const std::string& pool) {
  const std::string what = fmt::format("ResourceClaim {}", ref.str());
  MIG_ASSIGN_OR_RETURN(const Json json, base::parse_json(claim, {kMostClaimBytes, what}));
  JsonProblem problem;
  const JsonReader object(json, "", problem);
  const std::string uid = object.at("metadata").at("uid").text();
  if (!problem.any() && uid != ref.uid) {
    return conflict(ref,
                    fmt::format("the API server has one with uid {}, not {}: it was deleted and "
                                "made anew",
                                uid,
                                ref.uid));
  }
  const auto has_allocation = [&] {
    return object.given("status") && object.at("status").given("allocation");
  };
  if (!problem.any() && !has_allocation()) {
    return conflict(ref, "it has no allocation (any more)");
  }
  std::vector<AllocatedDevice> devices;
  const JsonReader allocation = object.at("status").at("allocation");
  if (!problem.any() && allocation.given("devices")) {
    const JsonReader given = allocation.at("devices");
    MIG_TRY(no_parameters(given, ref));
    const std::vector<JsonReader> results =
        given.given("results") ? given.at("results").elements() : std::vector<JsonReader>();
    if (results.size() > kMostResults) {
      return fail(
          ErrorCode::kTooLarge,
          fmt::format("{}: {} devices; the API allows {}", what, results.size(), kMostResults));
    }
    for (const JsonReader& result : results) {
      MIG_TRY(take_result(result, ref, pool, problem, devices));
    }
  }
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput, fmt::format("{}: {}", what, problem.text()));
  }
  return devices;
}

}  // namespace mig::kube
