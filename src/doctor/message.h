// SPDX-License-Identifier: Apache-2.0
// Inside of doctor/: results of checks on a pipe between two processes of this program. A message
// is its length in eight bytes, then texts, each with its length before it.
#ifndef MIGCTL_DOCTOR_MESSAGE_H_
#define MIGCTL_DOCTOR_MESSAGE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "doctor/check.h"

namespace mig::doctor {

struct Message {
  Finding finding;
  std::string machine_dir;  // folder of the simulated machine; "" = the real one
};

// Longest message: what a check may say.
inline constexpr std::size_t kMostMessage = 1U << 20U;

std::string encode(const Message& message);

// Takes the first whole message out of `received`; nullopt: more bytes are needed. `broken` is set
// when the bytes are no message.
std::optional<Message> take(std::string& received, bool& broken);

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_MESSAGE_H_
