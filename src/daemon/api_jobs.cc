// SPDX-License-Identifier: Apache-2.0
#include "daemon/api_jobs.h"

#include <unistd.h>

#include <memory>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/jobs.h"

namespace mig::daemon {
namespace {

constexpr int kMostCommands = 8;
constexpr std::chrono::milliseconds kCommandPatience{10'000};
constexpr std::uint64_t kMostLines = 2000;
constexpr std::uint64_t kMostRank = 1023;

// Words that make `migctl` take the rights of the user; empty for the daemon's own.
Result<std::vector<std::string>> as_user(std::uint32_t uid) {
  if (uid == ::geteuid()) {
    return std::vector<std::string>();
  }
  if (::geteuid() != 0) {
    return fail(ErrorCode::kPermission,
                "a daemon that is not root's reads the jobs of its own user only",
                "migctl jobs");
  }
  return std::vector<std::string>{"--user", fmt::format("{}", uid)};
}

// The status of the error with that exit code.
int status_of(int exit_code) {
  for (const ErrorInfo& info : error_table()) {
    if (info.exit_code == exit_code) {
      return info.http_status;
    }
  }
  return error_info(ErrorCode::kInternal).http_status;
}

Result<void> add_number(const http::Request& request,
                        const std::string& name,
                        std::uint64_t most,
                        const std::string& flag,
                        std::vector<std::string>& words) {
  const std::string* text = http::value_of(request, name);
  if (text == nullptr) {
    return {};
  }
  if (!base::parse_decimal(*text, most)) {
    return fail(ErrorCode::kUsage,
                fmt::format("the query parameter {} is {}", name, base::quoted(*text)),
                fmt::format("a number from 0 to {} is expected, in plain decimal", most));
  }
  words.push_back(flag);
  words.push_back(*text);
  return {};
}

}  // namespace

JobsApi::JobsApi(Api& api, const node::Node& node, wire::Source source)
    : api_(api), source_(std::move(source)) {
  if (node.simulated()) {
    const std::string folder = node.machine_dir();
    machine_ = {"--sim", node.machine_name()};
    variables_ = {{"MIGSIM_ROOT", folder.substr(0, folder.rfind('/'))}};
  }
}

void JobsApi::add_to(http::Router& router) {
  using http::Reply;
  using http::Request;
  router.add("GET", "/v1/jobs", {"all"}, [this](const Request& request, const Reply& reply) {
    list(request, reply);
  });
  router.add("GET",
             "/v1/jobs/{id:number}/log",
             {"lines", "rank"},
             [this](const Request& request, const Reply& reply) { log(request, reply); });
}

void JobsApi::list(const http::Request& request, const http::Reply& reply) {
  if (const auto tenant = api_.reader(request); !tenant) {
    return reply(refused(tenant.error()));
  }
  if (api_.peer_of(request).identity.user.empty()) {
    // The system does not know the user, who so has no home where a record could be.
    return reply({200, wire::job_list_document({}, source_)});
  }
  std::vector<std::string> words{"jobs"};
  if (const std::string* all = http::value_of(request, "all")) {
    if (*all != "true" && *all != "false") {
      return reply(refused(Error{ErrorCode::kUsage,
                                 fmt::format("the query parameter all is {}", base::quoted(*all)),
                                 "true or false is expected",
                                 {},
                                 {}}));
    }
    if (*all == "true") {
      words.emplace_back("--all");
    }
  }
  run(request, std::move(words), "application/json", reply);
}

void JobsApi::log(const http::Request& request, const http::Reply& reply) {
  std::vector<std::string> words{"logs", request.values.at("id")};
  Result<void> added = add_number(request, "lines", kMostLines, "--lines", words);
  if (added) {
    added = add_number(request, "rank", kMostRank, "--rank", words);
  }
  if (!added) {
    return reply(refused(added.error()));
  }
  if (http::value_of(request, "lines") == nullptr) {
    words.insert(words.end(), {"--lines", fmt::format("{}", kMostLines)});
  }
  run(request, std::move(words), "text/plain; charset=utf-8", reply);
}

http::Response JobsApi::answer_of(const Result<service::OwnCommand::Done>& done,
                                  const std::string& type) const {
  if (!done) {
    return refused(done.error());
  }
  if (done->exit_code == 0 && (type != "application/json" || !done->cut)) {
    http::Response response{200, done->output, type, {}};
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");  // others wrote it
    return response;
  }
  if (done->exit_code != 0 && done->output.starts_with('{')) {  // its Error document
    return {status_of(done->exit_code), done->output};
  }
  const bool cut = done->cut;
  return refused(Error{cut ? ErrorCode::kTooLarge : ErrorCode::kIo,
                       cut ? std::string("there is more than one answer may hold")
                           : fmt::format("reading the jobs ended with {}: {}",
                                         done->exit_code,
                                         base::quoted(done->output, 200)),
                       "migctl jobs and migctl logs, as that user, tell all",
                       {},
                       {}});
}

void JobsApi::run(const http::Request& request,
                  std::vector<std::string> words,
                  const std::string& type,
                  const http::Reply& reply) {
  if (const auto tenant = api_.reader(request); !tenant) {
    return reply(refused(tenant.error()));
  }
  const auto who = as_user(request.peer.uid);
  if (!who) {
    return reply(refused(who.error()));
  }
  if (running_ >= kMostCommands || !loop_.when_readable) {
    return reply(refused(Error{ErrorCode::kNoCapacity,
                               "too many jobs are read at this moment",
                               "try again later",
                               {},
                               {}}));
  }
  std::vector<std::string> all = machine_;
  all.insert(all.end(), words.begin(), words.end());
  all.emplace_back("--json");
  all.insert(all.end(), who->begin(), who->end());
  auto started = service::OwnCommand::start(all, variables_);
  if (!started) {
    return reply(refused(started.error()));
  }
  const auto command = std::make_shared<std::optional<service::OwnCommand>>(*std::move(started));
  auto end = (*command)->end();
  if (!end) {
    (*command)->kill();
    static_cast<void>((*command)->result());
    return reply(refused(end.error()));
  }
  ++running_;
  loop_.when_readable(*std::move(end), [this, command, type, reply] {
    --running_;
    const auto done = (*command)->result();
    command->reset();
    reply(answer_of(done, type));
  });
  loop_.after(kCommandPatience, [command] {
    if (*command) {
      (*command)->kill();
    }
  });
}

}  // namespace mig::daemon
