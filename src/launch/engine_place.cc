// SPDX-License-Identifier: Apache-2.0
#include "launch/engine_place.h"

#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "launch/worker.h"

namespace mig::launch {
namespace {

using base::Json;

constexpr std::size_t kMostSettings = 4U << 20U;
constexpr std::chrono::seconds kPatience{30};

// "" where it is not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? "" : value;
}

std::string member(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}

Error elsewhere(const std::string& what, const std::string& endpoint, const std::string& hint) {
  return Error{
      ErrorCode::kUsage,
      fmt::format("{} names an engine on another machine: {}", what, base::printable(endpoint)),
      hint,
      {},
      {}};
}

// What the program printed. kUsage with its complaint where it ended with another code than 0.
Result<std::string> answer_of(const std::string& program,
                              const std::vector<std::string>& words,
                              const std::string& what) {
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), words.begin(), words.end());
  MIG_ASSIGN_OR_RETURN(Worker asked, Worker::start({argv, {}, {}, {}}));
  if (!asked.wait(kPatience)) {
    return fail(ErrorCode::kIo,
                fmt::format("{} gave no answer in {} s", base::join(argv, " "), kPatience.count()));
  }
  if (asked.exit_code() != 0) {
    const std::string complaint = asked.errors().substr(0, asked.errors().find('\n'));
    return fail(ErrorCode::kUsage,
                fmt::format("{} cannot be resolved: {}",
                            what,
                            complaint.empty() ? fmt::format("exit code {}", asked.exit_code())
                                              : base::printable(complaint)));
  }
  return asked.output();
}

// The context that Docker's client would take without $DOCKER_HOST; "default" is the usual socket.
// nullopt: only Docker knows.
std::optional<std::string> docker_context() {
  if (std::string named = variable("DOCKER_CONTEXT"); !named.empty()) {
    return named;
  }
  std::string folder = variable("DOCKER_CONFIG");
  if (folder.empty()) {
    const std::string home = variable("HOME");
    if (home.empty()) {
      return std::nullopt;
    }
    folder = home + "/.docker";
  }
  const auto text = base::read_file(folder + "/config.json", kMostSettings);
  if (!text) {
    return text.error().code == ErrorCode::kNotFound ? std::optional(std::string("default"))
                                                     : std::nullopt;
  }
  const auto context = context_of_settings(*text);
  return context && context->empty() ? std::string("default") : context;
}

Result<void> check_docker(const std::string& program) {
  const auto context = docker_context();
  if (context == "default") {
    return {};
  }
  // Without a name it is the current one, which the client finds as it will for `run`.
  const std::string what =
      context ? fmt::format("Docker's context {}", base::quoted(*context)) : "Docker's context";
  MIG_ASSIGN_OR_RETURN(
      const std::string text,
      answer_of(program, {"context", "inspect", "--format", "{{.Endpoints.docker.Host}}"}, what));
  const std::string endpoint = text.substr(0, text.find('\n'));
  if (on_this_machine(endpoint)) {
    return {};
  }
  return elsewhere(what,
                   endpoint,
                   "run migctl there; for this machine's engine: DOCKER_CONTEXT=default migctl "
                   "docker run ..., or docker context use default");
}

Result<void> check_connection(const std::string& program,
                              const std::string& name,
                              const std::string& what) {
  MIG_ASSIGN_OR_RETURN(
      const std::string list,
      answer_of(program, {"system", "connection", "list", "--format", "json"}, what));
  MIG_ASSIGN_OR_RETURN(const std::string endpoint, podman_connection(list, name));
  if (on_this_machine(endpoint)) {
    return {};
  }
  return elsewhere(what,
                   endpoint,
                   name.empty() ? "run migctl there; for this machine's engine set remote = false "
                                  "in containers.conf"
                                : "run migctl there; for this machine's engine: unset "
                                  "CONTAINER_CONNECTION");
}

}  // namespace

bool on_this_machine(std::string_view endpoint) {
  return endpoint.empty() || endpoint.substr(0, 5) == "unix:";
}

std::optional<std::string> context_of_settings(std::string_view json) {
  const auto settings = base::parse_json(json, {kMostSettings, "Docker's settings"});
  if (!settings || !settings->is_object()) {
    return std::nullopt;
  }
  return member(*settings, "currentContext");
}

Result<std::string> podman_connection(std::string_view list, const std::string& name) {
  MIG_ASSIGN_OR_RETURN(const Json all,
                       base::parse_json(list, {kMostSettings, "podman system connection list"}));
  for (const Json& one : all.is_array() ? all : Json::array()) {
    const bool usual = one.is_object() && one.contains("Default") && one["Default"] == true;
    if (one.is_object() && (name.empty() ? usual : member(one, "Name") == name)) {
      return member(one, "URI");
    }
  }
  if (name.empty()) {
    return std::string();
  }
  return fail(ErrorCode::kUsage,
              fmt::format("Podman has no connection {}", base::quoted(name)),
              "podman system connection list shows them; for this machine's engine: unset "
              "CONTAINER_CONNECTION");
}

Result<void> check_here(EngineKind kind, const std::string& program) {
  const bool docker = kind == EngineKind::kDocker;
  const char* name = docker ? "DOCKER_HOST" : "CONTAINER_HOST";
  if (const std::string host = variable(name); !host.empty()) {
    if (on_this_machine(host)) {
      return {};
    }
    return elsewhere(std::string("$") + name,
                     host,
                     "run migctl there; an engine of this machine is named as unix:///path");
  }
  if (docker) {
    return check_docker(program);
  }
  const std::string connection = variable("CONTAINER_CONNECTION");
  if (connection.empty()) {
    return {};
  }
  return check_connection(
      program, connection, fmt::format("Podman's connection {}", base::quoted(connection)));
}

Result<void> check_podman_service(const std::string& program) {
  if (!variable("CONTAINER_HOST").empty() || !variable("CONTAINER_CONNECTION").empty()) {
    return {};  // check_here has looked
  }
  return check_connection(program, "", "Podman's default connection");
}

}  // namespace mig::launch
