// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <ctime>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "wire/cost.h"
#include "wire/document.h"

namespace mig::wire {
namespace {

using cost::Charge;
using cost::Part;

constexpr int kMoneyDecimals = 6;
constexpr double kMsPerHour = 3'600'000;

// RFC 4180: quotes around what has a comma, a quote or a line's end. What a spreadsheet would take
// for a formula gets an apostrophe: a job's name is its user's.
std::string csv_text(std::string text) {
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) {
    text.insert(0, 1, '\'');
  }
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + "\"";
}

std::string hours(std::int64_t gpu_ms) {
  return fmt::format("{:.9f}", static_cast<double>(gpu_ms) / kMsPerHour);
}

// "2026-11-01T00:00:00Z"
std::string utc(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                     parts.tm_year + 1900,
                     parts.tm_mon + 1,
                     parts.tm_mday,
                     parts.tm_hour,
                     parts.tm_min,
                     parts.tm_sec);
}

// The calendar months, in UTC, that contain the period.
std::pair<std::string, std::string> billing_period(const cost::CostReport& report) {
  std::time_t first = report.from_ms / 1000;
  std::time_t last = (report.until_ms - 1) / 1000;
  std::tm a{};
  std::tm b{};
  gmtime_r(&first, &a);
  gmtime_r(&last, &b);
  const int next_year = b.tm_mon == 11 ? b.tm_year + 1 : b.tm_year;
  const int next_month = b.tm_mon == 11 ? 1 : b.tm_mon + 2;
  return {fmt::format("{:04}-{:02}-01T00:00:00Z", a.tm_year + 1900, a.tm_mon + 1),
          fmt::format("{:04}-{:02}-01T00:00:00Z", next_year + 1900, next_month)};
}

std::string who(const cost::LineKey& key) {
  return key.nobody ? "(nobody)" : key.others ? "(other tenants)" : key.tenant;
}

const std::vector<std::string>& focus_columns() {
  static const std::vector<std::string> kColumns = {"BilledCost",
                                                    "BillingAccountId",
                                                    "BillingAccountName",
                                                    "BillingAccountType",
                                                    "BillingCurrency",
                                                    "BillingPeriodEnd",
                                                    "BillingPeriodStart",
                                                    "ChargeCategory",
                                                    "ChargeClass",
                                                    "ChargeDescription",
                                                    "ChargeFrequency",
                                                    "ChargePeriodEnd",
                                                    "ChargePeriodStart",
                                                    "ConsumedQuantity",
                                                    "ConsumedUnit",
                                                    "ContractedCost",
                                                    "ContractedUnitPrice",
                                                    "EffectiveCost",
                                                    "InvoiceIssuerName",
                                                    "ListCost",
                                                    "ListUnitPrice",
                                                    "PricingCategory",
                                                    "PricingQuantity",
                                                    "PricingUnit",
                                                    "ProviderName",
                                                    "PublisherName",
                                                    "RegionId",
                                                    "RegionName",
                                                    "ResourceId",
                                                    "ResourceName",
                                                    "ResourceType",
                                                    "ServiceCategory",
                                                    "ServiceName",
                                                    "ServiceSubcategory",
                                                    "SkuId",
                                                    "SkuPriceId",
                                                    "SubAccountId",
                                                    "SubAccountName",
                                                    "SubAccountType",
                                                    "Tags",
                                                    "x_MigCost",
                                                    "x_MigJob",
                                                    "x_MigPolicy",
                                                    "x_MigProfile",
                                                    "x_MigSimulated",
                                                    "x_MigUser"};
  return kColumns;
}

std::string description(const Charge& charge) {
  if (charge.part == Part::kAllocated || charge.part == Part::kIdle) {
    return fmt::format("{} of {}{}",
                       charge.profile,
                       charge.board,
                       charge.part == Part::kIdle ? ", leased and idle" : ", leased");
  }
  return fmt::format("{}, {}", charge.board, cost::name_of(charge.part));
}

// Values by column; a column that is absent is null.
std::map<std::string, std::string> focus_row(const Charge& charge,
                                             const cost::CostReport& report,
                                             const UserName& user) {
  const bool leased = charge.part == Part::kAllocated || charge.part == Part::kIdle;
  const std::string money = cost::money_text(charge.money, kMoneyDecimals);
  const std::string unit = cost::money_text(charge.list_hour, kMoneyDecimals);
  const std::string quantity = hours(charge.gpu_ms);
  Json tags = Json::object();
  if (!charge.tenant.empty()) {
    tags["tenant"] = charge.tenant;
  }
  if (!charge.job.empty()) {
    tags["job"] = charge.job;
  }
  std::map<std::string, std::string> row = {
      {"ChargeCategory", "Usage"},
      {"ChargeFrequency", "Usage-Based"},
      {"ChargeDescription", csv_text(description(charge))},
      {"ChargePeriodStart", utc(report.from_ms)},
      {"ChargePeriodEnd", utc(report.until_ms)},
      {"ConsumedQuantity", quantity},
      {"ConsumedUnit", "GPU-Hours"},
      {"PricingCategory", "Standard"},
      {"PricingQuantity", quantity},
      {"PricingUnit", "GPU-Hours"},
      {"ResourceId", csv_text(charge.gpu_uuid)},
      {"ResourceName", csv_text(charge.board)},
      {"ResourceType", leased ? "MIG instance" : "GPU"},
      {"ServiceCategory", "Compute"},
      {"ServiceName", "MIG instances"},
      {"ServiceSubcategory", "Other (Compute)"},
      {"SkuId", csv_text(charge.board)},
      {"SubAccountId", csv_text(charge.others ? "(others)" : charge.tenant)},
      {"SubAccountName", csv_text(charge.others ? "(other tenants)" : charge.tenant)},
      {"Tags", csv_text(tags.dump(-1, ' ', false, Json::error_handler_t::replace))},
      {"x_MigCost", cost::name_of(charge.part)},
      {"x_MigJob", csv_text(charge.job)},
      {"x_MigPolicy", cost::name_of(report.policy)},
      {"x_MigProfile", charge.profile},
      {"x_MigUser", charge.uid ? csv_text(user(*charge.uid)) : ""}};
  for (const char* column : {"BilledCost", "EffectiveCost", "ContractedCost", "ListCost"}) {
    row[column] = money;
  }
  for (const char* column : {"ContractedUnitPrice", "ListUnitPrice"}) {
    row[column] = unit;
  }
  if (!row["SubAccountId"].empty()) {
    row["SubAccountType"] = "Tenant";
  }
  return row;
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (const std::string& cell : cells) {
    out += (out.empty() ? "" : ",") + cell;
  }
  return out + "\n";
}

}  // namespace

std::string cost_csv(const cost::CostReport& report, const UserName& user, const Source& source) {
  std::string out = "from,until,who,user,job,profile,gpu,currency,policy";
  for (const Part part : cost::kParts) {
    std::string name = cost::name_of(part);
    name = part == Part::kNotRecorded ? "not_recorded" : name;
    out += fmt::format(",{},{}_gpu_hours", name, name);
  }
  out += ",total,leases,energy_kwh,simulated\n";
  for (const cost::Line& line : report.lines) {
    out += fmt::format("{},{},{},{},{},{},{},{},{}",
                       utc(report.from_ms),
                       utc(report.until_ms),
                       csv_text(who(line.key)),
                       line.key.uid ? csv_text(user(*line.key.uid)) : "",
                       csv_text(line.key.job),
                       csv_text(line.key.profile),
                       csv_text(line.key.gpu_uuid),
                       report.currency,
                       cost::name_of(report.policy));
    for (const Part part : cost::kParts) {
      out += fmt::format(",{},{}",
                         cost::money_text(line.split.at(part), kMoneyDecimals),
                         hours(line.split.gpu_ms[static_cast<std::size_t>(part)]));
    }
    constexpr double kMjPerKwh = 3.6e9;
    out += fmt::format(",{},{},{},{}\n",
                       cost::money_text(line.split.total(), kMoneyDecimals),
                       line.leases,
                       line.energy_mj
                           ? fmt::format("{:.6f}", static_cast<double>(*line.energy_mj) / kMjPerKwh)
                           : "",
                       source.simulated ? "true" : "false");
  }
  return out;
}

std::string focus_csv(const std::vector<Charge>& charges,
                      const cost::CostReport& report,
                      const std::string& account,
                      const UserName& user,
                      const Source& source) {
  const auto [begin, end] = billing_period(report);
  std::string out = csv_line(focus_columns());
  for (const Charge& charge : charges) {
    auto row = focus_row(charge, report, user);
    row["BillingAccountId"] = row["BillingAccountName"] = csv_text(account);
    row["BillingAccountType"] = "Machine";
    row["BillingCurrency"] = report.currency;
    row["BillingPeriodStart"] = begin;
    row["BillingPeriodEnd"] = end;
    row["InvoiceIssuerName"] = row["ProviderName"] = row["PublisherName"] = csv_text(account);
    row["x_MigSimulated"] = source.simulated ? "true" : "false";
    std::vector<std::string> cells;
    for (const std::string& column : focus_columns()) {
      const auto found = row.find(column);
      cells.push_back(found == row.end() ? "" : found->second);
    }
    // The first cell is never empty: csv_line() keeps the others' places.
    out += csv_line(cells);
  }
  return out;
}

}  // namespace mig::wire
