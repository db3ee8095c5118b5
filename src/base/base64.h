// SPDX-License-Identifier: Apache-2.0
// Base64 of bytes (RFC 4648, with padding). Threading: pure function.
#ifndef MIGCTL_BASE_BASE64_H_
#define MIGCTL_BASE_BASE64_H_

#include <string>
#include <string_view>

namespace mig::base {

std::string base64(std::string_view bytes);

}  // namespace mig::base

#endif  // MIGCTL_BASE_BASE64_H_
