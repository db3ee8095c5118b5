// SPDX-License-Identifier: Apache-2.0
// Router: one table of methods and paths, with their handlers and query parameters. Requests
// outside of the table are refused before a handler sees them: an unknown path (404), an
// unsupported method (405 with Allow), an undeclared, repeated or empty query parameter (400).
//
// Threading: const after the last add(). Example:
//   Router router(writer, "docs/reference/leases.md has the table of paths");
//   router.add("GET", "/v1/leases", {"tenant"}, [](const Request& request, const Reply& reply) {
//     const std::string* tenant = value_of(request, "tenant");  // nullptr: not given
//   });
//   router.add("DELETE", "/v1/leases/{id:number}", {}, ...);    // request.values.at("id")
#ifndef MIGCTL_HTTP_ROUTER_H_
#define MIGCTL_HTTP_ROUTER_H_

#include <functional>
#include <string>
#include <vector>

#include "http/server.h"

namespace mig::http {

// Value of a query parameter or path part; nullptr: not given.
const std::string* value_of(const Request& request, const std::string& name);

class Router {
 public:
  using RouteHandler = std::function<void(const Request&, const Reply&)>;

  // `where_to_read` is the hint for a path that does not exist.
  Router(ErrorWriter writer, std::string where_to_read)
      : writer_(std::move(writer)), where_to_read_(std::move(where_to_read)) {}

  // In `path`, "{name}" matches any text without '/', "{name:number}" a number from 0 to 2^63 - 1
  // in plain decimal.
  void add(std::string method,
           const std::string& path,
           std::vector<std::string> parameters,
           RouteHandler handler);

  // Calls the matching handler, or replies with a refusal.
  void handle(const Request& request, const Reply& reply) const;

  struct Line {
    std::string method, path;
    std::vector<std::string> parameters;
  };

  // The table, in the order of add(): for documents and tests.
  std::vector<Line> lines() const;

 private:
  struct Route {
    Line line;
    std::vector<std::string> parts;
    RouteHandler handler;
  };

  Response wrong_method(const Request& request, const std::vector<std::string>& allowed) const;

  ErrorWriter writer_;
  std::string where_to_read_;
  std::vector<Route> routes_;
};

}  // namespace mig::http

#endif  // MIGCTL_HTTP_ROUTER_H_
