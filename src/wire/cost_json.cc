// SPDX-License-Identifier: Apache-2.0
#include "wire/cost.h"
#include "wire/document.h"

namespace mig::wire {
namespace {

using cost::Part;

// "notRecorded"
std::string member_name(Part part) {
  return part == Part::kNotRecorded ? "notRecorded" : cost::name_of(part);
}

Json split_json(const cost::Split& split) {
  Json json;
  for (const Part part : cost::kParts) {
    json[member_name(part) + "Micros"] = split.at(part);
  }
  json["totalMicros"] = split.total();
  for (const Part part : cost::kParts) {
    json[member_name(part) + "GpuMs"] = split.gpu_ms[static_cast<std::size_t>(part)];
  }
  return json;
}

Json price_json(const cost::Price& price) {
  Json json;
  json["gpu"] = text_or_null(price.gpu);
  json["uuid"] = text_or_null(price.uuid);
  json["hourMicros"] = price.hour;
  json["memoryGb"] = or_null(price.memory_gb);
  json["provider"] = text_or_null(price.provider);
  json["source"] = text_or_null(price.source);
  json["date"] = text_or_null(price.date);
  return json;
}

void put_table(Json& document, const cost::PriceTable& table) {
  document["currency"] = table.currency;
  document["priceFile"] = text_or_null(table.file);
  document["priceDate"] = text_or_null(table.date);
  document["electricityMicros"] = or_null(table.electricity);
}

Json line_json(const cost::Line& line) {
  Json json;
  json["nobody"] = line.key.nobody;
  json["others"] = line.key.others;
  json["tenant"] = text_or_null(line.key.tenant);
  json["uid"] = or_null(line.key.uid);
  json["job"] = text_or_null(line.key.job);
  json["profile"] = text_or_null(line.key.profile);
  json["gpuUuid"] = text_or_null(line.key.gpu_uuid);
  json["cost"] = split_json(line.split);
  json["leases"] = line.leases;
  json["energyMj"] = or_null(line.energy_mj);
  return json;
}

}  // namespace

std::string cost_document(const cost::CostReport& report, const Source& source) {
  Json document = begin_document("Cost", source);
  document["fromMs"] = report.from_ms;
  document["untilMs"] = report.until_ms;
  document["recordedFromMs"] = report.recorded_from_ms;
  document["policy"] = cost::name_of(report.policy);
  document["by"] = cost::name_of(report.by);
  put_table(document, report.prices);
  document["all"] = report.all;
  document["totalMicros"] = report.total;
  document["sum"] = split_json(report.sum);
  document["spreadMicros"] = report.spread;
  document["leasedGpuMs"] = report.leased_ms;
  document["activityKnownGpuMs"] = report.known_ms;
  document["energyMj"] = or_null(report.energy_mj);
  document["leasedEnergyMj"] = or_null(report.leased_energy_mj);
  document["lines"] = Json::array();
  for (const cost::Line& line : report.lines) {
    document["lines"].push_back(line_json(line));
  }
  document["gpus"] = Json::array();
  for (const cost::GpuCost& gpu : report.gpus) {
    Json json;
    json["uuid"] = gpu.uuid;
    json["index"] = or_null(gpu.index);
    json["name"] = text_or_null(gpu.board);
    json["price"] = price_json(gpu.price);
    json["totalMicros"] = gpu.total;
    json["cost"] = split_json(gpu.split);
    json["energyMj"] = or_null(gpu.energy_mj);
    document["gpus"].push_back(std::move(json));
  }
  document["warnings"] = report.warnings;
  return finish(document);
}

std::string comparison_document(const cost::Comparison& comparison, const Source& source) {
  Json document = begin_document("CostComparison", source);
  put_table(document, comparison.prices);
  document["gpus"] = Json::array();
  for (const auto& gpu : comparison.mig) {
    document["gpus"].push_back(Json{{"name", gpu.board}, {"price", price_json(gpu.price)}});
  }
  document["migHourMicros"] = comparison.mig_hour;
  document["workloads"] = Json::array();
  for (const cost::Dedicated& one : comparison.dedicated) {
    document["workloads"].push_back(
        Json{{"profile", one.profile},
             {"memoryMib", one.memory_mib},
             {"price", one.price ? price_json(*one.price) : Json(nullptr)}});
  }
  document["withoutPrice"] = comparison.without;
  document["utilizationPercent"] = comparison.utilization_percent;
  document["dedicatedHourMicros"] = comparison.dedicated_hour;
  document["breakEvenPermille"] = or_null(comparison.break_even_permille);
  document["breakEvenWorkloads"] = or_null(comparison.break_even_workloads);
  document["sensitivity"] = Json::array();
  for (const cost::SensitivityCell& cell : comparison.sensitivity) {
    document["sensitivity"].push_back(Json{{"pricePercent", cell.price_percent},
                                           {"utilizationPercent", cell.utilization_percent},
                                           {"dedicatedHourMicros", cell.dedicated},
                                           {"savingHourMicros", cell.saving}});
  }
  return finish(document);
}

std::string prices_document(const cost::PriceTable& table, const Source& source) {
  Json document = begin_document("CostPrices", source);
  put_table(document, table);
  document["prices"] = Json::array();
  for (const cost::Price& price : table.prices) {
    document["prices"].push_back(price_json(price));
  }
  return finish(document);
}

}  // namespace mig::wire
