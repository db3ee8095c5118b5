// SPDX-License-Identifier: Apache-2.0
#include "cli/lease_history.h"

#include <chrono>
#include <ctime>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "base/unix_time.h"
#include "cli/driver.h"
#include "cli/render_inventory.h"
#include "cli/table.h"
#include "cli/units.h"
#include "service/lease_desk.h"

namespace mig::cli {
namespace {

// The Unix time so long ago.
Result<std::int64_t> ago_ms(const char* option, const std::string& text) {
  MIG_ASSIGN_OR_RETURN(const auto ago, parse_duration(option, text));
  return base::unix_ms() - ago.count();
}

Result<lease::EventFilter> filter_of(const LeaseHistoryOptions& options) {
  lease::EventFilter filter;
  filter.tenant = options.tenant;
  if (!options.user.empty()) {
    MIG_ASSIGN_OR_RETURN(filter.uid, service::uid_of(options.user));
  }
  if (!options.since.empty()) {
    MIG_ASSIGN_OR_RETURN(filter.since_ms, ago_ms("--since", options.since));
  }
  if (!options.until.empty()) {
    MIG_ASSIGN_OR_RETURN(filter.until_ms, ago_ms("--until", options.until));
  }
  return filter;
}

std::string text_of(const wire::LeaseHistoryAnswer& answer, const Paint& paint) {
  std::string text = simulated_mark(answer.source);
  text += text.empty() ? "" : ": ";
  text += base::counted(answer.history.events.size(), "event") + "\n";
  Table table({{"TIME"}, {"EVENT"}, {"LEASE", true}, {"TENANT"}, {"USER"}, {"INSTANCE"}, {"JOB"}});
  std::map<std::uint32_t, std::string> users;
  for (const lease::Event& event : answer.history.events) {
    auto user = users.find(event.uid);
    if (user == users.end()) {
      user = users.emplace(event.uid, service::user_text(event.uid)).first;
    }
    table.row({local_time(event.at_ms),
               event.action,
               fmt::format("{}", event.lease),
               event.tenant,
               user->second,
               event.instance,
               event.job.empty() ? "-" : event.job});
  }
  text += table.empty() ? "" : table.draw(paint);
  if (answer.history.next) {
    text += "older events are there: --last shows more\n";
  }
  return text;
}

}  // namespace

std::string local_time(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                     parts.tm_year + 1900,
                     parts.tm_mon + 1,
                     parts.tm_mday,
                     parts.tm_hour,
                     parts.tm_min,
                     parts.tm_sec);
}

Result<int> show_lease_history(Context& context, const LeaseHistoryOptions& options) {
  MIG_ASSIGN_OR_RETURN(lease::EventFilter filter, filter_of(options));
  MIG_ASSIGN_OR_RETURN(const auto client,
                       client::LeaseClient::open(client_options(context), open_node(context)));
  MIG_ASSIGN_OR_RETURN(const auto answer, client->history(std::move(filter), options.last));
  context.output().result(context.globals().json
                              ? wire::lease_history_document(answer.history, answer.source)
                              : text_of(answer, context.output().paint()));
  return 0;
}

}  // namespace mig::cli
