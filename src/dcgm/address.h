// SPDX-License-Identifier: Apache-2.0
// Where a DCGM host engine of this machine listens, and whether it is one that may be believed.
//
// Its usual port, 5555, is no privileged one: any user of the machine can listen there while no
// host engine runs, and what connects is the daemon, as root. So the owner of the listening socket
// is looked up first: root, or the user of this process.
//
// Threading: any.
#ifndef MIGCTL_DCGM_ADDRESS_H_
#define MIGCTL_DCGM_ADDRESS_H_

#include <cstdint>
#include <string>

#include "mig/result.h"

namespace mig::dcgm {

struct Address {
  std::string text;  // as dcgmConnect_v2 takes it: "127.0.0.1:5555", or the path of a UNIX socket
  bool is_unix = false;
  std::uint16_t port = 0;

  friend bool operator==(const Address&, const Address&) = default;
};

// "", "127.0.0.1", "localhost:5555" or an absolute path. kInvalidInput otherwise: the host engine
// of another machine knows nothing of these GPUs.
Result<Address> parse_address(const std::string& text);

// kNotFound: nobody listens there. kPermission: somebody else than a trusted user does (or may).
// `net`: the folder of the files tcp and tcp6, "/proc/net".
Result<void> check_listener(const Address& address, const std::string& net = "/proc/net");

}  // namespace mig::dcgm

#endif  // MIGCTL_DCGM_ADDRESS_H_
