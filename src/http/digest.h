// SPDX-License-Identifier: Apache-2.0
// Secrets of clients: SHA-256, random numbers, comparison in constant time. Threading: pure
// functions, and the kernel's random numbers.
#ifndef MIGCTL_HTTP_DIGEST_H_
#define MIGCTL_HTTP_DIGEST_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "mig/result.h"

namespace mig::http {

// In lower-case hexadecimal digits.
std::string sha256(std::string_view text);
Result<std::string> random_hex(std::size_t bytes);
// Takes the same time wherever the texts differ.
bool same_secret(std::string_view one, std::string_view other);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_DIGEST_H_
