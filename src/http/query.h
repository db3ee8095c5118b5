// SPDX-License-Identifier: Apache-2.0
// Query strings: parses "tenant=a&limit=5" into names and values; only declared names are accepted.
// Threading: pure functions.
#ifndef MIGCTL_HTTP_QUERY_H_
#define MIGCTL_HTTP_QUERY_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

namespace mig::http {

// Decodes "%2F" and "+"; nullopt when a '%' is not followed by two hexadecimal digits, or stands
// for a control byte.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank);

// Encodes a value: all but letters, digits and "-._~" as "%XX".
std::string percent_encoded(std::string_view text);

// kUsage names the parameter: unknown (with the known ones), repeated, without a value, or badly
// encoded. An undeclared parameter is never ignored: the client would take an unfiltered response
// for a filtered one.
Result<std::map<std::string, std::string>> parse_query(std::string_view query,
                                                       const std::vector<std::string>& declared);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_QUERY_H_
