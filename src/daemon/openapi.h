// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: GET /v1/openapi.json, the OpenAPI document of the router's table: paths,
// methods and parameters are from there, and what each is for from a table beside it, which a test
// holds against the router. Threading: as the server.
#ifndef MIGCTL_DAEMON_OPENAPI_H_
#define MIGCTL_DAEMON_OPENAPI_H_

#include <string>

#include "http/router.h"
#include "wire/openapi.h"

namespace mig::daemon {

std::string openapi(const http::Router& router, const std::string& version);

// Adds the path, last: the document is made at the first request. The router must outlive it.
void add_openapi(http::Router& router, const std::string& version);

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_OPENAPI_H_
