// SPDX-License-Identifier: Apache-2.0
#include "service/drift.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "base/strings.h"

namespace mig::service {
namespace {

constexpr std::int64_t kMostChanges = 10'000;
constexpr std::size_t kMostBytesOfLayout = 16U << 20U;

std::string text_of(bool enabled, std::vector<std::string> instances) {
  std::sort(instances.begin(), instances.end());
  return enabled ? "on " + base::join(instances, " ") : "off";
}

std::string instance_text(const std::string& profile,
                          std::uint32_t start,
                          std::uint32_t size,
                          std::vector<std::string> computes) {
  std::sort(computes.begin(), computes.end());
  return fmt::format("{}@{}:{}[{}]", profile, start, size, base::join(computes, ","));
}

}  // namespace

std::string layout_text(const GpuSample& gpu) {
  std::vector<std::string> instances;
  for (const GpuInstanceSample& one : gpu.instances) {
    std::vector<std::string> computes;
    for (const ComputeInstanceSample& compute : one.compute_instances) {
      computes.push_back(compute.profile);
    }
    instances.push_back(
        instance_text(one.profile, one.placement.start, one.placement.size, std::move(computes)));
  }
  return text_of(gpu.mig_pending == MigMode::kEnabled, std::move(instances));
}

Result<std::map<std::string, std::string>> layout_texts(const std::string& saved) {
  MIG_ASSIGN_OR_RETURN(const base::Json json,
                       base::parse_json(saved, {kMostBytesOfLayout, "the record"}));
  base::JsonProblem problem;
  const base::JsonReader reader(json, "", problem);
  std::map<std::string, std::string> out;
  for (const base::JsonReader& gpu : reader.at("gpus").elements()) {
    std::vector<std::string> instances;
    for (const base::JsonReader& one : gpu.at("instances").elements()) {
      std::vector<std::string> computes;
      for (const base::JsonReader& compute : one.at("computeInstances").elements()) {
        computes.push_back(compute.at("profile").text());
      }
      const base::JsonReader place = one.at("placement");
      instances.push_back(instance_text(one.at("profile").text(),
                                        place.at("start").u32(),
                                        place.at("size").u32(),
                                        std::move(computes)));
    }
    const bool enabled = gpu.at(gpu.has("migPending") ? "migPending" : "migEnabled").boolean();
    out[gpu.at("uuid").text()] = text_of(enabled, std::move(instances));
  }
  if (problem.any()) {
    return fail(ErrorCode::kInternal, "a layout in the journal cannot be read: " + problem.text());
  }
  return out;
}

// The newest record of each GPU counts; one query while nothing is new.
Result<void> Drift::read() {
  if (!journal_) {
    std::error_code error;
    if (!std::filesystem::exists(path_, error)) {
      return {};  // nothing was ever changed; the file is not made for this
    }
    MIG_ASSIGN_OR_RETURN(store::Journal journal, store::Journal::open(path_));
    journal_.emplace(std::move(journal));
  }
  MIG_ASSIGN_OR_RETURN(const auto open, journal_->open_change());
  open_ = open.has_value();
  if (open_) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const auto changes, journal_->after(newest_, kMostChanges));
  for (const store::ChangeRow& change : changes) {
    newest_ = change.id;
    if (change.after.empty()) {
      continue;
    }
    MIG_ASSIGN_OR_RETURN(const auto texts, layout_texts(change.after));
    for (const auto& [uuid, text] : texts) {
      left_[uuid] = text;
    }
  }
  return {};
}

Result<void> Drift::note(MachineSample& sample) {
  MIG_TRY(read());
  for (GpuSample& gpu : sample.gpus) {
    const auto left = left_.find(gpu.uuid);
    if (!open_ && left != left_.end()) {
      gpu.drift = layout_text(gpu) != left->second;
    }
  }
  return {};
}

}  // namespace mig::service
