// SPDX-License-Identifier: Apache-2.0
// Usage, both ways. Texts and numbers only: what a name means is not judged here.
#include <algorithm>
#include <climits>

#include "wire/answer.h"
#include "wire/cost.h"
#include "wire/document.h"
#include "wire/reader.h"

namespace mig::wire {
namespace {

// As much as clients of the daemon take: 40'000 leases.
constexpr std::size_t kMostUsageBytes = 15U << 20U;

Json amount_json(const cost::Amount& amount) {
  return {{"slices", amount.slices}, {"memorySlices", amount.memory_slices}, {"sm", amount.sm}};
}

Json layout_json(const cost::LayoutSpan& span) {
  Json json;
  json["fromMs"] = span.from_ms;
  json["untilMs"] = span.until_ms;
  json["migEnabled"] = span.mig;
  json["instances"] = Json::array();
  for (const cost::UsedInstance& one : span.instances) {
    json["instances"].push_back(Json{{"gpuInstance", one.gpu_instance},
                                     {"profile", one.profile},
                                     {"amount", amount_json(one.amount)}});
  }
  json["room"] = amount_json(span.room.most);
  json["dominantRoom"] = span.room.dominant;
  return json;
}

Json gpu_usage_json(const cost::UsedGpu& gpu) {
  Json json;
  json["uuid"] = gpu.uuid;
  json["index"] = or_null(gpu.index);
  json["name"] = text_or_null(gpu.board);
  json["whole"] = amount_json(gpu.whole);
  json["fromMs"] = gpu.from_ms;
  json["untilMs"] = gpu.until_ms;
  json["layouts"] = Json::array();
  for (const cost::LayoutSpan& span : gpu.layouts) {
    json["layouts"].push_back(layout_json(span));
  }
  json["activity"] = Json::array();
  for (const cost::ActivitySpan& span : gpu.activity) {
    json["activity"].push_back(Json{{"fromMs", span.from_ms},
                                    {"untilMs", span.until_ms},
                                    {"gpuInstance", span.gpu_instance},
                                    {"idle", span.idle}});
  }
  json["energyMj"] = or_null(gpu.energy_mj);
  return json;
}

Json tenure_json(const cost::Tenure& one) {
  Json json;
  json["lease"] = one.lease;
  json["gpuUuid"] = one.gpu_uuid;
  json["gpuInstance"] = one.gpu_instance;
  json["computeInstance"] = one.compute_instance;
  json["profile"] = one.profile;
  json["amount"] = amount_json(one.amount);
  json["part"] = one.part;
  json["parts"] = one.parts;
  json["shared"] = one.shared;
  json["others"] = one.others;
  json["tenant"] = text_or_null(one.tenant);
  json["uid"] = one.others ? Json(nullptr) : Json(one.uid);
  json["job"] = text_or_null(one.job);
  json["fromMs"] = one.from_ms;
  json["untilMs"] = one.until_ms;
  json["open"] = one.open;
  json["energyMj"] = or_null(one.energy_mj);
  return json;
}

std::int64_t ms_at(const Reader& reader, std::string_view key) {
  return static_cast<std::int64_t>(reader.at(key).number(INT64_MAX));
}

cost::Amount read_amount(const Reader& reader) {
  return {reader.at("slices").u32(), reader.at("memorySlices").u32(), reader.at("sm").u32()};
}

std::optional<std::uint64_t> read_energy(const Reader& reader) {
  return reader.at("energyMj").optional([](const Reader& at) { return at.number(); });
}

cost::LayoutSpan read_span(const Reader& reader) {
  cost::LayoutSpan span;
  span.from_ms = ms_at(reader, "fromMs");
  span.until_ms = ms_at(reader, "untilMs");
  span.mig = reader.at("migEnabled").boolean();
  for (const Reader& one : reader.at("instances").elements()) {
    span.instances.push_back(
        {one.at("gpuInstance").u32(), one.at("profile").text(), read_amount(one.at("amount"))});
  }
  span.room = {read_amount(reader.at("room")), reader.at("dominantRoom").number()};
  return span;
}

cost::UsedGpu read_gpu_usage(const Reader& reader) {
  cost::UsedGpu gpu;
  gpu.uuid = reader.at("uuid").text();
  gpu.index = reader.at("index").optional([](const Reader& at) { return at.u32(); });
  gpu.board = text_at(reader, "name");
  gpu.whole = read_amount(reader.at("whole"));
  gpu.from_ms = ms_at(reader, "fromMs");
  gpu.until_ms = ms_at(reader, "untilMs");
  for (const Reader& span : reader.at("layouts").elements()) {
    gpu.layouts.push_back(read_span(span));
  }
  for (const Reader& span : reader.at("activity").elements()) {
    gpu.activity.push_back({ms_at(span, "fromMs"),
                            ms_at(span, "untilMs"),
                            span.at("gpuInstance").u32(),
                            span.at("idle").boolean()});
  }
  gpu.energy_mj = read_energy(reader);
  return gpu;
}

cost::Tenure read_tenure(const Reader& reader) {
  cost::Tenure one;
  one.lease = ms_at(reader, "lease");
  one.gpu_uuid = reader.at("gpuUuid").text();
  one.gpu_instance = reader.at("gpuInstance").u32();
  one.compute_instance = reader.at("computeInstance").u32();
  one.profile = reader.at("profile").text();
  one.amount = read_amount(reader.at("amount"));
  one.part = std::max(reader.at("part").u32(), 1U);
  one.parts = std::max(reader.at("parts").u32(), 1U);
  one.shared = std::max(reader.at("shared").u32(), 1U);
  one.others = reader.at("others").boolean();
  one.tenant = text_at(reader, "tenant");
  one.uid = reader.given("uid") ? reader.at("uid").u32() : 0;
  one.job = text_at(reader, "job");
  one.from_ms = ms_at(reader, "fromMs");
  one.until_ms = ms_at(reader, "untilMs");
  one.open = reader.at("open").boolean();
  one.energy_mj = read_energy(reader);
  return one;
}

}  // namespace

Result<std::string> usage_document(const cost::Usage& usage, const Source& source) {
  Json document = begin_document("Usage", source);
  document["fromMs"] = usage.from_ms;
  document["untilMs"] = usage.until_ms;
  document["nowMs"] = usage.now_ms;
  document["recordedFromMs"] = usage.recorded_from_ms;
  document["all"] = usage.all;
  document["gpus"] = Json::array();
  for (const cost::UsedGpu& gpu : usage.gpus) {
    document["gpus"].push_back(gpu_usage_json(gpu));
  }
  document["tenures"] = Json::array();
  for (const cost::Tenure& one : usage.tenures) {
    document["tenures"].push_back(tenure_json(one));
  }
  document["warnings"] = usage.warnings;
  // In one line: it is many times longer than other documents.
  std::string text = document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (text.size() > kMostUsageBytes) {
    return fail(ErrorCode::kTooLarge,
                "what is recorded of that period is too much for one answer",
                "ask for a shorter one (--from, --to), and add the answers up");
  }
  return text;
}

Result<UsageAnswer> parse_usage(std::string_view text) {
  return read_answer<UsageAnswer>(
      text, kMostUsageBytes, [](const Reader& reader, UsageAnswer& answer) {
        cost::Usage& usage = answer.usage;
        usage.from_ms = ms_at(reader, "fromMs");
        usage.until_ms = ms_at(reader, "untilMs");
        usage.now_ms = ms_at(reader, "nowMs");
        usage.recorded_from_ms = ms_at(reader, "recordedFromMs");
        usage.all = reader.at("all").boolean();
        for (const Reader& gpu : reader.at("gpus").elements()) {
          usage.gpus.push_back(read_gpu_usage(gpu));
        }
        for (const Reader& one : reader.at("tenures").elements()) {
          usage.tenures.push_back(read_tenure(one));
        }
        for (const Reader& warning : reader.at("warnings").elements()) {
          usage.warnings.push_back(warning.text());
        }
      });
}

}  // namespace mig::wire
