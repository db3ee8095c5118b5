// SPDX-License-Identifier: Apache-2.0
// One list of members for both forms.
#include <array>
#include <functional>

#include <fmt/format.h>

#include "wire/document.h"
#include "wire/sample.h"

namespace mig::wire {
namespace {

constexpr double kShareUnit = 1e-6;
constexpr double kWattUnit = 1e-3;
constexpr std::int64_t kMs = 1000;

Json scaled(const std::optional<std::int64_t>& value, double unit) {
  return value ? Json(static_cast<double>(*value) * unit) : Json(nullptr);
}

template <class Put>
void history_members(const SampleRow& row, const Put& put) {
  put("timeMs", Json(row.begin_s * kMs));
  put("periodMs", Json(row.period_s * kMs));
  put("gpuUuid", Json(row.gpu_uuid));
  put("gpuInstance", row.gpu_instance < 0 ? Json(nullptr) : Json(row.gpu_instance));
  put("generation",
      row.gpu_instance < 0 ? Json(nullptr)
                           : Json(generation_text(static_cast<std::uint64_t>(row.generation))));
  put("profile", text_or_null(row.profile));
  put("tenant", text_or_null(row.tenant));
  put("job", text_or_null(row.job));
  put("ticks", Json(row.ticks));
  put("sm", scaled(row.sm, kShareUnit));
  put("smMax", scaled(row.sm_max, kShareUnit));
  put("dram", scaled(row.dram, kShareUnit));
  put("tensor", scaled(row.tensor, kShareUnit));
  put("graphics", scaled(row.graphics, kShareUnit));
  put("occupancy", scaled(row.occupancy, kShareUnit));
  put("memoryBytes", or_null(row.memory_bytes));
  put("memoryMaxBytes", or_null(row.memory_max_bytes));
  put("powerWatts", scaled(row.power_mw, kWattUnit));
}

// RFC 4180: quotes around what has a comma, a quote or a line's end. A cell that a spreadsheet
// would take for a formula gets an apostrophe: a job's name is its user's.
std::string cell(const Json& value) {
  if (value.is_null()) {
    return {};
  }
  if (!value.is_string()) {
    return value.dump();
  }
  std::string text = value.get<std::string>();
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

}  // namespace

std::string sample_history_document(const std::vector<SampleRow>& rows, const Source& source) {
  Json document = begin_document("SampleHistory", source);
  document["rows"] = Json::array();
  for (const SampleRow& row : rows) {
    Json json;
    history_members(row, [&](const char* key, Json value) { json[key] = std::move(value); });
    document["rows"].push_back(std::move(json));
  }
  return finish(document);
}

std::string sample_history_csv(const std::vector<SampleRow>& rows, const Source& source) {
  std::string out;
  history_members(SampleRow(),
                  [&](const char* key, const Json&) { out += std::string(key) + ","; });
  out += "simulated\n";
  for (const SampleRow& row : rows) {
    history_members(row, [&](const char*, const Json& value) { out += cell(value) + ","; });
    out += source.simulated ? "true\n" : "false\n";
  }
  return out;
}

}  // namespace mig::wire
