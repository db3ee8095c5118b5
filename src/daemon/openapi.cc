// SPDX-License-Identifier: Apache-2.0
#include "daemon/openapi.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/strings.h"
#include "daemon/access.h"

namespace mig::daemon {
namespace {

using Answers = std::vector<std::pair<int, std::string>>;

// What a path is for. Examples are executed by a test (tests/api).
struct Description {
  const char* line;  // "GET /v1/leases"
  const char* summary;
  Answers answers;
  const char* body = "";         // an example
  const char* text_answer = "";  // media type of a response that is no document
};

// Of the layout, and of instances at chosen placements.
std::vector<Description> changes() {
  return {
      {"POST /v1/plan",
       "What a layout file would change, and who stands in the way (operators).",
       {{200, "Plan"}},
       R"({"layout": "version: v1\nmig-configs:\n  example:\n  - devices: all\n    mig-enabled: true\n    mig-devices: {1g.5gb: 2}\n"})"},
      {"POST /v1/apply",
       "Carry out the plan that POST /v1/plan gave, if the machine is as it was then (admins).",
       {{200, "ApplyResult"}},
       R"({"layout": "version: v1\nmig-configs: {a: [{devices: all, mig-enabled: true, mig-devices: {1g.5gb: 2}}]}\n", )"
       R"("generation": "0000000000000000", "steps": []})"},
      {"POST /v1/instances",
       "Create an instance at exactly this placement, and lease it to an external component if a "
       "lease is asked for; the same key finds it again (admins).",
       {{200, "PlacedInstance"}},
       R"({"gpu": "GPU-0", "profile": "1g.5gb", "start": 0, "key": "example-3", "lease": {"job": "example"}})"},
      {"DELETE /v1/instances/{uuid}",
       "Destroy an instance that nobody uses or leases; with a key only what was made for it "
       "(admins).",
       {{200, "DestroyedInstance"}}},
      {"GET /v1/machine",
       "All that is read of the machine, for a program of the daemon's version (operators).",
       {},
       "",
       "application/json"},
  };
}

const std::vector<Description>& descriptions() {
  static const std::vector<Description> kAll = [] {
    std::vector<Description> all = {
        {"GET /v1/leases", "Leases that the caller may see.", {{200, "LeaseList"}}},
        {"POST /v1/leases",
         "Acquire a lease, or wait for it. 202: it waits; ask again with the same key.",
         {{200, "LeaseGrant"}, {202, "LeaseQueue"}},
         R"({"need": {"profile": "1g.5gb"}, "limitMs": 60000, "job": "example", "key": "example-1"})"},
        {"DELETE /v1/leases/{id}", "Release a lease.", {{200, "LeaseReleased"}}},
        {"PATCH /v1/leases/{id}",
         "Bind a lease to a process or unit, or name its heir.",
         {{200, "LeaseList"}},
         R"({"holder": {"pid": 1}})"},
        {"GET /v1/queue", "Requests that wait, in order.", {{200, "LeaseQueue"}}},
        {"DELETE /v1/queue",
         "Withdraw the caller's request of this key, and give back what it got. The request, if it "
         "waited.",
         {{200, "LeaseQueue"}}},
        {"GET /v1/free", "What is free, and when more will be.", {{200, "Free"}}},
        {"GET /v1/tenants", "Tenants with their limits and use.", {{200, "TenantList"}}},
        {"POST /v1/reload", "Have the tenants file read again (admins).", {{200, "TenantList"}}},
        {"GET /v1/history/leases",
         "What happened to leases, the newest first.",
         {{200, "LeaseHistory"}}},
        {"GET /v1/usage",
         "Layouts, leases, activity and energy in a period, of 400 days at most: the newest of it.",
         {{200, "Usage"}}},
        {"GET /v1/inventory", "GPUs with modes and instances, read now.", {{200, "Inventory"}}},
        {"POST /v1/machine",
         "A reading for a command of the daemon's user.",
         {},
         "",
         "application/json"},
        {"POST /v1/smi", "An nvidia-smi command line that lists once.", {}, "", "application/json"},
        {"POST /v1/rest", "Close the daemon's driver session.", {}, "", "application/json"},
        {"GET /v1/health",
         "Whether the daemon does its work, part by part.",
         {{200, "Health"}, {503, "Health"}}},
        {"GET /v1/events",
         "Events from now on, or after Last-Event-ID: server-sent events whose data is an Event.",
         {},
         "",
         "text/event-stream"},
        {"GET /v1/me", "Who asks, and what the role is.", {{200, "Caller"}}},
        {"GET /v1/jobs", "Jobs of who asks, as `migctl jobs` lists them.", {{200, "JobList"}}},
        {"GET /v1/jobs/{id}/log",
         "The last of what a job of who asks wrote.",
         {},
         "",
         "text/plain"},
        {"GET /v1/openapi.json", "This document.", {}, "", "application/json"},
        {"GET /v1/sample", "What every instance did in the last tick.", {{200, "Sample"}}},
        {"GET /v1/history",
         "What instances and GPUs did in the past, the oldest first.",
         {{200, "SampleHistory"}}},
        {"GET /metrics", "Metrics, as Prometheus scrapes them.", {}, "", "text/plain"},
    };
    for (Description& change : changes()) {
      all.push_back(std::move(change));
    }
    return all;
  }();
  return kAll;
}

struct ParameterText {
  const char* name;
  const char* text;
  bool number = false;
  const char* example = "";
};

const std::vector<ParameterText>& parameters() {
  static const std::vector<ParameterText> kAll = {
      {"id", "Number of the lease, or of the job.", true, "1"},
      {"all", "Also those that have ended: true or false.", false, "true"},
      {"lines", "Only the last ones, of each command.", true, "10"},
      {"rank", "Only of this command of the job.", true, "0"},
      {"key", "Of the request, as in POST /v1/leases or POST /v1/instances.", false, "example-2"},
      {"uuid", "UUID of the instance.", false, "MIG-0"},
      {"version", "Of the program that asks.", false, "0.1.0"},
      {"tenant", "Only what is of this tenant.", false, "root"},
      {"uid", "Only what this user did.", true, "0"},
      {"sinceMs", "From then on, Unix time in milliseconds.", true, "0"},
      {"untilMs", "Before then, Unix time in milliseconds.", true, "4102444800000"},
      {"before", "The page before this id: `next` of the page before.", true, "1000000"},
      {"limit", "At most so many.", true, "10"},
      {"type", "Only events of this type.", false, "lease"},
      {"period", "Of how long each row is: tick, minute or hour.", false, "minute"},
      {"fromMs", "From then on, Unix time in milliseconds.", true, "0"},
      {"gpu", "Only of the GPU with this UUID.", false, "GPU-0"},
      {"gpuInstance", "Only of the GPU instance with this id.", true, "1"},
      {"format", "json or csv.", false, "json"},
      {"dcgm", "DCGM's names too: off, legacy or 4.9.", false, "legacy"},
  };
  return kAll;
}

// The table's "{id:number}" is "{id}" there.
std::string plain(std::string path) {
  for (std::size_t at = path.find(":number}"); at != std::string::npos;
       at = path.find(":number}")) {
    path.erase(at, std::string(":number").size());
  }
  return path;
}

const Description* description_of(const http::Router::Line& line) {
  const std::string wanted = line.method + " " + plain(line.path);
  const auto& all = descriptions();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const Description& one) { return one.line == wanted; });
  return found == all.end() ? nullptr : &*found;
}

wire::ApiParameter parameter_of(const std::string& name, bool in_path) {
  wire::ApiParameter parameter{name, "", in_path};
  for (const ParameterText& text : parameters()) {
    if (name == text.name) {
      parameter.description = text.text;
      parameter.number = text.number;
      parameter.example = text.example;
    }
  }
  return parameter;
}

wire::ApiPath path_of(const http::Router::Line& line) {
  wire::ApiPath path;
  path.method = line.method;
  path.path = plain(line.path);
  for (const std::string& part : base::split(path.path, '/')) {
    if (part.starts_with('{')) {
      path.parameters.push_back(parameter_of(part.substr(1, part.size() - 2), true));
    }
  }
  for (const std::string& name : line.parameters) {
    path.parameters.push_back(parameter_of(name, false));
  }
  if (is_local_only(path.path)) {
    path.access = wire::ApiPath::Access::kNobody;
  } else if (is_anonymous(line.method, path.path)) {
    path.access = wire::ApiPath::Access::kAnonymousHere;
  }
  if (const Description* description = description_of(line)) {
    path.summary = description->summary;
    path.answers = description->answers;
    path.body_example = description->body;
    path.text_answer = description->text_answer;
  }
  return path;
}

}  // namespace

std::string openapi(const http::Router& router, const std::string& version) {
  std::vector<wire::ApiPath> paths;
  for (const http::Router::Line& line : router.lines()) {
    paths.push_back(path_of(line));
  }
  return wire::openapi_document(paths, version);
}

void add_openapi(http::Router& router, const std::string& version) {
  const auto made = std::make_shared<std::string>();
  router.add("GET",
             "/v1/openapi.json",
             {},
             [&router, version, made](const http::Request& /*request*/, const http::Reply& reply) {
               if (made->empty()) {
                 *made = openapi(router, version);
               }
               reply({200, *made});
             });
}

}  // namespace mig::daemon
