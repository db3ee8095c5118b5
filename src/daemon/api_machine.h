// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: warm readings of the machine for commands that would otherwise open the driver
// themselves, from one driver session that stays open for a while. A response equals the client's
// own reading at that moment (device/cached_reader.h), or is an error. Only clients of the daemon's
// own user are served: a driver reports more to root than to others, and every user sees other
// parts of /proc.
//
// An open session blocks a mode change of an Ampere GPU and the reset of any GPU: it is closed some
// time after the last reading and on request (/v1/rest), and not opened during a change of the
// machine.
#ifndef MIGCTL_DAEMON_API_MACHINE_H_
#define MIGCTL_DAEMON_API_MACHINE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "mig/result.h"

#include "base/clock.h"
#include "http/router.h"
#include "http/server.h"
#include "node/node.h"
#include "wire/reading.h"
#include "wire/wire.h"

namespace mig::daemon {

class MachineApi {
 public:
  struct Settings {
    std::string version;                  // of this program: other versions are refused
    std::chrono::milliseconds keep_open;  // after the last reading; 0 = readings are off
  };

  MachineApi(node::Node& node, wire::Source source, Settings settings, base::Clock& clock)
      : node_(node), source_(std::move(source)), settings_(std::move(settings)), clock_(clock) {}

  // Runs `work` where the node may be used, and `done` with its result where replies are given;
  // at once by default.
  using Done = std::function<void(Result<std::string>)>;
  using OnNode =
      std::function<void(std::string what, std::function<Result<std::string>()> work, Done done)>;

  void use(OnNode on_node) { on_node_ = std::move(on_node); }

  // Called with the pid of a process that asks for closed GPUs, where the node may be used: for
  // what else has them open in this process.
  std::function<void(std::uint32_t pid)> on_rest;

  // Adds the paths. The router must not be used after this object's end.
  void add_to(http::Router& router);

  // Closes the driver after the idle time. Call after everything that may have opened it, and
  // periodically; where the node may be used.
  void rest_when_idle();

 private:
  using Answer = Result<std::string> (MachineApi::*)(const wire::ReadingRequest&);
  void add(http::Router& router, const std::string& path, Answer answer);
  // Common checks before `answer`, and conversion of the result.
  Result<std::string> reading(const http::Request& request, Answer answer);
  Result<std::string> rested(const http::Request& request);
  Result<std::string> machine(const wire::ReadingRequest& asked);
  Result<std::string> smi(const wire::ReadingRequest& asked);
  // Checks that client and daemon refer to the same machine and document version.
  Result<void> same_view(const wire::ReadingRequest& asked) const;
  Result<void> way_is_clear() const;

  node::Node& node_;
  wire::Source source_;
  Settings settings_;
  base::Clock& clock_;
  OnNode on_node_ = [](const std::string&,
                       const std::function<Result<std::string>()>& work,
                       const Done& done) { done(work()); };
  // Times of the monotonic clock.
  std::chrono::nanoseconds open_until_{};  // session stays open for further readings
  std::chrono::nanoseconds shut_until_{};  // closed for another process, while it lives
  std::uint32_t shut_for_ = 0;             // its pid and start time; no start = none
  std::optional<std::uint64_t> shut_for_start_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_API_MACHINE_H_
