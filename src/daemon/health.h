// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: GET /v1/health: whether the daemon does what it is there for, part by part.
// 200 when all parts do, 503 otherwise. Threading: as the server.
#ifndef MIGCTL_DAEMON_HEALTH_H_
#define MIGCTL_DAEMON_HEALTH_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "http/router.h"
#include "wire/health.h"
#include "wire/wire.h"

namespace mig::daemon {

class Health {
 public:
  Health(wire::Source source, std::string version)
      : source_(std::move(source)), version_(std::move(version)) {}

  // `trouble`: why the part does not do its work, "" = it does. Called for each request: it must
  // not wait.
  void add(std::string part, std::function<std::string()> trouble) {
    parts_.push_back({std::move(part), std::move(trouble)});
  }

  std::vector<wire::HealthPart> parts() const;

  // Adds the path. The router must not be used after this object's end.
  void add_to(http::Router& router);

 private:
  struct Part {
    std::string name;
    std::function<std::string()> trouble;
  };

  http::Response now() const;

  wire::Source source_;
  std::string version_;
  std::vector<Part> parts_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_HEALTH_H_
