// SPDX-License-Identifier: Apache-2.0
#include "dcgm/address.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "abi/dcgm.h"
#include "base/own_path.h"
#include "base/strings.h"

namespace mig::dcgm {
namespace {

constexpr std::size_t kLongestPath = 107;  // sockaddr_un::sun_path
constexpr std::size_t kMostSockets = 100'000;
constexpr const char* kListening = "0A";  // TCP_LISTEN
constexpr const char* kHowToStart =
    "start it (systemctl start nvidia-dcgm), or say where it listens: dcgm_engine in migd.yaml; "
    "migd.service has no network of its own (docs/reference/watch.md)";

// Of /proc/net/tcp: the addresses to which a connection to 127.0.0.1 may come.
bool reaches_loopback(const std::string& address) {
  return address == "0100007F" || address == "00000000" ||  // 127.0.0.1, 0.0.0.0
         address == "00000000000000000000000000000000" ||   // ::
         address == "0000000000000000FFFF00000100007F";     // ::ffff:127.0.0.1
}

// The owner of a line's socket if it listens on the port.
std::optional<std::uint32_t> listener_of(const std::string& line, std::uint16_t port) {
  std::istringstream words(line);
  std::string slot, local, remote, state, queues, timer, retransmits, owner;
  if (!(words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> owner)) {
    return std::nullopt;
  }
  const auto colon = local.find(':');
  if (state != kListening || colon == std::string::npos ||
      local.substr(colon + 1) != fmt::format("{:04X}", port) ||
      !reaches_loopback(local.substr(0, colon))) {
    return std::nullopt;
  }
  const auto uid = base::parse_decimal(owner, UINT32_MAX);
  return uid ? std::optional(static_cast<std::uint32_t>(*uid)) : std::nullopt;
}

Error stranger(const Address& address, std::uint32_t owner) {
  return Error{ErrorCode::kPermission,
               fmt::format("what listens at {} belongs to {}, not to root: no host engine that can "
                           "be believed",
                           address.text,
                           base::owner_text(owner)),
               "run nv-hostengine as root, or say where it listens: dcgm_engine in migd.yaml",
               {},
               {}};
}

Error nobody(const Address& address) {
  return Error{ErrorCode::kNotFound,
               fmt::format("no DCGM host engine listens at {}", address.text),
               kHowToStart,
               {},
               {}};
}

Result<void> check_unix(const Address& address) {
  auto place = base::own_place(address.text);
  if (!place) {
    return place.error().code == ErrorCode::kNotFound ? nobody(address) : place.error();
  }

  struct stat status {};

  if (::fstatat(place->folder.get(), place->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISSOCK(status.st_mode)) {
    return nobody(address);
  }
  if (!base::is_trusted(status.st_uid)) {
    return stranger(address, status.st_uid);
  }
  return {};
}

}  // namespace

Result<Address> parse_address(const std::string& text) {
  if (text.starts_with('/')) {
    if (text.size() > kLongestPath) {
      return fail(
          ErrorCode::kInvalidInput,
          fmt::format(
              "{} is too long for a socket: {} bytes at most", base::quoted(text), kLongestPath));
    }
    return Address{text, true, 0};
  }
  const auto colon = text.find(':');
  const std::string host = text.substr(0, colon);
  std::optional<std::uint64_t> port = DCGM_HE_PORT_NUMBER;
  if (colon != std::string::npos) {
    port = base::parse_decimal(text.substr(colon + 1), UINT16_MAX);
  }
  if (!(host.empty() && colon == std::string::npos) && host != "127.0.0.1" && host != "localhost") {
    port.reset();
  }
  if (!port || *port == 0) {
    return fail(
        ErrorCode::kInvalidInput,
        fmt::format("{} is no address of a host engine of this machine", base::quoted(text)),
        "127.0.0.1:5555 or the absolute path of its UNIX socket is expected");
  }
  return Address{fmt::format("127.0.0.1:{}", *port), false, static_cast<std::uint16_t>(*port)};
}

Result<void> check_listener(const Address& address, const std::string& net) {
  if (address.is_unix) {
    return check_unix(address);
  }
  bool listens = false;
  for (const char* file : {"tcp", "tcp6"}) {
    std::ifstream in(net + "/" + file);
    std::string line;
    for (std::size_t count = 0; count < kMostSockets && std::getline(in, line); ++count) {
      if (const auto owner = listener_of(line, address.port)) {
        if (!base::is_trusted(*owner)) {
          return stranger(address, *owner);
        }
        listens = true;
      }
    }
  }
  return listens ? Result<void>() : nobody(address);
}

}  // namespace mig::dcgm
