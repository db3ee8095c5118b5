// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: readings of the machine for commands that would else read the driver
// themselves, from one driver session that stays open between them for a while. An answer is what
// the asker's own reading would be now (device/cached_reader.h), or there is none. Readings are for
// processes of the daemon's own user: a driver tells root more than others, and every user sees
// other parts of /proc.
//
// An open session keeps an Ampere GPU from changing its mode and every GPU from a reset: it is let
// go of some time after the last reading, when somebody asks for it (/v1/rest), and not opened
// while a change of the machine is under way.
#ifndef MIGCTL_DAEMON_API_MACHINE_H_
#define MIGCTL_DAEMON_API_MACHINE_H_

#include <chrono>
#include <cstdint>
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
    std::string version;                  // of this program: no other version is answered
    std::chrono::milliseconds keep_open;  // after the last reading; 0 = no readings
  };

  MachineApi(node::Node& node, wire::Source source, Settings settings, base::Clock& clock)
      : node_(node), source_(std::move(source)), settings_(std::move(settings)), clock_(clock) {}

  // Its paths. The router is not to be used when this object is gone.
  void add_to(http::Router& router);

  // Lets go of the driver unless a reading was a short time ago. Call it after everything that may
  // have opened it, and every now and then.
  void rest_when_idle();

 private:
  using Answer = Result<std::string> (MachineApi::*)(const wire::ReadingRequest&);
  void add(http::Router& router, const std::string& path, Answer answer);
  // What is checked before `answer`, and what follows from it.
  Result<std::string> reading(const http::Request& request, Answer answer);
  Result<std::string> rested(const http::Request& request);
  Result<std::string> machine(const wire::ReadingRequest& asked);
  Result<std::string> smi(const wire::ReadingRequest& asked);
  // Whether the asker and this process mean the same machine and documents.
  Result<void> same_view(const wire::ReadingRequest& asked) const;
  Result<void> way_is_clear() const;

  node::Node& node_;
  wire::Source source_;
  Settings settings_;
  base::Clock& clock_;
  // By the monotonic clock.
  std::chrono::nanoseconds open_until_{};  // the session, for further readings
  std::chrono::nanoseconds shut_until_{};  // another process needs the GPUs, while it lives
  std::uint32_t shut_for_ = 0;             // its pid and start; no start = there is none
  std::optional<std::uint64_t> shut_for_start_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_API_MACHINE_H_
