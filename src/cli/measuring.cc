// SPDX-License-Identifier: Apache-2.0
#include "cli/measuring.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/find_program.h"
#include "base/strings.h"
#include "cli/driver.h"
#include "client/leased_run.h"
#include "service/run_job.h"

namespace mig::cli {

Result<std::string> workload_path(const std::string& named) {
  std::string path = named.empty() ? base::program_beside_us("mig-workload") : named;
  if (path.empty() || ::access(path.c_str(), X_OK) != 0) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no program {}",
                            named.empty() ? "mig-workload beside migctl" : base::quoted(named)),
                "name it with --workload");
  }
  return path;
}

Result<void> check_writable(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  if (!file.empty() && ::access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0) {
    return base::errno_error("write into the folder of", file, errno);
  }
  return {};
}

Result<void> hand_out(const Context& context, const Findings& findings, const FindingFiles& files) {
  context.output().result(context.globals().json ? findings.document : findings.text);
  if (!files.report.empty()) {
    MIG_TRY(base::write_file_atomic(files.report, findings.document));
  }
  if (!files.svg.empty()) {
    MIG_TRY(base::write_file_atomic(files.svg, findings.chart));
  }
  return {};
}

Result<double> parse_seconds(const char* option,
                             const std::string& text,
                             double least,
                             double most) {
  double seconds = 0;
  const char* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, seconds, std::chars_format::fixed);
  if (code != std::errc() || at != end || !(seconds >= least) || seconds > most) {
    return fail(ErrorCode::kUsage,
                fmt::format("{} is {}: {} to {}", option, base::quoted(text), least, most),
                fmt::format("for example {0} 3 or {0} 0.5", option));
  }
  return seconds;
}

Result<std::map<std::string, std::string>> leased_now(Context& context) {
  std::map<std::string, std::string> taken;
  if (const auto desk = client::LeaseClient::open(client_options(context), open_node(context))) {
    MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer leases, (*desk)->list());
    for (const lease::Lease& lease : leases.leases) {
      taken[lease.instance.uuid] = fmt::format("leased by {}", lease.tenant);
    }
  }
  return taken;
}

Result<std::vector<std::shared_ptr<void>>> lease_places(
    Context& context, const char* job, const std::vector<isolation::Place>& places) {
  std::vector<std::string> uuids;
  for (const isolation::Place& place : places) {
    if (place.instance && std::find(uuids.begin(), uuids.end(), place.uuid) == uuids.end()) {
      uuids.push_back(place.uuid);
    }
  }
  std::vector<std::shared_ptr<void>> leases;
  for (const std::string& uuid : uuids) {
    service::RunRequest request;
    request.command.name = job;
    request.where.selection.uuid = uuid;
    request.observer.on_note = [&context](const std::string& line) {
      context.output().progress("migctl: " + line + "\n");
    };
    MIG_TRY(client::lease_for_run(client_options(context), open_node(context), {}, request));
    if (!request.lease) {
      return leases;
    }
    MIG_ASSIGN_OR_RETURN(service::Leased leased, request.lease(request));
    leases.push_back(std::move(leased.until));
  }
  return leases;
}

}  // namespace mig::cli
