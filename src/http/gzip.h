// SPDX-License-Identifier: Apache-2.0
// The content coding gzip (RFC 1952), for responses that are made once and sent often.
#ifndef MIGCTL_HTTP_GZIP_H_
#define MIGCTL_HTTP_GZIP_H_

#include <string>
#include <string_view>

#include "mig/result.h"

namespace mig::http {

// At zlib's level 1: repetitive text such as metrics or JSON shrinks to a tenth or less, for the
// least time. kIo: no memory.
Result<std::string> gzip(std::string_view text);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_GZIP_H_
