// SPDX-License-Identifier: Apache-2.0
// Which form of the page a scraper gets, from its headers Accept and Accept-Encoding (RFC 9110: the
// highest q wins; q=0 refuses). Malformed parts are passed over: a scrape is answered in text 0.0.4
// rather than refused.
#ifndef MIGCTL_EXPOSE_NEGOTIATE_H_
#define MIGCTL_EXPOSE_NEGOTIATE_H_

#include <string_view>

#include "expose/text.h"

namespace mig::expose {

// OpenMetrics only where it is named, with a q of at least that of plain text, in a version that
// this writes (1.0.0 or 0.0.1, or none); "" and "*/*" mean text 0.0.4.
Format format_for(std::string_view accept);

// Whether gzip is accepted.
bool gzip_for(std::string_view accept_encoding);

}  // namespace mig::expose

#endif  // MIGCTL_EXPOSE_NEGOTIATE_H_
