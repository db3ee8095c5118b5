// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: the jobs of who asks, and what they wrote. The record of a user's jobs is the
// user's own file, so it is read by `migctl jobs` and `migctl logs` with that user's rights, each a
// process with a time limit; the daemon reads no file of a user's.
//
// Threading: as the API.
#ifndef MIGCTL_DAEMON_API_JOBS_H_
#define MIGCTL_DAEMON_API_JOBS_H_

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "daemon/api.h"
#include "service/own_command.h"

namespace mig::daemon {

class JobsApi {
 public:
  struct Loop {
    std::function<void(base::Fd, std::function<void()>)> when_readable;
    std::function<void(std::chrono::milliseconds, std::function<void()>)> after;
  };

  JobsApi(Api& api, const node::Node& node, wire::Source source);

  // Adds the paths. The router must not be used after this object's end.
  void add_to(http::Router& router);

  // Without it the paths refuse.
  void use(Loop loop) { loop_ = std::move(loop); }

 private:
  void list(const http::Request& request, const http::Reply& reply);
  void log(const http::Request& request, const http::Reply& reply);
  // Runs it for the user who asks; the reply is its output.
  void run(const http::Request& request,
           std::vector<std::string> words,
           const std::string& type,
           const http::Reply& reply);

  http::Response refused(const Error& error) const {
    return http::refusal(error, error_writer(source_));
  }

  http::Response answer_of(const Result<service::OwnCommand::Done>& done,
                           const std::string& type) const;

  Api& api_;
  wire::Source source_;
  std::vector<std::string> machine_;  // words that name the machine
  std::vector<std::pair<std::string, std::string>> variables_;
  Loop loop_;
  int running_ = 0;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_API_JOBS_H_
