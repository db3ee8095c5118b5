// SPDX-License-Identifier: Apache-2.0
#include "http/router.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "http/query.h"

namespace mig::http {
namespace {

constexpr int kMethodNotAllowed = 405;
constexpr std::size_t kMethodShown = 10;
constexpr std::string_view kNumber = ":number";

using Values = std::map<std::string, std::string>;

// Matches "{id:number}" with "12" and stores the value; false for another text.
bool part_matches(std::string_view pattern, const std::string& part, Values& values) {
  if (!pattern.starts_with('{')) {
    return pattern == part;
  }
  std::string_view name = pattern.substr(1, pattern.size() - 2);
  const bool number = name.ends_with(kNumber);
  if (number) {
    name.remove_suffix(kNumber.size());
  }
  const auto value = percent_decoded(part, false);
  if (!value || value->empty() || (number && !base::parse_decimal(*value, INT64_MAX))) {
    return false;
  }
  values.emplace(name, *value);
  return true;
}

std::optional<Values> path_values(const std::vector<std::string>& pattern,
                                  const std::vector<std::string>& parts) {
  if (pattern.size() != parts.size()) {
    return std::nullopt;
  }
  Values values;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!part_matches(pattern[i], parts[i], values)) {
      return std::nullopt;
    }
  }
  return values;
}

}  // namespace

Response refusal(const Error& error, const ErrorWriter& writer) {
  Response response;
  response.status = error_info(error.code).http_status;
  response.body = writer(error);
  return response;
}

const std::string* value_of(const Request& request, const std::string& name) {
  const auto found = request.values.find(name);
  return found == request.values.end() ? nullptr : &found->second;
}

void Router::add(std::string method,
                 const std::string& path,
                 std::vector<std::string> parameters,
                 RouteHandler handler) {
  routes_.push_back({{std::move(method), path, std::move(parameters)},
                     base::split(path, '/'),
                     std::move(handler)});
}

Response Router::wrong_method(const Request& request,
                              const std::vector<std::string>& allowed) const {
  const std::string methods = base::join(allowed, ", ");
  const Error error{ErrorCode::kUsage,
                    fmt::format("{} cannot be done to {}",
                                base::quoted(request.method, kMethodShown),
                                base::quoted(request.path)),
                    "it takes " + methods,
                    {},
                    {}};
  Response response = refusal(error, writer_);
  response.status = kMethodNotAllowed;  // HTTP's own status; the exit code is the table's
  response.headers.emplace_back("Allow", methods);
  return response;
}

void Router::handle(const Request& request, const Reply& reply) const {
  const std::vector<std::string> parts = base::split(request.path, '/');
  std::vector<std::string> allowed;
  for (const Route& route : routes_) {
    auto values = path_values(route.parts, parts);
    if (!values) {
      continue;
    }
    if (route.line.method != request.method) {
      allowed.push_back(route.line.method);
      if (route.line.method == "GET") {
        allowed.emplace_back("HEAD");  // by the server, for every GET
      }
      continue;
    }
    auto query = parse_query(request.query, route.line.parameters);
    if (!query) {
      return reply(refusal(query.error(), writer_));
    }
    Request complete = request;
    complete.values = *std::move(values);
    complete.values.merge(*query);
    return route.handler(complete, reply);
  }
  if (!allowed.empty()) {
    return reply(wrong_method(request, allowed));
  }
  const Error error{ErrorCode::kNotFound,
                    fmt::format("there is no {} {}",
                                base::quoted(request.method, kMethodShown),
                                base::quoted(request.path)),
                    where_to_read_,
                    {},
                    {}};
  reply(refusal(error, writer_));
}

std::vector<Router::Line> Router::lines() const {
  std::vector<Line> lines;
  lines.reserve(routes_.size());
  for (const Route& route : routes_) {
    lines.push_back(route.line);
  }
  return lines;
}

}  // namespace mig::http
