// SPDX-License-Identifier: Apache-2.0
// A token of a client of the daemon's API over TCP, as it is kept: without its secret.
#ifndef MIGCTL_MODEL_TOKEN_H_
#define MIGCTL_MODEL_TOKEN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "model/tenants.h"

namespace mig {

struct Token {
  std::string id;    // 8 hexadecimal digits
  std::string hash;  // SHA-256 of the whole secret, in hexadecimal digits
  std::string name;  // for people
  std::uint32_t uid = 0;
  Role role = Role::kViewer;               // it has at most the rights of this
  std::int64_t created_ms = 0;             // Unix time
  std::optional<std::int64_t> expires_ms;  // Unix time; nullopt: never
};

}  // namespace mig

#endif  // MIGCTL_MODEL_TOKEN_H_
