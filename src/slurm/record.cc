// SPDX-License-Identifier: Apache-2.0
#include "slurm/record.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"
#include "store/places.h"

namespace mig::slurm {
namespace {

constexpr std::size_t kMostRecordBytes = 32U << 20U;
constexpr std::array<std::string_view, 5> kSteps{"drain", "layout", "files", "restart", "resume"};

}  // namespace

std::string record_path(const std::string& journal) {
  std::string path = store::beside_journal(journal, "slurm");
  const std::size_t dot = path.rfind(".db");
  return path.substr(0, dot) + ".json";
}

Result<void> write_record(const std::string& path, const Record& record) {
  base::Json json;
  json["version"] = 1;
  json["step"] = kSteps.at(static_cast<std::size_t>(record.step));
  json["node"] = record.node;
  json["drainedBefore"] = record.drained_before;
  json["healthyBefore"] = record.healthy_before;
  json["gresBefore"] = record.gres_before;
  json["machineBefore"] = record.machine_before;
  json["confPath"] = record.files.conf_path;
  json["conf"] = record.files.conf;
  json["gresPath"] = record.files.gres_path;
  json["gres"] = record.files.gres_there ? base::Json(record.files.gres) : base::Json(nullptr);
  const std::string text = json.dump(2, ' ', false, base::Json::error_handler_t::replace) + "\n";
  auto written = base::write_file_atomic(path, text, 0600);
  return written ? Result<void>() : std::move(written).error().in("recording the change");
}

Result<std::optional<Record>> read_record(const std::string& path) {
  const auto text = base::read_file(path, kMostRecordBytes);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) {
      return std::optional<Record>();
    }
    return text.error();
  }
  MIG_ASSIGN_OR_RETURN(const base::Json json,
                       base::parse_json(*text, {kMostRecordBytes, "the record " + path}));
  base::JsonProblem problem;
  const base::JsonReader reader(json, "", problem);
  Record record;
  const std::string step = reader.at("step").text();
  std::size_t at = 0;
  while (at < kSteps.size() && kSteps.at(at) != step) {
    ++at;
  }
  if (at == kSteps.size() || reader.at("version").number() != 1) {
    problem.report("step", "a record of another version of migctl");
  }
  record.step = static_cast<Step>(at);
  record.node = reader.at("node").text();
  record.drained_before = reader.at("drainedBefore").boolean();
  record.healthy_before = reader.at("healthyBefore").boolean();
  record.gres_before = reader.at("gresBefore").text();
  record.machine_before = reader.at("machineBefore").text();
  record.files.conf_path = reader.at("confPath").text();
  record.files.conf = reader.at("conf").text();
  record.files.gres_path = reader.at("gresPath").text();
  record.files.gres_there = reader.given("gres");
  record.files.gres = record.files.gres_there ? reader.at("gres").text() : "";
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput, fmt::format("{}: {}", path, problem.text()));
  }
  return std::optional(std::move(record));
}

Result<void> remove_record(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return Error{base::errno_error("remove", path, errno)};
  }
  return {};
}

}  // namespace mig::slurm
