// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/claim_batch.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>

#include <fmt/core.h>

#include "base/strings.h"

namespace mig::kube {
namespace {

constexpr std::size_t kMostName = 253;  // a DNS subdomain
constexpr std::size_t kMostUid = 128;
constexpr std::size_t kSideBySide = 8;

bool name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool right_name(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), name_byte) &&
         text.front() != '.' && text.front() != '-';
}

bool right_uid(std::string_view text) {
  return !text.empty() && text.size() <= kMostUid &&
         std::all_of(text.begin(),
                     text.end(),
                     [](char c) { return name_byte(c) || (c >= 'A' && c <= 'Z') || c == '_'; }) &&
         text.front() != '.';
}

Result<void> handle(const ClaimRef& claim,
                    std::chrono::system_clock::time_point deadline,
                    const std::function<Result<void>()>& one) {
  MIG_TRY(check_claim(claim));
  if (std::chrono::system_clock::now() >= deadline) {
    return fail(
        ErrorCode::kTimeout,
        fmt::format("claim {} was not begun: the request's deadline has passed", claim.str()));
  }
  try {
    return one();
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInternal, fmt::format("claim {}: {}", claim.str(), error.what()));
  } catch (...) {
    return fail(ErrorCode::kInternal, fmt::format("claim {}: unknown exception", claim.str()));
  }
}

}  // namespace

Result<void> check_claim(const ClaimRef& claim) {
  const auto refuse = [](std::string_view what, const std::string& text) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{} is no {} of a ResourceClaim", base::quoted(text), what));
  };
  if (!right_name(claim.name_space, kMostName)) {
    return refuse("namespace", claim.name_space);
  }
  if (!right_name(claim.name, kMostName)) {
    return refuse("name", claim.name);
  }
  if (!right_uid(claim.uid)) {
    return refuse("uid", claim.uid);
  }
  return {};
}

std::vector<std::optional<Error>> for_each_claim(
    const std::vector<ClaimRef>& claims,
    std::chrono::system_clock::time_point deadline,
    const std::function<Result<void>(std::size_t index)>& one) {
  std::vector<std::optional<Error>> errors(claims.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < claims.size(); i = next++) {
      if (auto done = handle(claims[i], deadline, [&] { return one(i); }); !done) {
        errors[i] = std::move(done).error();
      }
    }
  };
  std::vector<std::jthread> helpers;
  const std::size_t wanted = std::min(claims.size(), kSideBySide);
  for (std::size_t i = 1; i < wanted; ++i) {
    try {
      helpers.emplace_back(work);
    } catch (const std::system_error&) {
      break;  // no further thread: those that run do all
    }
  }
  work();
  helpers.clear();  // waits
  return errors;
}

}  // namespace mig::kube
