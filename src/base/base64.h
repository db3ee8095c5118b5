// SPDX-License-Identifier: Apache-2.0
// Base64 of bytes (RFC 4648, with padding), both ways. Threading: pure functions.
#ifndef MIGCTL_BASE_BASE64_H_
#define MIGCTL_BASE_BASE64_H_

#include <optional>
#include <string>
#include <string_view>

namespace mig::base {

std::string base64(std::string_view bytes);
// Strict: nullopt for other characters (blanks and line ends too), a wrong length or padding, and
// for bits that are set behind the last byte.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace mig::base

#endif  // MIGCTL_BASE_BASE64_H_
