// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: on which machine an engine's containers would be. A lease is of this machine,
// so a client that is told to work on another one is refused, however it is told:
//
//   Docker  $DOCKER_HOST, else the context of $DOCKER_CONTEXT, else that of its settings
//   Podman  $CONTAINER_HOST, else the connection of $CONTAINER_CONNECTION; with `remote = true` in
//           containers.conf the default connection
//
// Tried: contexts of Docker 28.2.2, connections of Podman 4.3.1.
//
// Threading: functions of their arguments, the environment and the installed programs.
#ifndef MIGCTL_LAUNCH_ENGINE_PLACE_H_
#define MIGCTL_LAUNCH_ENGINE_PLACE_H_

#include <optional>
#include <string>
#include <string_view>

#include "mig/result.h"

#include "launch/engine.h"

namespace mig::launch {

// "unix:///run/docker.sock", or "": the usual socket.
bool on_this_machine(std::string_view endpoint);

// The context of Docker's settings (config.json); "" = none is set. nullopt: other text.
std::optional<std::string> context_of_settings(std::string_view json);

// A connection's address from `podman system connection list --format json`; `name` "" = the
// default one, whose address is "" where there is none. kUsage: there is none of that name.
Result<std::string> podman_connection(std::string_view list, const std::string& name);

// Before anything is asked of the engine. kUsage: it is on another machine, or what it is named by
// cannot be resolved.
Result<void> check_here(EngineKind kind, const std::string& program);

// After `podman info` told that its client talks to a service: which, if nothing in the
// environment says so?
Result<void> check_podman_service(const std::string& program);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_ENGINE_PLACE_H_
