// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/claims/checkpoint.h"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"

namespace mig::kube {
namespace {

using base::Json;
using base::JsonReader;

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMostBytes = 64U << 20U;
constexpr unsigned kMode = 0600;

// FNV-1a, 64 bits: tells of damage, not of an enemy, who could not write the file.
std::string checksum_of(const Json& claims) {
  std::uint64_t sum = 0xcbf29ce484222325ULL;
  for (const char c : claims.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return fmt::format("{:016x}", sum);
}

Json device_json(const DeviceRecord& record) {
  return Json{{"request", record.device.request},
              {"pool", record.device.pool},
              {"device", record.device.device},
              {"shareId", record.device.share_id},
              {"key", record.key},
              {"gpuUuid", record.gpu_uuid},
              {"profile", record.profile},
              {"start", record.start},
              {"uuid", record.uuid},
              {"cdi", record.cdi},
              {"lease", record.lease ? Json(*record.lease) : Json(nullptr)},
              {"made", record.made}};
}

DeviceRecord read_device(const JsonReader& reader) {
  DeviceRecord record;
  record.device.request = reader.at("request").text();
  record.device.pool = reader.at("pool").text();
  record.device.device = reader.at("device").text();
  record.device.share_id = reader.at("shareId").text();
  record.key = reader.at("key").text();
  record.gpu_uuid = reader.at("gpuUuid").text();
  record.profile = reader.at("profile").text();
  record.start = reader.at("start").u32();
  record.uuid = reader.at("uuid").text();
  record.cdi = reader.at("cdi").text();
  if (reader.given("lease")) {
    record.lease = static_cast<std::int64_t>(reader.at("lease").number(INT64_MAX));
  }
  record.made = reader.at("made").boolean();
  return record;
}

ClaimRecord read_claim(const JsonReader& reader) {
  ClaimRecord record;
  record.claim = {reader.at("namespace").text(), reader.at("name").text(), reader.at("uid").text()};
  if (const auto state = parse_claim_state(reader.at("state").text())) {
    record.state = *state;
  } else {
    reader.at("state").complain("is no state of a claim");
  }
  for (const JsonReader& device : reader.at("devices").elements()) {
    record.devices.push_back(read_device(device));
  }
  if (const auto right = check_ref(record.claim); !right) {
    reader.complain(right.error().message);
  }
  return record;
}

Json claims_json(const ClaimRecords& records) {
  Json claims = Json::array();
  for (const auto& [uid, record] : records) {
    Json devices = Json::array();
    for (const DeviceRecord& device : record.devices) {
      devices.push_back(device_json(device));
    }
    claims.push_back(Json{{"namespace", record.claim.name_space},
                          {"name", record.claim.name},
                          {"uid", uid},
                          {"state", name_of(record.state)},
                          {"devices", std::move(devices)}});
  }
  return claims;
}

Error not_understood(const std::string& path, const std::string& why) {
  return Error{ErrorCode::kInvalidInput,
               fmt::format("{}: {}", path, why),
               "it says which instances belong to which claim, so it is left as it is. Put it "
               "aside by hand: leases that migd has for claims are then found by their keys",
               {},
               {}};
}

}  // namespace

std::string checkpoint_text(const ClaimRecords& records) {
  const Json claims = claims_json(records);
  const Json file{{"version", kVersion}, {"checksum", checksum_of(claims)}, {"claims", claims}};
  return file.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ClaimRecords> parse_checkpoint(std::string_view text, const std::string& path) {
  const auto json = base::parse_json(text, {kMostBytes, "the checkpoint"});
  if (!json) {
    return not_understood(path, json.error().message);
  }
  base::JsonProblem problem;
  const JsonReader reader(*json, "", problem);
  const std::uint32_t version = reader.at("version").u32();
  if (!problem.any() && version != kVersion) {
    return not_understood(path,
                          fmt::format("version {} is of {} mig-kubelet; this one reads version {}",
                                      version,
                                      version > kVersion ? "a later" : "no",
                                      kVersion));
  }
  const std::string checksum = reader.at("checksum").text();
  ClaimRecords records;
  for (const JsonReader& claim : reader.at("claims").elements()) {
    ClaimRecord record = read_claim(claim);
    const std::string uid = record.claim.uid;
    if (!records.emplace(uid, std::move(record)).second) {
      claim.complain("is there twice");
    }
  }
  if (problem.any()) {
    return not_understood(path, problem.text());
  }
  if (checksum_of(json->at("claims")) != checksum) {
    return not_understood(path, "the checksum is not that of the claims: the file is damaged");
  }
  return records;
}

Result<ClaimRecords> read_checkpoint(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    return ClaimRecords();
  }
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(path, kMostBytes));
  return parse_checkpoint(text, path);
}

Result<void> write_checkpoint(const std::string& path, const ClaimRecords& records) {
  return base::write_file_atomic(path, checkpoint_text(records), kMode);
}

}  // namespace mig::kube
