// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
#include "wire/answer.h"
#include "wire/document.h"
#include "wire/instances.h"
#include "wire/reader.h"

namespace mig::wire {
namespace {

constexpr std::size_t kMostPlacedBytes = 64U << 10U;
constexpr std::size_t kLongestKey = 180;
constexpr std::size_t kLongestReason = 500;

// One line of text, which is stored and shown to others.
std::string line_of(const Reader& reader, std::size_t most) {
  std::string text = reader.text();
  if (base::printable(text) != text) {
    reader.complain("control characters do not belong there");
  }
  if (text.size() > most) {
    reader.complain("is too long");
  }
  return text;
}

ProfileName profile_of(const Reader& reader) {
  auto profile = ProfileName::parse(reader.text());
  if (!profile) {
    reader.complain(profile.error().message);
    return {};
  }
  return *profile;
}

PlacedRequest read_placed_request(const Reader& reader) {
  reader.only(
      {"gpu", "profile", "start", "key", "reason", "computeProfile", "lease", "existing", "uuid"});
  PlacedRequest request;
  request.gpu_uuid = line_of(reader.at("gpu"), kLongestKey);
  request.profile = profile_of(reader.at("profile"));
  request.start = reader.at("start").u32();
  request.key = line_of(reader.at("key"), kLongestKey);
  if (request.key.empty()) {
    reader.at("key").complain("is empty: it is how the instance is found again");
  }
  if (reader.given("reason")) {
    request.reason = line_of(reader.at("reason"), kLongestReason);
  }
  if (reader.given("computeProfile")) {
    request.compute = profile_of(reader.at("computeProfile"));
  }
  if (reader.given("lease")) {
    const Reader lease = reader.at("lease");
    lease.only({"job"});
    request.lease_job = line_of(lease.at("job"), kLongestKey);
  }
  request.existing = reader.given("existing") && reader.at("existing").boolean();
  if (request.existing && !request.lease_job) {
    reader.at("existing").complain("needs a lease: what is there already is only leased");
  }
  if (reader.given("uuid")) {
    request.uuid = line_of(reader.at("uuid"), kLongestKey);
  }
  if (!request.uuid.empty() && !request.lease_job) {
    reader.at("uuid").complain("needs a lease: what is there already is only leased");
  }
  return request;
}

Instance read_instance(const Reader& reader) {
  Instance instance;
  instance.uuid = reader.at("uuid").text();
  instance.profile = profile_of(reader.at("profile"));
  instance.gpu = GpuIndex{reader.at("gpu").u32()};
  instance.gpu_uuid = reader.at("gpuUuid").text();
  if (reader.given("gpuMinor")) {
    instance.gpu_minor = reader.at("gpuMinor").u32();
  }
  instance.gpu_instance = GpuInstanceId{reader.at("gpuInstance").u32()};
  instance.compute_instance = ComputeInstanceId{reader.at("computeInstance").u32()};
  instance.memory_mib = reader.at("memoryMib").number();
  if (reader.given("sm")) {
    instance.sm = reader.at("sm").u32();
  }
  instance.slices = reader.at("slices").u32();
  return instance;
}

}  // namespace

std::string placed_request_document(const PlacedRequest& request) {
  Json json;
  json["gpu"] = request.gpu_uuid;
  json["profile"] = request.profile.str();
  json["start"] = request.start;
  json["key"] = request.key;
  if (!request.reason.empty()) {
    json["reason"] = request.reason;
  }
  if (request.compute) {
    json["computeProfile"] = request.compute->str();
  }
  if (request.lease_job) {
    json["lease"] = Json{{"job", *request.lease_job}};
  }
  json["existing"] = request.existing;
  if (!request.uuid.empty()) {
    json["uuid"] = request.uuid;
  }
  return finish(json);
}

Result<PlacedRequest> parse_placed_request(std::string_view text) {
  MIG_ASSIGN_OR_RETURN(const Json json,
                       base::parse_json(text, {kMostPlacedBytes, "a request for an instance"}));
  Problem problem;
  PlacedRequest request = read_placed_request(Reader(json, "", problem));
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput,
                "the request for an instance: " + problem.text(),
                "docs/reference/api.md shows one");
  }
  return request;
}

std::string placed_instance_document(const PlacedInstance& placed, const Source& source) {
  const Instance& instance = placed.instance;
  Json document = begin_document("PlacedInstance", source);
  document["uuid"] = instance.uuid;
  document["profile"] = instance.profile.str();
  document["gpu"] = instance.gpu.value;
  document["gpuUuid"] = instance.gpu_uuid;
  document["gpuMinor"] = or_null(instance.gpu_minor);
  document["gpuInstance"] = instance.gpu_instance.value;
  document["computeInstance"] = instance.compute_instance.value;
  document["placement"] = placement_json(placed.placement);
  document["memoryMib"] = instance.memory_mib;
  document["sm"] = or_null(instance.sm);
  document["slices"] = instance.slices;
  document["made"] = placed.made;
  document["lease"] = or_null(placed.lease);
  document["cdi"] = Json{{"device", text_or_null(placed.cdi_device)},
                         {"missing", text_or_null(placed.cdi_missing)}};
  return finish(document);
}

std::string destroyed_instance_document(const std::string& uuid, const Source& source) {
  Json document = begin_document("DestroyedInstance", source);
  document["uuid"] = uuid;
  return finish(document);
}

Result<PlacedAnswer> parse_placed_instance(std::string_view text) {
  const auto read = [](const Reader& reader, PlacedAnswer& to) {
    to.placed.instance = read_instance(reader);
    const Reader placement = reader.at("placement");
    to.placed.placement = {placement.at("start").u32(), placement.at("size").u32()};
    to.placed.made = reader.at("made").boolean();
    if (reader.given("lease")) {
      to.placed.lease = static_cast<std::int64_t>(reader.at("lease").number(INT64_MAX));
    }
    const Reader cdi = reader.at("cdi");
    to.placed.cdi_device = text_at(cdi, "device");
    to.placed.cdi_missing = text_at(cdi, "missing");
  };
  return read_answer<PlacedAnswer>(text, kMostPlacedBytes, read);
}

Result<std::string> parse_destroyed_instance(std::string_view text) {
  struct Destroyed {
    std::string uuid;
    Source source;
  };

  MIG_ASSIGN_OR_RETURN(
      const Destroyed destroyed,
      read_answer<Destroyed>(text, kMostPlacedBytes, [](const Reader& reader, Destroyed& to) {
        to.uuid = reader.at("uuid").text();
      }));
  return destroyed.uuid;
}

}  // namespace mig::wire
