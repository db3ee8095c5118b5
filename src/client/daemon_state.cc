// SPDX-License-Identifier: Apache-2.0
#include "client/daemon_state.h"

#include <fmt/core.h>

#include "http/client.h"
#include "wire/reading.h"

namespace mig::client {

DaemonState daemon_state(const Options& options, std::chrono::milliseconds timeout) {
  DaemonState state;
  state.socket = daemon_socket(options.choice);
  state.listens = http::somebody_listens(state.socket);
  if (!state.listens) {
    state.told = "nobody listens";
    return state;
  }
  // Not asked of the driver: the queue is the daemon's own.
  const auto queue = http::call(state.socket, "GET", "/v1/queue", "", timeout);
  if (!queue) {
    state.told = queue.error().text();
    return state;
  }
  state.answers = true;
  state.told = fmt::format("GET /v1/queue: {}", queue->status);
  // A reading for no machine is refused before anything is read, another version first of all.
  const auto reading = http::call(state.socket,
                                  "POST",
                                  "/v1/machine",
                                  wire::reading_request_document({options.version, "?", "?"}),
                                  timeout);
  if (reading && reading->status != 200) {
    const Error error = wire::parse_error(reading->body);
    state.other_version =
        error.code == ErrorCode::kConflict && error.message.starts_with("the daemon is migctl ");
    state.told += state.other_version ? "; " + error.message : ", of this version";
  }
  return state;
}

}  // namespace mig::client
