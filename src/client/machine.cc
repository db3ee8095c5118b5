// SPDX-License-Identifier: Apache-2.0
#include "client/machine.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "http/client.h"

namespace mig::client {
namespace {

std::optional<std::string> listening(const store::MachineId& machine,
                                     const store::Surroundings& around) {
  const std::vector<std::string> sockets = store::Places(machine, around).daemon_sockets();
  const auto found = std::find_if(sockets.begin(), sockets.end(), http::somebody_listens);
  return found == sockets.end() ? std::nullopt : std::optional(*found);
}

// Path for messages when no daemon listens.
std::string first_socket(const store::MachineId& machine, const store::Surroundings& around) {
  return store::Places(machine, around).daemon_sockets().front();
}

}  // namespace

std::string machines_root() {
  return store::machines_root(store::Surroundings::ours());
}

std::string daemon_socket(const node::DriverChoice& choice) {
  const store::Surroundings around = store::Surroundings::ours();
  if (!around.socket.empty()) {
    return around.socket;
  }
  if (!choice.simulated.empty()) {
    const store::MachineId machine = store::machine_named(choice.simulated, around);
    return listening(machine, around).value_or(first_socket(machine, around));
  }
  if (!around.machine.empty()) {
    if (auto socket = listening({around.machine}, around)) {
      return *socket;
    }
  }
  if (auto socket = listening({}, around)) {
    return *socket;
  }
  if (choice.nvml_library.empty()) {
    // Selects the only simulated machine, as every other command does.
    const std::string root = store::machines_root(around);
    const std::vector<std::string> names = store::machine_names(root);
    if (names.size() == 1) {
      if (auto socket = listening({root + "/" + names.front()}, around)) {
        return *socket;
      }
    }
  }
  return first_socket({}, around);
}

std::optional<ReadingPlace> reading_place(const node::DriverChoice& choice, std::string& why) {
  const store::Surroundings around = store::Surroundings::ours();
  if (!choice.nvml_library.empty()) {
    why = "--nvml-library names a driver";
    return std::nullopt;
  }
  const auto machine = choice.simulated.empty()
                           ? store::machine_of_unnamed(around)
                           : std::optional(store::machine_named(choice.simulated, around));
  if (!machine) {
    why = "which machine is meant, only a driver can tell";
    return std::nullopt;
  }
  // The first existing socket; whether a daemon listens, connect() tells.
  for (const std::string& socket : store::Places(*machine, around).daemon_sockets()) {
    struct stat info {};

    if (::stat(socket.c_str(), &info) != 0) {
      continue;
    }
    if (!S_ISSOCK(info.st_mode) || (info.st_uid != 0 && info.st_uid != around.uid)) {
      why = fmt::format("{} is another user's", socket);
      return std::nullopt;
    }
    if (info.st_uid != around.uid) {
      why = fmt::format("the daemon at {} reads as another user", socket);
      return std::nullopt;
    }
    return ReadingPlace{*machine, socket};
  }
  why = "no daemon runs";
  return std::nullopt;
}

}  // namespace mig::client
