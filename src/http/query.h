// SPDX-License-Identifier: Apache-2.0
// Query strings: "tenant=a&limit=5" to names and values, of which each must be one that was
// declared. Threading: pure functions.
#ifndef MIGCTL_HTTP_QUERY_H_
#define MIGCTL_HTTP_QUERY_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

namespace mig::http {

// "%2F" and "+" decoded; nullopt when a '%' is not followed by two hexadecimal digits, or stands
// for a control byte.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank);

// The reverse, for a client: all but letters, digits and "-._~" as "%XX".
std::string percent_encoded(std::string_view text);

// kUsage names the parameter: unknown (with those that there are), given twice, without a value, or
// not percent-encoded. A parameter that was not declared is never dropped in silence: its sender
// would take the answer to everything for the answer to the question.
Result<std::map<std::string, std::string>> parse_query(std::string_view query,
                                                       const std::vector<std::string>& declared);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_QUERY_H_
